#include "server/auth.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/x509.h"
#include "server/rbac.h"

namespace server {
namespace {

constexpr size_t remembered_certificates_max = 1000;
constexpr std::string_view authenticated = "system:authenticated";
constexpr std::string_view anonymous = "system:anonymous";

bool in_group(const User& user, std::string_view group) {
  return std::find(user.groups.begin(), user.groups.end(), group) != user.groups.end();
}

// Reading a certificate costs more than the rest of a small request, and connections show the same few.
base::Result<User> user_of_certificate(Api& api, const std::string& pem) {
  if (const auto known = api.certificates.find(pem); known != api.certificates.end()) return known->second;
  auto info = TRY(crypto::inspect_certificate(pem));
  User user{std::move(info.common_name), std::move(info.organizations)};
  if (user.name.empty()) {
    return base::Error{.code = base::Code::unauthenticated, .message = "the client certificate has no common name"};
  }
  if (api.certificates.size() >= remembered_certificates_max) api.certificates.clear();
  api.certificates.emplace(pem, user);
  return user;
}

bool open_to_all(std::string_view path) {
  for (const std::string_view open : {"/healthz", "/livez", "/readyz"}) {
    if (path == open || (path.starts_with(open) && path[open.size()] == '/')) return true;
  }
  return path == "/version" || path == "/version/";
}

bool allowed_by_default(const User& user, const Attributes& attributes) {
  if (is_master(user)) return true;
  return attributes.verb == "get" && open_to_all(attributes.path);
}

// `machines.cluster.x-k8s.io "m" is forbidden: User "x" cannot get resource ...`
std::string refusal(const User& user, const Attributes& asked) {
  const auto who = "User " + base::quoted(user.name) + " cannot " + asked.verb + " ";
  if (!asked.path.empty()) return "forbidden: " + who + "path " + base::quoted(asked.path);
  std::string subject = asked.resource;
  if (!asked.group.empty()) subject += "." + asked.group;
  if (!asked.name.empty()) subject += " " + base::quoted(asked.name);
  std::string resource = asked.resource;
  if (!asked.subresource.empty()) resource += "/" + asked.subresource;
  const std::string scope = asked.ns.empty() ? "at the cluster scope" : "in the namespace " + base::quoted(asked.ns);
  return subject + " is forbidden: " + who + "resource " + base::quoted(resource) + " in API group " +
         base::quoted(asked.group) + " " + scope;
}

base::Error refused(const Api& api, const User& user, const Attributes& asked) {
  std::string message = refusal(user, asked);
  if (api.rbac) {
    if (const auto why = api.rbac->reason(user, asked); !why.empty()) message += ": " + why;
  }
  return base::Error{.code = base::Code::forbidden, .message = std::move(message)};
}

// metadata.name of a field selector that is nothing but that.
std::string selected_name(const Query& query) {
  constexpr std::string_view field = "metadata.name=";
  std::string_view selector = query.get("fieldSelector");
  for (const auto part : base::split(selector, ',')) {
    if (!part.starts_with(field)) continue;
    const auto value = part.substr(field.size());
    return std::string(value.starts_with('=') ? value.substr(1) : value);
  }
  return {};
}

}  // namespace

base::Result<User> authenticate(Api& api, const net::Exchange& exchange) {
  const base::Error refused{.code = base::Code::unauthenticated, .message = "Unauthorized"};
  std::optional<User> user;
  const sys::TlsPeer* peer = exchange.tls();
  if (peer && !peer->certificate_pem.empty()) {
    auto named = user_of_certificate(api, peer->certificate_pem);
    if (!named) return refused;
    user = std::move(*named);
  }
  const std::string_view header = exchange.request().headers.get("Authorization");
  constexpr std::string_view scheme = "bearer ";
  if (!user && header.size() > scheme.size() && base::equals_ignore_case(header.substr(0, scheme.size()), scheme)) {
    auto known = user_of_token(api, base::trim(header.substr(scheme.size())), {});
    if (!known) return refused;
    user = std::move(known->user);
  }
  if (!user) return User{std::string(anonymous), {"system:unauthenticated"}};
  if (!in_group(*user, authenticated)) user->groups.emplace_back(authenticated);
  return *std::move(user);
}

std::optional<ServiceTokens::Known> user_of_token(const Api& api, std::string_view token,
                                                  std::vector<std::string> audiences) {
  const bool any = audiences.empty();
  if (any && api.tokens) audiences = api.tokens->default_audiences();
  if (api.options.tokens) {
    if (auto user = api.options.tokens(token)) {
      if (!in_group(*user, authenticated)) user->groups.emplace_back(authenticated);
      return ServiceTokens::Known{*std::move(user), std::move(audiences)};
    }
  }
  if (!api.tokens) return std::nullopt;
  auto known = api.tokens->check(token, audiences, api.registry.store(), api.registry.now());
  if (!known) return std::nullopt;
  known->user.groups.emplace_back(authenticated);
  return *std::move(known);
}

bool is_master(const User& user) { return in_group(user, "system:masters"); }

Attributes attributes_of(const Route& route) {
  Attributes out;
  out.verb = route.verb;
  if (!route.is_resource) {
    out.path = route.path;
    return out;
  }
  out.group = route.group;
  out.resource = route.plural;
  out.subresource = route.subresource;
  out.ns = route.ns;
  out.name = route.name;
  // A namespace is inside itself: roles in it can allow reading it.
  if (out.group.empty() && out.resource == "namespaces") out.ns = out.name;
  const bool many = out.verb == "list" || out.verb == "watch" || out.verb == "deletecollection";
  if (many && out.name.empty()) out.name = selected_name(route.query);
  return out;
}

bool is_allowed(const Api& api, const User& user, const Attributes& attributes) {
  if (api.rbac) return api.rbac->allows(user, attributes);
  const auto& own = api.options.authorizer;
  return own ? own(user, attributes) : allowed_by_default(user, attributes);
}

base::Result<void> require(const Api& api, const User& user, const Attributes& asked) {
  if (is_allowed(api, user, asked)) return {};
  return refused(api, user, asked);
}

base::Result<void> authorise(const Api& api, const User& user, const Route& route) {
  return require(api, user, attributes_of(route));
}

}  // namespace server
