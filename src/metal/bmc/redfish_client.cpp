#include "metal/bmc/redfish_client.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "sys/fiber.h"

namespace metal {
namespace {

constexpr std::string_view service_root = "/redfish/v1";
constexpr std::string_view default_sessions = "/redfish/v1/SessionService/Sessions";
constexpr auto retry_after_max = base::seconds(30);
constexpr int redirects_max = 3;
constexpr int attempts_unreached = 2;
constexpr size_t answer_bytes_max = 4u << 20;
constexpr size_t told_bytes_max = 400;  // of a BMC's own words in an error message

// Known answers to a write that only want patience: iDRAC "data sources unavailable", iLO during POST or task work.
bool wants_patience(const RedfishReply& reply) {
  return reply.has_message("SYS518") || reply.has_message("InvalidOperationForSystemState");
}

// A refusal that a new session would not change.
bool account_is_limited(const RedfishReply& reply) {
  return reply.has_message("PasswordChangeRequired") || reply.has_message("InsufficientPrivilege") ||
         reply.has_message("InsufficientPrivilegeForOperation");
}

std::string_view phrase_of(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "";
  }
}

base::Code code_of(int status) {
  switch (status) {
    case 401:
      return base::Code::unauthenticated;
    case 403:
      return base::Code::forbidden;
    case 404:
    case 410:
      return base::Code::not_found;
    case 400:
    case 405:
    case 415:
    case 501:
      return base::Code::unsupported;
    case 409:
    case 412:
    case 428:
    case 429:
      return base::Code::unavailable;
    default:
      return status >= 500 ? base::Code::unavailable : base::Code::internal;
  }
}

}  // namespace

RedfishClient::RedfishClient(sys::Sys& sys, sys::Net& net, const BmcAddress& address, BmcCredentials credentials,
                             bool verify_certificate, BmcLimits limits)
    : sys_(sys), net_(net), endpoint_(address.endpoint()), credentials_(std::move(credentials)), limits_(limits) {
  options_.server = {address.host, address.port};
  options_.tls = address.tls;
  options_.tls_options.verify = verify_certificate;
  options_.connect_limit = limits.connect_limit;
  options_.request_limit = limits.request_limit;
  options_.body_bytes_max = answer_bytes_max;
  make_client();
}

void RedfishClient::make_client() {
  client_ = std::make_unique<net::HttpClient>(sys_.loop, net_, options_);
  answered_ = false;
}

base::Result<void> RedfishClient::pause(base::Duration span) const {
  if (auto slept = sys::sleep(sys_.loop, span); !slept) return std::move(slept).error().at(base::Layer::bmc);
  return {};
}

net::Request RedfishClient::request_of(const Call& call) const {
  net::Request request;
  request.method = call.method;
  request.target = call.path;
  request.headers.set("OData-Version", "4.0");
  request.headers.set("Accept", "application/json");
  // Compressed answers carry weaker ETags on some BMCs.
  if (accept_encoding_) request.headers.set("Accept-Encoding", "identity");
  if (call.body) {
    request.headers.set("Content-Type", "application/json");
    request.body = call.body->dump();
  }
  if (!call.if_match.empty()) request.headers.set("If-Match", call.if_match);
  if (call.credentials && login_ == Login::session) request.headers.set("X-Auth-Token", token_);
  if (call.credentials && login_ == Login::basic)
    request.headers.set("Authorization", "Basic " + base::base64(credentials_.user + ":" + credentials_.password));
  return request;
}

base::Error RedfishClient::transport_error(const Call& call, base::Error error) const {
  const auto what = call.method + " " + url(call.path);
  switch (error.code) {
    case base::Code::cancelled:
      return std::move(error).at(base::Layer::bmc);
    case base::Code::unauthenticated:
      return std::move(error)
          .context(what + ": the BMC's certificate is not trusted")
          .at(base::Layer::bmc)
          .with_fix("give the BMC a trusted certificate or set spec.bmc.disableCertificateVerification: true");
    case base::Code::timeout:
    case base::Code::unavailable:
    case base::Code::not_found:
      if (error.code == base::Code::not_found) error.code = base::Code::unavailable;  // the host's name
      return std::move(error)
          .context(what + ": no answer from " + options_.server.text() + " (" + (options_.tls ? "HTTPS" : "HTTP") + ")")
          .at(base::Layer::bmc)
          .with_fix("check spec.bmc.address and that TCP port " + std::to_string(options_.server.port) +
                    " of the BMC is reachable from here");
    default:
      error.code = base::Code::internal;
      return std::move(error).context(what).at(base::Layer::bmc);
  }
}

