#include "cli/metrics_listener.h"

#include "net/http.h"
#include "remote/client.h"

namespace cli {

using base::Json;
using base::Result;
using net::Response;

namespace {

constexpr size_t connections_max = 20;
// Strangers must not make work for the API server.
constexpr remote::ClientLimits review_limits = {
    .requests_per_second = 5, .burst = 20, .tries_max = 2, .request_limit = base::seconds(10)};

bool is_loopback(const std::string& host) { return host.starts_with("127.") || host == "::1" || host == "localhost"; }

std::string bearer_token(const net::Request& request) {
  const std::string given = request.headers.get("Authorization");
  constexpr std::string_view scheme = "Bearer ";
  return given.starts_with(scheme) ? given.substr(scheme.size()) : std::string();
}

Response refuse(int status, const std::string& why) { return Response::text(status, why + "\n"); }

}  // namespace

struct MetricsListener::State {
  remote::Client reviews;
  bool open;  // to everybody who reaches it
  bool ready = false;
  std::function<std::string()> text;
  std::unique_ptr<net::HttpServer> http;

  State(sys::Sys& sys, remote::AccessSource access, bool is_open, std::function<std::string()> text_in)
      : reviews(sys, std::move(access), review_limits), open(is_open), text(std::move(text_in)) {}

  Result<Json> user_of(const std::string& token) {
    if (!ready) TRY(reviews.start());
    ready = true;
    Json review = Json::object({{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenReview"}});
    review.set("spec", Json::object({{"token", token}}));
    const Json answer = TRY(reviews.post("/apis/authentication.k8s.io/v1/tokenreviews", review));
    return answer.path("status.authenticated").boolean() ? answer.path("status.user") : Json();
  }

  Result<bool> may_get_metrics(const Json& user) {
    Json spec = Json::object({{"user", user["username"]}});
    for (const char* part : {"uid", "groups", "extra"}) {
      if (!user[part].is_null()) spec.set(part, user[part]);
    }
    spec.set("nonResourceAttributes", Json::object({{"path", "/metrics"}, {"verb", "get"}}));
    Json review = Json::object({{"apiVersion", "authorization.k8s.io/v1"}, {"kind", "SubjectAccessReview"}});
    const Json answer =
        TRY(reviews.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review.set("spec", std::move(spec))));
    return answer.path("status.allowed").boolean();
  }

  // Nullopt: let it in.
  std::optional<Response> judge(const net::Request& request) {
    if (open) return std::nullopt;
    const std::string token = bearer_token(request);
    if (token.empty()) return refuse(401, "a bearer token of the cluster is needed");
    const auto user = user_of(token);
    if (!user) return refuse(503, "the token cannot be looked at now");
    if (user->is_null()) return refuse(401, "the cluster does not know this token");
    const auto allowed = may_get_metrics(*user);
    if (!allowed) return refuse(503, "the permission cannot be looked at now");
    if (!*allowed) return refuse(403, "this user may not get /metrics (nonResourceURLs of a ClusterRole)");
    return std::nullopt;
  }

  Response answer(const net::Request& request) {
    if (request.target.substr(0, request.target.find('?')) != "/metrics") return refuse(404, "not found");
    if (request.method != "GET") return refuse(405, "GET is all there is");
    if (auto no = judge(request)) return std::move(*no);
    Response out = Response::text(200, text());
    out.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return out;
  }
};

MetricsListener::MetricsListener(sys::Sys& sys, const sys::Address& listen, const Identity& identity,
                                 remote::AccessSource access, std::function<std::string()> text)
    : state_(std::make_unique<State>(sys, std::move(access), is_loopback(listen.host), std::move(text))) {
  net::ServerOptions options;
  options.listen = {listen};
  options.tls = !state_->open;
  options.tls_options.certificate_pem = identity.serving_certificate_pem;
  options.tls_options.key_pem = identity.serving_key_pem;
  options.body_bytes_max = 4u << 10;
  options.connections_max = connections_max;
  state_->http = std::make_unique<net::HttpServer>(
      sys.loop, sys.net, std::move(options),
      [state = state_.get()](auto& exchange) { exchange.respond(state->answer(exchange.request())); });
}

MetricsListener::~MetricsListener() { stop(); }
Result<void> MetricsListener::start() { return state_->http->start(); }
void MetricsListener::stop() { state_->http->stop(); }

}  // namespace cli
