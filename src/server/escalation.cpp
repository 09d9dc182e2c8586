#include "server/escalation.h"

#include <algorithm>

#include "base/text.h"
#include "server/auth.h"
#include "server/rbac.h"

namespace server {
namespace {

bool is_allowed_to(const Call& call, const char* verb, const std::string& resource, const std::string& ns,
                   const std::string& name) {
  Attributes asked;
  asked.verb = verb;
  asked.group = rbac_group;
  asked.resource = resource;
  asked.ns = ns;
  asked.name = name;
  return is_allowed(call.api, call.user, asked);
}

// Garbage collection must be able to proceed, so what only concerns it grants nothing. Labels do: they gather roles.
bool same_for_rbac(Json a, Json b) {
  for (auto* doc : {&a, &b}) {
    auto& metadata = doc->child("metadata");
    for (const char* field : {"ownerReferences", "finalizers", "managedFields", "resourceVersion"}) {
      metadata.erase(field);
    }
  }
  return a == b;
}

std::string quoted_list(const std::vector<std::string>& items) {
  std::vector<std::string> out;
  for (const auto& item : items) out.push_back(base::quoted(item));
  return "[" + base::join(out, " ") + "]";
}

Result<void> check_held(const Call& call, const Json& doc, const std::vector<PolicyRule>& wanted) {
  const auto missing = not_covered(call.api.rbac->rules(call.user, call.route.ns), wanted);
  if (missing.empty()) return {};
  std::vector<std::string> texts;
  for (const auto& rule : missing) texts.push_back(text_of(rule));
  std::sort(texts.begin(), texts.end());
  return registry::forbidden(call.kind(), doc["metadata"]["name"].string(),
                             "user " + base::quoted(call.user.name) + " (groups=" + quoted_list(call.user.groups) +
                                 ") is attempting to grant RBAC permissions not currently held:\n" +
                                 base::join(texts, "\n"));
}

Result<void> check_role(const Call& call, const Json& doc, const Json* old) {
  const auto& name = doc["metadata"]["name"].string();
  if (is_allowed_to(call, "escalate", call.kind().plural, call.route.ns, name)) return {};
  // Whoever decides what is gathered could gather anything.
  if (doc["aggregationRule"].is_object() || (old && (*old)["aggregationRule"].is_object())) {
    TRY(check_held(call, doc,
                   {{.verbs = {"*"}, .groups = {"*"}, .resources = {"*"}, .names = {}, .urls = {}},
                    {.verbs = {"*"}, .groups = {}, .resources = {}, .names = {}, .urls = {"*"}}}));
  }
  return check_held(call, doc, rules_of(doc["rules"]));
}

Result<void> check_binding(const Call& call, const Json& doc) {
  const auto& kind = doc["roleRef"]["kind"].string();
  const auto& name = doc["roleRef"]["name"].string();
  const char* resource = kind == "Role" ? "roles" : "clusterroles";
  if (is_allowed_to(call, "bind", resource, call.route.ns, name)) return {};
  const auto granted = call.api.rbac->role(kind, call.route.ns, name);
  if (granted) return check_held(call, doc, *granted);
  const auto* role_kind = call.api.registry.scheme().by_plural(rbac_group, resource);
  return registry::not_found(*role_kind, name);
}

}  // namespace

Result<void> check_grants(const Call& call, const Json& doc, const Json* old) {
  if (call.kind().group != rbac_group || !call.api.rbac || is_master(call.user)) return {};
  if (old && same_for_rbac(doc, *old)) return {};
  const auto& plural = call.kind().plural;
  if (plural == "roles" || plural == "clusterroles") return check_role(call, doc, old);
  return check_binding(call, doc);
}

}  // namespace server
