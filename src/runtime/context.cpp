#include "runtime/context.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "runtime/state.h"

namespace runtime {

namespace {
const meta::Kind& kind_of(const Runtime& runtime, const meta::Scheme& scheme, std::string_view resource) {
  (void)runtime;
  const meta::Kind* kind = scheme.by_resource(resource);
  CHECK_THAT(kind, "a reconciler uses a kind that is not served");
  return *kind;
}

std::shared_ptr<const void> typed(Runtime& runtime, const TypeInfo& type, const store::Ref& entry) {
  auto& slot = runtime.state().decoded[entry->create_revision];
  if (slot.object && slot.revision == entry->revision) return slot.object;
  slot.revision = entry->revision;
  slot.object = type.decode(entry->doc());
  if (!slot.object && !slot.reported) {
    slot.reported = true;
    base::log::error("stored object does not decode", {{"object", entry->key.text()}});
  }
  return slot.object;
}
}  // namespace

Time Context::now() const { return runtime_.sys().loop.now(); }
sys::Random& Context::random() const { return runtime_.sys().random; }
sys::KeySource& Context::keys() const { return runtime_.sys().keys; }
const meta::Scheme& Context::scheme() const { return runtime_.registry().scheme(); }

void Context::wrote(uint64_t revision) { last_write_ = std::max(last_write_, revision); }

std::shared_ptr<const void> Context::find_any(const TypeInfo& type, std::string_view ns, std::string_view name) const {
  const auto entry = runtime_.registry().store().get(type.resource, ns, name);
  return entry ? typed(runtime_, type, entry) : nullptr;
}

std::vector<std::shared_ptr<const void>> Context::list_any(const TypeInfo& type, std::string_view ns,
                                                           const registry::LabelSelector& selector) const {
  std::vector<std::shared_ptr<const void>> out;
  for (const auto& entry : runtime_.registry().store().list(type.resource, ns)) {
    if (!selector.empty() && !selector.matches(entry->doc().path("metadata.labels"))) continue;
    if (auto object = typed(runtime_, type, entry)) out.push_back(std::move(object));
  }
  return out;
}

std::vector<std::shared_ptr<const void>> Context::owned_any(const TypeInfo& type, std::string_view uid) const {
  std::vector<std::shared_ptr<const void>> out;
  for (const auto& entry : runtime_.registry().store().owned_by(uid)) {
    if (entry->key.resource != type.resource) continue;
    if (auto object = typed(runtime_, type, entry)) out.push_back(std::move(object));
  }
  return out;
}

Json Context::document(std::string_view resource, std::string_view ns, std::string_view name) const {
  const auto entry = runtime_.registry().store().get(resource, ns, name);
  return entry ? entry->doc() : Json();
}

Result<Json> Context::create_any(std::string_view resource, Json doc) {
  const auto& kind = kind_of(runtime_, scheme(), resource);
  doc.set("apiVersion", kind.api_version(kind.storage_version));
  doc.set("kind", kind.kind);
  const auto made = TRY(runtime_.registry().create(kind, std::move(doc), {.field_manager = "ingot"}));
  wrote(made->revision);
  return made->doc();
}

Result<Json> Context::write_any(std::string_view resource, std::string_view ns, std::string_view name,
                                const Json& merge, bool status) {
  const auto entry = runtime_.registry().store().get(resource, ns, name);
  const auto& kind = kind_of(runtime_, scheme(), resource);
  if (!entry) return registry::not_found(kind, name);
  if (merge.empty()) return entry->doc();
  registry::UpdateOptions options;
  options.subresource = status ? registry::Subresource::status : registry::Subresource::none;
  options.expect_revision = entry->revision;
  options.internal = true;
  options.field_manager = "ingot";
  const auto written = TRY(runtime_.registry().update(kind, base::merge_patch(entry->doc(), merge), options));
  wrote(written->revision);
  return written->doc();
}

Result<Json> Context::patch(std::string_view resource, std::string_view ns, std::string_view name, const Json& merge,
                            bool status) {
  const auto entry = runtime_.registry().store().get(resource, ns, name);
  if (!entry) return registry::not_found(kind_of(runtime_, scheme(), resource), name);
  // Only what differs, so that a patch that changes nothing writes nothing.
  const Json changed = base::merge_diff(entry->doc(), base::merge_patch(entry->doc(), merge));
  return write_any(resource, ns, name, changed, status);
}

Result<void> Context::remove_any(std::string_view resource, std::string_view ns, std::string_view name,
                                 std::string_view uid) {
  const auto entry = runtime_.registry().store().get(resource, ns, name);
  if (!entry || entry->uid() != uid || !entry->doc().path("metadata.deletionTimestamp").is_null()) return {};
  registry::DeleteOptions options;
  options.expect_uid = std::string(uid);
  auto removed = runtime_.registry().remove(kind_of(runtime_, scheme(), resource), ns, name, options);
  if (!removed) {
    if (removed.error().code == base::Code::not_found) return {};
    return std::move(removed).error();
  }
  wrote(removed->object->revision);
  return {};
}

api::OwnerReference Context::owner_any(std::string_view resource, const api::ObjectMeta& owner, bool controller) const {
  const auto& kind = kind_of(runtime_, scheme(), resource);
  api::OwnerReference out{
      .api_version = kind.api_version(kind.storage_version), .kind = kind.kind, .name = owner.name, .uid = owner.uid};
  if (controller) out.controller = true;
  if (controller) out.block_owner_deletion = true;
  return out;
}

// Like client-go's recorder: the same object, reason and message within ten minutes is one Event with a higher count.
void Context::event_any(std::string_view resource, const api::ObjectMeta& about, EventKind event_kind,
                        std::string_view reason, std::string_view message) {
  constexpr std::string_view events = "events";
  const auto& kind = kind_of(runtime_, scheme(), resource);
  const meta::Kind* event = scheme().by_resource(events);
  if (!event) return;
  constexpr size_t message_bytes_max = 1024;
  const std::string text(message.substr(0, message_bytes_max));
  const std::string ns = about.ns.empty() ? "default" : about.ns;
  const std::string same = about.uid + "\n" + std::string(reason) + "\n" + text;
  auto& names = runtime_.state().event_names;
  const std::string stamp = base::rfc3339(now());
  if (const auto known = names.find(same); known != names.end()) {
    const Json old = document(events, ns, known->second);
    const auto last = base::parse_rfc3339(old["lastTimestamp"].string());
    if (last && now() - *last < base::minutes(10)) {
      (void)write_any(events, ns, known->second,
                      Json::object({{"count", old["count"].integer(1) + 1}, {"lastTimestamp", stamp}}), false);
      return;
    }
  }
  Json doc = Json::object();
  const std::string name = about.name.substr(0, 200) + "." + base::hex(random().bytes(8));
  doc.set("metadata", Json::object({{"name", name}, {"namespace", ns}}));
  doc.set("involvedObject", Json::object({{"apiVersion", kind.api_version(kind.storage_version)},
                                          {"kind", kind.kind},
                                          {"namespace", about.ns},
                                          {"name", about.name},
                                          {"uid", about.uid}}));
  if (about.ns.empty()) doc.child("involvedObject").erase("namespace");
  doc.set("type", event_kind == EventKind::normal ? "Normal" : "Warning");
  doc.set("reason", std::string(reason)).set("message", text).set("count", 1);
  doc.set("firstTimestamp", stamp).set("lastTimestamp", stamp);
  doc.set("source", Json::object({{"component", controller_}})).set("reportingComponent", controller_);
  doc.set("reportingInstance", "ingot");
  constexpr size_t names_max = 50'000;
  if (names.size() >= names_max) names.clear();  // only costs a repeated Event
  names[same] = name;
  const auto made = create_any(events, std::move(doc));
  if (!made) base::log::warn("event not stored", {{"reason", reason}, {"error", made.error().text()}});
}

}  // namespace runtime
