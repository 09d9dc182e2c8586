#include "server/admission/policies.h"

#include <algorithm>

#include "api/rules/admission_cel.h"
#include "base/text.h"
#include "server/convert.h"

namespace server {
namespace {

const std::string policies_resource = "validatingadmissionpolicies.admissionregistration.k8s.io";
const std::string bindings_resource = "validatingadmissionpolicybindings.admissionregistration.k8s.io";

PolicyExpression expression_of(const cel::Environment& environment, const Json& source,
                               const std::vector<std::string>& wanted) {
  return {source.string(), api::rules::compile_admission(environment, source.string(), wanted)};
}

Policy policy_of(const std::string& name, const Json& spec) {
  Policy out;
  out.name = name;
  out.ignore_failure = spec["failurePolicy"].string() == "Ignore";
  out.match = PolicyMatch::of(spec["matchConstraints"]);
  out.param_kind = spec["paramKind"];
  const bool params = !out.param_kind.is_null();
  out.conditions = conditions_of(spec["matchConditions"], params);
  auto environment = api::rules::admission_environment(params, true);
  auto message_environment = api::rules::admission_environment(params, false);
  auto variables = api::rules::compile_variables(environment, spec["variables"]);
  (void)api::rules::compile_variables(message_environment, spec["variables"]);
  for (size_t i = 0; i < variables.size(); ++i) {
    out.variables.emplace_back(variables[i].name, PolicyExpression{spec["variables"].at(i)["expression"].string(),
                                                                   std::move(variables[i].program)});
  }
  for (const auto& validation : spec["validations"].items()) {
    Policy::Validation made{expression_of(environment, validation["expression"], {"bool"}), std::nullopt,
                            validation["message"].string(), validation["reason"].string_or("Invalid")};
    if (!validation["messageExpression"].string().empty()) {
      made.message_expression = expression_of(message_environment, validation["messageExpression"], {"string"});
    }
    out.validations.push_back(std::move(made));
  }
  for (const auto& annotation : spec["auditAnnotations"].items()) {
    out.annotations.push_back({annotation["key"].string(),
                               expression_of(environment, annotation["valueExpression"], {"string", "null_type"})});
  }
  return out;
}

// `variables` of a policy: each is evaluated when it is first used.
class Variables final : public cel::HostObject {
 public:
  Variables(const Policy& policy, const cel::Bindings& bindings, uint64_t& cost)
      : policy_(policy), bindings_(bindings), cost_(cost), values_(policy.variables.size()) {}
  std::string_view type_name() const override { return "kubernetes.variables"; }
  std::optional<cel::Value> get(std::string_view field) const override {
    for (size_t i = 0; i < values_.size(); ++i) {
      const auto& [name, expression] = policy_.variables[i];
      if (name != field) continue;
      if (!values_[i]) values_[i] = value_of(name, expression);
      return *values_[i];
    }
    return std::nullopt;
  }

 private:
  cel::Value value_of(const std::string& name, const PolicyExpression& expression) const {
    const std::string lead = "composited variable \"" + name + "\" fails to ";
    if (!expression.program) return cel::Value::error(lead + "compile: " + expression.program.error().message);
    uint64_t spent = 0;
    auto value = expression.program->evaluate(bindings_, cel::call_cost_max, &spent);
    cost_ += spent;
    if (!value) return cel::Value::error(lead + "evaluate: " + value.error().message);
    return *value;
  }

  const Policy& policy_;
  const cel::Bindings& bindings_;
  uint64_t& cost_;
  mutable std::vector<std::optional<cel::Value>> values_;
};

// Evaluations of one policy for one binding and one parameter, which share a budget.
class Evaluation {
 public:
  Evaluation(const Policy& policy, const PolicyBinding& binding, const PolicyQuestion& question, const CelInput& input)
      : policy_(policy), binding_(binding), input_(input), bindings_(input.bindings()) {
    bind_authorizer(bindings_, question.api, question.asked);
    bindings_.set("variables", cel::Value::object(std::make_shared<Variables>(policy, bindings_, spent_)));
  }

