#include "server/admission/webhook_client.h"

#include <algorithm>

#include "base/text.h"

namespace server {
namespace {

using base::Error;
using base::Json;
using base::Result;

constexpr size_t clients_max = 200;
constexpr size_t answer_bytes_max = 16u << 20;

// Go's client library puts answers other than 2xx into these words.
std::string failure_text(const net::Response& response) {
  switch (response.status) {
    case 400:
      return "the server rejected our request for an unknown reason";
    case 401:
      return "the server has asked for the client to provide credentials";
    case 403:
      return base::trim(response.body).empty() ? "unknown" : std::string(base::trim(response.body));
    case 404:
      return "the server could not find the requested resource";
    case 405:
      return "the server does not allow this method on the requested resource";
    case 409:
      return "the server reported a conflict";
    case 429:
      return "the server has received too many requests and has asked us to try again later";
    case 503:
      return "the server is currently unable to handle the request";
    case 504:
      return "the server was unable to return a response in the time allotted, but may still be processing the "
             "request";
    default:
      break;
  }
  if (response.status >= 300 && response.status < 400) {
    return "the webhook answers with a redirect (" + std::to_string(response.status) + "), which is not followed";
  }
  if (response.status < 500)
    return "the server responded with the status code " + std::to_string(response.status) +
           " but did not return more information";
  const auto& type = response.headers.get("Content-Type");
  const bool text = type.starts_with("text/") || type.empty();
  const std::string body(base::trim(response.body));
  return "an error on the server (" + base::quoted(text ? body : "unknown") +
         ") has prevented the request from succeeding";
}

std::string reason_text(const Error& error) {
  if (error.code == base::Code::timeout) return "context deadline exceeded";
  return error.message;
}

int64_t whole_seconds(base::Duration limit) {
  const auto ms = std::chrono::duration_cast<base::milliseconds>(limit).count();
  return (ms + 999) / 1000;
}

// Repeated slashes of a path are one, as in Go's client library: envtest writes https://HOST:PORT//PATH, and servers in
// Go answer such a path with a redirect.
std::string with_single_slashes(std::string_view target) {
  const size_t query = std::min(target.find('?'), target.size());
  std::string out;
  for (size_t i = 0; i < query; ++i) {
    if (target[i] != '/' || out.empty() || out.back() != '/') out += target[i];
  }
  return out.append(target.substr(query));
}

Result<Json> document_of(const net::Response& response) {
  auto doc = base::parse_json(response.body);
  if (!doc) {
    Error error = std::move(doc).error();
    return base::internal("couldn't get version/kind; json parse error: " + error.message);
  }
  if (!doc->is_object()) return base::internal("couldn't get version/kind; json parse error: not an object");
  return doc;
}

}  // namespace

Result<std::pair<std::string, sys::Address>> parse_service_address(std::string_view text) {
  const size_t equals = text.find('=');
  const auto service = text.substr(0, equals);
  if (equals == std::string_view::npos || base::split(service, '/').size() != 2) {
    return base::invalid("a service address has the form namespace/name=host:port, not " + base::quoted(text));
  }
  auto address =
      TRY(sys::Address::parse(text.substr(equals + 1)).context("address of service " + std::string(service)));
  return std::pair(std::string(service), std::move(address));
}

Result<WebhookClients::Place> WebhookClients::place_of(const Json& config, const std::string& query) const {
  Place place;
  if (const auto& service = config["service"]; service.is_object()) {
    const std::string& name = service["name"].string();
    const std::string& ns = service["namespace"].string();
    const std::string port = std::to_string(service["port"].integer(443));
    place.server_name = name + "." + ns + ".svc";
    place.host_header = place.server_name + ":" + port;
    const std::string& path = service["path"].string();
    place.target = path.empty() ? "/" : path;
    place.url = "https://" + place.host_header + place.target;
    const std::string key = ns + "/" + name;
    auto found = services_.find(key + ":" + port);
    if (found == services_.end()) found = services_.find(key);
    if (found == services_.end()) {
      return base::unavailable("Post " + base::quoted(place.url + query) + ": service " + base::quoted(name) +
                               " not found: there is no cluster network; say where it is with --service-address " +
                               key + "=host:port");
    }
    place.address = found->second;
    return place;
  }
  const auto url = net::Url::parse(config["url"].string());
  if (!url) return base::internal("Unparsable URL: " + url.error().message);
  place.tls = url->scheme == "https";
  place.server_name = url->host;
  place.address = url->address();
  place.target = with_single_slashes(url->target());
  const std::string& text = config["url"].string();
  const size_t path = text.find('/', text.find("://") + 3);
  place.url = path == std::string::npos ? text : text.substr(0, path) + with_single_slashes(text.substr(path));
  return place;
}

std::shared_ptr<net::HttpClient> WebhookClients::client(const Place& place, const std::string& ca_bundle,
                                                        base::Duration limit) {
  const std::string key = place.address.text() + "\n" + place.server_name + "\n" +
                          std::to_string(whole_seconds(limit)) + (place.tls ? "\ntls\n" : "\n\n") + ca_bundle;
  auto& known = clients_[key];
  if (known) return known;
  if (clients_.size() > clients_max) {
    clients_.clear();
    return client(place, ca_bundle, limit);
  }
  net::ClientOptions options;
  options.server = place.address;
  options.tls = place.tls;
  options.tls_options.server_name = place.server_name;
  options.tls_options.ca_pem = base::unbase64(ca_bundle).value_or("");
  options.connect_limit = limit;
  options.request_limit = limit;
  options.body_bytes_max = answer_bytes_max;
  options.user_agent = "kube-apiserver-admission";
  known = std::make_shared<net::HttpClient>(loop_, net_, std::move(options));
  return known;
}

Result<Json> WebhookClients::post(const Json& config, const Json& body, base::Duration limit, bool tell_limit) {
  const std::string query = tell_limit ? "?timeout=" + std::to_string(whole_seconds(limit)) + "s" : "";
  const Place place = TRY(place_of(config, query));
  net::Request request{.method = "POST", .target = place.target + query, .headers = {}, .body = body.dump()};
  if (!place.host_header.empty()) request.headers.set("Host", place.host_header);
  request.headers.set("Accept", "application/json, */*");
  request.headers.set("Content-Type", "application/json");
  auto response = client(place, config["caBundle"].string(), limit)->send(std::move(request));
  if (!response) {
    if (response.error().code == base::Code::cancelled) return std::move(response).error();
    return base::unavailable("Post " + base::quoted(place.url + query) + ": " + reason_text(response.error()));
  }
  if (response->status < 200 || response->status > 299) return base::unavailable(failure_text(*response));
  return document_of(*response);
}

}  // namespace server
