#include "api/objects.h"

#include <algorithm>

namespace api {

const meta::Fields& OwnerReference::fields() {
  static const auto table = meta::bind<OwnerReference>()
                                .field("apiVersion", &OwnerReference::api_version)
                                .field("kind", &OwnerReference::kind)
                                .field("name", &OwnerReference::name)
                                .field("uid", &OwnerReference::uid)
                                .field("controller", &OwnerReference::controller)
                                .field("blockOwnerDeletion", &OwnerReference::block_owner_deletion);
  return table;
}

const meta::Fields& ObjectMeta::fields() {
  static const auto table = meta::bind<ObjectMeta>()
                                .field("name", &ObjectMeta::name)
                                .field("generateName", &ObjectMeta::generate_name)
                                .field("namespace", &ObjectMeta::ns)
                                .field("uid", &ObjectMeta::uid)
                                .field("resourceVersion", &ObjectMeta::resource_version)
                                .field("generation", &ObjectMeta::generation)
                                .field("creationTimestamp", &ObjectMeta::created)
                                .field("deletionTimestamp", &ObjectMeta::deletion)
                                .field("labels", &ObjectMeta::labels)
                                .field("annotations", &ObjectMeta::annotations)
                                .field("finalizers", &ObjectMeta::finalizers)
                                .field("ownerReferences", &ObjectMeta::owners);
  return table;
}

const OwnerReference* ObjectMeta::controller() const {
  for (const auto& owner : owners) {
    if (owner.controller.value_or(false)) return &owner;
  }
  return nullptr;
}

bool ObjectMeta::owned_by(std::string_view owner_uid) const {
  return std::any_of(owners.begin(), owners.end(), [&](const OwnerReference& owner) { return owner.uid == owner_uid; });
}

bool ObjectMeta::has_finalizer(std::string_view wanted) const {
  return std::find(finalizers.begin(), finalizers.end(), wanted) != finalizers.end();
}

void ObjectMeta::add_finalizer(std::string_view added) {
  if (!has_finalizer(added)) finalizers.emplace_back(added);
}

void ObjectMeta::remove_finalizer(std::string_view removed) {
  std::erase_if(finalizers, [&](const std::string& finalizer) { return finalizer == removed; });
}

namespace {
const std::string& value_of(const Labels& map, std::string_view key) {
  static const std::string none;
  const auto found = map.find(std::string(key));
  return found == map.end() ? none : found->second;
}
}  // namespace

const std::string& ObjectMeta::label(std::string_view key) const { return value_of(labels, key); }
const std::string& ObjectMeta::annotation(std::string_view key) const { return value_of(annotations, key); }
bool ObjectMeta::has_annotation(std::string_view key) const { return annotations.count(std::string(key)) > 0; }

void ObjectMeta::set_owner(OwnerReference owner) {
  for (auto& known : owners) {
    if (known.uid == owner.uid) {
      known = std::move(owner);
      return;
    }
  }
  owners.push_back(std::move(owner));
}

const meta::Fields& Condition::fields() {
  static const auto table = meta::bind<Condition>()
                                .field("type", &Condition::type)
                                .field("status", &Condition::status)
                                .field("observedGeneration", &Condition::observed_generation)
                                .field("lastTransitionTime", &Condition::changed)
                                .field("reason", &Condition::reason)
                                .field("message", &Condition::message, meta::always);
  return table;
}

const Condition* find_condition(const std::vector<Condition>& all, std::string_view type) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Condition& c) { return c.type == type; });
  return found == all.end() ? nullptr : &*found;
}

bool is_true(const std::vector<Condition>& all, std::string_view type) {
  const Condition* found = find_condition(all, type);
  return found && found->status == "True";
}

bool set_condition(std::vector<Condition>& all, Condition condition, Time now) {
  constexpr size_t message_bytes_max = 32768;
  if (condition.message.size() > message_bytes_max) condition.message.resize(message_bytes_max);
  for (auto& known : all) {
    if (known.type != condition.type) continue;
    if (known.status == condition.status && known.reason == condition.reason && known.message == condition.message &&
        known.observed_generation == condition.observed_generation) {
      return false;
    }
    condition.changed = known.status == condition.status ? known.changed : now;
    known = std::move(condition);
    return true;
  }
  condition.changed = now;
  all.push_back(std::move(condition));
  return true;
}

bool remove_condition(std::vector<Condition>& all, std::string_view type) {
  return std::erase_if(all, [&](const Condition& c) { return c.type == type; }) > 0;
}

const meta::Fields& Reference::fields() {
  static const auto table = meta::bind<Reference>()
                                .field("apiGroup", &Reference::api_group)
                                .field("kind", &Reference::kind)
                                .field("name", &Reference::name);
  return table;
}

const meta::Fields& ObjectReference::fields() {
  static const auto table = meta::bind<ObjectReference>()
                                .field("apiVersion", &ObjectReference::api_version)
                                .field("kind", &ObjectReference::kind)
                                .field("namespace", &ObjectReference::ns)
                                .field("name", &ObjectReference::name)
                                .field("uid", &ObjectReference::uid);
  return table;
}

const meta::Fields& SelectorRequirement::fields() {
  static const auto table = meta::bind<SelectorRequirement>()
                                .field("key", &SelectorRequirement::key)
                                .field("operator", &SelectorRequirement::op)
                                .field("values", &SelectorRequirement::values);
  return table;
}

const meta::Fields& Selector::fields() {
  static const auto table = meta::bind<Selector>()
                                .field("matchLabels", &Selector::match_labels)
                                .field("matchExpressions", &Selector::match_expressions);
  return table;
}

const meta::Fields& TemplateMeta::fields() {
  static const auto table = meta::bind<TemplateMeta>()
                                .field("labels", &TemplateMeta::labels)
                                .field("annotations", &TemplateMeta::annotations);
  return table;
}

const meta::Fields& Endpoint::fields() {
  static const auto table = meta::bind<Endpoint>().field("host", &Endpoint::host).field("port", &Endpoint::port);
  return table;
}

const meta::Fields& FailureDomain::fields() {
  static const auto table = meta::bind<FailureDomain>()
                                .field("name", &FailureDomain::name)
                                .field("controlPlane", &FailureDomain::control_plane)
                                .field("attributes", &FailureDomain::attributes);
  return table;
}

const meta::Fields& MachineAddress::fields() {
  static const auto table =
      meta::bind<MachineAddress>().field("type", &MachineAddress::type).field("address", &MachineAddress::address);
  return table;
}

}  // namespace api
