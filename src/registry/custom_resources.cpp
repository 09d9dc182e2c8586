#include "registry/custom_resources.h"

#include <set>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "meta/crd_read.h"
#include "registry/metadata.h"

namespace registry {
namespace {

constexpr std::string_view cleanup_finalizer = "customresourcecleanup.apiextensions.k8s.io";

void set_condition(Json& conditions, const char* type, bool on, const char* reason, const std::string& message,
                   base::Time now) {
  Json made = Json::object({{"type", type}, {"status", on ? "True" : "False"}});
  made.set("lastTransitionTime", base::rfc3339(now)).set("reason", reason).set("message", message);
  for (auto& present : conditions.mutable_items()) {
    if (present["type"].string() != type) continue;
    if (present["status"] == made["status"]) made.set("lastTransitionTime", present["lastTransitionTime"]);
    present = std::move(made);
    return;
  }
  conditions.push(std::move(made));
}

void erase_condition(Json& conditions, std::string_view type) {
  std::erase_if(conditions.mutable_items(), [&](const Json& one) { return one["type"].string() == type; });
}

// As it is served while it asks for names that others have.
Json with_accepted_names(const Json& crd) {
  Json out = crd;
  out.child("spec").set("names", crd["status"]["acceptedNames"]);
  return out;
}

// Names are one space per group for resources (plural, singular, short) and one for kinds and lists.
struct Taken {
  std::set<std::string> resources, kinds;

