#include "api/rules/admission_match.h"

#include <algorithm>
#include <set>

#include "api/rules/admission_cel.h"
#include "base/text.h"

namespace api::rules {
namespace {

constexpr size_t match_conditions_max = 64;
constexpr const char* name_characters =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_letter_or_digit(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

bool is_name_part(std::string_view text) {
  return !text.empty() && is_letter_or_digit(text.front()) && is_letter_or_digit(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; });
}

bool has_wildcard(const Json& list) {
  return std::any_of(list.items().begin(), list.items().end(), [](const Json& item) { return item.string() == "*"; });
}

void check_alone(const Json& list, const std::string& field, const char* others, Findings& found) {
  if (list.empty()) found.push_back(meta::field_required(field));
  if (list.size() > 1 && has_wildcard(list)) {
    found.push_back(
        meta::field_invalid(field, list, "if '*' is present, must not specify other " + std::string(others)));
  }
}

void check_resources(const Json& list, const std::string& field, Findings& found) {
  if (list.empty()) found.push_back(meta::field_required(field));
  std::set<std::string> whole, everywhere;  // x of x/*, and of */x
  bool all = false, all_main = false, main = false;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string& text = list.at(i).string();
    const std::string here = field + "[" + std::to_string(i) + "]";
    if (text.empty()) {
      found.push_back(meta::field_required(here));
      continue;
    }
    all = all || text == "*/*";
    all_main = all_main || text == "*";
    const size_t slash = text.find('/');
    if (slash == std::string::npos) {
      main = text != "*";
      continue;
    }
    const std::string resource = text.substr(0, slash), sub = text.substr(slash + 1);
    if (whole.contains(resource)) {
      found.push_back(meta::field_invalid(here, text, "if '" + resource + "/*' is present, must not specify " + text));
    }
    if (everywhere.contains(sub)) {
      found.push_back(meta::field_invalid(here, text, "if '*/" + sub + "' is present, must not specify " + text));
    }
    if (sub == "*") whole.insert(resource);
    if (resource == "*") everywhere.insert(sub);
  }
  if (list.size() > 1 && all) {
    found.push_back(meta::field_invalid(field, list, "if '*/*' is present, must not specify other resources"));
  }
  if (all_main && main) {
    found.push_back(
        meta::field_invalid(field, list, "if '*' is present, must not specify other resources without subresources"));
  }
}

}  // namespace

std::string subdomain_problem(std::string_view text) {
  if (text.size() > 253) return "must be no more than 253 characters";
  bool good = !text.empty();
  for (const auto part : base::split(text, '.')) {
    good = good && !part.empty() && is_lower_or_digit(part.front()) && is_lower_or_digit(part.back());
    for (const char c : part) good = good && (is_lower_or_digit(c) || c == '-');
  }
  if (good) return {};
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
         "start "
         "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
         "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
}

std::string label_1035_problem(std::string_view text) {
  if (text.size() > 63) return "must be no more than 63 bytes";
  bool good = !text.empty() && text.front() >= 'a' && text.front() <= 'z' && text.back() != '-';
  for (const char c : text) good = good && (is_lower_or_digit(c) || c == '-');
  if (good) return {};
  return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
         "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation "
         "is '[a-z]([-a-z0-9]*[a-z0-9])?')";
}

std::string qualified_name_problem(std::string_view text) {
  const auto parts = base::split(text, '/');
  const std::string characters = name_characters;
  if (parts.size() > 2) {
    return "a qualified name " + characters +
           " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
  }
  if (parts.size() == 2) {
    if (parts[0].empty()) return "prefix part must be non-empty";
    if (auto why = subdomain_problem(parts[0]); !why.empty()) return "prefix part " + why;
  }
  const auto name = parts.back();
  if (name.empty()) return "name part must be non-empty";
  if (name.size() > 63) return "name part must be no more than 63 bytes";
  return is_name_part(name) ? std::string() : "name part " + characters;
}

