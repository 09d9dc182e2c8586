#include "server/server.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "server/auth.h"
#include "server/authentication.h"
#include "server/compress.h"
#include "server/convert.h"
#include "server/discovery.h"
#include "server/documents.h"
#include "server/errors.h"
#include "server/fixed_answers.h"
#include "server/flow_control.h"
#include "server/handlers.h"
#include "server/kubernetes_service.h"
#include "server/oidc.h"
#include "server/openid.h"
#include "server/passage.h"
#include "server/rbac.h"
#include "server/reviews.h"
#include "server/service_tokens.h"
#include "server/token_lists.h"
#include "server/view.h"
#include "server/write.h"

namespace server {
namespace {

constexpr size_t body_bytes_max = 3u << 20;

net::Response too_large() {
  return failure(413, "RequestEntityTooLarge", "Request entity too large: limit is " + std::to_string(body_bytes_max));
}

bool shape_fits(const Route& route) {
  const bool named = !route.name.empty();
  if (!route.kind->namespaced) return route.ns.empty();
  return !route.ns.empty() || !named;
}

using Method = Answer (*)(Call&);
struct Methods {
  Method get = nullptr, post = nullptr, put = nullptr, patch = nullptr, remove = nullptr;
};

// What a path can do; nullopt when there is no such path.
std::optional<Methods> methods_of(const Call& call) {
  const auto& route = call.route;
  if (route.name.empty()) {
    Methods all{.get = list_objects};
    if (route.kind->namespaced && route.ns.empty()) return all;
    all.post = create_object;
    if (route.kind->resource() != "namespaces") all.remove = delete_collection;  // one mistake would empty all
    return all;
  }
  if (route.subresource.empty()) {
    // A definition's objects may be created where they shall be.
    const auto post = route.kind->custom ? create_object : nullptr;
    return Methods{
        .get = get_object, .post = post, .put = update_object, .patch = patch_object, .remove = delete_object};
  }
  if (route.subresource == "status" && call.version().status_subresource) {
    return Methods{.get = get_object, .put = update_object, .patch = patch_object};
  }
  if (route.subresource == "scale" && !call.version().scale_spec.empty()) {
    return Methods{.get = get_scale, .put = update_scale, .patch = patch_scale};
  }
  const bool core = route.group.empty();
  if (route.subresource == "finalize" && core && route.plural == "namespaces") return Methods{.put = update_object};
  if (route.subresource == "eviction" && core && route.plural == "pods") return Methods{.post = evict_pod};
  if (route.subresource == "binding" && core && route.plural == "pods") return Methods{.post = bind_pod};
  if (route.subresource == "approval" && route.kind->resource() == signing_requests) {
    return Methods{.get = get_object, .put = update_object, .patch = patch_object};
  }
  const bool token = core && route.plural == "serviceaccounts" && route.subresource == "token";
  if (token && call.api.tokens) return Methods{.post = create_token};
  return std::nullopt;
}

Method method_of(const Methods& methods, const std::string& name) {
  if (name == "GET") return methods.get;
  if (name == "POST") return methods.post;
  if (name == "PUT") return methods.put;
  if (name == "PATCH") return methods.patch;
  if (name == "DELETE") return methods.remove;
  return nullptr;
}

// 405 as definitions' handlers say it.
net::Response not_supported(const Call& call) {
  const auto& kind = call.kind();
  if (call.request.method == "PUT" && call.route.name.empty()) {
    return failure(registry::bad_request("name must be provided"));
  }
  Json document =
      status_document(405, "MethodNotAllowed",
                      call.route.verb + " is not supported on resources of kind " + base::quoted(kind.resource()));
  document.set("details", Json::object({{"group", kind.group}, {"kind", kind.plural}}));
  return failure(document);
}

net::Response answer_resource(Call& call) {
  const auto methods = methods_of(call);
  const bool custom = call.kind().custom;
  if (!methods) return custom ? failure(registry::not_found(call.kind(), call.route.name)) : no_such_path();
  const auto method = method_of(*methods, call.request.method);
  if (!method && custom) return not_supported(call);
  if (!method) {
    return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
  }
  if (call.version().deprecated) call.warn(call.version().deprecation_warning);
  if (call.request.method != "GET" && call.request.method != "HEAD" && !call.route.name.empty()) {
    if (auto ready = update_stored_form(call); !ready) return failure(ready.error());
  }
  auto response = method(call);
  if (!response && call.refusal) return failure(*call.refusal);
  return response ? std::move(*response) : failure(response.error());
}

void respond(Call& call, net::Response response) {
  in_words_of(call.request, response);
  call.add_warnings(response.headers);
  call.passage->note(response);
  compress(call.api, call.request, response);
  call.exchange.respond(std::move(response));
}

[[gnu::noinline]] void serve_watch(Call& call) {
  if (call.view.yaml) return respond(call, not_watchable());
  if (call.version().deprecated) call.warn(call.version().deprecation_warning);
  auto watched = watch_objects(call);
  if (!watched) respond(call, failure(watched.error()));
}

// Below a group of kinds that are no definitions the answer is a Status; elsewhere it is a word.
net::Response nothing_there(const Call& call) {
  if (is_review_path(call.route)) {
    return call.route.name.empty()
               ? failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
               : no_such_path();
  }
  const auto& kinds = call.api.registry.scheme().kinds();
  const bool known = std::any_of(kinds.begin(), kinds.end(),
                                 [&](const Kind* kind) { return kind->group == call.route.group && !kind->custom; });
  return known ? no_such_path() : page_not_found();
}

// Whether it is a watch, which is left to the caller.
bool serve_resource(Call& call) {
  const auto view = negotiate(call.request, call.route);
  if (!view) {
    const bool list = call.route.verb == "list" || call.route.verb == "watch";
    return respond(call, not_acceptable(call.request, list)), false;
  }
  call.view = *view;
  if (!call.route.kind || !shape_fits(call.route)) return respond(call, nothing_there(call)), false;
  if (call.route.verb == "watch") return true;
  auto response = answer_resource(call);
  if (!call.answered) respond(call, std::move(response));
  return false;
}

bool below(std::string_view path, std::string_view root) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

// What discovery shows: the kinds that are stored, which may change at any time, and those that are only asked.
const meta::Scheme& discovery_scheme(Api& api) {
  const meta::Scheme& stored = api.registry.scheme();
  if (!api.rbac) return stored;
  if (!api.discovery || api.discovery_of != stored.revision()) {
    api.discovery = std::make_unique<meta::Scheme>(with_reviews(stored));
    api.discovery_of = stored.revision();
  }
  return *api.discovery;
}

net::Response answer_path(Call& call) {
  const auto& path = call.route.path;
  if (below(path, "/openapi")) {
    if (auto document = call.api.documents.answer(call.request)) return std::move(*document);
  }
  if (below(path, "/api") || below(path, "/apis")) {
    return discovery_response(discovery_scheme(call.api), call.request);
  }
  if (auto document = answer_openid(call)) return std::move(*document);
  return answer_health(call.route, call.api.options);
}

net::Response turned_away(const Error& error) {
  return error.code == base::Code::unavailable ? too_many_requests() : failure(error);
}

// 403 with upstream's text; the audit log learns why either way.
Result<void> check_permission(Call& call, const Attributes& asked) {
  auto allowed = require(call.api, call.user, asked);
  if (!call.passage->audit()) return allowed;
  call.annotate("authorization.k8s.io/decision", allowed ? "allow" : "forbid");
  call.annotate("authorization.k8s.io/reason", call.api.rbac ? call.api.rbac->reason(call.user, asked) : "");
  return allowed;
}

Result<User> user_of(Call& call, const Attributes& asked) {
  auto& passage = *call.passage;
  auto user = authenticate(call.api, call.exchange);
  passage.begin_audit(user ? *user : User(), call.route, asked);
  if (!user) return user;
  const std::string name = user->name;
  auto wanted = impersonated(call.api, *std::move(user), call.request);
  if (wanted && wanted->name != name && passage.audit()) passage.audit()->set_impersonated(*wanted);
  return wanted;
}

// In kube-apiserver's order: who, for how long, whose turn, may they, what. A watch is left to the caller: it lasts,
// and below it thousands of times the stack would hold what was needed for these decisions. False: it is answered.
[[gnu::noinline]] bool leads_to_watch(Call& call) {
  auto& api = call.api;
  auto& passage = *call.passage;
  const auto asked = attributes_of(call.route);
  if (is_for_leader(call)) {  // which also counts, judges and records it
    const auto asks = authenticate(api, call.exchange);
    return respond(call, asks ? ask_leader(call, *asks) : failure(asks.error())), false;
  }
  auto user = user_of(call, asked);
  if (!user) return respond(call, failure(user.error())), false;
  call.user = std::move(*user);
  if (auto limited = passage.set_limit(call.route); !limited) return respond(call, failure(limited.error())), false;
  if (auto admitted = passage.admit(call, asked); !admitted) return respond(call, turned_away(admitted.error())), false;
  if (call.request.body.size() > body_bytes_max) return respond(call, too_large()), false;
  const auto* review = review_kind(call.route);
  // Where roles cannot say so, everybody with a name may ask about themselves.
  const bool about_self = review && review->self && !api.rbac && call.user.name != anonymous_user;
  if (about_self) return respond(call, answer_review(call, *review)), false;
  if (auto allowed = check_permission(call, asked); !allowed) return respond(call, failure(allowed.error())), false;
  if (passage.audit()) passage.audit()->set_request_object(call.request);
  if (review) return respond(call, answer_review(call, *review)), false;
  if (auto current = catch_up(call); !current) return respond(call, failure(current.error())), false;
  if (call.route.is_resource) return serve_resource(call);
  respond(call, answer_path(call));
  return false;
}

// On the heap, because there it has its size and on the stack a page.
struct Visit {
  Visit(Api& api, net::Exchange& exchange)
      : passage(api, exchange),
        call{.api = api,
             .exchange = passage,
             .request = exchange.request(),
             .route = parse_route(api.registry.scheme(), exchange.request())} {
    call.passage = &passage;
  }
  Passage passage;
  Call call;
};

void serve(Api& api, net::Exchange& exchange) {
  const auto visit = std::make_unique<Visit>(api, exchange);
  if (leads_to_watch(visit->call)) serve_watch(visit->call);
  visit->passage.release_seats();
  visit->passage.finish();
}

}  // namespace

struct ApiServer::State {
  std::shared_ptr<Api> api;
  std::unique_ptr<Rbac> rbac;
  std::unique_ptr<net::HttpServer> http;
};

namespace {

void make_authenticators(Api& api) {
  const auto& options = api.options;
  if (const auto& key = options.service_account_key_pem; !key.empty()) {
    auto tokens = ServiceTokens::make(key, options.service_account_issuer);
    if (tokens) api.tokens = std::make_unique<ServiceTokens>(std::move(*tokens));
    if (!tokens) base::log::error("no ServiceAccount tokens", {{"error", tokens.error().text()}});
  }
  if (const auto& csv = options.authentication.token_file; !csv.empty()) {
    auto tokens = StaticTokens::parse(csv);
    if (tokens) api.static_tokens = std::make_unique<StaticTokens>(std::move(*tokens));
    if (!tokens) base::log::error("no tokens from the file", {{"error", tokens.error().text()}});
  }
  for (const auto& provider : options.authentication.oidc) {
    api.oidc.push_back(std::make_unique<Oidc>(api.sys, provider));
  }
}

}  // namespace

ApiServer::ApiServer(sys::Sys& sys, registry::Registry& registry, Options options) : state_(std::make_unique<State>()) {
  state_->api = std::make_shared<Api>(sys, registry, std::move(options));
  auto& api = *state_->api;
  make_authenticators(api);
  if (api.options.audit) api.audit = std::make_unique<AuditLog>(sys, *api.options.audit);
  if (api.options.authorizer || !Rbac::serves(registry.scheme())) return;
  state_->rbac = std::make_unique<Rbac>(sys.loop, registry, api.options.aggregate_roles);
  if (api.options.peers) state_->rbac->write_while(api.options.peers->leads);
  api.rbac = state_->rbac.get();
}

ApiServer::~ApiServer() {
  stop();
  state_->api->rbac = nullptr;
  if (state_->api->flow) state_->api->flow->stop();
}

base::Result<void> ApiServer::start() {
  auto& api = *state_->api;
  start_flow_control();
  if (!api.options.peers) bootstrap();
  net::ServerOptions options;
  options.listen = api.options.listen;
  options.tls_options = api.options.tls;
  options.tls_options.client_ca_pem += api.options.authentication.request_header.client_ca_pem;
  if (api.options.peers) options.tls_options.client_ca_pem += api.options.peers->ca_pem;
  options.tls_options.alpn = {"h2", "http/1.1"};
  options.body_bytes_max = body_bytes_max + 1;  // one too many is answered here, as a Status
  auto handler = [shared = state_->api](net::Exchange& exchange) { serve(*shared, exchange); };
  state_->http = std::make_unique<net::HttpServer>(api.sys.loop, api.sys.net, std::move(options), std::move(handler));
  TRY(state_->http->start().context("the API server"));
  if (!api.options.peers) make_service();
  return {};
}

void ApiServer::bootstrap() {
  auto& api = *state_->api;
  if (api.rbac) {
    make_bootstrap_roles(api.registry);
    api.rbac->maintain();
  }
  if (api.flow) api.flow->maintain();
  make_service();
}

void ApiServer::make_service() {
  auto& api = *state_->api;
  if (api.rbac && state_->http && !local().empty()) make_kubernetes_service(api.registry, local().front().port);
}

void ApiServer::start_flow_control() {
  auto& api = *state_->api;
  const auto& flow = api.options.flow;
  const uint32_t seats = flow.reads_max + flow.writes_max;
  const bool wanted = flow.priorities && seats > 0 && FlowControl::serves(api.registry.scheme());
  if (!wanted || api.flow) return;
  api.flow = std::make_unique<FlowControl>(api.sys.loop, api.registry, seats);
  if (api.options.peers) api.flow->write_while(api.options.peers->leads);
}

std::vector<sys::Address> ApiServer::local() const {
  return state_->http ? state_->http->local() : std::vector<sys::Address>();
}

void ApiServer::stop() {
  auto& api = *state_->api;
  api.stopping = true;
  for (auto* wake : api.watchers) wake->set();
  if (state_->http) state_->http->stop();
}

void ApiServer::kinds_changed() {
  for (auto* wake : state_->api->watchers) wake->set();
}

void ApiServer::handle(net::Exchange& exchange) { serve(*state_->api, exchange); }

}  // namespace server
