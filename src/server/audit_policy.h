// Which requests are written down, and how much of them: a policy document of audit.k8s.io/v1.
// https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/ has the rules.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "server/server.h"

namespace server {

enum class AuditLevel : unsigned char { none, metadata, request, request_response };
std::string_view name_of(AuditLevel level);

struct AuditRule {
  struct Resources {
    std::string group;
    std::vector<std::string> resources, names;
  };
  AuditLevel level = AuditLevel::none;
  std::vector<std::string> users, groups, verbs, namespaces, urls, omit_stages;
  std::vector<Resources> resources;
  std::optional<bool> omit_managed_fields;
};

// What is to be written down of one request.
struct AuditDecision {
  AuditLevel level = AuditLevel::none;
  std::vector<std::string> omit_stages;
  bool omit_managed_fields = false;
};

struct AuditPolicy {
  std::vector<AuditRule> rules;
  std::vector<std::string> omit_stages;
  bool omit_managed_fields = false;

  // Of YAML or JSON. Errors: invalid, naming the field.
  static base::Result<AuditPolicy> parse(std::string_view text);
  // By the first rule that fits; none when there is no such rule.
  AuditDecision decide(const User& user, const Attributes& asked) const;
};

}  // namespace server