base::Result<RedfishReply> RedfishClient::call_once(const Call& call) {
  // A lost answer to what must not be sent twice should at least not come of a stale kept-alive connection.
  if (call.again == Again::never) client_->close();
  auto response = client_->send(request_of(call));
  if (!response) return std::move(response).error();
  answered_ = reached_ = true;
  RedfishReply reply;
  reply.status = response->status;
  reply.headers = std::move(response->headers);
  if (auto parsed = base::parse_json(response->body); parsed && !response->body.empty()) reply.body = *parsed;
  reply.messages = parse_redfish_messages(reply.body);
  return reply;
}

// Redirects are followed for reading only and never to another server, so credentials stay here.
base::Result<RedfishReply> RedfishClient::follow(const Call& call, RedfishReply reply) {
  Call next = call;
  for (int i = 0; i < redirects_max && reply.status >= 301 && reply.status <= 308 && call.method == "GET"; ++i) {
    std::string target = reply.headers.get("Location");
    if (target.rfind(endpoint_, 0) == 0) target = target.substr(endpoint_.size());
    if (target.empty() || target[0] != '/' || target.rfind("//", 0) == 0 || target == next.path) break;
    next.path = target;
    reply = TRY(call_once(next));
  }
  return reply;
}

base::Duration RedfishClient::pause_after(const RedfishReply& reply) const {
  const auto told = base::parse_uint(base::trim(reply.headers.get("Retry-After")));
  if (!told) return limits_.retry_gap;
  return std::min<base::Duration>(base::seconds(int64_t(std::min<uint64_t>(*told, 3600))), retry_after_max);
}

base::Result<RedfishReply> RedfishClient::call_patiently(const Call& call) {
  for (int attempt = 1;; ++attempt) {
    // A BMC that never answered is more likely misspelt than busy.
    const bool last = attempt >= (reached_ ? limits_.attempts : std::min(limits_.attempts, attempts_unreached));
    auto reply = call_once(call);
    if (reply) reply = follow(call, std::move(*reply));
    if (!reply) {
      const auto code = reply.error().code;
      const bool lost = code == base::Code::unavailable || code == base::Code::timeout;
      if (code == base::Code::unavailable && answered_ && options_.keep_alive) {
        // It worked before: this BMC may be one of those that drop kept-alive connections.
        base::log::info("BMC dropped a connection, going on without keep-alive", {{"bmc", endpoint_}});
        options_.keep_alive = false;
        make_client();
      }
      if (!lost || last || call.again == Again::never) return transport_error(call, std::move(reply).error());
      TRY(pause(limits_.retry_gap));
      continue;
    }
    if (reply->status == 406 && accept_encoding_) {
      accept_encoding_ = false;
      continue;
    }
    // 503 says that nothing was done; other 5xx only allow reading again.
    const bool retry = reply->status == 503 || (reply->status >= 500 && call.method == "GET") ||
                       (reply->status >= 400 && wants_patience(*reply));
    if (!retry || last) return reply;
    TRY(pause(pause_after(*reply)));
  }
}

base::Result<base::Json> RedfishClient::root() {
  if (root_) return *root_;
  const std::string path = std::string(service_root) + "/";
  auto reply = TRY(call_patiently({.method = "GET", .path = path, .credentials = false}));
  if (!reply.ok()) return error_of("GET", path, reply);
  if (!reply.body.is_object())
    return base::Error{base::Code::internal, "GET " + url(path) + ": the answer is not a Redfish service root",
                       base::Layer::bmc}
        .with_fix("check that spec.bmc.address names a Redfish service");
  root_ = reply.body;
  return *root_;
}

base::Result<RedfishReply> RedfishClient::create_session(std::string& sessions_path) {
  const auto service = TRY(root());
  sessions_path = link_of(service["Links"]["Sessions"]);
  if (sessions_path.empty()) sessions_path = default_sessions;
  const auto body = base::Json::object({{"UserName", credentials_.user}, {"Password", credentials_.password}});
  return call_patiently({.method = "POST", .path = sessions_path, .body = body, .credentials = false});
}

