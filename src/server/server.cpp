#include "server/server.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "server/auth.h"
#include "server/compress.h"
#include "server/authentication.h"
#include "server/discovery.h"
#include "server/documents.h"
#include "server/errors.h"
#include "server/fixed_answers.h"
#include "server/handlers.h"
#include "server/rbac.h"
#include "server/reviews.h"
#include "server/service_tokens.h"
#include "server/view.h"
#include "wire/yaml.h"

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
    return Methods{.get = get_object, .put = update_object, .patch = patch_object, .remove = delete_object};
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

net::Response answer_resource(Call& call) {
  const auto methods = methods_of(call);
  if (!methods) return no_such_path();
  if (call.kind().terminating && call.request.method == "POST") {
    return failure(405, "MethodNotAllowed", "create not allowed while custom resource definition is terminating");
  }
  const auto method = method_of(*methods, call.request.method);
  if (!method) {
    return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
  }
  if (call.version().deprecated) call.warn(call.version().deprecation_warning);
  auto response = method(call);
  if (!response && call.refusal) return failure(*call.refusal);
  return response ? std::move(*response) : failure(response.error());
}

// Who reads YAML gets failures in YAML too.
void in_words_of(const Call& call, net::Response& response) {
  if (!call.view.yaml || response.headers.get("Content-Type") != "application/json") return;
  const auto document = base::parse_json(response.body);
  if (!document) return;
  response.body = wire::to_yaml(*document);
  response.headers.set("Content-Type", "application/yaml");
}

void respond(Call& call, net::Response response) {
  in_words_of(call, response);
  call.add_warnings(response.headers);
  if (!response.headers.has("Cache-Control")) response.headers.set("Cache-Control", "no-cache, private");
  compress(call.api, call.request, response);
  call.exchange.respond(std::move(response));
}

void serve_watch(Call& call) {
  if (call.view.yaml) return respond(call, not_acceptable());
  if (call.version().deprecated) call.warn(call.version().deprecation_warning);
  auto watched = watch_objects(call);
  if (!watched) respond(call, failure(watched.error()));
}

// Below a group that is served the answer is a Status; elsewhere it is a word.
net::Response nothing_there(const Call& call) {
  const auto& groups = call.api.registry.scheme().groups();
  const bool known = std::find(groups.begin(), groups.end(), call.route.group) != groups.end();
  return known ? no_such_path() : page_not_found();
}

void serve_resource(Call& call) {
  const auto view = negotiate(call.request, call.route.query);
  if (!view) return respond(call, not_acceptable());
  call.view = *view;
  if (!call.route.kind || !shape_fits(call.route)) return respond(call, nothing_there(call));
  if (call.route.verb == "watch") return serve_watch(call);
  respond(call, answer_resource(call));
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
  return answer_health(call.route, call.api.options);
}

void serve(Api& api, net::Exchange& exchange) {
  const auto& request = exchange.request();
  Call call{.api = api, .exchange = exchange, .request = request, .route = parse_route(api.registry.scheme(), request)};
  auto user = authenticate(api, exchange);
  if (!user) return respond(call, failure(user.error()));
  user = impersonated(api, std::move(*user), request);
  if (!user) return respond(call, failure(user.error()));
  call.user = std::move(*user);
  if (request.body.size() > body_bytes_max) return respond(call, too_large());
  const auto* review = review_kind(call.route);
  // Where roles cannot say so, everybody with a name may ask about themselves.
  const bool about_self = review && review->self && !api.rbac && call.user.name != "system:anonymous";
  if (about_self) return respond(call, answer_review(call, *review));
  if (auto allowed = authorise(api, call.user, call.route); !allowed) return respond(call, failure(allowed.error()));
  if (review) return respond(call, answer_review(call, *review));
  if (call.route.is_resource) return serve_resource(call);
  respond(call, answer_path(call));
}

}  // namespace

struct ApiServer::State {
  std::shared_ptr<Api> api;
  std::unique_ptr<Rbac> rbac;
  std::unique_ptr<net::HttpServer> http;
};

ApiServer::ApiServer(sys::Sys& sys, registry::Registry& registry, Options options) : state_(std::make_unique<State>()) {
  state_->api = std::make_shared<Api>(sys, registry, std::move(options));
  auto& api = *state_->api;
  if (const auto& key = api.options.service_account_key_pem; !key.empty()) {
    auto tokens = ServiceTokens::make(key, api.options.service_account_issuer);
    if (tokens) api.tokens = std::make_unique<ServiceTokens>(std::move(*tokens));
    if (!tokens) base::log::error("no ServiceAccount tokens", {{"error", tokens.error().text()}});
  }
  if (api.options.authorizer || !Rbac::serves(registry.scheme())) return;
  state_->rbac = std::make_unique<Rbac>(sys.loop, registry);
  api.rbac = state_->rbac.get();
}

ApiServer::~ApiServer() {
  stop();
  state_->api->rbac = nullptr;
}

base::Result<void> ApiServer::start() {
  auto& api = *state_->api;
  if (api.rbac) make_bootstrap_roles(api.registry);
  net::ServerOptions options;
  options.listen = api.options.listen;
  options.tls_options = api.options.tls;
  options.tls_options.client_ca_pem += api.options.authentication.request_header.client_ca_pem;
  options.tls_options.alpn = {"h2", "http/1.1"};
  options.body_bytes_max = body_bytes_max + 1;  // one too many is answered here, as a Status
  auto handler = [shared = state_->api](net::Exchange& exchange) { serve(*shared, exchange); };
  state_->http = std::make_unique<net::HttpServer>(api.sys.loop, api.sys.net, std::move(options), std::move(handler));
  return state_->http->start().context("the API server");
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
