#include "registry/namespace_lifecycle.h"

#include "base/log.h"
#include "registry/metadata.h"
#include "registry/namespaces.h"

namespace registry {
namespace {

constexpr const char* initial[] = {"default", "kube-node-lease", "kube-public", "kube-system"};

std::string listed(const std::map<std::string, size_t>& counts, std::string_view verb) {
  std::string out;
  for (const auto& [name, count] : counts) {
    if (!out.empty()) out += ", ";
    out += name + std::string(verb) + std::to_string(count) + " resource instances";
  }
  return out;
}

void set_condition(Json& conditions, const char* type, bool on, const char* reason, const std::string& message,
                   base::Time now) {
  Json made =
      Json::object({{"type", type}, {"status", on ? "True" : "False"}, {"reason", reason}, {"message", message}});
  made.set("lastTransitionTime", base::rfc3339(now));
  for (auto& present : conditions.mutable_items()) {
    if (present["type"].string() != type) continue;
    if (present["status"] == made["status"]) made.set("lastTransitionTime", present["lastTransitionTime"]);
    present = std::move(made);
    return;
  }
  conditions.push(std::move(made));
}

}  // namespace

void make_initial_namespaces(Registry& registry) {
  const Kind& kind = *registry.scheme().by_resource(namespace_resource);
  for (const char* name : initial) {
    if (registry.get(kind, {}, name)) continue;
    const auto made = registry.create(kind, Json::object({{"metadata", Json::object({{"name", name}})}}));
    if (!made) base::log::error("namespace could not be made", {{"name", name}, {"error", made.error().text()}});
  }
}

NamespaceLifecycle::NamespaceLifecycle(sys::Loop& loop, Registry& registry)
    : registry_(registry),
      store_(registry.store()),
      kind_(*registry.scheme().by_resource(namespace_resource)),
      queue_(loop, "namespaces", [this](const store::Key& key) { return look_at(key); }) {
  for (const auto& entry : store_.list(namespace_resource)) {
    if (is_deleting(entry->doc())) queue_.add(entry->key);
  }
  subscription_ = store_.subscribe(false, [this](const store::Event& event) { changed(event); });
}

NamespaceLifecycle::~NamespaceLifecycle() { store_.unsubscribe(subscription_); }

void NamespaceLifecycle::changed(const store::Event& event) {
  const auto& key = event.object->key;
  if (key.resource == namespace_resource) {
    if (event.type != store::EventType::deleted && is_deleting(event.object->doc())) queue_.add(key);
    return;
  }
  if (key.ns.empty()) return;
  const Ref around = store_.get(namespace_resource, {}, key.ns);
  if (around && is_deleting(around->doc())) queue_.add(around->key);
}

Result<void> NamespaceLifecycle::look_at(const store::Key& key) {
  const Ref entry = store_.get(key);
  if (!entry || !is_deleting(entry->doc())) return {};
  const Content content = empty(key.name);
  if (content.resources.empty()) return release(key.name);
  TRY(report(key.name, content));
  if (!content.failures.empty()) return base::internal(content.failures.front());
  return {};
}

// Deletes what is there; gives what is left after that.
NamespaceLifecycle::Content NamespaceLifecycle::empty(const std::string& ns) {
  Content content;
  for (const Kind* kind : registry_.scheme().kinds()) {
    if (!kind->namespaced) continue;
    for (const auto& entry : store_.list(kind->resource(), ns)) {
      Ref left = entry;
      if (!is_deleting(entry->doc())) {
        DeleteOptions options;
        options.propagation = "Background";
        options.expect_uid = entry->uid();
        const auto removed = registry_.remove(*kind, ns, entry->key.name, options);
        if (!removed) content.failures.push_back(removed.error().message);
        if (removed) left = removed->gone ? nullptr : removed->object;
      }
      if (!left) continue;
      ++content.resources[kind->resource()];
      for (const auto& finalizer : left->doc()["metadata"]["finalizers"].items())
        ++content.finalizers[finalizer.string()];
    }
  }
  return content;
}

Result<void> NamespaceLifecycle::report(const std::string& ns, const Content& content) {
  UpdateOptions options;
  options.subresource = Subresource::status;
  const auto now = registry_.now();
  const auto written = registry_.modify(kind_, {}, ns, options, [&](const Json& current) -> Result<Json> {
    Json doc = current;
    auto& conditions = doc.child("status").child("conditions");
    const auto set = [&](const char* type, bool on, const char* reason, const std::string& message) {
      set_condition(conditions, type, on, reason, message, now);
    };
    set("NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", "all kinds of resources are known");
    set("NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions", "all versions were understood");
    const bool failed = !content.failures.empty();
    set("NamespaceDeletionContentFailure", failed, failed ? "ContentDeletionFailed" : "ContentDeleted",
        failed ? content.failures.front() : "all content is deleted or waits for its finalizers");
    set("NamespaceContentRemaining", true, "SomeResourcesRemain",
        "Some resources are remaining: " + listed(content.resources, " has "));
    const bool held = !content.finalizers.empty();
    set("NamespaceFinalizersRemaining", held, held ? "SomeFinalizersRemain" : "ContentHasNoFinalizers",
        held ? "Some content in the namespace has finalizers remaining: " + listed(content.finalizers, " in ")
             : "no content waits for a finalizer");
    return doc;
  });
  if (!written) return written.error();
  return {};
}

Result<void> NamespaceLifecycle::release(const std::string& ns) {
  UpdateOptions options;
  options.subresource = Subresource::finalize;
  const auto written = registry_.modify(kind_, {}, ns, options, [](const Json& current) -> Result<Json> {
    Json doc = current;
    auto& finalizers = doc.child("spec").child("finalizers").mutable_items();
    std::erase_if(finalizers, [](const Json& one) { return one.string() == "kubernetes"; });
    return doc;
  });
  if (!written) return written.error();
  return {};
}

}  // namespace registry