// A session if the service gives one. 401 is final: trying Basic as well would count twice toward a lockout. Any other
// refusal of the very first session means that the service cannot do sessions, and Basic takes its place.
base::Result<void> RedfishClient::log_in() {
  std::string path;
  login_ = Login::none;
  auto reply = TRY(create_session(path));
  const auto& token = reply.headers.get("X-Auth-Token");
  if (reply.ok() && !token.empty()) {
    token_ = token;
    session_path_ = link_of(base::Json(reply.headers.get("Location")));
    if (const auto& location = reply.headers.get("Location"); location.rfind(endpoint_, 0) == 0)
      session_path_ = link_of(base::Json(location.substr(endpoint_.size())));
    if (session_path_.empty()) session_path_ = link_of(reply.body);
    login_ = Login::session;
    session_worked_ = true;
    return {};
  }
  if (reply.status == 401 || (reply.status == 403 && account_is_limited(reply)) || session_worked_)
    return error_of("POST", path, reply);
  login_ = Login::basic;
  return {};
}

base::Result<RedfishReply> RedfishClient::call(Call call) {
  const bool fresh = login_ == Login::none;
  if (fresh) TRY(log_in());
  auto reply = TRY(call_patiently(call));
  const bool refused = reply.status == 401 || (reply.status == 403 && !account_is_limited(reply));
  if (refused && login_ == Login::session && !fresh) {
    session_path_.clear();
    TRY(log_in());
    reply = TRY(call_patiently(call));
  }
  if (reply.status == 401) return error_of(call.method, call.path, reply);
  return reply;
}

base::Result<RedfishReply> RedfishClient::get(const std::string& path) { return call({.method = "GET", .path = path}); }

base::Result<RedfishReply> RedfishClient::post(const std::string& path, const std::optional<base::Json>& body,
                                               Again again) {
  return call({.method = "POST", .path = path, .body = body, .again = again});
}

base::Result<RedfishReply> RedfishClient::patch(const std::string& path, const base::Json& body) {
  const auto present = TRY(get(path));
  std::string etag = present.ok() ? present.headers.get("ETag") : std::string();
  if (etag.empty() && present.ok()) etag = present.body["@odata.etag"].string();
  Call change{.method = "PATCH", .path = path, .body = body, .if_match = etag};
  auto reply = TRY(call(change));
  if (reply.status == 412 && etag.rfind("W/", 0) == 0) {
    change.if_match = etag.substr(2);
    reply = TRY(call(change));
  }
  if (reply.status == 412 && !etag.empty()) {
    change.if_match.clear();
    reply = TRY(call(change));
  }
  if (reply.status == 428) {
    change.if_match = "*";
    reply = TRY(call(change));
  }
  return reply;
}

base::Result<base::Json> RedfishClient::document(const std::string& path) {
  auto reply = TRY(get(path));
  if (!reply.ok()) return error_of("GET", path, reply);
  if (!reply.body.is_object())
    return base::Error{base::Code::internal, "GET " + url(path) + ": the answer is not a JSON object",
                       base::Layer::bmc};
  return std::move(reply.body);
}

base::Error RedfishClient::error_of(std::string_view method, const std::string& path, const RedfishReply& reply) const {
  const bool secret_refused = reply.status == 401;
  std::string text = std::to_string(reply.status);
  if (!secret_refused) {
    if (const auto phrase = phrase_of(reply.status); !phrase.empty()) text += " " + std::string(phrase);
    text = std::string(method) + " " + url(path) + ": " + text;
  } else {
    text += " from " + url(path) + ": wrong user name or password";
  }
  std::string told;
  for (const auto& message : reply.messages) {
    const auto& words = message.text.empty() ? message.id : message.text;
    if (!words.empty() && told.find(words) == std::string::npos) told += (told.empty() ? "" : "; ") + words;
  }
  if (told.size() > told_bytes_max) told = told.substr(0, told_bytes_max) + "...";
  if (!told.empty() && base::valid_utf8(told)) text += secret_refused ? " (" + told + ")" : ": " + told;
  base::Error error{code_of(reply.status), std::move(text), base::Layer::bmc};
  if (reply.has_message("PasswordChangeRequired"))
    return std::move(error).with_fix("change the account's factory password on the BMC, then update the Secret");
  return error;
}

void RedfishClient::close() {
  if (login_ == Login::session && !session_path_.empty()) {
    // One try: a session that cannot be deleted now ends by its own timeout.
    if (auto gone = call_once({.method = "DELETE", .path = session_path_}); !gone)
      base::log::debug("Redfish session not deleted", {{"bmc", endpoint_}});
  }
  login_ = Login::none;
  token_.clear();
  session_path_.clear();
  client_->close();
}

}  // namespace metal
