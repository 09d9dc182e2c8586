#include "server/auth.h"

#include <algorithm>

#include "base/text.h"
#include "server/rbac.h"

namespace server {
namespace {

bool in_group(const User& user, std::string_view group) {
  return std::find(user.groups.begin(), user.groups.end(), group) != user.groups.end();
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
