#include "control/metal3machine/choose.h"

#include <algorithm>

#include "base/text.h"

namespace control::metal3machine {

namespace {

constexpr std::string_view failure_domain_label = "infrastructure.cluster.x-k8s.io/failure-domain";

// matchExpressions with the operators people write: "In", "in", "DoesNotExist", "!exists"...
Result<registry::LabelSelector> selector_of(const Metal3Machine& machine) {
  api::Selector wanted = machine.spec.host_selector;
  for (auto& one : wanted.match_expressions) {
    const std::string op = base::lower(one.op);
    one.op = op == "in" || op == "=" || op == "==" ? "In"
             : op == "notin" || op == "!="         ? "NotIn"
             : op == "exists"                      ? "Exists"
             : op == "doesnotexist" || op == "!"   ? "DoesNotExist"
             : op == "gt"                          ? "Gt"
             : op == "lt"                          ? "Lt"
                                                   : one.op;
  }
  return registry::LabelSelector::from_object(meta::encode(wanted));
}

bool ours(const BareMetalHost& host, const Metal3Machine& machine) {
  const auto& consumer = host.spec.consumer_ref;
  return consumer && consumer->kind == "Metal3Machine" && consumer->name == machine.meta.name &&
         consumer->ns == machine.meta.ns;
}

bool free_of_claims(const BareMetalHost& host) {
  return !host.spec.consumer_ref || host.spec.consumer_ref->name.empty();
}

// Kept for a machine of this owner by a rollout that reuses hosts.
bool kept_for(const BareMetalHost& host, const Metal3Machine& machine) {
  const auto& consumer = host.spec.consumer_ref;
  const std::string value = node_reuse_value(machine);
  return !value.empty() && host.meta.label(node_reuse_label) == value && consumer && consumer->kind == "Cluster" &&
         consumer->name == machine.meta.label(api::cluster_name_label) && consumer->ns == machine.meta.ns;
}

bool usable(const BareMetalHost& host) {
  const auto& notes = host.meta;
  return host.claimable() && free_of_claims(host) && !notes.has_annotation(api::host_annotation::paused) &&
         !notes.has_annotation(api::host_annotation::detached) &&
         !notes.has_annotation(api::host_annotation::unhealthy) &&
         !notes.has_annotation(api::host_annotation::unhealthy_old);
}

// The same host as if nothing held it.
BareMetalHost without_claim(BareMetalHost host) {
  host.spec.consumer_ref = std::nullopt;
  return host;
}

// "No host fits: 3 of 20 hosts are available, none matches ...": what an operator needs to act.
std::string explain(const std::vector<Ref<BareMetalHost>>& hosts, const registry::LabelSelector& selector,
                    std::string_view ns) {
  size_t available = 0, matching = 0;
  std::vector<std::pair<std::string, std::vector<std::string>>> near;  // what misses -> free hosts
  std::vector<std::string> busy;
  for (const auto& host : hosts) {
    const auto misses = selector.misses(meta::encode(host->meta)["labels"]);
    if (misses.empty()) {
      ++matching;
      if (!usable(*host) && free_of_claims(*host)) {
        const auto& state = host->status.provisioning.state;
        busy.push_back(
            host->meta.name + " is " +
            (host->status.error_message.empty() ? (state.empty() ? "not yet registered" : state) : "in error"));
      }
    }
    if (!usable(*host)) continue;
    ++available;
    if (misses.empty()) continue;
    const std::string what = base::join(misses, ", ");
    auto group = std::find_if(near.begin(), near.end(), [&](const auto& one) { return one.first == what; });
    if (group == near.end()) group = near.insert(near.end(), {what, {}});
    group->second.push_back(host->meta.name);
  }
  constexpr size_t names_max = 5;
  const auto some = [](std::vector<std::string> all, const char* separator) {
    const size_t count = all.size();
    if (count > names_max) all.resize(names_max);
    return base::join(all, separator) +
           (count > names_max ? separator + std::string("and ") + std::to_string(count - names_max) + " more" : "");
  };
  std::vector<std::string> lacks;
  for (const auto& [what, names] : near)
    lacks.push_back(some(names, ", ") + (names.size() == 1 ? " misses " : " miss ") + what);
  std::string text = "controller: no available BareMetalHost in namespace " + std::string(ns) + " matches " +
                     (selector.empty() ? std::string("(any host)") : selector.text()) + ": " +
                     std::to_string(available) + " of " + std::to_string(hosts.size()) + " hosts are free, " +
                     std::to_string(matching) + " match, 0 are both";
  if (!near.empty()) text += ". Free, but: " + some(lacks, "; ");
  if (!busy.empty()) text += ". Matching, but: " + some(busy, "; ");
  if (!near.empty())
    text += ". Next: label a free host (kubectl label bmh NAME KEY=VALUE --overwrite) or add hosts";
  else if (busy.empty())
    text += ". Next: add a host, or release one";
  return text;
}

}  // namespace

std::string node_reuse_value(const Metal3Machine& machine) {
  const std::string& plane = machine.meta.label(api::control_plane_name_label);
  const std::string& deployment = machine.meta.label(api::deployment_name_label);
  return !plane.empty() ? "cp-" + plane : !deployment.empty() ? "md-" + deployment : "";
}

Result<Choice> choose_host(const Metal3Machine& machine, const std::vector<Ref<BareMetalHost>>& hosts) {
  for (const auto& host : hosts) {
    if (ours(*host, machine)) return Choice{.host = host, .already_ours = true};
  }
  const auto selector = TRY(selector_of(machine));
  std::string kept;
  for (const auto& host : hosts) {
    if (!kept_for(*host, machine) || !selector.matches(meta::encode(host->meta)["labels"])) continue;
    if (usable(without_claim(*host))) return Choice{.host = host};
    kept += (kept.empty() ? "" : ", ") + host->meta.name;
  }
  if (!kept.empty())
    return Choice{.why = "controller: waiting for BareMetalHost " + kept +
                         " to be available: it is kept for this machine (spec.nodeReuse of the template)"};
  Ref<BareMetalHost> any;
  for (const auto& host : hosts) {
    if (!usable(*host) || !selector.matches(meta::encode(host->meta)["labels"])) continue;
    if (machine.spec.failure_domain.empty() || host->meta.label(failure_domain_label) == machine.spec.failure_domain)
      return Choice{.host = host};
    if (!any) any = host;
  }
  if (any) return Choice{.host = any};
  return Choice{.why = explain(hosts, selector, machine.meta.ns)};
}

}  // namespace control::metal3machine
