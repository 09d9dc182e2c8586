#include "registry/garbage_collector.h"

#include <algorithm>

#include "registry/metadata.h"

namespace registry {
namespace {

const Json& owners_of(const Ref& object) { return object->doc()["metadata"]["ownerReferences"]; }

bool waits_for_dependents(const Json& doc) { return is_deleting(doc) && has_finalizer(doc, foreground_finalizer); }

bool blocks(const Ref& dependent, const std::string& owner_uid) {
  const auto& owners = owners_of(dependent).items();
  return std::any_of(owners.begin(), owners.end(), [&](const Json& reference) {
    return reference["uid"].string() == owner_uid && reference["blockOwnerDeletion"].boolean();
  });
}

UpdateOptions internal_update() {
  UpdateOptions options;
  options.internal = true;
  return options;
}

}  // namespace

GarbageCollector::GarbageCollector(sys::Loop& loop, Registry& registry)
    : registry_(registry),
      store_(registry.store()),
      queue_(loop, "garbage collector", [this](const store::Key& key) { return look_at(key); }) {
  for (const auto& resource : store_.resources()) {
    for (const auto& object : store_.list(resource)) {
      if (!owners_of(object).empty() || is_deleting(object->doc())) queue_.add(object->key);
    }
  }
  subscription_ = store_.subscribe(false, [this](const store::Event& event) { changed(event); });
}

GarbageCollector::~GarbageCollector() { store_.unsubscribe(subscription_); }

void GarbageCollector::changed(const store::Event& event) {
  const Ref& object = event.object;
  const bool deleted = event.type == store::EventType::deleted;
  const bool owners_changed = !event.previous || owners_of(event.previous) != owners_of(object);
  const bool was_deleting = event.previous && is_deleting(event.previous->doc());
  if (!deleted && ((owners_changed && !owners_of(object).empty()) || is_deleting(object->doc())))
    queue_.add(object->key);
  // Dependents look again when their owner goes or begins to wait for them.
  if (deleted || (is_deleting(object->doc()) && (!was_deleting || waits_for_dependents(object->doc())))) {
    for (const auto& dependent : store_.owned_by(object->uid())) queue_.add(dependent->key);
  }
  // Owners look again when a dependent goes or changes its references.
  if (!event.previous || !(deleted || owners_changed)) return;
  for (const auto& reference : owners_of(event.previous).items()) {
    const Ref owner = store_.find_uid(reference["uid"].string());
    if (owner && is_deleting(owner->doc())) queue_.add(owner->key);
  }
}

Result<void> GarbageCollector::look_at(const store::Key& key) {
  const Ref object = store_.get(key);
  const Kind* kind = registry_.scheme().by_resource(key.resource);
  if (!object || !kind) return {};
  if (is_deleting(object->doc())) {
    if (has_finalizer(object->doc(), orphan_finalizer)) return finish_orphaning(*kind, object);
    if (has_finalizer(object->doc(), foreground_finalizer)) return finish_foreground(*kind, object);
    return {};
  }
  return collect(*kind, object);
}

Result<void> GarbageCollector::finish_orphaning(const Kind& kind, const Ref& owner) {
  for (const auto& dependent : store_.owned_by(owner->uid())) {
    TRY(rewrite_owners(dependent, [&](Json& reference) { return reference["uid"].string() != owner->uid(); }));
  }
  return drop_finalizer(kind, owner, orphan_finalizer);
}

Result<void> GarbageCollector::finish_foreground(const Kind& kind, const Ref& owner) {
  for (const auto& dependent : store_.owned_by(owner->uid())) {
    if (blocks(dependent, owner->uid())) return {};  // its end brings us back
  }
  return drop_finalizer(kind, owner, foreground_finalizer);
}

GarbageCollector::Standing GarbageCollector::standing_of(const Ref& object, const Json& reference) const {
  const auto group = meta::split_api_version(reference["apiVersion"].string()).first;
  const Kind* kind = registry_.scheme().by_kind(group, reference["kind"].string());
  if (!kind) return Standing::solid;
  if (kind->namespaced && object->key.ns.empty()) return Standing::foreign;
  const Ref owner = store_.find_uid(reference["uid"].string());
  if (!owner || owner->key.resource != kind->resource() || owner->key.name != reference["name"].string()) {
    return Standing::dangling;
  }
  if (kind->namespaced && owner->key.ns != object->key.ns) return Standing::dangling;
  return waits_for_dependents(owner->doc()) ? Standing::waiting : Standing::solid;
}

Result<void> GarbageCollector::collect(const Kind& kind, const Ref& object) {
  size_t solid = 0, waiting = 0, dangling = 0;
  for (const auto& reference : owners_of(object).items()) {
    switch (standing_of(object, reference)) {
      case Standing::solid:
        ++solid;
        break;
      case Standing::waiting:
        ++waiting;
        break;
      case Standing::dangling:
        ++dangling;
        break;
      case Standing::foreign:
        return {};
    }
  }
  if (waiting + dangling == 0) return {};
  if (solid > 0) {
    return rewrite_owners(object, [&](Json& reference) { return standing_of(object, reference) == Standing::solid; });
  }
  DeleteOptions options;
  options.expect_uid = object->uid();
  options.propagation = has_finalizer(object->doc(), orphan_finalizer)       ? "Orphan"
                        : has_finalizer(object->doc(), foreground_finalizer) ? "Foreground"
                                                                             : "Background";
  if (waiting > 0 && !store_.owned_by(object->uid()).empty()) {
    TRY(unblock(object));
    options.propagation = "Foreground";
  }
  auto removed = registry_.remove(kind, object->key.ns, object->key.name, options);
  if (!removed) return std::move(removed).error();
  return {};
}

// In a circle of owners somebody must stop waiting: if one of our dependents waits for its own, we no longer block
// ours.
Result<void> GarbageCollector::unblock(const Ref& object) {
  const auto dependents = store_.owned_by(object->uid());
  const bool circle = std::any_of(dependents.begin(), dependents.end(),
                                  [](const Ref& dependent) { return waits_for_dependents(dependent->doc()); });
  if (!circle) return {};
  return rewrite_owners(object, [](Json& reference) {
    if (reference["blockOwnerDeletion"].boolean()) reference.set("blockOwnerDeletion", false);
    return true;
  });
}

Result<void> GarbageCollector::rewrite_owners(const Ref& object, const std::function<bool(Json& reference)>& keep) {
  const Kind* kind = registry_.scheme().by_resource(object->key.resource);
  if (!kind) return {};
  auto written = registry_.modify(*kind, object->key.ns, object->key.name, internal_update(),
                                  [&](const Json& current) -> Result<Json> {
                                    Json doc = current, kept = Json::array();
                                    for (Json reference : current["metadata"]["ownerReferences"].items()) {
                                      if (keep(reference)) kept.push(std::move(reference));
                                    }
                                    doc.child("metadata").set("ownerReferences", std::move(kept));
                                    return doc;
                                  });
  if (!written) return std::move(written).error();
  return {};
}

Result<void> GarbageCollector::drop_finalizer(const Kind& kind, const Ref& object, std::string_view finalizer) {
  auto written = registry_.modify(kind, object->key.ns, object->key.name, internal_update(),
                                  [&](const Json& current) -> Result<Json> {
                                    Json doc = current;
                                    remove_finalizer(doc, finalizer);
                                    return doc;
                                  });
  if (!written) return std::move(written).error();
  return {};
}

}  // namespace registry
