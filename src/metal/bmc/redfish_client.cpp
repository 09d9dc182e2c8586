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
constexpr size_t pages_max = 64, collection_members_max = 1024;
constexpr auto slow_gap = base::seconds(20);
constexpr auto task_limit = base::minutes(10);
constexpr auto task_poll_gap = base::seconds(1);
constexpr size_t told_bytes_max = 400;  // of a BMC's own words in an error message

// A refusal that a new session would not change.
bool account_is_limited(const RedfishReply& reply) {
  return matches(row_of(Quirk::password_change), BmcStep::any, reply) || reply.has_message("InsufficientPrivilege") ||
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
    : sys_(sys),
      net_(net),
      endpoint_(address.endpoint()),
      credentials_(std::move(credentials)),
      limits_(limits),
      quirks_(address.endpoint()) {
  if (!limits_.bad) limits_.bad = std::make_shared<BadAnswers>();
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
  if (!quirks_.has(Quirk::compressed_only)) request.headers.set("Accept-Encoding", "identity");
  if (call.body) {
    request.headers.set("Content-Type", "application/json");
    request.body = call.body->dump();
  } else if (!call.type.empty()) {
    request.headers.set("Content-Type", call.type);
    request.body = call.bytes;
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
  if (!response) {
    if (response.error().code == base::Code::corrupt) ++limits_.bad->redfish_http;
    if (response.error().code == base::Code::too_large) ++limits_.bad->redfish_oversize;
    return std::move(response).error();
  }
  answered_ = reached_ = true;
  RedfishReply reply;
  reply.status = response->status;
  reply.headers = std::move(response->headers);
  if (base::lower(reply.headers.get("Content-Encoding")) == "gzip")
    response->body = gunzip(response->body, answer_bytes_max).value_or("");
  auto parsed = base::parse_json(response->body);
  if (parsed && !response->body.empty()) reply.body = *parsed;
  // Refusals by web servers in front of the service are HTML, and honestly so.
  const bool said_json = reply.ok() || reply.headers.get("Content-Type").find("json") != std::string::npos;
  if (!parsed && !response->body.empty() && said_json) ++limits_.bad->redfish_json;
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
  if (!told) return quirks_.has(Quirk::slow_between_changes) ? slow_gap : limits_.retry_gap;
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
        quirks_.found(Quirk::keep_alive_broken);
        options_.keep_alive = false;
        make_client();
      }
      if (!lost || last || call.again == Again::never) return transport_error(call, std::move(reply).error());
      TRY(pause(limits_.retry_gap));
      continue;
    }
    if (reply->status == 406 && !quirks_.has(Quirk::compressed_only)) {
      quirks_.found(Quirk::compressed_only);
      continue;
    }
    // 503 says that nothing was done; other 5xx only allow reading again.
    if (call.login && quirks_.shown(Quirk::session_limit, BmcStep::login, *reply)) return reply;
    const bool retry = reply->status == 503 || (reply->status >= 500 && call.method == "GET") ||
                       quirks_.shown(Quirk::busy_by_message, BmcStep::any, *reply);
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
  return call_patiently({.method = "POST", .path = sessions_path, .body = body, .credentials = false, .login = true});
}

// A session if the service gives one. 401 is final: trying Basic as well would count twice toward a lockout. Any other
// refusal of the very first session means that the service cannot do sessions, and Basic takes its place.
base::Result<void> RedfishClient::log_in() {
  std::string path;
  login_ = Login::none;
  basic_for_want_of_sessions_ = false;
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
  // The very same credentials on the very same connection: being locked out by others' sessions would help nobody.
  basic_for_want_of_sessions_ = matches(row_of(Quirk::session_limit), BmcStep::login, reply);
  if (reply.status == 401 || (reply.status == 403 && account_is_limited(reply)) ||
      (session_worked_ && !basic_for_want_of_sessions_)) {
    quirks_.shown(Quirk::password_change, BmcStep::login, reply);
    return error_of("POST", path, reply);
  }
  login_ = Login::basic;
  return {};
}

base::Result<RedfishReply> RedfishClient::call(Call call) {
  const bool fresh = login_ == Login::none;
  if (fresh) TRY(log_in());
  auto reply = TRY(call_patiently(call));
  const bool refused = reply.status == 401 || (reply.status == 403 && !account_is_limited(reply));
  if (refused && login_ == Login::session && !fresh) {
    quirks_.found(Quirk::session_lost);
    session_path_.clear();
    TRY(log_in());
    reply = TRY(call_patiently(call));
  }
  quirks_.shown(Quirk::password_change, BmcStep::any, reply);
  if (reply.status != 401) return reply;
  if (!basic_for_want_of_sessions_) return error_of(call.method, call.path, reply);
  login_ = Login::none;  // the next call may find a free session
  return base::Error{base::Code::unavailable,
                     url(call.path) + ": all sessions of the BMC are taken, and it refuses Basic authentication",
                     base::Layer::bmc}
      .with_fix("end sessions of others, or wait until they time out");
}

base::Result<RedfishReply> RedfishClient::get(const std::string& path) { return call({.method = "GET", .path = path}); }

base::Result<RedfishReply> RedfishClient::post(const std::string& path, const std::optional<base::Json>& body,
                                               Again again) {
  return call({.method = "POST", .path = path, .body = body, .again = again});
}

