#include "cli/client.h"

#include "base/text.h"
#include "remote/access.h"
#include "sys/real/real.h"

namespace cli {

using base::Result;

namespace {

Result<std::string> kubeconfig_path(sys::Sys& sys, const std::string& flag) {
  if (!flag.empty()) return flag;
  const std::string variable = sys::environment("KUBECONFIG");
  if (!variable.empty()) return variable.substr(0, variable.find(':'));
  for (const std::string& path :
       {std::string("ingot-data/admin.kubeconfig"), sys::environment("HOME") + "/.kube/config"}) {
    if (sys.disk.exists(path)) return path;
  }
  return base::Error{base::Code::not_found, "no kubeconfig is given and none is at the usual places", base::Layer::api,
                     "use --kubeconfig FILE or set KUBECONFIG; `ingot serve` writes DATA_DIR/admin.kubeconfig"};
}

// As one text, with what was in files.
std::string whole(const remote::Access& access) {
  base::Json cluster = base::Json::object({{"server", access.server.text()}});
  if (!access.tls.ca_pem.empty()) cluster.set("certificate-authority-data", base::base64(access.tls.ca_pem));
  if (!access.tls.verify) cluster.set("insecure-skip-tls-verify", true);
  if (!access.tls.server_name.empty()) cluster.set("tls-server-name", access.tls.server_name);
  base::Json user = base::Json::object();
  if (!access.tls.certificate_pem.empty()) {
    user.set("client-certificate-data", base::base64(access.tls.certificate_pem));
    user.set("client-key-data", base::base64(access.tls.key_pem));
  }
  if (!access.token.empty()) user.set("token", access.token);
  const auto named = [](const char* part, base::Json value) {
    return base::Json::array({base::Json::object({{"name", "one"}, {part, std::move(value)}})});
  };
  base::Json out = base::Json::object({{"current-context", "one"}});
  out.set("contexts", named("context", base::Json::object({{"cluster", "one"}, {"user", "one"}})));
  out.set("clusters", named("cluster", std::move(cluster)));
  return out.set("users", named("user", std::move(user))).dump();
}

}  // namespace

Result<std::unique_ptr<workload::KubeClient>> connect(sys::Sys& sys, const std::string& kubeconfig_flag) {
  const std::string path = TRY(kubeconfig_path(sys, kubeconfig_flag));
  const auto access = TRY(remote::read_access(sys, {.kubeconfig = path}));
  if (access.proxy) {
    return base::Error{base::Code::unsupported, path + ": the API server is behind a proxy (proxy-url)",
                       base::Layer::api, "use a kubeconfig that reaches it directly"};
  }
  return workload::KubeClient::from_kubeconfig(sys.loop, sys.net, whole(access)).context(path);
}

}  // namespace cli
