#include "control/hostfirmware/plan.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"

namespace control::hostfirmware {

using base::Json;

namespace {

bool is_secret(const std::string& name) { return base::lower(name).find("password") != std::string::npos; }

std::string integer_problem(const std::string& text, const api::FirmwareSetting& rule) {
  const auto number = base::parse_json(text);
  if (!number.ok() || !number->is_integer()) return base::quoted(text) + " is not a whole number";
  const int64_t value = number->integer();
  if (rule.lower_bound && value < *rule.lower_bound)
    return text + " is below the lower bound " + std::to_string(*rule.lower_bound);
  if (rule.upper_bound && value > *rule.upper_bound)
    return text + " is above the upper bound " + std::to_string(*rule.upper_bound);
  return {};
}

std::string length_problem(const std::string& text, const api::FirmwareSetting& rule) {
  const auto length = static_cast<int64_t>(text.size());
  if (rule.min_length && length < *rule.min_length)
    return base::quoted(text) + " is shorter than " + std::to_string(*rule.min_length) + " characters";
  if (rule.max_length && *rule.max_length > 0 && length > *rule.max_length)
    return base::quoted(text) + " is longer than " + std::to_string(*rule.max_length) + " characters";
  return {};
}

std::string value_problem(const std::string& text, const api::FirmwareSetting& rule) {
  const auto& allowed = rule.allowable_values;
  if (rule.type == "Enumeration") {
    if (std::find(allowed.begin(), allowed.end(), text) != allowed.end()) return {};
    return base::quoted(text) + " is not one of " + base::join(allowed, ", ");
  }
  if (rule.type == "Integer") return integer_problem(text, rule);
  if (rule.type == "String") return length_problem(text, rule);
  if (rule.type == "Boolean")
    return text == "true" || text == "false" ? "" : base::quoted(text) + " is not true or false";
  if (rule.type == "Password") return "passwords are not set here";
  return {};  // the BMC tells nothing about it, and will judge itself
}

}  // namespace

Settings settings_of(const std::vector<metal::BiosSetting>& bios) {
  Settings out;
  for (const auto& one : bios) {
    if (!is_secret(one.name) && one.type != "Password" && !one.value.is_null())
      out[one.name] = metal::text_of(one.value);
  }
  return out;
}

Schema schema_of(const std::vector<metal::BiosSetting>& bios) {
  Schema out;
  for (const auto& one : bios) {
    api::FirmwareSetting rule;
    rule.type = one.type;
    rule.allowable_values = one.allowed;
    rule.lower_bound = one.lower;
    rule.upper_bound = one.upper;
    rule.min_length = one.length_min;
    rule.max_length = one.length_max;
    if (one.read_only) rule.read_only = true;
    if (one.unique) rule.unique = true;
    out[one.name] = std::move(rule);
  }
  return out;
}

std::string schema_name(const Schema& schema) {
  std::string text;
  for (const auto& [name, rule] : schema) text += base::quoted(name) + meta::encode(rule).dump() + "\n";
  return "schema-" + base::hex(crypto::sha256(text).substr(0, 4));
}

std::string problem_of(const std::string& name, const Json& value, const api::FirmwareSetting* rule) {
  std::string why;
  if (is_secret(name)) {
    why = "passwords are not set here";
  } else if (!rule) {
    why = "this server has no such setting";
  } else if (rule->read_only.value_or(false)) {
    why = "cannot be changed";
  } else {
    why = value_problem(metal::text_of(value), *rule);
  }
  return why.empty() ? why : name + ": " + why;
}

std::vector<std::string> problems_of(const Json& wanted, const Schema& schema) {
  std::vector<std::string> out;
  for (const auto& [name, value] : wanted.members()) {
    const auto rule = schema.find(name);
    auto problem = problem_of(name, value, rule == schema.end() ? nullptr : &rule->second);
    if (!problem.empty()) out.push_back(std::move(problem));
  }
  return out;
}

Json changes_of(const Json& wanted, const Settings& present) {
  Json out = Json::object();
  for (const auto& [name, value] : wanted.members()) {
    const auto now = present.find(name);
    if (now == present.end() || now->second != metal::text_of(value)) out.set(name, value);
  }
  return out;
}

std::vector<api::FirmwareUpdate> updates_to_do(const std::vector<api::FirmwareUpdate>& wanted,
                                               const std::vector<api::FirmwareUpdate>& done) {
  std::vector<api::FirmwareUpdate> out;
  for (const auto& one : wanted) {
    if (std::find(done.begin(), done.end(), one) == done.end()) out.push_back(one);
  }
  return out;
}

}  // namespace control::hostfirmware
