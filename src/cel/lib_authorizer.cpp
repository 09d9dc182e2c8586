// Authorization checks in admission: declared here, answered by the host.
#include "cel/functions.h"

namespace cel {

void add_authorizer(Functions& to) {
  const auto unit = CostRule::unit;
  const std::string base = "kubernetes.authorization.";
  const auto add = [&](const char* name, const std::string& receiver, const char* parameters, const std::string& result,
                       CostRule cost) {
    const bool plain = result == "bool" || result == "string";
    const std::string signature = "m " + base + receiver + parameters + ": " + (plain ? result : base + result);
    to.add(name, signature.c_str(), cost, nullptr);
  };
  add("path", "Authorizer", ", string", "PathCheck", unit);
  add("group", "Authorizer", ", string", "GroupCheck", unit);
  add("serviceAccount", "Authorizer", ", string, string", "Authorizer", unit);
  add("resource", "GroupCheck", ", string", "ResourceCheck", unit);
  for (const char* part : {"subresource", "namespace", "name"}) {
    add(part, "ResourceCheck", ", string", "ResourceCheck", unit);
  }
  add("fieldSelector", "ResourceCheck", ", string", "ResourceCheck", CostRule::selector);
  add("labelSelector", "ResourceCheck", ", string", "ResourceCheck", CostRule::selector);
  add("check", "PathCheck", ", string", "Decision", CostRule::authorize);
  add("check", "ResourceCheck", ", string", "Decision", CostRule::authorize);
  add("allowed", "Decision", "", "bool", unit);
  add("errored", "Decision", "", "bool", unit);
  add("error", "Decision", "", "string", unit);
  add("reason", "Decision", "", "string", unit);
}

}  // namespace cel
