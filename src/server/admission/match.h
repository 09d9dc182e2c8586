// Which requests a webhook or policy is about: rules, selectors, equivalent versions.
#pragma once

#include <optional>
#include <vector>

#include "registry/registry.h"
#include "server/admission/attributes.h"

namespace server {

// One of rules or resourceRules.
struct AdmissionRule {
  std::vector<std::string> operations, groups, versions, resources, names;  // no names: all
  std::string scope;

  static AdmissionRule of(const base::Json& rule);
  // `version` is asked for instead of the request's.
  bool matches(const AdmissionAttributes& asked, const std::string& version) const;
};
std::vector<AdmissionRule> admission_rules_of(const base::Json& list);

// namespaceSelector and objectSelector.
struct AdmissionSelectors {
  registry::LabelSelector namespaces, objects;

  static AdmissionSelectors of(const base::Json& holder);
  // Errors: not_found when the namespace is needed and there is none.
  base::Result<bool> match_namespace(const AdmissionAttributes& asked, const base::Json& object,
                                     const registry::Registry& registry) const;
  // Either of the two; null documents match nothing but an empty selector.
  bool match_object(const base::Json& object, const base::Json& old) const;
};

// The version in which a request is shown to whoever has these rules: the request's own, or with `equivalent` another
// one of the same kind that a rule names. nullopt: they are not about it.
std::optional<std::string> version_wanted(const std::vector<AdmissionRule>& rules, bool equivalent,
                                          const AdmissionAttributes& asked, const meta::Kind& kind);

}  // namespace server
