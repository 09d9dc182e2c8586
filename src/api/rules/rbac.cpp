#include "api/rules/rbac.h"

#include "api/rules/admission_match.h"
#include "api/rules/checks.h"

namespace api::rules {
namespace {

constexpr const char* rbac_group = "rbac.authorization.k8s.io";

std::string indexed(const std::string& list, size_t index) { return list + "[" + std::to_string(index) + "]"; }

void check_rule(const Json& rule, bool namespaced, const std::string& field, Findings& found) {
  if (rule["verbs"].empty()) {
    found.push_back(meta::field_required(field + ".verbs", "verbs must contain at least one value"));
  }
  const Json& urls = rule["nonResourceURLs"];
  if (!urls.empty()) {
    const std::string at = field + ".nonResourceURLs";
    if (namespaced) {
      found.push_back(meta::field_invalid(at, urls, "namespaced rules cannot apply to non-resource URLs"));
    }
    if (!rule["apiGroups"].empty() || !rule["resources"].empty() || !rule["resourceNames"].empty()) {
      found.push_back(
          meta::field_invalid(at, urls, "rules cannot apply to both regular resources and non-resource URLs"));
    }
    return;
  }
  if (rule["apiGroups"].empty()) {
    found.push_back(meta::field_required(field + ".apiGroups", "resource rules must supply at least one api group"));
  }
  if (rule["resources"].empty()) {
    found.push_back(meta::field_required(field + ".resources", "resource rules must supply at least one resource"));
  }
}

Findings check_rules(const Json& doc, bool namespaced) {
  Findings found;
  const Json& rules = doc["rules"];
  for (size_t i = 0; i < rules.size(); ++i) check_rule(rules.at(i), namespaced, indexed("rules", i), found);
  return found;
}

// Why no role can be called so.
void check_role_name(const Json& name, const std::string& field, Findings& found) {
  const std::string& text = name.string();
  if (text.empty()) return found.push_back(meta::field_required(field));
  if (text == "." || text == "..")
    return found.push_back(meta::field_invalid(field, name, "may not be '" + text + "'"));
  for (const char c : {'/', '%'}) {
    if (text.find(c) == std::string::npos) continue;
    found.push_back(meta::field_invalid(field, name, "may not contain '" + std::string(1, c) + "'"));
  }
}

void check_reference(const Json& reference, bool namespaced, Findings& found) {
  if (reference["apiGroup"].string() != rbac_group) {
    found.push_back(meta::field_not_supported("roleRef.apiGroup", reference["apiGroup"].string(), {rbac_group}));
  }
  const std::string& kind = reference["kind"].string();
  if (kind != "ClusterRole" && !(namespaced && kind == "Role")) {
    const std::vector<std::string> kinds =
        namespaced ? std::vector<std::string>{"Role", "ClusterRole"} : std::vector<std::string>{"ClusterRole"};
    found.push_back(meta::field_not_supported("roleRef.kind", kind, kinds));
  }
  check_role_name(reference["name"], "roleRef.name", found);
}

void check_subject(const Json& subject, bool namespaced, const std::string& field, Findings& found) {
  const std::string &kind = subject["kind"].string(), &name = subject["name"].string();
  const std::string& group = subject["apiGroup"].string();
  if (name.empty()) found.push_back(meta::field_required(field + ".name"));
  if (kind == "ServiceAccount") {
    if (const auto why = name.empty() ? "" : subdomain_problem(name); !why.empty()) {
      found.push_back(meta::field_invalid(field + ".name", name, why));
    }
    if (!group.empty()) found.push_back(meta::field_not_supported(field + ".apiGroup", group, {""}));
    const bool nowhere = !namespaced && subject["namespace"].string().empty();
    if (nowhere) found.push_back(meta::field_required(field + ".namespace"));
  } else if (kind == "User" || kind == "Group") {
    if (group != rbac_group) found.push_back(meta::field_not_supported(field + ".apiGroup", group, {rbac_group}));
  } else {
    found.push_back(meta::field_not_supported(field + ".kind", kind, {"ServiceAccount", "User", "Group"}));
  }
}

// As the message about it shows it: by the names that the fields have inside of kube-apiserver.
Json shown(const Json& reference) {
  return Json::object({{"APIGroup", reference["apiGroup"].string()},
                       {"Kind", reference["kind"].string()},
                       {"Name", reference["name"].string()}});
}

}  // namespace

void fill_role(Json& doc, const Json*) {
  if (!doc.has("rules")) doc.set("rules", nullptr);
}

Findings check_role(const Json& doc, const Json*, Operation operation) {
  return operation == Operation::remove ? Findings() : check_rules(doc, true);
}

Findings check_cluster_role(const Json& doc, const Json*, Operation operation) {
  if (operation == Operation::remove) return {};
  Findings found = check_rules(doc, false);
  const Json& aggregation = doc["aggregationRule"];
  if (aggregation.is_null()) return found;
  const std::string field = "aggregationRule.clusterRoleSelectors";
  const Json& selectors = aggregation["clusterRoleSelectors"];
  if (selectors.empty()) {
    found.push_back(
        meta::field_required(field, "at least one clusterRoleSelector required if aggregationRule is non-nil"));
  }
  for (size_t i = 0; i < selectors.size(); ++i) check_label_selector(selectors.at(i), indexed(field, i), found);
  return found;
}

void fill_binding(Json& doc, const Json*) {
  if (!doc.has("roleRef")) doc.set("roleRef", Json::object());
  if (doc["roleRef"].is_object() && doc["roleRef"]["apiGroup"].string().empty()) {
    doc.child("roleRef").set("apiGroup", rbac_group);
  }
  for (size_t i = 0; i < doc["subjects"].size(); ++i) {
    const Json subject = doc["subjects"].at(i);
    const std::string& kind = subject["kind"].string();
    const bool named = kind == "User" || kind == "Group";
    if (!named || !subject["apiGroup"].string().empty()) continue;
    doc.child("subjects").item(i).set("apiGroup", rbac_group);
  }
}

Findings check_binding(const Json& doc, const Json* old, Operation operation) {
  Findings found;
  if (operation == Operation::remove) return found;
  const bool namespaced = doc["kind"].string() == "RoleBinding";
  check_reference(doc["roleRef"], namespaced, found);
  const Json& subjects = doc["subjects"];
  for (size_t i = 0; i < subjects.size(); ++i) {
    check_subject(subjects.at(i), namespaced, indexed("subjects", i), found);
  }
  if (old && doc["roleRef"] != (*old)["roleRef"]) {
    found.push_back(meta::field_invalid("roleRef", shown(doc["roleRef"]), "cannot change roleRef"));
  }
  return found;
}

}  // namespace api::rules
