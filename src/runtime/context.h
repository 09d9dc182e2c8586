// What a reconciler sees of the world: typed reads from the cache, writes that are assumed at once, events. A
// reconciler is a plain function `Result<Outcome> reconcile(Context&, const T&)` with four beats: observe, plan (pure),
// act, report.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/objects.h"
#include "registry/registry.h"

namespace runtime {

using base::Duration;
using base::Json;
using base::Result;
using base::Time;
template <class T>
using Ref = std::shared_ptr<const T>;
using store::Key;

// How to decode one kind: T has `static constexpr std::string_view resource` ("machines.cluster.x-k8s.io"), `meta`
// (api::ObjectMeta) and a fields() that binds metadata, spec and status.
struct TypeInfo {
  std::string_view resource;
  std::shared_ptr<const void> (*decode)(const Json& doc);  // null when the document does not decode (logged)
};
template <class T>
const TypeInfo& type_info() {
  static const TypeInfo info{T::resource, [](const Json& doc) -> std::shared_ptr<const void> {
                               auto decoded = meta::decode<T>(doc);
                               if (!decoded) return nullptr;
                               return std::make_shared<const T>(std::move(*decoded));
                             }};
  return info;
}

enum class EventKind : unsigned char { normal, warning };

// What a reconcile asks of the queue. A Result error instead means: log, count, try again with backoff (or not, see
// Controller). Waiting for other objects needs no timer: their changes enqueue through the watches.
class Outcome {
 public:
  static Outcome done() { return Outcome(Duration::zero()); }
  static Outcome after(Duration delay) { return Outcome(delay); }  // look again in `delay`
  Duration delay() const { return delay_; }

 private:
  explicit Outcome(Duration delay) : delay_(delay) {}
  Duration delay_;
};

class Runtime;

class Context {
 public:
  Context(Runtime& runtime, std::string controller) : runtime_(runtime), controller_(std::move(controller)) {}

  Time now() const;
  sys::Random& random() const;
  sys::KeySource& keys() const;
  const meta::Scheme& scheme() const;

  // Null when absent (or undecodable, which is logged).
  template <class T>
  Ref<T> find(std::string_view ns, std::string_view name) const {
    return std::static_pointer_cast<const T>(find_any(type_info<T>(), ns, name));
  }
  // Sorted by namespace and name. Empty `ns`: all namespaces.
  template <class T>
  std::vector<Ref<T>> list(std::string_view ns, const registry::LabelSelector& selector = {}) const {
    return cast<T>(list_any(type_info<T>(), ns, selector));
  }
  // Objects of kind T that have an owner reference to `owner`; sorted by name.
  template <class T>
  std::vector<Ref<T>> owned_by(const api::ObjectMeta& owner) const {
    return cast<T>(owned_any(type_info<T>(), owner.uid));
  }
  // The same, but only where that reference is the controller.
  template <class T>
  std::vector<Ref<T>> children_of(const api::ObjectMeta& owner) const {
    auto all = owned_by<T>(owner);
    std::erase_if(all, [&](const Ref<T>& child) {
      const auto* controller = child->meta.controller();
      return !controller || controller->uid != owner.uid;
    });
    return all;
  }
  // The stored document (storage version) of any object; null value when absent. For fields no struct binds.
  Json document(std::string_view resource, std::string_view ns, std::string_view name) const;
  template <class T>
  Json document(const T& object) const {
    return document(T::resource, object.meta.ns, object.meta.name);
  }

