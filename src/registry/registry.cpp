#include "registry/registry.h"

#include <set>

#include "base/text.h"
#include "meta/user_form.h"
#include "registry/admission.h"
#include "registry/apply.h"
#include "registry/managed_fields.h"
#include "registry/metadata.h"
#include "registry/namespaces.h"
#include "registry/pod_admission.h"

namespace registry {
namespace {

using meta::Operation;

constexpr int name_tries_max = 8;
constexpr size_t generated_prefix_max = 58;  // with five random letters, 63
constexpr int modify_tries_max = 5;

store::Key key_of(const Kind& kind, const Json& doc) {
  return {kind.resource(), kind.namespaced ? doc["metadata"]["namespace"].string() : std::string(),
          doc["metadata"]["name"].string()};
}

// Where kube-apiserver keeps an object, which some of its errors name.
std::string etcd_key(const Kind& kind, const store::Key& key) {
  std::string place = "/registry/";
  if (kind.custom) place += kind.group + "/";
  if (kind.plural == "nodes" && kind.group.empty()) {
    place += "minions";
  } else if ((kind.plural == "services" || kind.plural == "endpoints") && kind.group.empty()) {
    place += kind.plural == "services" ? "services/specs" : "services/endpoints";
  } else {
    place += kind.plural;
  }
  return place + (key.ns.empty() ? "" : "/" + key.ns) + "/" + key.name;
}

bool is_pod(const Kind& kind) { return kind.group.empty() && kind.plural == "pods"; }

// What a dry run answers: like a stored version, but in nobody's list.
Ref unstored(const Kind& kind, Json doc, const Ref& current) {
  store::Key key = key_of(kind, doc);
  return std::make_shared<store::Entry>(std::move(key), current ? current->revision : 0,
                                        current ? current->create_revision : 0, std::move(doc));
}

// The store's errors in the API's words.
Error in_words(const Kind& kind, const std::string& name, Error error, const Ref& current) {
  switch (error.code) {
    case base::Code::already_exists: {
      Error out = already_exists(kind, name);
      if (current && is_deleting(current->doc())) out.message = "object is being deleted: " + out.message;
      return out;
    }
    case base::Code::conflict:
      return conflict(kind, name);
    default:
      return error;
  }
}

bool raises_generation(const Kind& kind, const Json& doc, const Json& stored) {
  if (!kind.has_generation) return false;
  const auto content = [&](const Json& whole) {
    Json out = whole;
    out.erase("metadata");
    if (kind.storage().status_subresource) out.erase("status");
    return out;
  };
  return content(doc) != content(stored);
}

void raise_generation(const Kind& kind, Json& doc) {
  if (!kind.has_generation) return;
  auto& meta = doc.child("metadata");
  const int64_t next = meta["generation"].integer() + 1;
  meta.set("generation", next);
}

// Whether nothing but the revision could tell the two apart.
bool same_content(const Json& doc, const Json& stored) {
  Json a = doc, b = stored;
  a.child("metadata").erase("resourceVersion");
  b.child("metadata").erase("resourceVersion");
  return a == b;
}

template <class Options>
Writer writer_of(const Kind& kind, const Options& options, std::string subresource = {}) {
  return {options.field_manager,
          options.api_version.empty() ? kind.api_version(kind.storage_version) : options.api_version,
          std::move(subresource)};
}

// Nothing holds a deleting object back any more.
bool may_go(const Kind& kind, const Json& doc) {
  return is_deleting(doc) && doc["metadata"]["finalizers"].empty() &&
         !(is_namespace(kind) && namespace_has_finalizers(doc));
}

void set_or_erase(Json& doc, std::string_view key, const Json& value) {
  if (value.is_null()) {
    doc.erase(key);
  } else {
    doc.set(key, value);
  }
}

// With the status of core kinds come labels and annotations; Deployments keep their labels.
void take_metadata(const Kind& kind, const Json& doc, Json& out) {
  for (const char* name : {"labels", "annotations"}) {
    const bool kept = std::string_view(name) == "labels" && kind.resource() == "deployments.apps";
    if (!kept) set_or_erase(out.child("metadata"), name, doc["metadata"][name]);
  }
}

// The new version as far as the endpoint lets the request decide it.
Json merge_request(const Kind& kind, Json doc, const Json& stored, const UpdateOptions& options) {
  const auto subresource = options.subresource;
  if (subresource == Subresource::status) {
    Json out = stored;
    set_or_erase(out, "status", doc["status"]);
    if (options.applied) out.child("metadata").set("managedFields", doc["metadata"]["managedFields"]);
    if (!kind.custom) take_metadata(kind, doc, out);
    return out;
  }
  if (subresource == Subresource::finalize) {
    Json out = stored;
    const Json& finalizers = doc["spec"]["finalizers"];
    set_or_erase(out.child("spec"), "finalizers", finalizers.empty() ? Json() : finalizers);
    return out;
  }
  keep_system_fields(doc, stored);
  carry_managed_fields(doc, stored);
  if (kind.storage().status_subresource) set_or_erase(doc, "status", stored["status"]);
  return doc;
}

// Kinds whose first status comes with the object: kubelets register themselves.
bool brings_status(const Kind& kind) {
  return kind.resource() == "nodes" || kind.resource() == "namespaces" || kind.group == "apiextensions.k8s.io";
}

// Whether an update need not say what it replaces.
bool may_be_unconditional(const Kind& kind) {
  static const std::set<std::string_view> never = {"leases.coordination.k8s.io", "poddisruptionbudgets.policy",
                                                   "csidrivers.storage.k8s.io", "csinodes.storage.k8s.io",
                                                   "runtimeclasses.node.k8s.io"};
  const bool by_group = kind.group == "apiextensions.k8s.io" || kind.group == "admissionregistration.k8s.io";
  return !kind.custom && !by_group && never.count(kind.resource()) == 0;
}

// Which revision the writer wants to replace; nullopt for whichever there is.
Result<std::optional<uint64_t>> expected_revision(const Kind& kind, const Json& doc, const UpdateOptions& options) {
  if (options.expect_revision) return options.expect_revision;
  const auto& meta = doc["metadata"];
  const auto& given = meta["resourceVersion"].string();
  if (given.empty() || given == "0") {
    if (options.internal || may_be_unconditional(kind)) return std::optional<uint64_t>();
    Kind named = kind;
    named.kind = kind.plural;  // in this one alone
    return invalid(named, meta["name"].string(),
                   {meta::field_invalid("metadata.resourceVersion", 0, "must be specified for an update")});
  }
  const auto revision = base::parse_uint(given);
  if (!revision) return base::internal("strconv.ParseUint: parsing " + base::quoted(given) + ": invalid syntax");
  return revision;
}

// While a webhook converts the objects of a kind to its new storage version, those that wait cannot be changed.
Result<void> check_stored_form(const Kind& kind, const store::Entry& current) {
  const bool old = !current.is_of(kind.api_version(kind.storage_version));
  if (!old || !meta::converter_of(kind)) return {};
  return base::unavailable("the object has to be converted to " + kind.api_version(kind.storage_version) +
                           " first; try again");
}

// What admission made of an object must still be that object.
Error namespace_mismatch() {
  return bad_request("the namespace of the provided object does not match the namespace sent on the request");
}
Error name_mismatch(const Json& doc, const store::Key& key) {
  const auto& name = doc["metadata"]["name"].string();
  if (name == key.name) return namespace_mismatch();
  return bad_request("the name of the object (" + name + ") does not match the name on the URL (" + key.name + ")");
}

}  // namespace

Registry::Registry(sys::Sys& sys, store::Store& store, const meta::Scheme& scheme)
    : sys_(sys), store_(store), scheme_(scheme) {}

base::Time Registry::now() const { return sys_.loop.now(); }

Ref Registry::get(const Kind& kind, std::string_view ns, std::string_view name) const {
  return store_.get(kind.resource(), kind.namespaced ? ns : std::string_view(), name);
}

// Whether what was made for `kind` may still be stored: definitions can change while admission parks.
Result<void> Registry::check_served(const Kind& kind) const {
  const Kind* present = scheme_.by_resource(kind.resource());
  if (!present || present->terminating) {
    return Error{.code = base::Code::not_found, .message = "the server could not find the requested resource"};
  }
  if (present->storage_version == kind.storage_version) return {};
  return base::unavailable("the definition of " + kind.resource() + " changed meanwhile; try again");
}

// The object as admission wants it created, before the server adds what is its own.
Result<Json> Registry::admitted(const Kind& kind, Json doc, const CreateOptions& options) {
  const std::string ns = doc["metadata"]["namespace"].string();
  if (is_namespace(kind)) label_namespace(doc);
  fill_in(kind, doc, nullptr, Operation::create);
  TRY(decode_object(kind, doc));
  track_update(kind, {}, doc, writer_of(kind, options), now());
  if (is_pod(kind)) TRY(admit_pod(kind, store_, sys_.random.suffix(), doc));
  doc = TRY(options.admission->mutate(kind, std::move(doc), nullptr));
  TRY(decode_object(kind, doc));
  if (doc["metadata"]["namespace"].string() != ns) return namespace_mismatch();
  doc.child("metadata").erase("resourceVersion");
  wipe_system_fields(doc);
  if (kind.storage().status_subresource && !brings_status(kind)) doc.erase("status");
  return doc;
}

Result<Ref> Registry::create(const Kind& kind, Json doc, const CreateOptions& options) {
  TRY(decode_object(kind, doc));
  const bool versioned = !options.dry_run && doc["metadata"].has("resourceVersion");
  doc.child("metadata").erase("resourceVersion");
  wipe_system_fields(doc);
  if (kind.storage().status_subresource && !brings_status(kind)) doc.erase("status");
  const auto check_place = [&](const Json& made) {
    const auto& meta = made["metadata"];
    return check_namespace(scheme_, store_, kind, meta["namespace"].string(), meta["name"].string());
  };
  TRY(check_place(doc));
  if (options.admission) doc = TRY(admitted(kind, std::move(doc), options));
  auto& meta = doc.child("metadata");
  const bool generated = meta["name"].string().empty() && meta.has("generateName");
  meta.set("uid", sys_.random.uuid());
  meta.set("creationTimestamp", base::rfc3339(now()));
  if (kind.has_generation) meta.set("generation", 1);

  const std::string prefix = meta["generateName"].string().substr(0, generated_prefix_max);
  for (int tries = 1;; ++tries) {
    Json made = generated ? doc : std::move(doc);
    if (generated) made.child("metadata").set("name", prefix + sys_.random.suffix());
    if (is_namespace(kind)) label_namespace(made);
    fill_in(kind, made, nullptr, Operation::create);
    TRY(decode_object(kind, made));  // canonical again, whatever the defaults did
    // What admission changes is nobody's.
    if (!options.admission) track_update(kind, {}, made, writer_of(kind, options), now());
    if (is_namespace(kind)) start_namespace(made);  // which nobody owns
    if (is_pod(kind)) TRY(admit_pod(kind, store_, sys_.random.suffix(), made));
    TRY(check_object(kind, made, nullptr, Operation::create, options.api_version));
    if (versioned) return base::internal("resourceVersion should not be set on objects to be created");
    const store::Key key = key_of(kind, made);
    const bool may_try_again = generated && tries < name_tries_max;
    if (may_try_again && store_.get(key)) continue;
    if (options.admission) {
      TRY(options.admission->validate(kind, &made, nullptr));
      TRY(check_place(made));  // the namespace may have gone meanwhile, and so may the kind
      TRY(check_served(kind));
    }
    const Ref current = store_.get(key);
    if (options.dry_run && !current) return unstored(kind, std::move(made), nullptr);
    auto stored = store_.put(key, std::move(made), 0);
    if (stored) return stored;
    if (may_try_again && stored.error().code == base::Code::already_exists) continue;
    return in_words(kind, key.name, std::move(stored).error(), current);
  }
}

Result<Ref> Registry::update(const Kind& kind, Json doc, const UpdateOptions& options) {
  TRY(decode_object(kind, doc));
  const store::Key key = key_of(kind, doc);
  if (key.name.empty()) {
    return invalid(kind, {}, {meta::field_required("metadata.name", "name must be provided for an update")});
  }
  const auto& uid = doc["metadata"]["uid"].string();
  for (int tries = 1;; ++tries) {
    const Ref current = store_.get(key);
    if (!current) return not_found(kind, key.name);
    TRY(check_stored_form(kind, *current));
    if (!uid.empty() && uid != current->uid()) {
      return conflict(kind, key.name,
                      "StorageError: invalid object, Code: 4, Key: " + etcd_key(kind, key) +
                          ", ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: " + uid +
                          ", UID in object meta: " + current->uid());
    }
    const auto expected = TRY(expected_revision(kind, doc, options));
    if (expected && *expected != current->revision) return conflict(kind, key.name);
    auto stored = replace(kind, doc, current, options);
    // Somebody else wrote while admission made up its mind. Who named no revision means whichever there is.
    const bool raced = !stored && !expected && options.admission && stored.error().code == base::Code::conflict;
    if (!raced || tries == modify_tries_max) return stored;
  }
}

Result<Ref> Registry::replace(const Kind& kind, Json doc, const Ref& current, const UpdateOptions& options) {
  const store::Key& key = current->key;
  const bool status = options.subresource == Subresource::status;
  const Operation operation = status ? Operation::update_status : Operation::update;
  Json made = merge_request(kind, std::move(doc), current->doc(), options);
  if (is_namespace(kind)) label_namespace(made);
  fill_in(kind, made, &current->doc(), operation);
  TRY(decode_object(kind, made));
  const bool scale = options.subresource == Subresource::scale;
  track_update(kind, current->doc(), made, writer_of(kind, options, status ? "status" : scale ? "scale" : ""), now());
  // After that: who leaves the finalizers out no longer owns them.
  const bool whole = is_namespace(kind) && options.subresource == Subresource::none;
  if (whole) keep_namespace_state(made, current->doc());
  if (options.admission) {
    made = TRY(options.admission->mutate(kind, std::move(made), &current->doc()));
    TRY(decode_object(kind, made));
    if (key_of(kind, made) != key) return name_mismatch(made, key);
    const Json owners = made["metadata"]["managedFields"];
    made = merge_request(kind, std::move(made), current->doc(), options);
    set_or_erase(made.child("metadata"), "managedFields", owners);
    if (whole) keep_namespace_state(made, current->doc());
    fill_in(kind, made, &current->doc(), operation);
    TRY(decode_object(kind, made));
  }
  // A deleting object whose last finalizer goes is removed, also when an earlier write took that finalizer.
  const bool same = !may_go(kind, made) && same_content(made, current->doc());
  if (same && !options.admission) return current;
  if (!status && raises_generation(kind, made, current->doc())) raise_generation(kind, made);
  if (!same) TRY(check_object(kind, made, &current->doc(), operation, options.api_version, options.warnings));
  if (options.admission) {
    TRY(options.admission->validate(kind, &made, &current->doc()));
    TRY(check_served(kind));
  }
  if (same) return current;
  if (options.dry_run) return unstored(kind, std::move(made), current);
  const bool leaves = may_go(kind, made);
  Json gone_as = leaves ? made : Json();
  auto stored = leaves ? store_.remove(key, current->revision) : store_.put(key, std::move(made), current->revision);
  if (!stored) return in_words(kind, key.name, std::move(stored).error(), current);
  if (!leaves) return stored;
  // What went is shown as the request left it, in the version that it never became.
  return Ref(std::make_shared<store::Entry>(key, (*stored)->revision, current->create_revision, std::move(gone_as)));
}

Result<Ref> Registry::modify(const Kind& kind, std::string_view ns, std::string_view name, UpdateOptions options,
                             const std::function<Result<Json>(const Json& current)>& change) {
  for (int tries = 1;; ++tries) {
    const Ref current = get(kind, ns, name);
    if (!current) return not_found(kind, name);
    Json changed = TRY(change(current->doc()));
    const auto& revision = changed["metadata"]["resourceVersion"].string();
    // A change that names a revision of its own means it as a precondition.
    const bool own = !revision.empty() && revision != current->doc()["metadata"]["resourceVersion"].string();
    UpdateOptions now = options;
    if (!own && !now.expect_revision) now.expect_revision = current->revision;
    auto written = update(kind, std::move(changed), now);
    const bool raced = !written && written.error().code == base::Code::conflict;
    if (!raced || own || options.expect_revision || tries == modify_tries_max) return written;
  }
}

namespace {

Result<void> check_preconditions(const Kind& kind, const Ref& current, const DeleteOptions& options) {
  const auto failed = [&](const std::string& what, const std::string& wanted, const std::string& have,
                          std::string_view happened) {
    // Go names the kind, not the resource, in this one.
    Kind named = kind;
    named.plural = kind.kind;
    return conflict(named, current->key.name,
                    "the " + what + " in the precondition (" + wanted + ") does not match the " + what +
                        " in record (" + have + "). The object might have been " + std::string(happened));
  };
  if (!options.expect_uid.empty() && options.expect_uid != current->uid()) {
    return failed("UID", options.expect_uid, current->uid(), "deleted and then recreated");
  }
  const std::string revision = std::to_string(current->revision);
  if (!options.expect_revision.empty() && options.expect_revision != revision) {
    return failed("ResourceVersion", options.expect_revision, revision, "modified");
  }
  return {};
}

// An explicit policy decides which of the garbage collector's finalizers stand; without one they stay as they are.
Result<void> apply_propagation(Json& doc, const std::string& propagation) {
  if (propagation.empty()) return {};
  if (propagation != "Orphan" && propagation != "Foreground" && propagation != "Background") {
    const auto cause =
        meta::field_not_supported("propagationPolicy", propagation, {"Foreground", "Background", "Orphan", "nil"});
    return Error{.code = base::Code::invalid,
                 .message = "DeleteOptions.meta.k8s.io \"\" is invalid: " + meta::text_of(cause),
                 .causes = {cause}};
  }
  remove_finalizer(doc, orphan_finalizer);
  remove_finalizer(doc, foreground_finalizer);
  if (propagation == "Orphan") add_finalizer(doc, orphan_finalizer);
  if (propagation == "Foreground") add_finalizer(doc, foreground_finalizer);
  return {};
}

void start_deletion(const Kind& kind, Json& doc, base::Time now) {
  if (is_deleting(doc)) return;
  auto& meta = doc.child("metadata");
  meta.set("deletionTimestamp", base::rfc3339(now));
  if (is_namespace(kind)) {
    terminate_namespace(doc);
  } else if (kind.group != "apiextensions.k8s.io") {
    meta.set("deletionGracePeriodSeconds", 0);
  }
  if (kind.begin_deletion) kind.begin_deletion(doc);
  if (kind.group != "apiextensions.k8s.io") raise_generation(kind, doc);
}

}  // namespace

Result<DeleteOutcome> Registry::remove(const Kind& kind, std::string_view ns, std::string_view name,
                                       const DeleteOptions& options) {
  for (int tries = 1;; ++tries) {
    const Ref current = get(kind, ns, name);
    if (!current) return not_found(kind, name);
    TRY(check_stored_form(kind, *current));
    if (is_namespace(kind) && is_undeletable_namespace(name)) {
      return forbidden(kind, name, "this namespace may not be deleted");
    }
    TRY(check_preconditions(kind, current, options));
    if (kind.check && !is_deleting(current->doc())) {
      auto findings = kind.check(current->doc(), &current->doc(), Operation::remove);
      if (!findings.empty()) return invalid(kind, name, std::move(findings));
    }
    if (options.admission) {
      TRY(options.admission->mutate(kind, {}, &current->doc()));
      TRY(options.admission->validate(kind, nullptr, &current->doc()));
    }
    auto outcome = start_removal(kind, current, options);
    const bool raced = !outcome && options.admission && outcome.error().code == base::Code::conflict;
    if (!raced || tries == modify_tries_max) return outcome;
  }
}

Result<DeleteOutcome> Registry::start_removal(const Kind& kind, const Ref& current, const DeleteOptions& options) {
  Json doc = current->doc();
  TRY(apply_propagation(doc, options.propagation));
  start_deletion(kind, doc, now());
  TRY(decode_object(kind, doc));  // the times to their places
  const bool gone = may_go(kind, doc);
  if (options.dry_run) return DeleteOutcome{gone ? current : unstored(kind, std::move(doc), current), gone};
  if (!gone && same_content(doc, current->doc())) return DeleteOutcome{current, false};
  auto stored = gone ? store_.remove(current->key, current->revision)
                     : store_.put(current->key, std::move(doc), current->revision);
  if (!stored) return in_words(kind, current->key.name, std::move(stored).error(), current);
  return DeleteOutcome{*stored, gone};
}

}  // namespace registry
