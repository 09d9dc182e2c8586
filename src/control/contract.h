// What Cluster API's contracts ask of every reconciler: objects known only by a reference, ownership, pausing,
// templates and conditions that say who waits for what.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/cluster.h"
#include "runtime/context.h"
#include "runtime/runtime.h"
#include "workload/clusters.h"

namespace control {

using api::Cluster;
using api::Condition;
using api::Machine;
using api::Reference;
using base::Duration;
using base::Json;
using base::Result;
using base::Time;
using runtime::Context;
using runtime::EventKind;
using runtime::Key;
using runtime::Outcome;
using runtime::Ref;

// The object a reference names, whatever its kind; in the referrer's namespace.
struct External {
  std::string resource;  // "" when no such kind is served
  std::string text;      // "Metal3Cluster dev", for messages
  Json doc;              // null when there is none
  std::string refused;   // why it may not be had, for a condition: it belongs to somebody else
  bool exists() const { return !doc.is_null(); }
  bool deleting() const { return !doc.path("metadata.deletionTimestamp").is_null(); }
  // The condition of that type in status.conditions; null when absent.
  const Json& condition(std::string_view type) const;
};
External external(const Context& ctx, std::string_view ns, const Reference& reference);

// Makes `owner` an owner of the external object (as controller when the reference says so, replacing any other
// controller) and sets its cluster-name label. Writes only what is missing. An object that another living owner of the
// same kind has is left alone, and `refused` says so: two owners would take it from each other for ever.
Result<void> own(Context& ctx, External& object, const api::OwnerReference& owner, std::string_view cluster_name);

// Adds `owner` to the owners of a template, which several clusters may use, so that it lives as long as any of them.
Result<void> share(Context& ctx, const External& object, const api::OwnerReference& owner);

// Spec.paused of the cluster, or the annotation on the object itself (any value).
bool is_paused(const Cluster* cluster, const api::ObjectMeta& meta);

// Condition makers; `status` is a bool or "Unknown".
Condition condition(std::string_view type, bool status, std::string_view reason, std::string_view message = {});
Condition unknown(std::string_view type, std::string_view reason, std::string_view message = {});
Condition paused_condition(bool paused, const Cluster* cluster);
// The condition `type` of the external object under another name; when it has none, `fallback` decides.
Condition mirror(const External& object, std::string_view type, std::string_view as, const Condition& fallback);

// Joins conditions into one: any that is bad (False; True for the `negative` types) beats Unknown beats True. The
// message lists "* Type: message" of what is not good.
struct Summary {
  std::string type;
  std::vector<std::string> types;     // in order; absent ones count as Unknown
  std::vector<std::string> negative;  // of `types`: True is bad (Deleting, Paused...)
  std::vector<std::string> optional;  // of `types`: absent is fine
};
Condition summarize(const std::vector<Condition>& all, const Summary& wanted);
// The same over several objects: "Machines a, b: message". `of` gives the condition of each (null: Unknown).
struct NamedCondition {
  std::string name;
  const Condition* condition;
};
Condition aggregate(std::string_view type, std::string_view kind_plural, const std::vector<NamedCondition>& all,
                    std::string_view none_reason);

// Makes an object from a template (kind FooTemplate -> Foo): spec.template.spec, its metadata, plus what is given here.
struct CloneOptions {
  Reference from;  // the template
  std::string ns, name, cluster_name;
  api::Labels labels, annotations;
  api::OwnerReference owner;
};
// Gives the reference to the new object. Errors: not_found naming the dangling template reference.
Result<Reference> clone_template(Context& ctx, const CloneOptions& options);

// Whether a failure that lasts deserves an event now: when it is news, but not while the manifests that the object came
// with are still being applied; what was found then is told once that time is over.
bool worth_an_event(Time now, const api::ObjectMeta& meta, bool news);

// Wakes a controller when a template that it may be waiting for appears; `who` gives the objects that name it.
void watch_templates(
    runtime::Controller& controller,
    std::function<std::vector<Key>(Context&, const std::string& ns, const std::string& kind, const std::string& name)>
        who);

// A number or a percentage of `total` (rounded up or down). Malformed values count as 0.
int scaled(const Json& value, int total, bool round_up);

// On a Machine (by its user) or its bootstrap object (by the control plane): RFC 3339.
constexpr std::string_view certificates_expiry_annotation = "machine.cluster.x-k8s.io/certificates-expiry";

workload::ClusterKey cluster_key(const Cluster& cluster);
// Machines of a cluster, sorted by name.
std::vector<Ref<Machine>> machines_of(const Context& ctx, const Cluster& cluster);
// Label value for a name of up to 253 characters: itself, or a hash when it is over 63.
std::string label_value(std::string_view name);
// `prefix` cut so that prefix + 5 random characters is a valid name of at most 63.
std::string random_name(Context& ctx, std::string_view prefix);
// The name of a new machine: by spec.machineNaming.template, else the owner's name and random characters. `owner_kind`
// as in api/machine_name.h. Errors: invalid (a template that admission has not seen).
Result<std::string> new_machine_name(Context& ctx, const api::MachineNaming& naming, std::string_view cluster,
                                     std::string_view owner_kind, std::string_view owner);

}  // namespace control