  // Creates from a struct; `extra` is merged over its encoding (for subtrees no struct binds, such as a copied spec).
  // meta.name or meta.generate_name must be set. Returns the stored version.
  template <class T>
  Result<Ref<T>> create(const T& object, const Json& extra = Json::object()) {
    return as<T>(create_any(T::resource, base::merge_patch(meta::encode(object), extra)));
  }
  // The same for a kind known only by name; `doc` has metadata and spec (apiVersion and kind are filled in).
  Result<Json> create_document(std::string_view resource, Json doc) { return create_any(resource, std::move(doc)); }
  // Deletes an object known by its document, with its uid as precondition; deleting or gone is success.
  Result<void> remove_document(std::string_view resource, const Json& doc) {
    return remove_any(resource, doc.path("metadata.namespace").string(), doc.path("metadata.name").string(),
                      doc.path("metadata.uid").string());
  }
  // Changes metadata and spec (never status): `change(T&)` works on a copy of the current version; only what it changed
  // is written, as a merge over the stored document. Nothing changed: nothing written.
  template <class T, class F>
  Result<Ref<T>> update(const T& object, F&& change) {
    auto current = find<T>(object.meta.ns, object.meta.name);
    if (!current || current->meta.uid != object.meta.uid) return base::not_found(std::string(T::resource) + " is gone");
    T copy = *current;
    change(copy);
    return as<T>(write_any(T::resource, object.meta.ns, object.meta.name,
                           base::merge_diff(meta::encode(*current), meta::encode(copy)), false));
  }
  // The same for status: `change(decltype(T::status)&)`.
  template <class T, class F>
  Result<Ref<T>> update_status(const T& object, F&& change) {
    auto current = find<T>(object.meta.ns, object.meta.name);
    if (!current || current->meta.uid != object.meta.uid) return base::not_found(std::string(T::resource) + " is gone");
    T copy = *current;
    change(copy.status);
    return as<T>(write_any(T::resource, object.meta.ns, object.meta.name,
                           base::merge_diff(meta::encode(*current), meta::encode(copy)), true));
  }
  // A merge patch on an object of any kind (main resource or status).
  Result<Json> patch(std::string_view resource, std::string_view ns, std::string_view name, const Json& merge,
                     bool status = false);
  // Deletes with a uid precondition; an object that is already deleting or gone is success.
  template <class T>
  Result<void> remove(const T& object) {
    return remove_any(T::resource, object.meta.ns, object.meta.name, object.meta.uid);
  }

  // A Kubernetes Event about the object. Repeats of the same reason and message raise the count instead.
  template <class T>
  void event(const T& object, EventKind kind, std::string_view reason, std::string_view message) {
    event_any(T::resource, object.meta, kind, reason, message);
  }
  // Reference to use in ownerReferences of children: apiVersion is the kind's storage version.
  template <class T>
  api::OwnerReference owner_reference(const T& object, bool controller) const {
    return owner_any(T::resource, object.meta, controller);
  }

 private:
  friend class Runtime;
  template <class T>
  static std::vector<Ref<T>> cast(std::vector<std::shared_ptr<const void>> all) {
    std::vector<Ref<T>> out;
    out.reserve(all.size());
    for (auto& one : all) out.push_back(std::static_pointer_cast<const T>(std::move(one)));
    return out;
  }
  template <class T>
  Result<Ref<T>> as(Result<Json> doc) {
    if (!doc) return std::move(doc).error();
    auto decoded = meta::decode<T>(*doc);
    if (!decoded) return std::move(decoded).error();
    return Ref<T>(std::make_shared<const T>(std::move(*decoded)));
  }
  std::shared_ptr<const void> find_any(const TypeInfo& type, std::string_view ns, std::string_view name) const;
  std::vector<std::shared_ptr<const void>> list_any(const TypeInfo& type, std::string_view ns,
                                                    const registry::LabelSelector& selector) const;
  std::vector<std::shared_ptr<const void>> owned_any(const TypeInfo& type, std::string_view uid) const;
  Result<Json> create_any(std::string_view resource, Json doc);
  Result<Json> write_any(std::string_view resource, std::string_view ns, std::string_view name, const Json& merge,
                         bool status);
  Result<void> remove_any(std::string_view resource, std::string_view ns, std::string_view name, std::string_view uid);
  void event_any(std::string_view resource, const api::ObjectMeta& about, EventKind kind, std::string_view reason,
                 std::string_view message);
  api::OwnerReference owner_any(std::string_view resource, const api::ObjectMeta& owner, bool controller) const;
  void wrote(uint64_t revision);

  Runtime& runtime_;
  std::string controller_;
  uint64_t last_write_ = 0;  // of this reconcile; the object rests until it is durable
};

}  // namespace runtime
