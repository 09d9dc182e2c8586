#include "remote/client.h"

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "base/text.h"
#include "sys/fiber.h"

namespace remote {

using base::Code;
using base::Error;

namespace {

constexpr size_t line_bytes_max = 16u << 20;  // one event: an object of 3 MiB, as JSON with room
constexpr size_t error_bytes_max = 1u << 20;

Code code_of(int status, const std::string& reason) {
  switch (status) {
    case 400:
      return Code::bad_request;
    case 401:
      return Code::unauthenticated;
    case 403:
      return Code::forbidden;
    case 404:
      return Code::not_found;
    case 405:
    case 406:
    case 415:
      return Code::unsupported;
    case 409:
      return reason == "AlreadyExists" ? Code::already_exists : Code::conflict;
    case 410:
      return Code::expired;
    case 413:
      return Code::too_large;
    case 422:
      return Code::invalid;
    case 504:
      return Code::timeout;
    default:
      return status > 500 || status == 429 ? Code::unavailable : Code::internal;
  }
}

// One set of credentials with its connections. Requests under way keep it when the next one takes its place.
struct Connection {
  Access access;
  std::unique_ptr<sys::Net> proxied;
  std::unique_ptr<net::HttpClient> http;
};

}  // namespace

Error status_error(int status, std::string_view body) {
  const auto doc = base::parse_json(body);
  Error out;
  out.code = code_of(status, doc ? (*doc)["reason"].string() : std::string());
  out.layer = base::Layer::api;
  out.message = doc ? (*doc)["message"].string() : std::string();
  if (out.message.empty()) out.message = "the API server answered HTTP status " + std::to_string(status);
  if (doc) {
    for (const auto& cause : doc->path("details.causes").items()) {
      out.causes.push_back({cause["field"].string(), cause["reason"].string(), cause["message"].string()});
    }
  }
  return out;
}

struct Client::State {
  sys::Sys& sys;
  AccessSource source;
  ClientLimits limits;
  std::shared_ptr<Connection> connection;
  std::string fingerprint;
  base::Time read_at{};
  double tokens;
  base::Time filled_at{};
  bool answered = false;
  Access none;

  State(sys::Sys& s, AccessSource from, ClientLimits with)
      : sys(s), source(std::move(from)), limits(with), tokens(with.burst) {}

