// ValidatingAdmissionPolicies and their bindings: rules in CEL that are evaluated in the process, without waiting.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "server/admission/cel_input.h"
#include "server/admission/match.h"

namespace server {

struct PolicyMatch {                           // matchConstraints or matchResources
  std::vector<AdmissionRule> rules, excluded;  // no rules: all
  bool equivalent = true;
  AdmissionSelectors selectors;

  static PolicyMatch of(const Json& resources);
  // The version to look at the documents in; nullopt: not about this request.
  Result<std::optional<std::string>> version(const AdmissionAttributes& asked, const Kind& kind, const Json& object,
                                             const Json& old, const registry::Registry& registry) const;
};

struct PolicyBinding {
  std::string name;
  PolicyMatch match;
  Json param_ref, actions;
};

struct PolicyExpression {
  std::string source;
  Result<cel::Program> program;
};

struct Policy {
  struct Validation {
    PolicyExpression expression;
    std::optional<PolicyExpression> message_expression;
    std::string message, reason;
  };
  struct Annotation {
    std::string key;
    PolicyExpression value;
  };
  std::string name;
  bool ignore_failure = false;
  PolicyMatch match;
  Json param_kind;
  std::vector<CelCondition> conditions;
  std::vector<std::pair<std::string, PolicyExpression>> variables;
  std::vector<Validation> validations;
  std::vector<Annotation> annotations;
  std::vector<PolicyBinding> bindings;
};
using Policies = std::shared_ptr<const std::vector<Policy>>;

// Follows the store. A policy without a binding is not in force and not here.
class PolicyIndex {
 public:
  static bool serves(const meta::Scheme& scheme);
  explicit PolicyIndex(store::Store& store);
  ~PolicyIndex();
  PolicyIndex(const PolicyIndex&) = delete;
  Policies all();  // sorted by name

 private:
  store::Store& store_;
  Policies all_;  // null: to be read
  store::Subscription subscription_;
};

struct PolicyVerdict {
  struct Denial {
    std::string message, reason;
  };
  std::optional<Denial> denial;
  std::vector<std::string> warnings;
  std::map<std::string, std::string> annotations;  // for the audit log
};

// One request against all policies. `shown` gives a document of the request in a version of its kind.
struct PolicyQuestion {
  const Api& api;
  const AdmissionAttributes& asked;
  const Kind& kind;
  const Json &object, &old;  // in the storage version or as they are
  std::function<Result<Json>(const Json& doc, const std::string& version)> shown;
};
PolicyVerdict judge(const std::vector<Policy>& policies, const PolicyQuestion& question);
bool could_match(const std::vector<Policy>& policies, const AdmissionAttributes& asked, const Kind& kind);

// The Status of a denial, or its error.
Json policy_denial(const AdmissionAttributes& asked, const Json& object, const PolicyVerdict::Denial& denial);

}  // namespace server