  void add(const Json& names) {
    for (const char* which : {"plural", "singular"}) resources.insert(names[which].string());
    for (const auto& word : names["shortNames"].items()) resources.insert(word.string());
    for (const char* which : {"kind", "listKind"}) kinds.insert(names[which].string());
  }
  void add(const Kind& kind) {
    resources.insert({kind.plural, kind.singular});
    resources.insert(kind.short_names.begin(), kind.short_names.end());
    kinds.insert({kind.kind, kind.list_kind});
  }
};

// Where a definition stands that claims a group of the Kubernetes community; null for others.
Json approval_of(const Json& crd) {
  using State = meta::Approval::State;
  const auto approval = meta::api_approval(crd);
  if (approval.state == State::not_needed) return nullptr;
  const char* reason = approval.state == State::approved   ? "ApprovedAnnotation"
                       : approval.state == State::bypassed ? "UnapprovedAnnotation"
                       : approval.state == State::missing  ? "MissingAnnotation"
                                                           : "InvalidAnnotation";
  return Json::object({{"on", approval.state == State::approved}, {"reason", reason}, {"message", approval.text}});
}

}  // namespace

CustomResources::CustomResources(sys::Loop& loop, Registry& registry, meta::Scheme& scheme,
                                 std::function<void()> changed, ConversionHooks conversion)
    : registry_(registry),
      store_(registry.store()),
      scheme_(scheme),
      built_in_(scheme),
      changed_(std::move(changed)),
      conversion_(std::move(conversion)),
      queue_(loop, "custom resources", [this](const store::Key& key) { return look_at(key); }) {
  const Kind* own = scheme.by_resource(crd_resource);
  CHECK_THAT(own, "the scheme has CustomResourceDefinition");
  object_meta_ = own->storage().schema->find("metadata")->schema;
  // Those that had their names before the restart have them now, whatever came first.
  for (const auto& entry : store_.list(crd_resource)) {
    if (meta::is_established(entry->doc()) && !is_built_in(entry->key.name)) {
      serve(with_accepted_names(entry->doc()), entry->revision);
    }
    queue_.add(entry->key);
  }
  subscription_ = store_.subscribe(false, [this](const store::Event& event) { follow(event); });
}

CustomResources::~CustomResources() { store_.unsubscribe(subscription_); }

void CustomResources::look_at_all() {
  for (const auto& entry : store_.list(crd_resource)) queue_.add(entry->key);
}

void CustomResources::follow(const store::Event& event) {
  const auto& key = event.object->key;
  if (key.resource == crd_resource) return queue_.add(key);
  // The last object of a kind that goes lets its definition go.
  if (event.type != store::EventType::deleted || served_.empty()) return;
  const auto found = served_.find(key.resource);
  if (found != served_.end() && found->second.terminating) {
    queue_.add({std::string(crd_resource), "", key.resource});
  }
}

void CustomResources::serve(const Json& crd, uint64_t revision) {
  const std::string& resource = crd["metadata"]["name"].string();
  Served now{crd["spec"], is_deleting(crd)};
  const auto before = served_.find(resource);
  if (before != served_.end() && before->second.spec == now.spec && before->second.terminating == now.terminating) {
    return;
  }
  const auto& conversion = crd["spec"]["conversion"];
  const bool webhook = conversion["strategy"].string() == "Webhook" && conversion_.converter;
  Kind kind =
      meta::kind_of_crd(crd, object_meta_, webhook ? conversion_.converter(conversion) : meta::Converter(), revision);
  if (before != served_.end() && before->second.spec == now.spec) {
    kind = *scheme_.by_resource(resource);  // with the same schemas, so that watches see the objects go
    kind.terminating = now.terminating;
  }
  scheme_.add(std::move(kind));
  served_[resource] = std::move(now);
  update_stored_form(*scheme_.by_resource(resource));
  if (changed_) changed_();
}

void CustomResources::drop(const std::string& resource) {
  if (served_.erase(resource) == 0) return;
  scheme_.remove(resource);
  if (changed_) changed_();
}

// Objects are kept in the storage version, and read as they are stored. When that changes they are written anew, as a
// storage migration would.
void CustomResources::update_stored_form(const Kind& kind) {
  if (!writes_()) return;
  const std::string wanted = kind.api_version(kind.storage_version);
  for (const auto& entry : store_.list(kind.resource())) {
    if (entry->doc()["apiVersion"].string() == wanted) continue;
    if (meta::converter_of(kind)) {
      if (conversion_.migrate) conversion_.migrate(kind.resource());
      return;
    }
    Json doc = entry->doc();
    doc.set("apiVersion", wanted);
    meta::apply_defaults(*kind.storage().schema, doc);
    const auto written = store_.put(entry->key, std::move(doc), entry->revision);
    if (!written) {
      base::log::error("object could not be moved to the new storage version",
                       {{"object", entry->key.text()}, {"error", written.error().text()}});
    }
  }
}

// Each name by itself: those that are free are accepted, also beside others that are not.
CustomResources::Names CustomResources::names_of(const Json& crd) const {
  const auto& group = crd["spec"]["group"].string();
  const auto& wanted = crd["spec"]["names"];
  const auto& before = crd["status"]["acceptedNames"];
  Taken taken;
  for (const Kind* kind : scheme_.kinds()) {
    if (kind->group == group && kind->resource() != crd["metadata"]["name"].string()) taken.add(*kind);
  }
  for (const auto& entry : store_.list(crd_resource)) {
    if (entry->doc()["spec"]["group"].string() == group) taken.add(entry->doc()["status"]["acceptedNames"]);
  }
  base::FieldError clash;
  const auto in_use = [](const Json& name) { return base::quoted(name.string()) + " is already in use"; };
  const auto choose = [&](const char* which, const char* reason, const std::set<std::string>& others) -> Json {
    const bool own = wanted[which] == before[which];
    if (own || !others.contains(wanted[which].string())) return wanted[which];
    clash = {"spec.names", reason, in_use(wanted[which])};
    return before[which];
  };
  Names out;
  const Json plural = choose("plural", "PluralConflict", taken.resources);
  const Json singular = choose("singular", "SingularConflict", taken.resources);
  std::vector<std::string> problems;
  const auto& own = before["shortNames"].items();
  for (const auto& word : wanted["shortNames"].items()) {
    const bool free = std::find(own.begin(), own.end(), word) != own.end() || !taken.resources.contains(word.string());
    if (!free) problems.push_back(in_use(word));
  }
  if (!problems.empty()) {
    const auto list = base::join(problems, ", ");
    clash = {"spec.names", "ShortNamesConflict", problems.size() > 1 ? "[" + list + "]" : list};
  }
  const Json short_names = problems.empty() ? wanted["shortNames"] : before["shortNames"];
  const Json kind = choose("kind", "KindConflict", taken.kinds);
  const Json list_kind = choose("listKind", "ListKindConflict", taken.kinds);
  out.accepted = Json::object({{"plural", plural.string()}});
  if (!singular.string().empty()) out.accepted.set("singular", singular);
  if (!short_names.empty()) out.accepted.set("shortNames", short_names);
  out.accepted.set("kind", kind.string());
  if (!list_kind.string().empty()) out.accepted.set("listKind", list_kind);
  if (!wanted["categories"].empty()) out.accepted.set("categories", wanted["categories"]);
  out.clash = std::move(clash);
  return out;
}

Json CustomResources::status_of(const Json& crd, const Names& names) const {
  Json status = crd["status"];
  Json conditions = status["conditions"];
  const auto now = registry_.now();
  const auto& resource = crd["metadata"]["name"].string();
  const bool accepted = names.clash.reason.empty();
  set_condition(conditions, "NamesAccepted", accepted, accepted ? "NoConflicts" : names.clash.reason.c_str(),
                accepted ? "no conflicts found" : names.clash.message, now);
  status.set("acceptedNames", names.accepted);
  const bool served = scheme_.by_resource(resource) != nullptr;
  set_condition(conditions, "Established", served, served ? "InitialNamesAccepted" : "NotAccepted",
                served ? "the initial names have been accepted" : "not all names are accepted", now);
  if (const Json approval = approval_of(crd); !approval.is_null()) {
    set_condition(conditions, "KubernetesAPIApprovalPolicyConformant", approval["on"].boolean(),
                  approval["reason"].string().c_str(), approval["message"].string(), now);
  } else {
    erase_condition(conditions, "KubernetesAPIApprovalPolicyConformant");
  }
  if (is_built_in(resource)) {
    set_condition(
        conditions, "BuiltIn", true, "ServedByIngot",
        "this kind is part of Ingot: the declaration that ships with Ingot is in force, this one is only kept", now);
  }
  erase_condition(conditions, "RulesEvaluated");  // of the time when rules were stored, but not evaluated
  status.set("conditions", std::move(conditions));
  return status;
}

Result<void> CustomResources::report(const Ref& crd, const Json& status) {
  if (crd->doc()["status"] == status) return {};
  UpdateOptions options;
  options.subresource = Subresource::status;
  options.internal = true;
  options.field_manager = "kube-apiserver";
  options.expect_revision = crd->revision;
  Json doc = crd->doc();
  doc.set("status", status);
  const auto written = registry_.update(*scheme_.by_resource(crd_resource), std::move(doc), options);
  if (!written) return written.error();
  return {};
}

Result<void> CustomResources::look_at(const store::Key& key) {
  const Ref crd = store_.get(key);
  if (!crd) {
    drop(key.name);
    const size_t dot = key.name.find('.');
    if (dot != std::string::npos) look_again(std::string_view(key.name).substr(dot + 1));
    return {};
  }
  const bool writes = writes_();
  if (is_deleting(crd->doc())) {
    if (!writes && served_.contains(key.name)) serve(with_accepted_names(crd->doc()), crd->revision);
    return writes ? clean_up(crd) : Result<void>();
  }
  if (!writes) {  // what the leader has found
    if (meta::is_established(crd->doc()) && !is_built_in(key.name))
      serve(with_accepted_names(crd->doc()), crd->revision);
    return {};
  }
  Names names{crd->doc()["spec"]["names"], {}};
  if (!is_built_in(key.name)) {
    names = names_of(crd->doc());
    Json served = crd->doc();
    served.child("spec").set("names", names.accepted);
    if (names.clash.reason.empty() || served_.contains(key.name)) serve(served, crd->revision);
  }
  return report(crd, status_of(crd->doc(), names));
}

// A name has become free, so those that wait for one look again.
void CustomResources::look_again(std::string_view group) {
  for (const auto& entry : store_.list(crd_resource)) {
    const bool waits = !meta::is_established(entry->doc()) || !served_.contains(entry->key.name);
    if (waits && entry->doc()["spec"]["group"].string() == group) queue_.add(entry->key);
  }
}

Result<void> CustomResources::clean_up(const Ref& crd) {
  const std::string& resource = crd->key.name;
  if (!has_finalizer(crd->doc(), cleanup_finalizer)) return {};
  // Objects of our own kinds do not go because somebody takes a manifest back.
  if (is_built_in(resource) || !served_.contains(resource)) return release(crd);
  serve(with_accepted_names(crd->doc()), crd->revision);
  const Kind& kind = *scheme_.by_resource(resource);
  size_t left = 0;
  for (const auto& entry : store_.list(resource)) {
    DeleteOptions options;
    options.expect_uid = entry->uid();
    if (is_deleting(entry->doc())) {
      ++left;
      continue;
    }
    const auto removed = registry_.remove(kind, entry->key.ns, entry->key.name, options);
    if (!removed) return removed.error();
    left += removed->gone ? 0 : 1;
  }
  if (left == 0) return release(crd);
  Json status = crd->doc()["status"];
  set_condition(status.child("conditions"), "Terminating", true, "InstanceDeletionInProgress",
                "CustomResource deletion is in progress", registry_.now());
  return report(crd, status);
}

Result<void> CustomResources::release(const Ref& crd) {
  UpdateOptions options;
  options.internal = true;
  const auto written = registry_.modify(*scheme_.by_resource(crd_resource), {}, crd->key.name, options,
                                        [](const Json& current) -> Result<Json> {
                                          Json doc = current;
                                          remove_finalizer(doc, cleanup_finalizer);
                                          return doc;
                                        });
  if (!written) return written.error();
  return {};
}

}  // namespace registry
