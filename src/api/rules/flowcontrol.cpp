#include "api/rules/flowcontrol.h"

#include <cmath>

namespace api::rules {
namespace {

using Findings = std::vector<FieldError>;

constexpr int64_t precedence_max = 10'000, queues_max = 10'000'000;
// Of the hash that deals a flow its queues.
constexpr double hash_bits = 60;

std::string at(const std::string& list, size_t index) { return list + "[" + std::to_string(index) + "]"; }

// "*" stands alone.
void check_names(const Json& rule, const char* field, const std::string& path, Findings& found) {
  const Json& names = rule[field];
  if (names.empty()) found.push_back(meta::field_required(path + "." + field));
  bool all = false;
  for (const auto& name : names.items()) all = all || name.string() == "*";
  if (all && names.size() > 1) {
    found.push_back(meta::field_invalid(path + "." + field, names, "if '*' is present, must not specify others"));
  }
}

void check_paths(const Json& rule, const std::string& path, Findings& found) {
  for (size_t i = 0; i < rule["nonResourceURLs"].size(); ++i) {
    const std::string& url = rule["nonResourceURLs"].at(i).string();
    const std::string field = at(path + ".nonResourceURLs", i);
    if (url == "*") continue;
    if (!url.starts_with('/')) {
      found.push_back(meta::field_invalid(field, url, "must start with slash"));
    } else if (const size_t star = url.find('*'); star != std::string::npos && star + 1 != url.size()) {
      found.push_back(meta::field_invalid(field, url, "wildcard can only do suffix matching"));
    }
  }
}

void check_subject(const Json& subject, const std::string& path, Findings& found) {
  const std::string& kind = subject["kind"].string();
  const std::string member = kind == "User" ? "user" : kind == "Group" ? "group" : "serviceAccount";
  if (kind != "User" && kind != "Group" && kind != "ServiceAccount") {
    found.push_back(meta::field_not_supported(path + ".kind", kind, {"Group", "ServiceAccount", "User"}));
    return;
  }
  for (const std::string other : {"user", "group", "serviceAccount"}) {
    if (other == member && !subject.has(other)) {
      found.push_back(
          meta::field_required(path + "." + other, other + " is required when subject kind is '" + kind + "'"));
    }
    if (other != member && subject.has(other)) {
      found.push_back(
          meta::field_forbidden(path + "." + other, other + " is forbidden when subject kind is not '" + kind + "'"));
    }
  }
  if (!subject.has(member)) return;
  if (subject[member]["name"].string().empty()) found.push_back(meta::field_required(path + "." + member + ".name"));
  if (member == "serviceAccount" && subject[member]["namespace"].string().empty()) {
    found.push_back(
        meta::field_required(path + ".serviceAccount.namespace", "must specify namespace for service account"));
  }
}

void check_rule(const Json& rule, const std::string& path, Findings& found) {
  if (rule["subjects"].empty()) {
    found.push_back(meta::field_required(path + ".subjects", "subjects must contain at least one value"));
  }
  for (size_t i = 0; i < rule["subjects"].size(); ++i) {
    check_subject(rule["subjects"].at(i), at(path + ".subjects", i), found);
  }
  if (rule["resourceRules"].empty() && rule["nonResourceRules"].empty()) {
    found.push_back(
        meta::field_required(path, "at least one of resourceRules and nonResourceRules has to be non-empty"));
  }
  for (size_t i = 0; i < rule["resourceRules"].size(); ++i) {
    const Json& one = rule["resourceRules"].at(i);
    const std::string field = at(path + ".resourceRules", i);
    for (const char* names : {"verbs", "apiGroups", "resources"}) check_names(one, names, field, found);
    if (one["namespaces"].empty() && !one["clusterScope"].boolean()) {
      found.push_back(meta::field_required(
          field + ".namespaces", "resource rules that are not cluster scoped must supply at least one namespace"));
    } else if (!one["namespaces"].empty()) {
      check_names(one, "namespaces", field, found);
    }
  }
  for (size_t i = 0; i < rule["nonResourceRules"].size(); ++i) {
    const Json& one = rule["nonResourceRules"].at(i);
    const std::string field = at(path + ".nonResourceRules", i);
    check_names(one, "verbs", field, found);
    check_names(one, "nonResourceURLs", field, found);
    check_paths(one, field, found);
  }
}

void check_percent(const Json& holder, const char* name, const std::string& path, Findings& found) {
  const Json& value = holder[name];
  if (value.is_null() || (value.integer() >= 0 && value.integer() <= 100)) return;
  found.push_back(meta::field_invalid(path + "." + name, value, "must be between 0 and 100, inclusive"));
}

void check_shares(const Json& holder, const std::string& path, Findings& found) {
  const Json& shares = holder["nominalConcurrencyShares"];
  if (shares.integer() >= 0) return;
  found.push_back(meta::field_invalid(path + ".nominalConcurrencyShares", shares, "must be a non-negative integer"));
}

void check_queuing(const Json& queuing, const std::string& path, Findings& found) {
  const int64_t queues = queuing["queues"].integer(), hand = queuing["handSize"].integer();
  if (queuing["queueLengthLimit"].integer() <= 0) {
    found.push_back(meta::field_invalid(path + ".queueLengthLimit", queuing["queueLengthLimit"], "must be positive"));
  }
  if (queues <= 0) {
    found.push_back(meta::field_invalid(path + ".queues", queues, "must be positive"));
  } else if (queues > queues_max) {
    found.push_back(
        meta::field_invalid(path + ".queues", queues, "must not be greater than " + std::to_string(queues_max)));
  }
  if (hand <= 0) {
    found.push_back(meta::field_invalid(path + ".handSize", hand, "must be positive"));
  } else if (hand > queues) {
    found.push_back(meta::field_invalid(path + ".handSize", hand,
                                        "should not be greater than queues (" + std::to_string(queues) + ")"));
  } else if (static_cast<double>(hand) * std::log2(static_cast<double>(queues)) > hash_bits) {
    found.push_back(meta::field_invalid(path + ".handSize", hand,
                                        "required entropy bits of deckSize " + std::to_string(queues) +
                                            " and handSize " + std::to_string(hand) +
                                            " should not be greater than 60"));
  }
}

void check_limited(const Json& limited, Findings& found) {
  const std::string path = "spec.limited";
  check_shares(limited, path, found);
  check_percent(limited, "lendablePercent", path, found);
  if (limited["borrowingLimitPercent"].integer() < 0) {
    found.push_back(meta::field_invalid(path + ".borrowingLimitPercent", limited["borrowingLimitPercent"],
                                        "if specified, must be a non-negative integer"));
  }
  const Json& response = limited["limitResponse"];
  const std::string& type = response["type"].string();
  const std::string field = path + ".limitResponse";
  if (type == "Reject" && response.has("queuing")) {
    found.push_back(
        meta::field_forbidden(field + ".queuing", "must be nil if limited.limitResponse.type is not Limited"));
  } else if (type == "Queue" && !response.has("queuing")) {
    found.push_back(
        meta::field_required(field + ".queuing", "must not be empty if limited.limitResponse.type is Limited"));
  } else if (type == "Queue") {
    check_queuing(response["queuing"], field + ".queuing", found);
  } else if (type != "Reject") {
    found.push_back(meta::field_not_supported(field + ".type", type, {"Queue", "Reject"}));
  }
}

}  // namespace

Findings check_flow_schema(const Json& doc, const Json*, Operation operation) {
  Findings found;
  if (operation == Operation::remove) return found;
  const Json& spec = doc["spec"];
  const int64_t precedence = spec["matchingPrecedence"].integer();
  if (precedence < 1 || precedence > precedence_max) {
    found.push_back(meta::field_invalid("spec.matchingPrecedence", precedence, "must be a positive value"));
  }
  if (precedence == 1 && doc["metadata"]["name"].string() != "exempt") {
    found.push_back(meta::field_invalid("spec.matchingPrecedence", precedence,
                                        "only the schema named 'exempt' may have matchingPrecedence 1"));
  }
  if (const Json& method = spec["distinguisherMethod"]; method.is_object()) {
    const std::string& type = method["type"].string();
    if (type != "ByUser" && type != "ByNamespace") {
      found.push_back(meta::field_not_supported("spec.distinguisherMethod", method, {"ByNamespace", "ByUser"}));
    }
  }
  if (spec["priorityLevelConfiguration"]["name"].string().empty()) {
    found.push_back(meta::field_required("spec.priorityLevelConfiguration.name", "must reference a priority level"));
  }
  for (size_t i = 0; i < spec["rules"].size(); ++i) check_rule(spec["rules"].at(i), at("spec.rules", i), found);
  return found;
}

Findings check_priority_level(const Json& doc, const Json*, Operation operation) {
  Findings found;
  if (operation == Operation::remove) return found;
  const Json& spec = doc["spec"];
  const std::string& type = spec["type"].string();
  const bool mandatory = doc["metadata"]["name"].string() == "exempt";
  if (mandatory != (type == "Exempt") && (type == "Exempt" || type == "Limited")) {
    found.push_back(meta::field_invalid("spec.type", type, "type must be 'Exempt' if and only if name is 'exempt'"));
  }
  if (type == "Exempt") {
    if (spec.has("limited")) {
      found.push_back(meta::field_forbidden("spec.limited", "must be nil if the type is not Limited"));
    }
    check_shares(spec["exempt"], "spec.exempt", found);
    check_percent(spec["exempt"], "lendablePercent", "spec.exempt", found);
  } else if (type == "Limited") {
    if (spec.has("exempt")) {
      found.push_back(meta::field_forbidden("spec.exempt", "must be nil if the type is Limited"));
    }
    if (!spec.has("limited")) {
      found.push_back(meta::field_required("spec.limited", "must not be empty when type is Limited"));
    } else {
      check_limited(spec["limited"], found);
    }
  } else {
    found.push_back(meta::field_not_supported("spec.type", type, {"Exempt", "Limited"}));
  }
  return found;
}

Json cell_of_flow_schema(const Json& doc, std::string_view column) {
  if (column == "DistinguisherMethod") return doc["spec"]["distinguisherMethod"]["type"].string_or("<none>");
  if (column != "MissingPL") return nullptr;
  for (const auto& condition : doc["status"]["conditions"].items()) {
    if (condition["type"].string() == "Dangling") return condition["status"];
  }
  return "?";
}

Json cell_of_priority_level(const Json& doc, std::string_view column) {
  const auto shown = [](const Json& value) -> Json { return value.is_null() ? Json("<none>") : value; };
  const Json& spec = doc["spec"];
  const Json& queuing = spec["limited"]["limitResponse"]["queuing"];
  if (column == "NominalConcurrencyShares") {
    return shown(spec[spec["type"].string() == "Exempt" ? "exempt" : "limited"]["nominalConcurrencyShares"]);
  }
  if (column == "Queues") return shown(queuing["queues"]);
  if (column == "HandSize") return shown(queuing["handSize"]);
  if (column == "QueueLengthLimit") return shown(queuing["queueLengthLimit"]);
  return nullptr;
}

}  // namespace api::rules