base::Result<RedfishReply> RedfishClient::remove(const std::string& path) {
  return call({.method = "DELETE", .path = path});
}

base::Result<void> RedfishClient::stream(const std::string& path, base::Duration idle_limit,
                                         const std::function<bool(std::string_view piece)>& sink) {
  if (login_ == Login::none) TRY(log_in());
  const Call call{.method = "GET", .path = path};
  auto request = request_of(call);
  request.headers.set("Accept", "text/event-stream");
  bool begun = false, wanted = true;
  auto response =
      client_->stream(std::move(request), idle_limit, [&](const net::Response& head, std::string_view piece) {
        if (head.status != 200) return piece.size() < answer_bytes_max;
        if (!begun) wanted = sink({});
        begun = true;
        return wanted && (wanted = sink(piece));
      });
  if (!wanted) return {};
  if (!response) return transport_error(call, std::move(response).error());
  if (response->status == 200) return {};
  RedfishReply reply;
  reply.status = response->status;
  return error_of(call.method, path, reply);
}

base::Result<RedfishReply> RedfishClient::post_bytes(const std::string& path, const std::string& type,
                                                     std::string body) {
  return call({.method = "POST", .path = path, .bytes = std::move(body), .type = type, .again = Again::never});
}

// The ladder of ETags; the step on which a BMC answered is where the next change begins.
base::Result<RedfishReply> RedfishClient::patch(const std::string& path, const base::Json& body) {
  Call change{.method = "PATCH", .path = path, .body = body};
  const auto present = TRY(get(path));
  std::string etag = present.ok() ? present.headers.get("ETag") : std::string();
  if (etag.empty() && present.ok()) etag = present.body["@odata.etag"].string();
  const bool weak = etag.rfind("W/", 0) == 0;
  if (!quirks_.has(Quirk::etag_unusable))
    change.if_match = weak && quirks_.has(Quirk::weak_etag) ? etag.substr(2) : etag;
  if (change.if_match.empty() && quirks_.has(Quirk::etag_needed)) change.if_match = "*";
  auto reply = TRY(call(change));
  if (reply.status == 412 && change.if_match.rfind("W/", 0) == 0) {
    change.if_match = etag.substr(2);
    reply = TRY(call(change));
    if (reply.ok()) quirks_.found(Quirk::weak_etag);
  }
  if (reply.status == 412 && !change.if_match.empty()) {
    change.if_match.clear();
    reply = TRY(call(change));
    if (reply.ok()) quirks_.found(Quirk::etag_unusable);
  }
  if (reply.status == 428) {
    change.if_match = "*";
    reply = TRY(call(change));
    if (reply.ok()) quirks_.found(Quirk::etag_needed);
  }
  return reply;
}

std::string RedfishClient::monitor_of(const RedfishReply& reply) const {
  std::string at = reply.headers.get("Location");
  if (at.rfind(endpoint_, 0) == 0) at = at.substr(endpoint_.size());
  if (auto path = link_of(base::Json(at)); !path.empty()) return path;
  return is_task(reply.body) ? link_of(reply.body) : std::string();
}

base::Result<RedfishReply> RedfishClient::finished(RedfishReply reply) {
  if (reply.status != 202) return reply;
  const auto monitor = monitor_of(reply);
  if (monitor.empty()) return reply;
  const auto deadline = now() + task_limit;
  while (now() < deadline) {
    TRY(pause(reply.headers.has("Retry-After") ? pause_after(reply) : task_poll_gap));
    reply = TRY(get(monitor));
    if (reply.status == 404 || reply.status == 410) {
      quirks_.found(Quirk::forgotten_task);
      RedfishReply gone;
      gone.status = 204;
      gone.forgotten = true;
      return gone;
    }
    if (!is_task(reply.body)) {
      if (reply.status != 202) return reply;
      continue;
    }
    const auto task = read_task(reply.body);
    if (task.state == BmcTask::State::completed) reply.status = 200;
    if (task.state == BmcTask::State::failed) {
      reply.status = 500;
      if (reply.messages.empty()) reply.messages.push_back({"", task.message, ""});
    }
    if (task.state != BmcTask::State::running) return reply;
  }
  return base::Error{base::Code::timeout, url(monitor) + ": the task did not end in time", base::Layer::bmc};
}

base::Result<RedfishReply> RedfishClient::post_to_end(const std::string& path, const std::optional<base::Json>& body,
                                                      Again again) {
  auto reply = TRY(post(path, body, again));
  return finished(std::move(reply));
}

base::Result<RedfishReply> RedfishClient::patch_to_end(const std::string& path, const base::Json& body) {
  auto reply = TRY(patch(path, body));
  return finished(std::move(reply));
}

base::Result<std::vector<std::string>> RedfishClient::members(const std::string& collection) {
  std::vector<std::string> all;
  std::string page = collection;
  for (size_t pages = 0; !page.empty() && pages < pages_max && all.size() < collection_members_max; ++pages) {
    const auto listed = TRY(document(page));
    const auto some = members_of(listed);
    all.insert(all.end(), some.begin(), some.end());
    const auto next = link_of(listed["Members@odata.nextLink"]);
    if (next == page) break;
    if (!next.empty()) quirks_.found(Quirk::paged_collections);
    page = next;
  }
  return all;
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
  if (reply.status == 503) return std::move(error).with_fix("wait; restart the BMC if it stays busy");
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
