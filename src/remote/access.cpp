#include "remote/access.h"

#include "base/text.h"
#include "wire/yaml.h"

namespace remote {

using base::Error;

namespace {

Error refuse(std::string what, std::string fix = {}) {
  return {base::Code::invalid, std::move(what), base::Layer::api, std::move(fix)};
}

Error unsupported(std::string what, std::string fix) {
  return {base::Code::unsupported, std::move(what), base::Layer::api, std::move(fix)};
}

// The entry of a list of named things; an error that says which name is missing.
Result<Json> named(const Json& config, const char* list, const char* part, const std::string& name) {
  for (const auto& one : config[list].items()) {
    if (one["name"].string() == name) return one[part];
  }
  return refuse("kubeconfig: " + std::string(list) + " has no entry named " + base::quoted(name));
}

std::string in_directory(const std::string& directory, const std::string& path) {
  return path.empty() || path.front() == '/' || directory.empty() ? path : directory + "/" + path;
}

// KEY-data in base64 goes before the file that KEY names, as in client-go.
Result<std::string> pem(sys::Disk& disk, const Json& holder, const std::string& key, const std::string& directory) {
  const std::string& data = holder[key + "-data"].string();
  if (!data.empty()) {
    const auto decoded = base::unbase64(base::trim(data));
    if (!decoded) return refuse("kubeconfig: " + key + "-data is not base64");
    return *decoded;
  }
  const std::string& file = holder[key].string();
  if (file.empty()) return std::string();
  return disk.read(in_directory(directory, file), 1u << 20).context("kubeconfig: " + key);
}

Result<std::string> token_of(sys::Disk& disk, const Json& user, const std::string& directory) {
  const std::string& file = user["tokenFile"].string();
  if (file.empty()) return user["token"].string();
  const std::string text = TRY(disk.read(in_directory(directory, file), 1u << 20).context("kubeconfig: tokenFile"));
  if (base::trim(text).empty()) return refuse("kubeconfig: tokenFile " + file + " is empty");
  return std::string(base::trim(text));
}

Result<net::ProxyRule> proxy_of(const std::string& text) {
  const auto url = TRY(net::Url::parse(text).context("kubeconfig: proxy-url"));
  net::ProxyRule rule;
  if (url.scheme == "http") {
    rule.kind = net::ProxyRule::Kind::http_connect;
  } else if (url.scheme == "socks5" || url.scheme == "socks5h") {
    rule.kind = net::ProxyRule::Kind::socks5;
  } else {
    return unsupported("kubeconfig: proxy-url has the scheme " + base::quoted(url.scheme),
                       "use an http:// or socks5:// proxy");
  }
  rule.proxy = url.address();
  if (rule.proxy.port == 0) rule.proxy.port = 1080;
  const size_t colon = url.user_info.find(':');
  rule.user = net::percent_decode(url.user_info.substr(0, colon));
  if (colon != std::string::npos) rule.password = net::percent_decode(url.user_info.substr(colon + 1));
  rule.destinations = {"*"};
  return rule;
}

Result<void> only_what_we_can(const Json& user) {
  if (user.has("exec")) {
    return unsupported("kubeconfig: the user's credentials come from an exec plugin, which is not run",
                       "make a kubeconfig with a ServiceAccount token (tokenFile) or a client certificate");
  }
  if (user.has("auth-provider")) {
    return unsupported("kubeconfig: the user has an auth-provider, which does not exist any more",
                       "make a kubeconfig with a token or a client certificate");
  }
  if (!user["as"].string().empty()) {
    return unsupported("kubeconfig: the user impersonates another one (as)", "use that user's own credentials");
  }
  if (!user["username"].string().empty()) {
    return unsupported("kubeconfig: the user has a password; API servers take none since Kubernetes 1.19",
                       "use a token or a client certificate");
  }
  return {};
}

Result<net::Url> server_of(const std::string& text) {
  auto url = TRY(net::Url::parse(text).context("kubeconfig: server"));
  if (url.scheme != "https" && url.scheme != "http") {
    return refuse("kubeconfig: server is neither http nor https: " + text);
  }
  return url;
}

Result<Access> read_pod(sys::Sys& sys, const AccessSource& source) {
  if (source.pod_host.empty() || source.pod_port.empty()) {
    return refuse("this process runs in no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set",
                  "name a kubeconfig");
  }
  const std::string host =
      source.pod_host.find(':') == std::string::npos ? source.pod_host : "[" + source.pod_host + "]";
  Access out;
  out.server = TRY(net::Url::parse("https://" + host + ":" + source.pod_port));
  const auto file = [&](const char* name) {
    return sys.disk.read(source.pod_directory + "/" + name, 1u << 20).context("the pod's ServiceAccount");
  };
  out.tls.ca_pem = TRY(file("ca.crt"));
  out.token = std::string(base::trim(TRY(file("token"))));
  const auto ns = file("namespace");
  out.ns = ns ? std::string(base::trim(*ns)) : "default";
  return out;
}

}  // namespace

std::string Access::fingerprint() const {
  std::string out = server.text() + "\n" + token + "\n" + tls.server_name + (tls.verify ? "\n" : "\n!") + tls.ca_pem +
                    "\n" + tls.certificate_pem + "\n" + tls.key_pem + "\n";
  if (proxy) out += proxy->proxy.text() + "\n" + proxy->user + "\n" + proxy->password;
  return out;
}

Result<Access> parse_kubeconfig(sys::Disk& disk, std::string_view text, const std::string& directory,
                                const std::string& wanted_context) {
  const auto documents = TRY(wire::parse_yaml(text).context("kubeconfig"));
  if (documents.size() != 1 || !documents.front().is_object()) return refuse("the kubeconfig is not one YAML object");
  const Json& config = documents.front();
  const std::string& chosen = wanted_context.empty() ? config["current-context"].string() : wanted_context;
  if (chosen.empty()) return refuse("the kubeconfig has no current-context", "name one with --context");
  const Json context = TRY(named(config, "contexts", "context", chosen));
  const Json cluster = TRY(named(config, "clusters", "cluster", context["cluster"].string()));
  const Json user =
      context["user"].string().empty() ? Json() : TRY(named(config, "users", "user", context["user"].string()));
  TRY(only_what_we_can(user));

  Access out;
  out.server = TRY(server_of(cluster["server"].string()));
  out.ns = context["namespace"].string_or("default");
  out.tls.ca_pem = TRY(pem(disk, cluster, "certificate-authority", directory));
  out.tls.verify = !cluster["insecure-skip-tls-verify"].boolean();
  if (!out.tls.verify && !out.tls.ca_pem.empty()) {
    return refuse("kubeconfig: insecure-skip-tls-verify and a certificate-authority contradict each other");
  }
  out.tls.server_name = cluster["tls-server-name"].string();
  out.tls.certificate_pem = TRY(pem(disk, user, "client-certificate", directory));
  out.tls.key_pem = TRY(pem(disk, user, "client-key", directory));
  if (out.tls.certificate_pem.empty() != out.tls.key_pem.empty()) {
    return refuse("kubeconfig: client-certificate and client-key belong together, and one is missing");
  }
  out.token = TRY(token_of(disk, user, directory));
  const std::string& proxy = cluster["proxy-url"].string();
  if (!proxy.empty()) out.proxy = TRY(proxy_of(proxy));
  return out;
}

Result<Access> read_access(sys::Sys& sys, const AccessSource& source) {
  if (source.kubeconfig.empty()) return read_pod(sys, source);
  const std::string text = TRY(sys.disk.read(source.kubeconfig, 16u << 20).context("--kubeconfig"));
  const size_t slash = source.kubeconfig.rfind('/');
  const std::string directory = slash == std::string::npos ? std::string() : source.kubeconfig.substr(0, slash);
  return parse_kubeconfig(sys.disk, text, directory, source.context).context(source.kubeconfig);
}

}  // namespace remote
