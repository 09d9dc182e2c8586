#include "cli/store_flags.h"

#include <CLI/CLI.hpp>

#include "etcd/client.h"

namespace cli {

using base::Result;

void add_etcd_flags(CLI::App& command, EtcdFlags& flags) {
  command.add_option("--etcd-endpoints", flags.endpoints, "http(s)://HOST:PORT of etcd's members (comma separated)")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--etcd-cafile", flags.ca_file, "PEM file of the authority of etcd's certificates");
  command.add_option("--etcd-certfile", flags.certificate_file, "PEM file of our client certificate for etcd");
  command.add_option("--etcd-keyfile", flags.key_file, "PEM file of its key");
  command.add_option("--etcd-prefix", flags.prefix, "Where in etcd everything lies")->capture_default_str();
}

Result<std::shared_ptr<etcd::Api>> connect_etcd(sys::Sys& sys, const EtcdFlags& flags) {
  etcd::ClientOptions options;
  options.endpoints = flags.endpoints;
  if (flags.certificate_file.empty() != flags.key_file.empty()) {
    return base::invalid("--etcd-certfile and --etcd-keyfile belong together");
  }
  if (!flags.ca_file.empty()) options.ca_pem = TRY(sys.disk.read(flags.ca_file).context("--etcd-cafile"));
  if (!flags.certificate_file.empty()) {
    options.certificate_pem = TRY(sys.disk.read(flags.certificate_file).context("--etcd-certfile"));
    options.key_pem = TRY(sys.disk.read(flags.key_file).context("--etcd-keyfile"));
  }
  return etcd::make_client(sys, std::move(options));
}

void add_store_flags(CLI::App& serve, StoreFlags& flags) {
  serve
      .add_option("--store", flags.store,
                  "sqlite: a file in the data directory, one process; etcd: several processes, one of which leads")
      ->check(CLI::IsMember({"sqlite", "etcd"}))
      ->capture_default_str();
  add_etcd_flags(serve, flags.etcd);
  serve.add_option("--store-key", flags.key_file,
                   "File of the key that seals what is secret in etcd, the same for all processes; default: store.key "
                   "in the data directory");
  serve.add_option("--advertise-url", flags.advertise,
                   "https://HOST:PORT where the other processes reach this API; default: --listen");
}

Result<void> apply_store_flags(const StoreFlags& flags, ManagerOptions& options) {
  if (flags.store != "etcd") return {};
  ReplicatedOptions out;
  out.connect = [etcd = flags.etcd](sys::Sys& sys) { return connect_etcd(sys, etcd); };
  out.prefix = flags.etcd.prefix;
  out.key_file = flags.key_file;
  out.url = flags.advertise;
  if (out.url.empty()) {
    const auto& at = options.listen;
    if (at.host.empty() || at.host == "0.0.0.0" || at.host == "::" || at.port == 0) {
      return base::invalid("--advertise-url is needed, because --listen " + at.text() + " does not name one address");
    }
    out.url = "https://" + at.text();
  }
  options.replicated = std::move(out);
  return {};
}

}  // namespace cli