  void run(PolicyVerdict& verdict, Json& failures) {
    const auto applies = all_hold(policy_.conditions, bindings_);
    if (!applies) return fail(verdict, failures, 0, applies.error().message);
    if (!*applies) return;
    for (size_t i = 0; i < policy_.validations.size(); ++i) {
      const auto& validation = policy_.validations[i];
      const auto value = evaluate(validation.expression);
      if (!value) {
        fail(verdict, failures, i, value.error().message);
        if (value.error().message == cel_budget_spent) return;
      } else if (!value->is_true()) {
        act(verdict, failures, i, {message_of(validation), validation.reason});
      }
    }
    for (const auto& annotation : policy_.annotations) annotate(verdict, annotation);
  }

 private:
  Result<cel::Value> evaluate(const PolicyExpression& expression) {
    if (!expression.program) return base::invalid("compilation error: " + expression.program.error().message);
    const uint64_t left = cel::object_cost_max - std::min(spent_, cel::object_cost_max);
    uint64_t cost = 0;
    auto value = expression.program->evaluate(bindings_, std::min(left, cel::call_cost_max), &cost);
    spent_ += cost;
    if (spent_ >= cel::object_cost_max) return base::invalid(cel_budget_spent);
    if (!value) return base::invalid(cel_failure(expression.source, value.error()));
    return value;
  }

  std::string message_of(const Policy::Validation& validation) {
    constexpr size_t message_bytes_max = 5 * 1024;
    if (validation.message_expression) {
      const auto value = evaluate(*validation.message_expression);
      const bool text = value && value->is(cel::Value::Kind::string);
      const std::string message(text ? base::trim(value->text()) : std::string_view());
      if (!message.empty() && message.size() <= message_bytes_max && message.find('\n') == std::string::npos) {
        return message;
      }
    }
    if (const auto own = base::trim(validation.message); !own.empty()) return std::string(own);
    return "failed expression: " + std::string(base::trim(validation.expression.source));
  }

  void fail(PolicyVerdict& verdict, Json& failures, size_t index, std::string message) {
    if (!policy_.ignore_failure) act(verdict, failures, index, {std::move(message), "Invalid"});
  }

  std::string denied_by(const std::string& message) const {
    return "ValidatingAdmissionPolicy '" + policy_.name + "' with binding '" + binding_.name +
           "' denied request: " + message;
  }

  void act(PolicyVerdict& verdict, Json& failures, size_t index, PolicyVerdict::Denial denial) {
    for (const auto& action : binding_.actions.items()) {
      if (action.string() == "Deny") {
        if (!verdict.denial) verdict.denial = {denied_by(denial.message), denial.reason};
      } else if (action.string() == "Warn") {
        verdict.warnings.push_back("Validation failed for ValidatingAdmissionPolicy '" + policy_.name +
                                   "' with binding '" + binding_.name + "': " + denial.message);
      } else if (action.string() == "Audit") {
        failures.push(Json::object({{"message", denial.message},
                                    {"policy", policy_.name},
                                    {"binding", binding_.name},
                                    {"expressionIndex", static_cast<int64_t>(index)},
                                    {"validationActions", binding_.actions}}));
      }
    }
  }

  void annotate(PolicyVerdict& verdict, const Policy::Annotation& annotation) {
    constexpr size_t value_bytes_max = 10 * 1024;
    const auto value = evaluate(annotation.value);
    std::string problem = value ? "" : value.error().message;
    if (value && !value->is_null() && !value->is(cel::Value::Kind::string)) {
      problem = "valueExpression '" + annotation.value.source +
                "' resulted in unsupported return type: " + value->type_name() +
                ". Return type must be either string or null.";
    }
    if (!problem.empty()) {
      if (!policy_.ignore_failure && !verdict.denial) verdict.denial = {denied_by(problem), "Invalid"};
      return;
    }
    if (value->is_null()) return;
    const std::string text(base::trim(value->text()).substr(0, value_bytes_max));
    if (text.empty()) return;
    auto& all = verdict.annotations[policy_.name + "/" + annotation.key];
    if (all.empty()) {
      all = text;
    } else if (all != text) {
      all += ", " + text;
    }
  }

