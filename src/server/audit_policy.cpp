#include "server/audit_policy.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "wire/yaml.h"

namespace server {
namespace {

using base::Json;
using base::Result;

constexpr auto levels =
    std::to_array<std::pair<std::string_view, AuditLevel>>({{"None", AuditLevel::none},
                                                            {"Metadata", AuditLevel::metadata},
                                                            {"Request", AuditLevel::request},
                                                            {"RequestResponse", AuditLevel::request_response}});
constexpr auto stages =
    std::to_array<std::string_view>({"RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"});

bool contains(const std::vector<std::string>& list, std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

// Fields of a policy that nobody knows are mistakes, and would log too little or too much in silence.
Result<void> check_fields(const Json& doc, const std::string& path, std::initializer_list<std::string_view> known) {
  if (!doc.is_object()) return base::invalid(path + " must be an object");
  for (const auto& [name, value] : doc.members()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return base::invalid(path + " has no field " + base::quoted(name));
    }
  }
  return {};
}

Result<std::vector<std::string>> strings(const Json& list, const std::string& path) {
  std::vector<std::string> out;
  if (!list.is_null() && !list.is_array()) return base::invalid(path + " must be a list");
  for (const auto& item : list.items()) {
    if (!item.is_string()) return base::invalid(path + " must be a list of strings");
    out.push_back(item.string());
  }
  return out;
}

Result<std::vector<std::string>> stages_of(const Json& list, const std::string& path) {
  auto out = TRY(strings(list, path));
  for (const auto& stage : out) {
    if (std::find(stages.begin(), stages.end(), stage) != stages.end()) continue;
    return base::invalid(path + ": there is no stage " + base::quoted(stage));
  }
  return out;
}

Result<AuditLevel> level_of(const Json& value, const std::string& path) {
  for (const auto& [name, level] : levels) {
    if (value.string() == name) return level;
  }
  return base::invalid(path + " must be None, Metadata, Request or RequestResponse");
}

Result<AuditRule::Resources> resources_of(const Json& doc, const std::string& path) {
  TRY(check_fields(doc, path, {"group", "resources", "resourceNames"}));
  AuditRule::Resources out;
  out.group = doc["group"].string();
  out.resources = TRY(strings(doc["resources"], path + ".resources"));
  out.names = TRY(strings(doc["resourceNames"], path + ".resourceNames"));
  if (!out.names.empty() && out.resources.empty()) {
    return base::invalid(path + ": resourceNames need resources");
  }
  return out;
}

Result<AuditRule> rule_of(const Json& doc, const std::string& path) {
  TRY(check_fields(doc, path,
                   {"level", "users", "userGroups", "verbs", "resources", "namespaces", "nonResourceURLs", "omitStages",
                    "omitManagedFields"}));
  AuditRule out;
  out.level = TRY(level_of(doc["level"], path + ".level"));
  out.users = TRY(strings(doc["users"], path + ".users"));
  out.groups = TRY(strings(doc["userGroups"], path + ".userGroups"));
  out.verbs = TRY(strings(doc["verbs"], path + ".verbs"));
  out.namespaces = TRY(strings(doc["namespaces"], path + ".namespaces"));
  out.urls = TRY(strings(doc["nonResourceURLs"], path + ".nonResourceURLs"));
  out.omit_stages = TRY(stages_of(doc["omitStages"], path + ".omitStages"));
  for (size_t i = 0; i < doc["resources"].size(); ++i) {
    out.resources.push_back(TRY(resources_of(doc["resources"].at(i), path + ".resources[" + std::to_string(i) + "]")));
  }
  if (doc.has("omitManagedFields")) out.omit_managed_fields = doc["omitManagedFields"].boolean();
  if (!out.urls.empty() && (!out.resources.empty() || !out.namespaces.empty())) {
    return base::invalid(path + " cannot be about both resources and nonResourceURLs");
  }
  for (const auto& url : out.urls) {
    const bool good = url == "*" || (url.starts_with('/') && url.find('*') >= url.size() - 1);
    if (!good)
      return base::invalid(path + ".nonResourceURLs: " + base::quoted(url) + " is no path with * only at its end");
  }
  return out;
}

bool names_resource(const std::string& wanted, const Attributes& asked) {
  const std::string resource = asked.subresource.empty() ? asked.resource : asked.resource + "/" + asked.subresource;
  if (wanted == "*" || wanted == resource) return true;
  if (asked.subresource.empty()) return false;
  if (wanted.starts_with("*/")) return wanted.substr(2) == asked.subresource;
  return wanted.ends_with("/*") && wanted.substr(0, wanted.size() - 2) == asked.resource;
}

bool fits_resource(const AuditRule& rule, const Attributes& asked) {
  if (!asked.path.empty()) return false;
  if (!rule.namespaces.empty() && !contains(rule.namespaces, asked.ns)) return false;
  if (rule.resources.empty()) return true;
  return std::any_of(rule.resources.begin(), rule.resources.end(), [&](const AuditRule::Resources& each) {
    if (each.group != asked.group) return false;
    if (!each.names.empty() && !contains(each.names, asked.name)) return false;
    return each.resources.empty() ||
           std::any_of(each.resources.begin(), each.resources.end(),
                       [&](const std::string& wanted) { return names_resource(wanted, asked); });
  });
}

bool fits_path(const AuditRule& rule, const Attributes& asked) {
  if (asked.path.empty()) return false;
  return std::any_of(rule.urls.begin(), rule.urls.end(), [&](std::string_view url) {
    if (!url.ends_with('*')) return url == asked.path;
    return asked.path.starts_with(url.substr(0, url.size() - 1));
  });
}

bool fits(const AuditRule& rule, const User& user, const Attributes& asked) {
  if (!rule.users.empty() && !contains(rule.users, user.name)) return false;
  if (!rule.groups.empty() && std::none_of(user.groups.begin(), user.groups.end(),
                                           [&](const std::string& group) { return contains(rule.groups, group); })) {
    return false;
  }
  if (!rule.verbs.empty() && !contains(rule.verbs, asked.verb) && !contains(rule.verbs, "*")) return false;
  if (!rule.namespaces.empty() || !rule.resources.empty()) return fits_resource(rule, asked);
  return rule.urls.empty() || fits_path(rule, asked);
}

}  // namespace

std::string_view name_of(AuditLevel level) {
  for (const auto& [name, each] : levels) {
    if (each == level) return name;
  }
  return "None";
}

Result<AuditPolicy> AuditPolicy::parse(std::string_view text) {
  const auto documents = TRY(wire::parse_yaml(text));
  if (documents.size() != 1) return base::invalid("the file must hold one document");
  const Json& doc = documents.front();
  TRY(check_fields(doc, "the policy", {"apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields"}));
  if (doc["apiVersion"].string() != "audit.k8s.io/v1" || doc["kind"].string() != "Policy") {
    return base::invalid("the file must hold a Policy of audit.k8s.io/v1");
  }
  AuditPolicy out;
  out.omit_stages = TRY(stages_of(doc["omitStages"], "omitStages"));
  out.omit_managed_fields = doc["omitManagedFields"].boolean();
  for (size_t i = 0; i < doc["rules"].size(); ++i) {
    out.rules.push_back(TRY(rule_of(doc["rules"].at(i), "rules[" + std::to_string(i) + "]")));
  }
  if (out.rules.empty()) return base::invalid("the policy has no rules");
  return out;
}

AuditDecision AuditPolicy::decide(const User& user, const Attributes& asked) const {
  for (const auto& rule : rules) {
    if (!fits(rule, user, asked)) continue;
    AuditDecision out{rule.level, omit_stages, rule.omit_managed_fields.value_or(omit_managed_fields)};
    out.omit_stages.insert(out.omit_stages.end(), rule.omit_stages.begin(), rule.omit_stages.end());
    return out;
  }
  return {};
}

}  // namespace server
