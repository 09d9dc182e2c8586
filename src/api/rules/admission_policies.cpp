// ValidatingAdmissionPolicy and its binding, but for what only an evaluation of their expressions can tell.
#include <algorithm>
#include <set>

#include "api/rules/admission_cel.h"
#include "api/rules/admission_match.h"
#include "api/rules/admissionregistration.h"
#include "base/text.h"

namespace api::rules {
namespace {

constexpr size_t audit_annotations_max = 20;
constexpr size_t value_expression_bytes_max = 5 * 1024;

std::string at_index(const std::string& field, size_t index) { return field + "[" + std::to_string(index) + "]"; }

bool is_blank(const Json& text) { return base::trim(text.string()).empty(); }

bool is_identifier(std::string_view name) {
  static const std::set<std::string_view> reserved = {
      "true", "false",  "null", "in",   "as",      "break",     "const",  "continue", "else", "for",  "function",
      "if",   "import", "let",  "loop", "package", "namespace", "return", "var",      "void", "while"};
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name.front()) && !reserved.contains(name) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void check_param_kind(const Json& kind, const std::string& field, Findings& found) {
  const auto& version = kind["apiVersion"];
  const auto parts = base::split(version.string(), '/');
  if (version.string().empty()) {
    found.push_back(meta::field_required(field + ".apiVersion"));
  } else if (parts.size() > 2) {
    found.push_back(
        meta::field_invalid(field + ".apiVersion", version, "unexpected GroupVersion string: " + version.string()));
  } else {
    if (parts.size() == 2 && !parts[0].empty()) {
      const auto why = subdomain_problem(parts[0]);
      if (!why.empty()) found.push_back(meta::field_invalid(field + ".apiVersion", parts[0], why));
    }
    if (parts.back().empty()) {
      found.push_back(meta::field_invalid(field + ".apiVersion", version, "version must be specified"));
    } else if (auto why = label_1035_problem(parts.back()); !why.empty()) {
      found.push_back(meta::field_invalid(field + ".apiVersion", parts.back(), why));
    }
  }
  const auto& name = kind["kind"];
  if (name.string().empty()) return found.push_back(meta::field_required(field + ".kind"));
  if (auto why = label_1035_problem(base::lower(name.string())); !why.empty()) {
    found.push_back(
        meta::field_invalid(field + ".kind", name, "may have mixed case, but should otherwise match: " + why));
  }
}

void check_variable(const Json& variable, const base::Result<cel::Program>& program, const std::string& field,
                    Findings& found) {
  if (is_blank(variable["name"])) {
    found.push_back(meta::field_required(field + ".name", "name is not specified"));
  } else if (!is_identifier(variable["name"].string())) {
    found.push_back(meta::field_invalid(field + ".name", variable["name"], "must be a valid CEL identifier"));
  }
  if (is_blank(variable["expression"])) {
    found.push_back(meta::field_required(field + ".expression", "expression is not specified"));
  } else if (!program) {
    found.push_back(meta::field_invalid(field + ".expression", variable["expression"], program.error().message));
  }
}

void check_validation(const Json& validation, const cel::Environment& environment,
                      const cel::Environment& message_environment, const std::string& field, Findings& found) {
  check_admission_expression(environment, validation["expression"], {"bool"}, field + ".expression", found);
  check_admission_expression(message_environment, validation["messageExpression"], {"string"},
                             field + ".messageExpression", found);
  if (is_blank(validation["expression"])) {
    found.push_back(meta::field_required(field + ".expression", "expression is not specified"));
  }
  const auto& told = validation["messageExpression"];
  if (!told.string().empty() && is_blank(told)) {
    found.push_back(meta::field_invalid(field + ".messageExpression", told, "must be non-empty if specified"));
  }
  const auto& message = validation["message"];
  if (!message.string().empty() && is_blank(message)) {
    found.push_back(meta::field_invalid(field + ".message", message, "message must be non-empty if specified"));
  } else if (base::trim(message.string()).find_first_of("\r\n") != std::string_view::npos) {
    found.push_back(meta::field_invalid(field + ".message", message, "must not contain line breaks"));
  }
  static const std::vector<std::string> reasons = {"Forbidden", "Invalid", "RequestEntityTooLarge"};
  const auto& reason = validation["reason"];
  if (!reason.is_null() && std::find(reasons.begin(), reasons.end(), reason.string()) == reasons.end()) {
    found.push_back(meta::field_not_supported(field + ".reason", reason, reasons));
  }
}

void check_audit_annotations(const Json& policy, const cel::Environment& environment, const std::string& field,
                             Findings& found) {
  const auto& all = policy["spec"]["auditAnnotations"];
  const auto& policy_name = policy["metadata"]["name"].string();
  if (all.size() > audit_annotations_max) {
    found.push_back(meta::field_invalid(
        field, all, "must not have more than " + std::to_string(audit_annotations_max) + " auditAnnotations"));
  }
  std::set<std::string> keys;
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string at = at_index(field, i);
    const std::string& key = all.at(i)["key"].string();
    if (auto why = qualified_name_problem(policy_name + "/" + key); !why.empty()) {
      found.push_back(meta::field_invalid(at + ".key", policy_name + "/" + key, why));
    }
    const auto text = base::trim(all.at(i)["valueExpression"].string());
    if (text.empty()) {
      found.push_back(meta::field_required(at + ".valueExpression", "valueExpression is not specified"));
    } else if (text.size() > value_expression_bytes_max) {
      found.push_back(
          meta::field_required(at + ".valueExpression",
                               "must not exceed " + std::to_string(value_expression_bytes_max) + " bytes in length"));
    }
    check_admission_expression(environment, all.at(i)["valueExpression"], {"string", "null_type"},
                               at + ".valueExpression", found);
    if (!keys.insert(key).second) found.push_back(meta::field_duplicate(at + ".key", key));
  }
}

void check_param_ref(const Json& ref, const std::string& field, Findings& found) {
  if (ref.is_null()) return;
  const std::string& name = ref["name"].string();
  const std::string both = "name and selector are mutually exclusive";
  const bool selects = ref["selector"].is_object();
  if (!name.empty() && selects) found.push_back(meta::field_forbidden(field + ".name", both));
  if (selects) {
    check_label_selector(ref["selector"], field + ".selector", found);
    if (!name.empty()) found.push_back(meta::field_forbidden(field + ".selector", both));
  }
  if (name.empty() && !selects) {
    found.push_back(meta::field_required(field, "one of name or selector must be specified"));
  }
  const auto& absent = ref["parameterNotFoundAction"];
  if (absent.string().empty()) {
    found.push_back(meta::field_required(field + ".parameterNotFoundAction"));
  } else if (absent.string() != "Deny" && absent.string() != "Allow") {
    found.push_back(meta::field_not_supported(field + ".parameterNotFoundAction", absent, {"Deny", "Allow"}));
  }
}

void check_actions(const Json& actions, const std::string& field, Findings& found) {
  static const std::vector<std::string> known = {"Audit", "Deny", "Warn"};
  std::set<std::string> seen;
  for (size_t i = 0; i < actions.size(); ++i) {
    const auto& action = actions.at(i);
    if (std::find(known.begin(), known.end(), action.string()) == known.end()) {
      found.push_back(meta::field_not_supported(at_index(field, i), action, known));
    }
    if (!seen.insert(action.string()).second) found.push_back(meta::field_duplicate(at_index(field, i), action));
  }
  if (seen.contains("Deny") && seen.contains("Warn")) {
    found.push_back(meta::field_invalid(field, actions,
                                        "must not contain both Deny and Warn (repeating the same validation failure "
                                        "information in the API response and headers serves no purpose)"));
  }
  if (seen.empty()) found.push_back(meta::field_required(field, "at least one validation action is required"));
}

}  // namespace

