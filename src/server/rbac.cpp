#include "server/rbac.h"

#include <algorithm>

#include "base/text.h"

namespace server {
namespace {

using base::Json;

constexpr std::string_view roles = "roles.rbac.authorization.k8s.io";
constexpr std::string_view cluster_roles = "clusterroles.rbac.authorization.k8s.io";
constexpr std::string_view role_bindings = "rolebindings.rbac.authorization.k8s.io";
constexpr std::string_view cluster_role_bindings = "clusterrolebindings.rbac.authorization.k8s.io";

// Namespaces and the letter have no slash, so keys cannot be mistaken for each other.
std::string grant_key(std::string_view ns, char type, std::string_view name) {
  std::string out(ns);
  out += '/';
  out += type;
  out += name;
  return out;
}

std::string role_key(std::string_view ns, std::string_view name) {
  std::string out(ns);
  out += '/';
  out += name;
  return out;
}

struct Subject {
  char type;  // u, g
  std::string name, text;
};

std::optional<Subject> subject_of(const Json& subject, const std::string& binding_ns) {
  const auto& kind = subject["kind"].string();
  const auto& name = subject["name"].string();
  if (kind == "User") return Subject{'u', name, "User " + base::quoted(name)};
  if (kind == "Group") return Subject{'g', name, "Group " + base::quoted(name)};
  if (kind != "ServiceAccount") return std::nullopt;
  const auto ns = subject["namespace"].string_or(binding_ns);
  if (ns.empty()) return std::nullopt;
  return Subject{'u', "system:serviceaccount:" + ns + ":" + name, "ServiceAccount " + base::quoted(name + "/" + ns)};
}

}  // namespace

bool Rbac::serves(const meta::Scheme& scheme) {
  return scheme.by_resource(roles) && scheme.by_resource(cluster_roles) && scheme.by_resource(role_bindings) &&
         scheme.by_resource(cluster_role_bindings);
}

Rbac::Rbac(sys::Loop& loop, registry::Registry& registry, bool aggregate)
    : registry_(registry),
      aggregates_(aggregate),
      queue_(loop, "clusterroles", [this](const store::Key& key) { return this->aggregate(key); }) {
  for (const auto resource : {roles, cluster_roles, role_bindings, cluster_role_bindings}) {
    for (const auto& entry : registry_.store().list(resource)) take(entry->key, &entry->doc());
  }
  subscription_ = registry_.store().subscribe(false, [this](const store::Event& event) { changed(event); });
}

Rbac::~Rbac() { registry_.store().unsubscribe(subscription_); }

void Rbac::maintain() {
  for (const auto& [name, key] : aggregated_) queue_.add(key);
}

void Rbac::changed(const store::Event& event) {
  const auto& key = event.object->key;
  if (!key.resource.ends_with(rbac_group)) return;
  take(key, event.type == store::EventType::deleted ? nullptr : &event.object->doc());
}

void Rbac::take(const store::Key& key, const Json* doc) {
  if (key.resource == roles || key.resource == cluster_roles) take_role(key, doc);
  if (key.resource == role_bindings || key.resource == cluster_role_bindings) take_binding(key, doc);
}

void Rbac::take_role(const store::Key& key, const Json* doc) {
  if (doc) {
    roles_[role_key(key.ns, key.name)] = rules_of((*doc)["rules"]);
  } else {
    roles_.erase(role_key(key.ns, key.name));
  }
  if (!key.ns.empty() || !aggregates_) return;
  if (doc && (*doc)["aggregationRule"].is_object()) {
    aggregated_.emplace(key.name, key);
  } else {
    aggregated_.erase(key.name);
  }
  for (const auto& [name, concerned] : aggregated_) queue_.add(concerned);
}

void Rbac::take_binding(const store::Key& key, const Json* doc) {
  if (const auto old = bindings_.find(key); old != bindings_.end()) {
    for (const auto& subject : old->second->subjects) {
      std::erase_if(grants_[subject], [&](const Grant& grant) { return grant.binding == old->second; });
      if (grants_[subject].empty()) grants_.erase(subject);
    }
    bindings_.erase(old);
  }
  if (!doc) return;
  const auto& ref = (*doc)["roleRef"];
  auto binding = std::make_shared<Binding>(Binding{key.ns, key.name, ref["kind"].string(), ref["name"].string(), {}});
  for (const auto& entry : (*doc)["subjects"].items()) {
    const auto subject = subject_of(entry, key.ns);
    if (!subject) continue;
    binding->subjects.push_back(grant_key(key.ns, subject->type, subject->name));
    grants_[binding->subjects.back()].push_back({binding, subject->text});
  }
  bindings_.emplace(key, std::move(binding));
}

// The union of the rules of the selected roles, in the order of their names.
base::Result<void> Rbac::aggregate(const store::Key& key) {
  if (leads_ && !leads_()) return {};
  const auto current = registry_.store().get(key);
  if (!current || !current->doc()["aggregationRule"].is_object()) return {};
  std::vector<registry::LabelSelector> selectors;
  for (const auto& selector : current->doc()["aggregationRule"]["clusterRoleSelectors"].items()) {
    selectors.push_back(TRY(registry::LabelSelector::from_object(selector)));
  }
  Rules all;
  for (const auto& other : registry_.store().list(cluster_roles)) {
    const auto& labels = other->doc()["metadata"]["labels"];
    const bool selected = std::any_of(selectors.begin(), selectors.end(),
                                      [&](const registry::LabelSelector& one) { return one.matches(labels); });
    if (!selected || other->key == key) continue;
    for (auto& rule : rules_of(other->doc()["rules"])) {
      if (std::find(all.begin(), all.end(), rule) == all.end()) all.push_back(std::move(rule));
    }
  }
  if (all == rules_of(current->doc()["rules"])) return {};
  Json rules = Json::array();
  for (const auto& rule : all) rules.push(json_of(rule));
  Json doc = current->doc();
  doc.set("rules", std::move(rules));
  registry::UpdateOptions options;
  options.internal = true;
  TRY(registry_.update(*registry_.scheme().by_resource(cluster_roles), std::move(doc), options));
  return {};
}

const Rbac::Rules* Rbac::find_role(const std::string& kind, const std::string& ns, const std::string& name) const {
  if (kind != "Role" && kind != "ClusterRole") return nullptr;
  const auto found = roles_.find(role_key(kind == "Role" ? std::string_view(ns) : std::string_view(), name));
  return found == roles_.end() ? nullptr : &found->second;
}

template <class Use>
bool Rbac::each_grant(const User& user, const std::string& ns, Use use) const {
  const auto look = [&](std::string_view where, char type, const std::string& name) {
    const auto found = grants_.find(grant_key(where, type, name));
    if (found == grants_.end()) return false;
    return std::any_of(found->second.begin(), found->second.end(), [&](const Grant& grant) {
      return use(grant, find_role(grant.binding->role_kind, grant.binding->ns, grant.binding->role_name));
    });
  };
  const auto everywhere = [&](std::string_view where) {
    if (look(where, 'u', user.name)) return true;
    return std::any_of(user.groups.begin(), user.groups.end(),
                       [&](const std::string& group) { return look(where, 'g', group); });
  };
  return everywhere({}) || (!ns.empty() && everywhere(ns));
}

bool Rbac::allows(const User& user, const Attributes& asked) const {
  if (std::find(user.groups.begin(), user.groups.end(), masters_group) != user.groups.end()) return true;
  return each_grant(user, asked.ns,
                    [&](const Grant&, const Rules* rules) { return rules && server::allows(*rules, asked); });
}

std::string Rbac::reason(const User& user, const Attributes& asked) const {
  // They are allowed before anybody asks for roles.
  if (std::find(user.groups.begin(), user.groups.end(), "system:masters") != user.groups.end()) return {};
  std::string allowed;
  std::vector<std::string> missing;
  each_grant(user, asked.ns, [&](const Grant& grant, const Rules* rules) {
    const auto& binding = *grant.binding;
    if (!rules) {
      missing.push_back(base::lower(binding.role_kind) + "." + std::string(rbac_group) + " " +
                        base::quoted(binding.role_name) + " not found");
      return false;
    }
    if (!server::allows(*rules, asked)) return false;
    const std::string where = binding.ns.empty() ? "ClusterRoleBinding " + base::quoted(binding.name)
                                                 : "RoleBinding " + base::quoted(binding.name + "/" + binding.ns);
    allowed = "RBAC: allowed by " + where + " of " + binding.role_kind + " " + base::quoted(binding.role_name) +
              " to " + grant.subject;
    return true;
  });
  if (!allowed.empty() || missing.empty()) return allowed;
  if (missing.size() == 1) return "RBAC: " + missing.front();
  return "RBAC: [" + base::join(missing, ", ") + "]";
}

std::vector<PolicyRule> Rbac::rules(const User& user, const std::string& ns) const {
  Rules out;
  each_grant(user, ns, [&](const Grant&, const Rules* rules) {
    if (rules) out.insert(out.end(), rules->begin(), rules->end());
    return false;
  });
  return out;
}

std::optional<std::vector<PolicyRule>> Rbac::role(const std::string& kind, const std::string& ns,
                                                  const std::string& name) const {
  const auto* found = find_role(kind, ns, name);
  return found ? std::optional(*found) : std::nullopt;
}

}  // namespace server
