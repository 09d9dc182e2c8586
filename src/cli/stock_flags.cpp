#include "cli/stock_flags.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "api/kinds.h"
#include "cli/session.h"
#include "sys/real/real.h"
#include "wire/yaml.h"

namespace cli {

using base::Result;

namespace {
constexpr const char* default_metrics_address = "127.0.0.1:8080";  // as other controller managers have it
}

void add_stock_flags(CLI::App& serve, StockFlags& flags) {
  const char* group = "On another cluster's API server";
  serve
      .add_option("--kubeconfig", flags.kubeconfig,
                  "Run the controllers against this API server instead of serving one; see `ingot crds`, `ingot rbac`")
      ->check(CLI::ExistingFile)
      ->group(group);
  serve.add_option("--context", flags.context, "Context of the kubeconfig; default: its current one")->group(group);
  serve.add_flag("--in-cluster", flags.in_cluster, "The same as a pod of that cluster, with its ServiceAccount")
      ->group(group);
  serve.add_option("--namespace", flags.ns, "Where the lease and the shared identity are")
      ->capture_default_str()
      ->group(group);
  serve
      .add_option("--leader-elect", flags.leader_elect,
                  "Act only while holding the lease; false only where no second process can run")
      ->capture_default_str()
      ->group(group);
  serve.add_flag("--install-crds", flags.install_crds, "Install or update definitions (and webhooks, when served)")
      ->group(group);
  serve.add_option("--webhook-listen", flags.webhook_listen, "HOST:PORT for conversion and admission webhooks (HTTPS)")
      ->group(group);
  serve
      .add_option("--metrics-bind-address", flags.metrics_bind_address,
                  "HOST:PORT of /metrics, 0 for none; on other than loopback addresses over HTTPS, for who may get it "
                  "(default: 127.0.0.1:8080)")
      ->group(group);
  serve.add_option("--webhook-url", flags.webhook_url, "How the API server reaches them; default: --webhook-listen")
      ->group(group);
}

Result<void> apply_stock_flags(const StockFlags& flags, ManagerOptions& options) {
  if (flags.kubeconfig.empty() && !flags.in_cluster) {
    if (flags.install_crds || !flags.webhook_listen.empty()) {
      return base::invalid(
          "--install-crds and --webhook-listen belong to --kubeconfig or --in-cluster: the own API has "
          "its definitions built in");
    }
    if (!flags.metrics_bind_address.empty()) {
      return base::invalid(
          "--metrics-bind-address belongs to --kubeconfig or --in-cluster: the own API serves /metrics");
    }
    return {};
  }
  if (!flags.kubeconfig.empty() && flags.in_cluster)
    return base::invalid("--kubeconfig and --in-cluster exclude each other");
  if (!options.controllers) return base::invalid("--controllers=false leaves nothing to do with --kubeconfig");
  StockOptions out;
  out.access.kubeconfig = flags.kubeconfig;
  out.access.context = flags.context;
  if (flags.in_cluster) {
    out.access.pod_host = sys::environment("KUBERNETES_SERVICE_HOST");
    out.access.pod_port = sys::environment("KUBERNETES_SERVICE_PORT");
  }
  out.ns = flags.ns;
  out.leader_election = flags.leader_elect;
  out.install = flags.install_crds;
  out.webhook_url = flags.webhook_url;
  out.metrics_needed = !flags.metrics_bind_address.empty();
  if (flags.metrics_bind_address != "0") {
    const std::string where = out.metrics_needed ? flags.metrics_bind_address : default_metrics_address;
    out.metrics_listen = TRY(sys::Address::parse(where).context("--metrics-bind-address"));
    options.names.push_back(out.metrics_listen->host);
  }
  if (!flags.webhook_listen.empty()) {
    out.webhook_listen = TRY(sys::Address::parse(flags.webhook_listen).context("--webhook-listen"));
    options.names.push_back(out.webhook_listen->host);
  }
  if (!flags.webhook_url.empty()) {
    options.names.push_back(TRY(net::Url::parse(flags.webhook_url).context("--webhook-url")).host);
  }
  options.stock = std::move(out);
  return {};
}

void add_crds_flags(CLI::App& crds, ManifestFlags& flags) {
  crds.footer(
      "Example:\n  ingot crds | kubectl apply --server-side -f -\n"
      "Without webhooks only the stored versions are served. With --webhook-url (where `ingot serve --webhook-listen`\n"
      "answers) and --webhook-ca (its DATA_DIR/pki/ca.crt) older versions are served too, and defaults and rules "
      "hold.");
  crds.add_option("--webhook-url", flags.webhook_url, "https://HOST:PORT of the webhooks, as the API server sees them");
  crds.add_option("--webhook-ca", flags.webhook_ca, "PEM file of the authority that signed their certificate")
      ->check(CLI::ExistingFile);
}

void add_rbac_flags(CLI::App& rbac, ManifestFlags& flags) {
  rbac.footer("Example:\n  ingot rbac | kubectl apply -f -\n  kubectl -n ingot-system create token ingot");
  rbac.add_option("--namespace", flags.ns, "Where the ServiceAccount and the lease are")->capture_default_str();
}

namespace {

int print(const Result<std::vector<base::Json>>& manifests) {
  if (!manifests) return fail(manifests.error());
  std::printf("%s", wire::to_yaml(*manifests).c_str());
  return 0;
}

Result<std::vector<base::Json>> crds(sys::Disk& disk, const ManifestFlags& flags) {
  const auto& scheme = api::management_scheme();
  if (flags.webhook_url.empty()) return remote::definitions(scheme, std::nullopt);
  if (flags.webhook_ca.empty()) return base::invalid("--webhook-url needs --webhook-ca");
  const remote::WebhookPlace place{flags.webhook_url, TRY(disk.read(flags.webhook_ca).context("--webhook-ca"))};
  auto all = remote::definitions(scheme, place);
  for (auto& one : remote::admission(scheme, place)) all.push_back(std::move(one));
  return all;
}

}  // namespace

int print_crds(sys::Disk& disk, const ManifestFlags& flags) { return print(crds(disk, flags)); }

int print_rbac(const ManifestFlags& flags) { return print(remote::permissions(api::management_scheme(), flags.ns)); }

}  // namespace cli
