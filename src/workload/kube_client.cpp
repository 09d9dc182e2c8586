#include "workload/kube_client.h"

#include "base/text.h"
#include "wire/yaml.h"

namespace workload {

namespace {

// The entry of a kubeconfig list with that name; null when absent.
const Json& named(const Json& list, const std::string& name) {
  static const Json none;
  for (const auto& one : list.items()) {
    if (one["name"].string() == name) return one;
  }
  return none;
}

Result<std::string> inline_data(const Json& holder, const char* key) {
  if (!holder.has(key)) return std::string();
  const auto decoded = base::unbase64(holder[key].string());
  if (!decoded) return base::invalid(std::string("kubeconfig: ") + key + " is not base64");
  return *decoded;
}

base::Code code_of(int status, const std::string& reason) {
  switch (status) {
    case 400:
      return base::Code::bad_request;
    case 401:
      return base::Code::unauthenticated;
    case 403:
      return base::Code::forbidden;
    case 404:
      return base::Code::not_found;
    case 409:
      return reason == "AlreadyExists" ? base::Code::already_exists : base::Code::conflict;
    case 410:
      return base::Code::expired;
    case 422:
      return base::Code::invalid;
    case 504:
      return base::Code::timeout;
    default:
      return status >= 500 || status == 429 ? base::Code::unavailable : base::Code::internal;
  }
}

}  // namespace

base::Error status_error(int status, std::string_view body) {
  const auto doc = base::parse_json(body);
  std::string message = doc ? (*doc)["message"].string() : std::string();
  if (message.empty()) message = "HTTP status " + std::to_string(status);
  return {code_of(status, doc ? (*doc)["reason"].string() : std::string()), message, base::Layer::node};
}

KubeClient::KubeClient(sys::Loop& loop, sys::Net& net, net::ClientOptions options, std::string token)
    : net_(net), tls_(options.tls_options), http_(loop, net, std::move(options)), token_(std::move(token)) {}

Result<std::string> KubeClient::server_certificate(const sys::Address& at) {
  constexpr base::Duration limit = base::seconds(10);
  auto plain = net_.connect(at, limit);
  if (!plain) return std::move(plain).error().at(base::Layer::node);
  sys::TlsClient tls = tls_;
  tls.server_name.clear();
  auto stream = net_.start_tls(std::move(*plain), tls, limit);
  if (!stream) return std::move(stream).error().at(base::Layer::node);
  std::string pem = (*stream)->tls()->certificate_pem;
  (*stream)->close();
  return pem;
}

Result<std::unique_ptr<KubeClient>> KubeClient::from_kubeconfig(sys::Loop& loop, sys::Net& net, std::string_view text) {
  const auto docs = TRY(wire::parse_yaml(text));
  if (docs.empty()) return base::invalid("kubeconfig is empty");
  const Json& config = docs.front();
  const Json& context = named(config["contexts"], config["current-context"].string())["context"];
  const Json& cluster = named(config["clusters"], context["cluster"].string())["cluster"];
  const Json& user = named(config["users"], context["user"].string())["user"];
  if (!cluster["server"].is_string())
    return base::invalid("kubeconfig: the current context names no cluster with a server");
  const auto url = TRY(net::Url::parse(cluster["server"].string()));
  net::ClientOptions options;
  options.server = url.address();
  options.tls = url.scheme != "http";
  options.tls_options.ca_pem = TRY(inline_data(cluster, "certificate-authority-data"));
  options.tls_options.verify = !cluster["insecure-skip-tls-verify"].boolean();
  options.tls_options.server_name = cluster["tls-server-name"].string();
  options.tls_options.certificate_pem = TRY(inline_data(user, "client-certificate-data"));
  options.tls_options.key_pem = TRY(inline_data(user, "client-key-data"));
  options.connect_limit = base::seconds(10);
  options.request_limit = base::seconds(20);
  options.body_bytes_max = 64u << 20;
  return std::unique_ptr<KubeClient>(new KubeClient(loop, net, std::move(options), user["token"].string()));
}

Result<Json> KubeClient::send(net::Request request) {
  request.headers.set("Accept", "application/json");
  if (!token_.empty()) request.headers.set("Authorization", "Bearer " + token_);
  auto response = http_.send(std::move(request));
  if (!response) return std::move(response).error().at(base::Layer::node);
  if (response->status >= 300) return status_error(response->status, response->body);
  return base::parse_json(response->body);
}

Result<Json> KubeClient::get(const std::string& path) { return send({.method = "GET", .target = path}); }

Result<Json> KubeClient::create(const std::string& path, const Json& doc) {
  return send(
      {.method = "POST", .target = path, .headers = {{"Content-Type", "application/json"}}, .body = doc.dump()});
}

Result<Json> KubeClient::merge_patch(const std::string& path, const Json& patch) {
  return send({.method = "PATCH",
               .target = path,
               .headers = {{"Content-Type", "application/merge-patch+json"}},
               .body = patch.dump()});
}

Result<Json> KubeClient::remove(const std::string& path) { return send({.method = "DELETE", .target = path}); }

Result<void> KubeClient::watch(const std::string& path_and_query,
                               const std::function<bool(const std::string&, const Json&)>& event) {
  constexpr size_t line_bytes_max = 8u << 20;
  constexpr base::Duration idle_limit = base::minutes(10);
  std::string pending;
  std::optional<base::Error> failure;
  net::Request request{.method = "GET", .target = path_and_query, .headers = {{"Accept", "application/json"}}};
  if (!token_.empty()) request.headers.set("Authorization", "Bearer " + token_);
  const auto on_line = [&](std::string_view line) {
    const auto doc = base::parse_json(line);
    if (!doc) {
      failure = doc.error();
      return false;
    }
    const std::string& type = (*doc)["type"].string();
    if (type == "ERROR") {
      failure = status_error(static_cast<int>((*doc)["object"]["code"].integer(500)), (*doc)["object"].dump());
      return false;
    }
    return event(type, (*doc)["object"]);
  };
  auto response = http_.stream(std::move(request), idle_limit, [&](const net::Response& head, std::string_view piece) {
    pending += piece;
    if (head.status >= 300) return pending.size() < line_bytes_max;  // an error body: kept for below
    for (size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      const std::string line = pending.substr(0, end);
      pending.erase(0, end + 1);
      if (!line.empty() && !on_line(line)) return false;
    }
    return pending.size() < line_bytes_max;
  });
  if (failure) return std::move(*failure);
  if (!response) return std::move(response).error().at(base::Layer::node);
  if (response->status >= 300) return status_error(response->status, pending);
  return {};
}

void KubeClient::close() { http_.close(); }

}  // namespace workload