  Result<void> read();
  Result<std::shared_ptr<Connection>> connected();
  Result<void> take_token();
  Result<net::Response> once(const net::Request& request);
  // Keeps the state for as long as a request is under way, whatever becomes of the client.
  static Result<Json> send(std::shared_ptr<State> state, net::Request request) {
    return state->send_now(std::move(request));
  }
  Result<Json> send_now(net::Request request);
};

Result<void> Client::State::read() {
  read_at = sys.loop.now();
  Access access = TRY(read_access(sys, source));
  std::string now = access.fingerprint();
  if (connection && now == fingerprint) return {};
  if (connection) base::log::info("credentials for the API server have changed", {{"server", access.server.text()}});
  auto made = std::make_shared<Connection>();
  net::ClientOptions options;
  options.server = access.server.address();
  options.tls = access.server.scheme == "https";
  options.tls_options = access.tls;
  options.request_limit = limits.request_limit;
  options.body_bytes_max = 256u << 20;
  if (access.proxy) made->proxied = net::make_proxied_net(sys.loop, sys.net, {*access.proxy});
  made->access = std::move(access);
  made->http = std::make_unique<net::HttpClient>(sys.loop, made->proxied ? *made->proxied : sys.net, options);
  connection = std::move(made);
  fingerprint = std::move(now);
  return {};
}

// A file that cannot be read for a moment (it is being replaced) leaves the old credentials in use.
Result<std::shared_ptr<Connection>> Client::State::connected() {
  if (!connection || sys.loop.now() - read_at >= limits.reread) {
    const auto done = read();
    if (!done && !connection) return done.error();
    if (!done) base::log::warn("credentials cannot be read anew", {{"error", done.error().text()}});
  }
  return connection;
}

Result<void> Client::State::take_token() {
  for (;;) {
    const base::Time now = sys.loop.now();
    const double seconds = std::chrono::duration<double>(now - filled_at).count();
    tokens = filled_at == base::Time{} ? limits.burst
                                       : std::min(limits.burst, tokens + seconds * limits.requests_per_second);
    filled_at = now;
    if (tokens >= 1) {
      tokens -= 1;
      return {};
    }
    const auto wait = std::chrono::duration<double>((1 - tokens) / limits.requests_per_second);
    TRY(sys::sleep(sys.loop, std::chrono::duration_cast<base::Duration>(wait) + base::milliseconds(1)));
  }
}

namespace {

net::Request addressed(const net::Request& request, const Access& access) {
  net::Request out = request;
  std::string prefix = access.server.path;
  while (!prefix.empty() && prefix.back() == '/') prefix.pop_back();
  out.target = prefix + request.target;
  if (!access.token.empty()) out.headers.set("Authorization", "Bearer " + access.token);
  out.headers.set("Accept", "application/json");
  return out;
}

}  // namespace

Result<net::Response> Client::State::once(const net::Request& request) {
  TRY(take_token());
  auto use = TRY(connected());
  auto response = use->http->send(addressed(request, use->access));
  answered = response.ok();
  if (!response) return std::move(response).error().at(base::Layer::api);
  return response;
}

Result<Json> Client::State::send_now(net::Request request) {
  bool refused = false;
  for (int tries = 1;; ++tries) {
    const auto response = TRY(once(request));
    if (response.status < 300) return base::parse_json(response.body);
    if (response.status == 401 && !refused) {  // perhaps the token was just replaced
      refused = true;
      const std::string before = fingerprint;
      if (read() && fingerprint != before) continue;
    }
    const auto seconds = base::parse_uint(response.headers.get("Retry-After"));
    const bool again = seconds && (response.status == 429 || response.status >= 500) && tries < limits.tries_max;
    if (!again) return status_error(response.status, response.body);
    const auto asked = std::min<base::Duration>(base::seconds(static_cast<int64_t>(std::min<uint64_t>(*seconds, 3600))),
                                                limits.retry_after_max);
    TRY(sys::sleep(sys.loop, asked + base::milliseconds(static_cast<int64_t>(sys.random.below(500)))));
  }
}

Client::Client(sys::Sys& sys, AccessSource source, ClientLimits limits)
    : state_(std::make_shared<State>(sys, std::move(source), limits)) {}

Result<void> Client::start() { return state_->read(); }
const Access& Client::access() const { return state_->connection ? state_->connection->access : state_->none; }
bool Client::answered() const { return state_->answered; }

Result<Json> Client::get(const std::string& path) { return State::send(state_, {.method = "GET", .target = path}); }

namespace {
net::Request with_body(const char* method, const std::string& path, const Json& body, const char* type) {
  return {.method = method, .target = path, .headers = {{"Content-Type", type}}, .body = body.dump()};
}
}  // namespace

Result<Json> Client::post(const std::string& path, const Json& body) {
  return State::send(state_, with_body("POST", path, body, "application/json"));
}
Result<Json> Client::put(const std::string& path, const Json& body) {
  return State::send(state_, with_body("PUT", path, body, "application/json"));
}
Result<Json> Client::merge_patch(const std::string& path, const Json& patch) {
  return State::send(state_, with_body("PATCH", path, patch, "application/merge-patch+json"));
}
Result<Json> Client::remove(const std::string& path, const Json& delete_options) {
  return State::send(state_, with_body("DELETE", path, delete_options, "application/json"));
}

namespace {

// Lines of a watch, whatever pieces they come in.
class Events {
 public:
  using Take = std::function<bool(const std::string&, const Json&)>;
  explicit Events(const Take& take) : take_(take) {}

  bool feed(const net::Response& head, std::string_view piece) {
    text_ += piece;
    if (head.status >= 300) return text_.size() < error_bytes_max;
    size_t from = 0;
    for (size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n', from)) {
      const std::string_view line = std::string_view(text_).substr(from, end - from);
      from = end + 1;
      if (!base::trim(line).empty() && !on_line(line)) return false;
    }
    text_.erase(0, from);
    if (text_.size() < line_bytes_max) return true;
    failure_ = Error{Code::too_large, "an event of a watch is too large", base::Layer::api};
    return false;
  }
  const std::string& rest() const { return text_; }
  const std::optional<Error>& failure() const { return failure_; }
  bool stopped() const { return stopped_; }

 private:
  bool on_line(std::string_view line) {
    const auto doc = base::parse_json(line);
    if (!doc) {
      failure_ = doc.error();
      return false;
    }
    const std::string& type = (*doc)["type"].string();
    const Json& object = (*doc)["object"];
    if (type == "ERROR") {
      failure_ = status_error(static_cast<int>(object["code"].integer(500)), object.dump());
      return false;
    }
    stopped_ = !take_(type, object);
    return !stopped_;
  }
  const Take& take_;
  std::string text_;
  std::optional<Error> failure_;
  bool stopped_ = false;
};

}  // namespace

Result<void> Client::watch(const std::string& path_and_query, base::Duration idle_limit,
                           const std::function<bool(const std::string&, const Json&)>& event) {
  const auto state = state_;
  TRY(state->take_token());
  auto use = TRY(state->connected());
  Events events(event);
  auto response =
      use->http->stream(addressed({.method = "GET", .target = path_and_query}, use->access), idle_limit,
                        [&](const net::Response& head, std::string_view piece) { return events.feed(head, piece); });
  if (events.failure()) return *events.failure();
  if (events.stopped()) return {};
  if (!response) return std::move(response).error().at(base::Layer::api);
  if (response->status == 401) (void)state->read();
  if (response->status >= 300) return status_error(response->status, events.rest());
  return {};
}

}  // namespace remote