void fill_validating_policy(Json& doc, const Json* old) {
  if (!old) doc.erase("status");
}

std::vector<FieldError> check_validating_policy(const Json& doc, const Json* old, Operation operation) {
  Findings found;
  if (!is_write(operation) || (old && doc["spec"] == (*old)["spec"])) return found;
  const auto& spec = doc["spec"];
  if (!spec["paramKind"].is_null()) check_param_kind(spec["paramKind"], "spec.paramKind", found);
  const auto& constraints = spec["matchConstraints"];
  if (constraints.is_null()) {
    found.push_back(meta::field_required("spec.matchConstraints"));
  } else {
    check_match_resources(constraints, "spec.matchConstraints", found);
    if (constraints["resourceRules"].empty()) {
      found.push_back(meta::field_required("spec.matchConstraints.resourceRules"));
    }
  }
  const bool params = !spec["paramKind"].is_null();
  auto environment = admission_environment(params, true), message_environment = admission_environment(params, false);
  const auto variables = compile_variables(environment, spec["variables"]);
  (void)compile_variables(message_environment, spec["variables"]);
  check_match_conditions(spec["matchConditions"], params, "spec.matchConditions", found);
  for (size_t i = 0; i < spec["variables"].size(); ++i) {
    check_variable(spec["variables"].at(i), variables[i].program, at_index("spec.variables", i), found);
  }
  if (spec["validations"].empty() && spec["auditAnnotations"].empty()) {
    for (const char* list : {"spec.validations", "spec.auditAnnotations"}) {
      found.push_back(meta::field_required(list, "validations or auditAnnotations must contain at least one item"));
    }
    return found;
  }
  for (size_t i = 0; i < spec["validations"].size(); ++i) {
    check_validation(spec["validations"].at(i), environment, message_environment, at_index("spec.validations", i),
                     found);
  }
  check_audit_annotations(doc, environment, "spec.auditAnnotations", found);
  return found;
}

Json cell_of_validating_policy(const Json& doc, std::string_view column) {
  if (column == "Validations") return doc["spec"]["validations"].size();
  const auto& kind = doc["spec"]["paramKind"];
  if (kind.is_null()) return "<unset>";
  return kind["apiVersion"].string() + "/" + kind["kind"].string();
}

std::vector<FieldError> check_validating_binding(const Json& doc, const Json*, Operation operation) {
  Findings found;
  if (operation == Operation::remove) return found;
  const auto& spec = doc["spec"];
  const auto& policy = spec["policyName"];
  if (policy.string().empty()) {
    found.push_back(meta::field_required("spec.policyName"));
  } else if (auto why = subdomain_problem(policy.string()); !why.empty()) {
    found.push_back(meta::field_invalid("spec.policyName", policy, why));
  }
  check_param_ref(spec["paramRef"], "spec.paramRef", found);
  check_match_resources(spec["matchResources"], "spec.matchResouces", found);  // spelt like that upstream, too
  check_actions(spec["validationActions"], "spec.validationActions", found);
  return found;
}

Json cell_of_validating_binding(const Json& doc, std::string_view) {
  const auto& ref = doc["spec"]["paramRef"];
  if (ref.is_null()) return "<unset>";
  const std::string& name = ref["name"].string();
  const std::string& ns = ref["namespace"].string();
  if (name.empty()) return ref["selector"].dump();
  return ns.empty() ? name : ns + "/" + name;
}

}  // namespace api::rules
