// One rule of a Role or ClusterRole (rbac.authorization.k8s.io/v1 PolicyRule): what it allows, and what one set of
// rules grants beyond another.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "server/server.h"

namespace server {

struct PolicyRule {
  std::vector<std::string> verbs, groups, resources, names, urls;
  bool operator==(const PolicyRule&) const = default;
};

std::vector<PolicyRule> rules_of(const base::Json& rules);  // the `rules` of a role; absent is none
base::Json json_of(const PolicyRule& rule);                 // without empty fields

bool allows(const PolicyRule& rule, const Attributes& asked);
bool allows(const std::vector<PolicyRule>& rules, const Attributes& asked);

// What `wanted` grants that `held` does not, one verb and resource (or path) at a time, then the verbs of the same
// resource together. A wildcard is held only as a wildcard.
std::vector<PolicyRule> not_covered(const std::vector<PolicyRule>& held, const std::vector<PolicyRule>& wanted);

// {APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}
std::string text_of(const PolicyRule& rule);

}  // namespace server
