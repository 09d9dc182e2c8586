#include "server/admission/match.h"

#include <algorithm>

#include "base/text.h"

namespace server {
namespace {

std::vector<std::string> strings_of(const base::Json& list) {
  std::vector<std::string> out;
  for (const auto& item : list.items()) out.push_back(item.string());
  return out;
}

bool names(const std::vector<std::string>& words, const std::string& word) {
  return std::any_of(words.begin(), words.end(), [&](const auto& one) { return one == "*" || one == word; });
}

bool names_resource(const std::vector<std::string>& resources, const AdmissionAttributes& asked) {
  return std::any_of(resources.begin(), resources.end(), [&](const std::string& text) {
    const size_t slash = text.find('/');
    const auto resource = text.substr(0, slash);
    const auto sub = slash == std::string::npos ? std::string() : text.substr(slash + 1);
    return (resource == "*" || resource == asked.resource) && (sub == "*" || sub == asked.subresource);
  });
}

bool in_scope(const std::string& scope, const AdmissionAttributes& asked) {
  const bool cluster = asked.is_namespace() || asked.ns.empty();
  if (scope == "Cluster") return cluster;
  if (scope == "Namespaced") return !cluster;
  return true;
}

registry::LabelSelector selector_of(const base::Json& selector) {
  // Stored selectors have been checked.
  return registry::LabelSelector::from_object(selector).value_or(registry::LabelSelector());
}

}  // namespace

AdmissionRule AdmissionRule::of(const base::Json& rule) {
  return {strings_of(rule["operations"]), strings_of(rule["apiGroups"]),     strings_of(rule["apiVersions"]),
          strings_of(rule["resources"]),  strings_of(rule["resourceNames"]), rule["scope"].string()};
}

bool AdmissionRule::matches(const AdmissionAttributes& asked, const std::string& version) const {
  const bool named =
      this->names.empty() || std::find(this->names.begin(), this->names.end(), asked.name) != this->names.end();
  return named && in_scope(scope, asked) && server::names(operations, asked.operation) &&
         server::names(groups, asked.group) && server::names(versions, version) && names_resource(resources, asked);
}

std::vector<AdmissionRule> admission_rules_of(const base::Json& list) {
  std::vector<AdmissionRule> out;
  for (const auto& rule : list.items()) out.push_back(AdmissionRule::of(rule));
  return out;
}

AdmissionSelectors AdmissionSelectors::of(const base::Json& holder) {
  return {selector_of(holder["namespaceSelector"]), selector_of(holder["objectSelector"])};
}

base::Result<bool> AdmissionSelectors::match_namespace(const AdmissionAttributes& asked, const base::Json& object,
                                                       const registry::Registry& registry) const {
  if (namespaces.empty() || (asked.ns.empty() && !asked.is_namespace())) return true;
  // A namespace that comes or changes is judged by what it will be.
  if (asked.is_namespace() && asked.subresource.empty() && !object.is_null()) {
    return namespaces.matches(object["metadata"]["labels"]);
  }
  const auto* kind = registry.scheme().by_plural({}, "namespaces");
  const auto found = kind ? registry.get(*kind, {}, asked.ns) : nullptr;
  if (!found) return base::not_found("namespaces " + base::quoted(asked.ns) + " not found");
  return namespaces.matches(found->doc()["metadata"]["labels"]);
}

bool AdmissionSelectors::match_object(const base::Json& object, const base::Json& old) const {
  if (objects.empty()) return true;
  const auto selected = [&](const base::Json& doc) {
    return doc.is_object() && objects.matches(doc["metadata"]["labels"]);
  };
  return selected(object) || selected(old);
}

std::optional<std::string> version_wanted(const std::vector<AdmissionRule>& rules, bool equivalent,
                                          const AdmissionAttributes& asked, const meta::Kind& kind) {
  for (const auto& rule : rules) {
    if (rule.matches(asked, asked.version)) return asked.version;
  }
  if (!equivalent) return std::nullopt;
  for (const auto& rule : rules) {
    for (const auto& version : kind.versions) {
      if (version.served && version.name != asked.version && rule.matches(asked, version.name)) return version.name;
    }
  }
  return std::nullopt;
}

}  // namespace server
