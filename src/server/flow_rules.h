// The rules of a FlowSchema (flowcontrol.apiserver.k8s.io/v1), read once: every request is held against all of them.
#pragma once

#include <string>
#include <vector>

#include "server/server.h"

namespace server {

class FlowRules {
 public:
  explicit FlowRules(const base::Json& rules);
  bool fit(const User& user, const Attributes& asked) const;

 private:
  // "*" stands for everything.
  struct Names {
    explicit Names(const base::Json& list);
    bool has(std::string_view wanted) const;
    bool all = false;
    std::vector<std::string> listed;
  };
  enum class SubjectKind : unsigned char { user, group, service_account };
  struct Subject {
    SubjectKind kind;
    std::string ns, name;  // namespace of ServiceAccounts
    bool is(const User& user) const;
  };
  struct ResourceRule {
    Names verbs, groups, resources, namespaces;
    bool cluster_scope;
    bool fits(const Attributes& asked) const;
  };
  struct PathRule {
    Names verbs;
    std::vector<std::string> urls;  // with "*" at the end: all that begin so
    bool fits(const Attributes& asked) const;
  };
  struct Rule {
    std::vector<Subject> subjects;
    std::vector<ResourceRule> resources;
    std::vector<PathRule> paths;
  };
  std::vector<Rule> rules_;
};

}  // namespace server