  const Policy& policy_;
  const PolicyBinding& binding_;
  const CelInput& input_;
  cel::Bindings bindings_;
  uint64_t spent_ = 0;
};

// The parameters for a binding; a null one where the policy has none.
Result<std::vector<Json>> params_of(const Policy& policy, const PolicyBinding& binding,
                                    const PolicyQuestion& question) {
  const Json& ref = binding.param_ref;
  if (policy.param_kind.is_null() || ref.is_null()) return std::vector<Json>{Json()};
  auto& registry = question.api.registry;
  const auto& api_version = policy.param_kind["apiVersion"].string();
  const auto [group, version_name] = meta::split_api_version(api_version);
  const Kind* kind = registry.scheme().by_kind(group, policy.param_kind["kind"].string());
  const auto* version = kind ? kind->version(version_name) : nullptr;
  CHECK_THAT(version, "the kind of the parameters was looked up before");
  std::string ns = ref["namespace"].string();
  if (!kind->namespaced && !ns.empty()) {
    return base::invalid("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
  }
  if (kind->namespaced && ns.empty()) ns = question.asked.ns;
  if (kind->namespaced && ns.empty()) {
    return base::invalid("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
  }
  std::vector<Json> out;
  const auto take = [&](const Ref& entry) -> Result<void> {
    out.push_back(TRY(to_version(*kind, *version, entry->doc())));
    return {};
  };
  if (const auto& name = ref["name"].string(); !name.empty()) {
    if (const auto found = registry.get(*kind, ns, name)) TRY(take(found));
  } else {
    const auto selector = TRY(registry::LabelSelector::from_object(ref["selector"]));
    for (const auto& entry : registry.store().list(kind->resource(), ns)) {
      if (selector.matches(entry->doc()["metadata"]["labels"])) TRY(take(entry));
    }
  }
  if (out.empty() && ref["parameterNotFoundAction"].string() != "Allow") {
    return base::invalid("no params found for policy binding with `Deny` parameterNotFoundAction");
  }
  return out;
}

Json namespace_of(const PolicyQuestion& question) {
  if (question.asked.ns.empty() || question.asked.is_namespace()) return {};
  const auto& registry = question.api.registry;
  const Kind* kind = registry.scheme().by_plural({}, "namespaces");
  const auto found = kind ? registry.get(*kind, {}, question.asked.ns) : nullptr;
  if (!found) return {};
  Json out = found->doc();
  out.child("metadata").erase("managedFields");
  out.child("metadata").erase("ownerReferences");
  return out;
}

// Why the policy cannot work at all; "" when it can.
std::string misconfigured(const Policy& policy, const PolicyQuestion& question) {
  if (policy.param_kind.is_null()) return {};
  const auto& api_version = policy.param_kind["apiVersion"].string();
  const auto& name = policy.param_kind["kind"].string();
  const auto [group, version_name] = meta::split_api_version(api_version);
  const Kind* kind = question.api.registry.scheme().by_kind(group, name);
  const auto* version = kind ? kind->version(version_name) : nullptr;
  if (version && version->served) return {};
  return "failed to find resource referenced by paramKind: '" + api_version + ", Kind=" + name + "'";
}

void judge_one(const Policy& policy, const PolicyQuestion& question, PolicyVerdict& verdict, Json& failures) {
  const auto refuse = [&](const PolicyBinding* binding, const std::string& why) {
    if (policy.ignore_failure || verdict.denial) return;
    const std::string with = binding ? " with binding '" + binding->name + "'" : "";
    verdict.denial = {"ValidatingAdmissionPolicy '" + policy.name + "'" + with +
                          " denied request: failed to configure " + (binding ? "binding: " : "policy: ") + why,
                      "Invalid"};
  };
  const auto& registry = question.api.registry;
  const auto version = policy.match.version(question.asked, question.kind, question.object, question.old, registry);
  if (!version) return refuse(nullptr, version.error().message);
  if (!*version) return;
  if (const auto why = misconfigured(policy, question); !why.empty()) return refuse(nullptr, why);
  std::optional<CelInput> input;
  for (const auto& binding : policy.bindings) {
    const auto bound = binding.match.version(question.asked, question.kind, question.object, question.old, registry);
    if (!bound) {
      refuse(&binding, bound.error().message);
      continue;
    }
    if (!*bound) continue;
    const auto params = params_of(policy, binding, question);
    if (!params) {
      refuse(&binding, params.error().message);
      continue;
    }
    if (!input && !params->empty()) {
      auto object = question.shown(question.object, **version), old = question.shown(question.old, **version);
      if (!object || !old) {
        refuse(&binding, "failed to convert object version: " + (object ? old : object).error().message);
        continue;
      }
      input = CelInput::of(question.asked, **version, std::move(*object), std::move(*old));
      input->namespace_object = namespace_of(question);
      input->has_params = !policy.param_kind.is_null();
    }
    for (const auto& param : *params) {
      input->params = param;
      Evaluation(policy, binding, question, *input).run(verdict, failures);
    }
  }
}

int code_of(const std::string& reason) {
  if (reason == "Forbidden") return 403;
  if (reason == "Unauthorized") return 401;
  if (reason == "RequestEntityTooLarge") return 413;
  return 422;
}

}  // namespace

PolicyMatch PolicyMatch::of(const Json& resources) {
  return {admission_rules_of(resources["resourceRules"]), admission_rules_of(resources["excludeResourceRules"]),
          resources["matchPolicy"].string() != "Exact", AdmissionSelectors::of(resources)};
}

Result<std::optional<std::string>> PolicyMatch::version(const AdmissionAttributes& asked, const Kind& kind,
                                                        const Json& object, const Json& old,
                                                        const registry::Registry& registry) const {
  using Found = std::optional<std::string>;
  const auto in_namespace = selectors.match_namespace(asked, object, registry);
  if (in_namespace && !*in_namespace) return Found();
  if (!selectors.match_object(object, old)) return Found();
  if (version_wanted(excluded, equivalent, asked, kind)) return Found();
  Found found = rules.empty() ? asked.version : version_wanted(rules, equivalent, asked, kind);
  if (found && !in_namespace) return in_namespace.error();
  return found;
}

bool PolicyIndex::serves(const meta::Scheme& scheme) {
  return scheme.by_resource(policies_resource) && scheme.by_resource(bindings_resource);
}

PolicyIndex::PolicyIndex(store::Store& store) : store_(store) {
  subscription_ = store_.subscribe(false, [this](const store::Event& event) {
    const auto& resource = event.object->key.resource;
    if (resource == policies_resource || resource == bindings_resource) all_.reset();
  });
}

PolicyIndex::~PolicyIndex() { store_.unsubscribe(subscription_); }

Policies PolicyIndex::all() {
  if (all_) return all_;
  auto out = std::make_shared<std::vector<Policy>>();
  const auto bindings = store_.list(bindings_resource);
  for (const auto& entry : store_.list(policies_resource)) {
    std::vector<PolicyBinding> own;
    for (const auto& binding : bindings) {
      const auto& spec = binding->doc()["spec"];
      if (spec["policyName"].string() != entry->key.name) continue;
      own.push_back(
          {binding->key.name, PolicyMatch::of(spec["matchResources"]), spec["paramRef"], spec["validationActions"]});
    }
    if (own.empty()) continue;
    out->push_back(policy_of(entry->key.name, entry->doc()["spec"]));
    out->back().bindings = std::move(own);
  }
  all_ = std::move(out);
  return all_;
}

bool could_match(const std::vector<Policy>& policies, const AdmissionAttributes& asked, const Kind& kind) {
  return std::any_of(policies.begin(), policies.end(), [&](const Policy& policy) {
    return policy.match.rules.empty() || version_wanted(policy.match.rules, policy.match.equivalent, asked, kind);
  });
}

PolicyVerdict judge(const std::vector<Policy>& policies, const PolicyQuestion& question) {
  PolicyVerdict out;
  Json failures = Json::array();
  for (const auto& policy : policies) judge_one(policy, question, out, failures);
  if (!failures.empty()) out.annotations["validation.policy.admission.k8s.io/validation_failure"] = failures.dump();
  return out;
}

Json policy_denial(const AdmissionAttributes& asked, const Json& object, const PolicyVerdict::Denial& denial) {
  const std::string resource = asked.group.empty() ? asked.resource : asked.resource + "." + asked.group;
  const auto& meta = object["metadata"];
  std::string name = asked.name;
  if (name.empty()) name = meta["name"].string();
  if (name.empty()) name = meta["generateName"].string_or("Unknown");
  Json details = Json::object({{"name", name}});
  if (!asked.group.empty()) details.set("group", asked.group);
  details.set("kind", asked.resource);
  details.set("causes", Json::array({Json::object({{"message", denial.message}})}));
  Json out = Json::object({{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", Json::object()}});
  out.set("status", "Failure");
  out.set("message", resource + " " + base::quoted(name) + " is forbidden: " + denial.message);
  return out.set("reason", denial.reason).set("details", std::move(details)).set("code", code_of(denial.reason));
}

}  // namespace server
