// What all objects share: metadata, owner references, conditions, references.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "meta/bind.h"

namespace api {

using base::Json;
using base::Time;
using Labels = std::map<std::string, std::string>;

struct OwnerReference {
  std::string api_version, kind, name, uid;
  std::optional<bool> controller, block_owner_deletion;
  static const meta::Fields& fields();
  bool operator==(const OwnerReference&) const = default;
};

struct ObjectMeta {
  std::string name, generate_name, ns, uid, resource_version;
  int64_t generation = 0;
  Time created{};
  std::optional<Time> deletion;  // deletionTimestamp
  Labels labels, annotations;
  std::vector<std::string> finalizers;
  std::vector<OwnerReference> owners;
  static const meta::Fields& fields();

  bool deleting() const { return deletion.has_value(); }
  const OwnerReference* controller() const;  // null when none
  bool owned_by(std::string_view owner_uid) const;
  bool has_finalizer(std::string_view name) const;
  void add_finalizer(std::string_view name);  // once
  void remove_finalizer(std::string_view name);
  const std::string& label(std::string_view key) const;  // "" when absent
  const std::string& annotation(std::string_view key) const;
  bool has_annotation(std::string_view key) const;
  // Adds or replaces the reference with the same uid.
  void set_owner(OwnerReference owner);
};

// metav1.Condition.
struct Condition {
  std::string type, status, reason, message;  // status: True, False or Unknown
  Time changed{};                             // lastTransitionTime
  std::optional<int64_t> observed_generation;
  static const meta::Fields& fields();
};
const Condition* find_condition(const std::vector<Condition>& all, std::string_view type);
bool is_true(const std::vector<Condition>& all, std::string_view type);
// Adds or changes; `changed` moves only when the status does. Returns whether anything changed.
bool set_condition(std::vector<Condition>& all, Condition condition, Time now);
bool remove_condition(std::vector<Condition>& all, std::string_view type);

// {apiGroup, kind, name}: the v1beta2 contract reference, always in the same namespace.
struct Reference {
  std::string api_group, kind, name;
  static const meta::Fields& fields();
  bool operator==(const Reference&) const = default;
  explicit operator bool() const { return !name.empty(); }
};

// v1.ObjectReference as BareMetalHost.spec.consumerRef uses it.
struct ObjectReference {
  std::string api_version, kind, ns, name, uid;
  static const meta::Fields& fields();
  bool operator==(const ObjectReference&) const = default;
};

// metav1.LabelSelector; matched by registry::LabelSelector::from_object(encode(selector)).
struct SelectorRequirement {
  std::string key, op;
  std::vector<std::string> values;
  static const meta::Fields& fields();
  bool operator==(const SelectorRequirement&) const = default;
};
struct Selector {
  Labels match_labels;
  std::vector<SelectorRequirement> match_expressions;
  static const meta::Fields& fields();
  bool operator==(const Selector&) const = default;
};

// host and port of a cluster's API server.
struct Endpoint {
  std::string host;
  int32_t port = 0;
  static const meta::Fields& fields();
  explicit operator bool() const { return !host.empty() && port > 0; }
  bool operator==(const Endpoint&) const = default;
};

struct FailureDomain {
  std::string name;
  std::optional<bool> control_plane;
  Labels attributes;
  static const meta::Fields& fields();
  bool operator==(const FailureDomain&) const = default;
};

// type: Hostname, ExternalIP, InternalIP, ExternalDNS or InternalDNS.
struct MachineAddress {
  std::string type, address;
  static const meta::Fields& fields();
  bool operator==(const MachineAddress&) const = default;
};

// Metadata of templates: only labels and annotations.
struct TemplateMeta {
  Labels labels, annotations;
  static const meta::Fields& fields();
};

}  // namespace api
