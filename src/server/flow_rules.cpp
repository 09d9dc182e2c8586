#include "server/flow_rules.h"

#include <algorithm>

#include "server/service_tokens.h"

namespace server {

using base::Json;

FlowRules::FlowRules(const Json& rules) {
  for (const auto& rule : rules.items()) {
    Rule out;
    for (const auto& subject : rule["subjects"].items()) {
      const std::string& kind = subject["kind"].string();
      const Json& account = subject["serviceAccount"];
      if (kind == "User") out.subjects.push_back({SubjectKind::user, {}, subject["user"]["name"].string()});
      if (kind == "Group") out.subjects.push_back({SubjectKind::group, {}, subject["group"]["name"].string()});
      if (kind == "ServiceAccount") {
        out.subjects.push_back({SubjectKind::service_account, account["namespace"].string(), account["name"].string()});
      }
    }
    for (const auto& one : rule["resourceRules"].items()) {
      out.resources.push_back({Names(one["verbs"]), Names(one["apiGroups"]), Names(one["resources"]),
                               Names(one["namespaces"]), one["clusterScope"].boolean()});
    }
    for (const auto& one : rule["nonResourceRules"].items()) {
      PathRule path{Names(one["verbs"]), {}};
      for (const auto& url : one["nonResourceURLs"].items()) path.urls.push_back(url.string());
      out.paths.push_back(std::move(path));
    }
    rules_.push_back(std::move(out));
  }
}

bool FlowRules::fit(const User& user, const Attributes& asked) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    const auto is_user = [&](const Subject& subject) { return subject.is(user); };
    if (std::none_of(rule.subjects.begin(), rule.subjects.end(), is_user)) return false;
    const auto fits = [&](const auto& one) { return one.fits(asked); };
    return asked.path.empty() ? std::any_of(rule.resources.begin(), rule.resources.end(), fits)
                              : std::any_of(rule.paths.begin(), rule.paths.end(), fits);
  });
}

FlowRules::Names::Names(const Json& list) {
  for (const auto& item : list.items()) {
    all = all || item.string() == "*";
    listed.push_back(item.string());
  }
}

bool FlowRules::Names::has(std::string_view wanted) const {
  return all || std::find(listed.begin(), listed.end(), wanted) != listed.end();
}

bool FlowRules::Subject::is(const User& user) const {
  if (kind == SubjectKind::user) return name == "*" || name == user.name;
  if (kind == SubjectKind::group) {
    return name == "*" || std::find(user.groups.begin(), user.groups.end(), name) != user.groups.end();
  }
  const auto account = service_account_of(user.name);
  return account && ns == account->ns && (name == "*" || name == account->name);
}

bool FlowRules::ResourceRule::fits(const Attributes& asked) const {
  if (!verbs.has(asked.verb) || !groups.has(asked.group)) return false;
  if (!(asked.subresource.empty() ? resources.has(asked.resource)
                                  : resources.has(asked.resource + "/" + asked.subresource))) {
    return false;
  }
  return asked.ns.empty() ? cluster_scope : namespaces.has(asked.ns);
}

bool FlowRules::PathRule::fits(const Attributes& asked) const {
  if (!verbs.has(asked.verb)) return false;
  return std::any_of(urls.begin(), urls.end(), [&](std::string_view url) {
    if (!url.ends_with('*')) return url == asked.path;
    url.remove_suffix(1);
    return asked.path.starts_with(url);
  });
}

}  // namespace server
