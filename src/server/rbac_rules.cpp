#include "server/rbac_rules.h"

#include <algorithm>

#include "base/text.h"

namespace server {
namespace {

using base::Json;
using Strings = std::vector<std::string>;

Strings strings_of(const Json& list) {
  Strings out;
  for (const auto& item : list.items()) out.push_back(item.string());
  return out;
}

bool has(const Strings& list, std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

bool has_or_all(const Strings& list, std::string_view wanted) { return has(list, "*") || has(list, wanted); }

// "pods/log" is named in full or as "*/log"; "pods" does not include it.
bool names_resource(const Strings& list, const std::string& resource, const std::string& subresource) {
  if (has(list, "*")) return true;
  if (subresource.empty()) return has(list, resource);
  return std::any_of(list.begin(), list.end(), [&](std::string_view item) {
    const size_t slash = item.find('/');
    if (slash == std::string_view::npos || item.substr(slash + 1) != subresource) return false;
    return item.substr(0, slash) == "*" || item.substr(0, slash) == resource;
  });
}

bool names_url(const Strings& list, std::string_view path) {
  return std::any_of(list.begin(), list.end(), [&](std::string_view item) {
    if (item.ends_with('*')) return path.starts_with(item.substr(0, item.size() - 1));
    return item == path;
  });
}

// `resource` as a rule names it: with its subresource, if any.
Attributes attributes_of(const std::string& verb, const std::string& group, const std::string& resource,
                         const std::string& name) {
  Attributes out;
  const size_t slash = resource.find('/');
  out.verb = verb;
  out.group = group;
  out.resource = resource.substr(0, slash);
  if (slash != std::string::npos) out.subresource = resource.substr(slash + 1);
  out.name = name;
  return out;
}

bool held_url(const std::vector<PolicyRule>& held, const std::string& verb, const std::string& url) {
  return std::any_of(held.begin(), held.end(), [&](const PolicyRule& rule) {
    return has_or_all(rule.verbs, verb) && (has(rule.urls, url) || names_url(rule.urls, url));
  });
}

void add_missing(std::vector<PolicyRule>& missing, PolicyRule single) {
  for (auto& rule : missing) {
    const bool same = rule.groups == single.groups && rule.resources == single.resources &&
                      rule.names == single.names && rule.urls == single.urls;
    if (!same) continue;
    if (!has(rule.verbs, single.verbs.front())) rule.verbs.push_back(single.verbs.front());
    return;
  }
  missing.push_back(std::move(single));
}

void check_resources(const std::vector<PolicyRule>& held, const PolicyRule& rule, const std::string& verb,
                     std::vector<PolicyRule>& missing) {
  const Strings unnamed = {""};
  for (const auto& group : rule.groups) {
    for (const auto& resource : rule.resources) {
      for (const auto& name : rule.names.empty() ? unnamed : rule.names) {
        if (allows(held, attributes_of(verb, group, resource, name))) continue;
        const Strings names = name.empty() ? Strings() : Strings{name};
        add_missing(missing, {.verbs = {verb}, .groups = {group}, .resources = {resource}, .names = names, .urls = {}});
      }
    }
  }
}

}  // namespace

std::vector<PolicyRule> rules_of(const Json& rules) {
  std::vector<PolicyRule> out;
  for (const auto& rule : rules.items()) {
    out.push_back({.verbs = strings_of(rule["verbs"]),
                   .groups = strings_of(rule["apiGroups"]),
                   .resources = strings_of(rule["resources"]),
                   .names = strings_of(rule["resourceNames"]),
                   .urls = strings_of(rule["nonResourceURLs"])});
  }
  return out;
}

Json json_of(const PolicyRule& rule) {
  Json out = Json::object();
  const auto put = [&](const char* field, const Strings& list) {
    if (!list.empty()) out.set(field, Json::strings(list));
  };
  put("apiGroups", rule.groups);
  put("nonResourceURLs", rule.urls);
  put("resourceNames", rule.names);
  put("resources", rule.resources);
  return out.set("verbs", Json::strings(rule.verbs));
}

bool allows(const PolicyRule& rule, const Attributes& asked) {
  if (!has_or_all(rule.verbs, asked.verb)) return false;
  if (!asked.path.empty()) return names_url(rule.urls, asked.path);
  return has_or_all(rule.groups, asked.group) && names_resource(rule.resources, asked.resource, asked.subresource) &&
         (rule.names.empty() || has(rule.names, asked.name));
}

bool allows(const std::vector<PolicyRule>& rules, const Attributes& asked) {
  return std::any_of(rules.begin(), rules.end(), [&](const PolicyRule& rule) { return allows(rule, asked); });
}

std::vector<PolicyRule> not_covered(const std::vector<PolicyRule>& held, const std::vector<PolicyRule>& wanted) {
  std::vector<PolicyRule> missing;
  for (const auto& rule : wanted) {
    for (const auto& verb : rule.verbs) {
      check_resources(held, rule, verb, missing);
      for (const auto& url : rule.urls) {
        if (held_url(held, verb, url)) continue;
        add_missing(missing, {.verbs = {verb}, .groups = {}, .resources = {}, .names = {}, .urls = {url}});
      }
    }
  }
  return missing;
}

std::string text_of(const PolicyRule& rule) {
  Strings parts;
  const auto add = [&](const char* name, const Strings& list) {
    if (list.empty()) return;
    Strings items;
    for (const auto& item : list) items.push_back(base::quoted(item));
    parts.push_back(std::string(name) + ":[" + base::join(items, " ") + "]");
  };
  add("APIGroups", rule.groups);
  add("Resources", rule.resources);
  add("NonResourceURLs", rule.urls);
  add("ResourceNames", rule.names);
  add("Verbs", rule.verbs);
  return "{" + base::join(parts, ", ") + "}";
}

}  // namespace server
