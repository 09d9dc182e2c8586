// Role-based access control over the store: an index of roles and bindings that follows every write at once, so that a
// decision costs a few look-ups. https://kubernetes.io/docs/reference/access-authn-authz/rbac/ has the rules.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "registry/registry.h"
#include "registry/work_queue.h"
#include "server/rbac_rules.h"

namespace server {

inline constexpr std::string_view rbac_group = "rbac.authorization.k8s.io";
inline constexpr std::string_view masters_group = "system:masters";  // may do everything, whatever the bindings say

class Rbac {
 public:
  // The kinds are in the scheme.
  static bool serves(const meta::Scheme& scheme);

  // `aggregate` keeps ClusterRoles with an aggregationRule up to date. `registry` must outlive this.
  Rbac(sys::Loop& loop, registry::Registry& registry, bool aggregate = true);
  ~Rbac();
  Rbac(const Rbac&) = delete;
  // Where several processes serve one store: only the leader writes. maintain() is for the one that has just become it.
  void write_while(std::function<bool()> leads) { leads_ = std::move(leads); }
  void maintain();

  bool allows(const User& user, const Attributes& asked) const;
  // Which binding allows it, as a sentence; or which roles a binding names in vain. May be empty.
  std::string reason(const User& user, const Attributes& asked) const;
  // All rules that hold for the user in `ns` ("" for the cluster scope alone).
  std::vector<PolicyRule> rules(const User& user, const std::string& ns) const;
  // The rules of a role that a binding in `ns` refers to; nullopt when there is no such role.
  std::optional<std::vector<PolicyRule>> role(const std::string& kind, const std::string& ns,
                                              const std::string& name) const;

 private:
  struct Binding {
    std::string ns, name, role_kind, role_name;
    std::vector<std::string> subjects;  // keys into grants_
  };
  struct Grant {
    std::shared_ptr<const Binding> binding;
    std::string subject;  // as people read it: User "bob"
  };
  using Rules = std::vector<PolicyRule>;

  // Calls `use(grant, rules or null)` for what concerns the user there, until it returns true.
  template <class Use>
  bool each_grant(const User& user, const std::string& ns, Use use) const;
  const Rules* find_role(const std::string& kind, const std::string& ns, const std::string& name) const;
  void changed(const store::Event& event);
  void take(const store::Key& key, const base::Json* doc);
  void take_role(const store::Key& key, const base::Json* doc);
  void take_binding(const store::Key& key, const base::Json* doc);
  base::Result<void> aggregate(const store::Key& key);

  registry::Registry& registry_;
  bool aggregates_;
  std::function<bool()> leads_;                   // empty: always
  std::unordered_map<std::string, Rules> roles_;  // by namespace/name; of a ClusterRole /name
  std::unordered_map<std::string, std::vector<Grant>> grants_;
  std::map<store::Key, std::shared_ptr<const Binding>> bindings_;
  std::map<std::string, store::Key> aggregated_;  // ClusterRoles with an aggregationRule
  registry::WorkQueue queue_;
  store::Subscription subscription_ = 0;
};

// Makes the roles and bindings that every cluster has, where they are absent, and gives those that still carry the
// autoupdate annotation what they lack. Errors are logged: nothing depends on these for system:masters.
void make_bootstrap_roles(registry::Registry& registry);

}  // namespace server
