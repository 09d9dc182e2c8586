// Steps that the rules of several kinds share.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "api/rules/rules.h"

namespace api::rules {

using Findings = std::vector<FieldError>;

// Rules look at creations and at updates of the object itself, not at writes of its status or deletions.
bool is_write(Operation operation);

// What `rule` finds in `doc` and does not find in `old`: an object that exists is never locked by a rule that was not
// there when it was made, not even against the removal of its finalizers.
Findings new_findings(const Json& doc, const Json* old, const std::function<void(const Json&, Findings&)>& rule);

// Dotted paths whose values may not change once the object exists.
void check_immutable(const Json& doc, const Json* old, std::initializer_list<const char*> paths, Findings& found);

// The object at a dotted path for changing, made when absent. Null when something on the way is no object: defaults run
// before validation and must not paper over what it would refuse.
Json* object_at(Json& doc, std::string_view path);
// Sets the value at a dotted path unless there is one.
void set_default(Json& doc, std::string_view path, Json value);

// metadata.labels[cluster.x-k8s.io/cluster-name] from spec.clusterName.
void fill_cluster_label(Json& doc);

// Replicas when none are given: kept inside the autoscaler's bounds when its annotations are there, else 1.
void fill_replicas(Json& doc, const Json* old);
void check_replicas(const Json& spec, Findings& found);

// Whether the labels have what a well-formed metav1.LabelSelector asks for.
bool selects(const Json& selector, const Json& labels);
// metav1.LabelSelector against labels; a finding when it is empty, malformed or does not match.
void check_selector(const Json& selector, const Json& labels, Findings& found);

// A whole number >= 0, or a percentage. Absent is fine.
void check_count_or_percent(const Json& value, const std::string& field, Findings& found);

// machineNaming.template of an owner of machines ("machineSet" or "kubeadmControlPlane"); see api/machine_name.h.
void check_naming(const Json& doc, const char* owner_kind, Findings& found);

// Secret references may only name the object's own namespace (or none).
void check_own_namespace(const Json& doc, std::initializer_list<const char*> references, Findings& found);

// Whether text is a URL with one of the schemes and a host.
bool is_url(std::string_view text, std::initializer_list<std::string_view> schemes);

}  // namespace api::rules