std::string label_value_problem(std::string_view text) {
  if (text.size() > 63) return "must be no more than 63 bytes";
  if (text.empty() || is_name_part(text)) return {};
  return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
         "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
         "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

void check_qualified_name(std::string_view text, const std::string& field, Findings& found) {
  const auto why = qualified_name_problem(text);
  if (!why.empty()) found.push_back(meta::field_invalid(field, text, why));
  // Nothing also has none of the characters that a name has.
  if (text.empty() || text.ends_with('/')) {
    found.push_back(meta::field_invalid(field, text, "name part " + std::string(name_characters)));
  }
}

void check_label_selector(const Json& selector, const std::string& field, Findings& found) {
  for (const auto& [key, value] : selector["matchLabels"].members()) {
    const std::string at = field + ".matchLabels";
    if (auto why = qualified_name_problem(key); !why.empty()) found.push_back(meta::field_invalid(at, key, why));
    if (auto why = label_value_problem(value.string()); !why.empty()) {
      found.push_back(meta::field_invalid(at, value, why));
    }
  }
  const auto& all = selector["matchExpressions"];
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string at = field + ".matchExpressions[" + std::to_string(i) + "]";
    const auto& [op, values] = std::tie(all.at(i)["operator"].string(), all.at(i)["values"]);
    if (op == "In" || op == "NotIn") {
      if (values.empty()) {
        found.push_back(meta::field_required(at + ".values", "must be specified when `operator` is 'In' or 'NotIn'"));
      }
    } else if (op == "Exists" || op == "DoesNotExist") {
      if (!values.empty()) {
        found.push_back(meta::field_forbidden(at + ".values",
                                              "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
    } else {
      found.push_back(meta::field_invalid(at + ".operator", op, "not a valid selector operator"));
    }
    const auto& key = all.at(i)["key"];
    if (auto why = qualified_name_problem(key.string()); !why.empty()) {
      found.push_back(meta::field_invalid(at + ".key", key, why));
    }
    for (size_t j = 0; j < values.size(); ++j) {
      const auto why = label_value_problem(values.at(j).string());
      if (!why.empty()) {
        found.push_back(meta::field_invalid(at + ".values[" + std::to_string(j) + "]", values.at(j), why));
      }
    }
  }
}

void check_admission_rule(const Json& rule, const std::string& field, Findings& found) {
  check_alone(rule["operations"], field + ".operations", "operations", found);
  check_alone(rule["apiGroups"], field + ".apiGroups", "API groups", found);
  const auto& versions = rule["apiVersions"];
  check_alone(versions, field + ".apiVersions", "API versions", found);
  for (size_t i = 0; i < versions.size(); ++i) {
    if (versions.at(i).string().empty()) {
      found.push_back(meta::field_required(field + ".apiVersions[" + std::to_string(i) + "]"));
    }
  }
  check_resources(rule["resources"], field + ".resources", found);
}

void check_match_conditions(const Json& conditions, bool params, const std::string& field, Findings& found) {
  if (conditions.empty()) return;
  const auto environment = admission_environment(params, true);
  if (conditions.size() > match_conditions_max) {
    found.push_back(
        meta::field_too_many(field, static_cast<int64_t>(conditions.size()), int64_t{match_conditions_max}));
  }
  for (size_t i = 0; i < conditions.size(); ++i) {
    const std::string at = field + "[" + std::to_string(i) + "]";
    const auto& condition = conditions.at(i);
    if (base::trim(condition["expression"].string()).empty()) {
      found.push_back(meta::field_required(at + ".expression"));
    }
    check_admission_expression(environment, condition["expression"], {"bool"}, at + ".expression", found);
    const auto& name = condition["name"];
    if (name.string().empty()) {
      found.push_back(meta::field_required(at + ".name"));
    } else if (auto why = qualified_name_problem(name.string()); !why.empty()) {
      found.push_back(meta::field_invalid(at + ".name", name, why));
    }
  }
}

void check_match_resources(const Json& resources, const std::string& field, Findings& found) {
  if (resources.is_null()) return;
  check_label_selector(resources["namespaceSelector"], field + ".namespaceSelector", found);
  check_label_selector(resources["objectSelector"], field + ".objectSelector", found);
  for (const char* list : {"resourceRules", "excludeResourceRules"}) {
    const auto& rules = resources[list];
    for (size_t i = 0; i < rules.size(); ++i) {
      const std::string at = field + "." + list + "[" + std::to_string(i) + "]";
      std::set<std::string> seen;
      const auto& names = rules.at(i)["resourceNames"];
      for (size_t j = 0; j < names.size(); ++j) {
        const std::string here = at + ".resourceNames[" + std::to_string(j) + "]";
        const std::string& name = names.at(j).string();
        if (name == "." || name == "..") {
          found.push_back(meta::field_invalid(here, name, "may not be '" + name + "'"));
        }
        for (const char c : {'/', '%'}) {
          if (name.find(c) == std::string::npos) continue;
          found.push_back(meta::field_invalid(here, name, "may not contain '" + std::string(1, c) + "'"));
        }
        if (!seen.insert(name).second) found.push_back(meta::field_duplicate(here, name));
      }
      check_admission_rule(rules.at(i), at, found);
    }
  }
}

}  // namespace api::rules
