#include "registry/apply.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/text.h"
#include "meta/user_form.h"
#include "registry/field_set.h"
#include "registry/sorted.h"

namespace registry {
namespace {

struct Manager {
  std::string name, operation, api_version, subresource, time;
  FieldSet fields;
  bool is(const std::string& n, std::string_view o, const std::string& s) const {
    return name == n && operation == o && subresource == s;
  }
};

std::vector<Manager> read_managers(const Json& doc) {
  std::vector<Manager> out;
  for (const auto& entry : doc["metadata"]["managedFields"].items()) {
    Manager manager{entry["manager"].string(),     entry["operation"].string(), entry["apiVersion"].string(),
                    entry["subresource"].string(), entry["time"].string(),      read_fields_v1(entry["fieldsV1"])};
    manager.fields.member = false;  // the root is no field
    out.push_back(std::move(manager));
  }
  return out;
}

Json write_managers(std::vector<Manager> managers) {
  std::erase_if(managers, [](const Manager& manager) { return manager.fields.empty(); });
  std::stable_sort(managers.begin(), managers.end(), [](const Manager& a, const Manager& b) {
    return std::tie(a.operation, a.time, a.name, a.api_version, a.subresource) <
           std::tie(b.operation, b.time, b.name, b.api_version, b.subresource);
  });
  Json out = Json::array();
  for (auto& manager : managers) {
    Json::Members entry;
    entry.reserve(7);
    entry.emplace_back("manager", std::move(manager.name));
    entry.emplace_back("operation", std::move(manager.operation));
    entry.emplace_back("apiVersion", std::move(manager.api_version));
    if (!manager.time.empty()) entry.emplace_back("time", std::move(manager.time));
    entry.emplace_back("fieldsType", "FieldsV1");
    entry.emplace_back("fieldsV1", fields_v1(manager.fields));
    if (!manager.subresource.empty()) entry.emplace_back("subresource", std::move(manager.subresource));
    out.push(std::move(entry));
  }
  return out;
}

// What nobody owns: identity, what the server writes, and what the endpoint does not take.
FieldSet without_unowned(const Kind& kind, FieldSet set, const std::string& subresource) {
  set.member = false;
  set.children.erase("f:apiVersion");
  set.children.erase("f:kind");
  if (subresource == "status") {
    std::erase_if(set.children, [](const auto& pair) { return pair.first != "f:status"; });
  } else if (kind.storage().status_subresource) {
    set.children.erase("f:status");
  }
  const auto metadata = set.children.find("f:metadata");
  if (metadata == set.children.end()) return set;
  constexpr auto system = std::to_array<const char*>({"f:name", "f:namespace", "f:creationTimestamp", "f:selfLink",
                                                      "f:uid", "f:generation", "f:managedFields", "f:resourceVersion",
                                                      "f:deletionTimestamp", "f:deletionGracePeriodSeconds"});
  metadata->second.member = false;
  for (const auto* key : system) metadata->second.children.erase(key);
  if (metadata->second.empty()) set.children.erase(metadata);
  return set;
}

std::string described(const Manager& manager) {
  std::string out = "conflict with " + base::quoted(manager.name);
  if (!manager.subresource.empty()) out += " with subresource " + base::quoted(manager.subresource);
  if (manager.operation == "Update") out += " using " + manager.api_version;
  return out;
}

Error conflict_error(const std::vector<base::FieldError>& causes) {
  const auto count = causes.size();
  std::string text = "Apply failed with " + std::to_string(count) + (count == 1 ? " conflict: " : " conflicts: ");
  std::string last;
  for (const auto& cause : causes) {
    if (count == 1) {
      text += cause.message + ": " + cause.field;
      break;
    }
    if (cause.message != last) {
      text += (last.empty() ? "" : "\n") + base::replace_all(cause.message, "conflict with", "conflicts with") + ":";
    }
    last = cause.message;
    text += "\n- " + cause.field;
  }
  return {.code = base::Code::conflict, .message = std::move(text), .causes = causes};
}

void take(std::vector<Manager>& others, const FieldSet& fields) {
  for (auto& other : others) other.fields = difference(other.fields, fields);
}

// What kubectl applied on the client's side, as it wrote down itself. When it turns to server-side apply these fields
// are its own already, whoever is noted for them.
FieldSet client_side_applied(const Kind& kind, const Json& live) {
  const auto& text = live["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].string();
  const auto doc = text.empty() ? Json() : base::parse_json(text).value_or(Json());
  const auto* form = meta::user_form(kind);
  const bool any_version = form && !form->convert && doc["kind"].string() == kind.kind;  // all name fields the same
  if (!any_version && doc["apiVersion"].string() != kind.api_version(kind.storage_version)) return {};
  const auto fields = fields_of(kind.storage().schema.get(), doc);
  return fields ? read_fields_v1(fields_v1(*fields)) : FieldSet();  // without pointers into `doc`
}

// kubectl's note of what it applied on the client's side stays true when it applies on the server's.
void note_applied(Json& doc, const Json& live, const Json& applied) {
  constexpr auto note = "kubectl.kubernetes.io/last-applied-configuration";
  if (live["metadata"]["annotations"][note].string().empty()) return;
  Json config = applied;
  auto& meta = config.child("metadata");
  meta.erase("managedFields");
  if (meta["annotations"].has(note)) meta.child("annotations").erase(note);
  if (meta["annotations"].empty()) meta.erase("annotations");
  doc.child("metadata").child("annotations").set(note, sorted(config).dump() + "\n");
}

// Takes `contested` from the other managers, or says whose it is.
Result<void> settle(std::vector<Manager>& others, const FieldSet& contested, bool force) {
  if (force) take(others, contested);
  std::vector<base::FieldError> causes;
  for (const auto& other : others) {
    const FieldSet both = intersection(other.fields, contested);
    if (both.empty()) continue;
    for (auto& path : field_paths(both)) causes.push_back({std::move(path), "FieldManagerConflict", described(other)});
  }
  if (causes.empty()) return {};
  std::stable_sort(causes.begin(), causes.end(), [](const auto& a, const auto& b) { return a.message < b.message; });
  return conflict_error(causes);
}

// Fields that hold others and that a Go struct always has, also in a new object: nobody adds them.
constexpr struct {
  std::string_view kind;
  std::array<std::string_view, 11> paths;
} always_there[] = {
    {"Namespace", {"spec", "status"}},
    {"Node", {"spec", "status", "status.nodeInfo", "status.daemonEndpoints", "status.daemonEndpoints.kubeletEndpoint"}},
    {"Pod", {"spec", "spec.containers", "status"}},
    {"Lease", {"spec"}},
    {"Event",
     {"involvedObject", "source", "firstTimestamp", "lastTimestamp", "eventTime", "reportingComponent",
      "reportingInstance", "regarding", "deprecatedSource", "deprecatedFirstTimestamp", "deprecatedLastTimestamp"}},
    {"Deployment",
     {"spec", "spec.strategy", "spec.template", "spec.template.spec", "spec.template.metadata",
      "spec.template.spec.containers", "status"}},
    {"DaemonSet",
     {"spec", "spec.updateStrategy", "spec.template", "spec.template.spec", "spec.template.metadata",
      "spec.template.spec.containers", "status"}},
    {"Role", {"rules"}},
    {"ClusterRole", {"rules"}},
    {"RoleBinding", {"roleRef"}},
    {"ClusterRoleBinding", {"roleRef"}},
    {"CustomResourceDefinition", {"spec", "spec.names", "status", "status.acceptedNames", "status.conditions"}},
};

bool is_zero(const Json& value) {
  return value.is_null() ||
         (value.is_string() ? value.string().empty() : !value.is_bool() && !value.is_number() && value.empty());
}

void forget_path(FieldSet& set, const std::vector<std::string_view>& path, bool fresh, size_t depth = 0) {
  const auto found = set.children.find("f:" + std::string(path[depth]));
  if (found == set.children.end()) return;
  FieldSet& at = found->second;
  if (depth + 1 < path.size()) {
    forget_path(at, path, fresh, depth + 1);
  } else if (!at.leaf || (fresh && is_zero(*at.leaf))) {
    at.member = false;  // one that is simple is a value, unless a new object would have it anyhow
  }
  if (at.empty()) set.children.erase(found);
}

// `fresh`: there was no object before.
void forget_structure(const Kind& kind, FieldSet& set, bool fresh) {
  if (kind.custom) return;
  for (const auto& one : always_there) {
    if (one.kind != kind.kind) continue;
    for (const auto path : one.paths) {
      if (path.empty()) break;
      forget_path(set, base::split(path, '.'), fresh);
    }
  }
}

// A set without pointers into the document that it was made from.
void forget_values(FieldSet& set) {
  set.leaf = nullptr;
  for (auto& [key, child] : set.children) forget_values(child);
}

// The version of a core kind that has other fields than the stored one; null for the others.
const meta::Version* version_apart(const Kind& kind, const std::string& api_version) {
  for (const auto& version : kind.versions) {
    const bool apart = !kind.custom && version.from_storage;
    if (apart && kind.api_version(version.name) == api_version) return &version;
  }
  return nullptr;
}

// An object that nobody has applied yet belongs, as a whole, to those who were there before.
Result<std::vector<Manager>> managers_of(const Kind& kind, const Json& live, const std::string& subresource,
                                         base::Time now) {
  auto managers = read_managers(live);
  if (!managers.empty()) return managers;
  Manager before{"before-first-apply", "Update", kind.api_version(kind.storage_version), {}, base::rfc3339(now), {}};
  const FieldSet all = TRY(nodes_of(kind.storage().schema.get(), live));
  before.fields = without_unowned(kind, all, subresource);
  forget_structure(kind, before.fields, true);
  managers.push_back(std::move(before));
  return managers;
}

}  // namespace

Result<Json> apply(const Kind& kind, const Json* live, const Json& applied, const ApplyOptions& options,
                   base::Time now) {
  const meta::Schema* schema = kind.storage().schema.get();
  const FieldSet wanted = TRY(fields_of(schema, applied));
  const bool stored_form = options.api_version.empty() || version_apart(kind, options.api_version);
  Manager self{options.manager,     "Apply", stored_form ? kind.api_version(kind.storage_version) : options.api_version,
               options.subresource, {},      without_unowned(kind, wanted, options.subresource)};
  if (!live) {
    self.time = base::rfc3339(now);
    Json doc = applied;
    doc.child("metadata").set("managedFields", write_managers({std::move(self)}));
    return doc;
  }
  auto others = TRY(managers_of(kind, *live, options.subresource, now));
  FieldSet owned_before;
  std::erase_if(others, [&](const Manager& manager) {
    if (!manager.is(options.manager, "Apply", options.subresource)) return false;
    owned_before = manager.fields;
    self.time = manager.time;
    return true;
  });
  Json doc = merge_applied(schema, *live, applied);
  FieldSet keep = self.fields;
  for (const auto& other : others) keep = union_of(keep, other.fields);
  remove_fields(schema, doc, difference(owned_before, self.fields), keep);

  const FieldSet fields_live = TRY(nodes_of(schema, *live));
  const FieldSet fields_now = TRY(nodes_of(schema, doc));
  FieldSet contested = intersection(changed_fields(fields_live, fields_now), self.fields);
  if (options.manager == "kubectl") {
    const FieldSet own = intersection(contested, client_side_applied(kind, *live));
    take(others, own);
    contested = difference(contested, own);
  }
  TRY(settle(others, contested, options.force));
  if (options.manager == "kubectl" && options.subresource.empty()) note_applied(doc, *live, options.as_sent);
  if (doc != *live) self.time = base::rfc3339(now);  // who only agrees has changed nothing
  others.push_back(std::move(self));
  doc.child("metadata").set("managedFields", write_managers(std::move(others)));
  return doc;
}

namespace {

// What a write added or changed and what it took away, by the names of fields of one version.
struct Change {
  FieldSet changed, removed;
};

// Nothing when a document does not fit its schema: the rules will say what is wrong with it.
Change change_of(const Kind& kind, const Json& stored, const Json& made, const std::string& subresource,
                 const std::string& api_version) {
  const auto* apart = version_apart(kind, api_version);
  const auto shown = [&](const Json& doc) {
    return apart && !doc.is_null() ? apart->from_storage(doc) : Result<Json>(doc);
  };
  const auto was = shown(stored), is = shown(made);
  if (!was || !is) return {};
  const meta::Schema* schema = (apart ? *apart : kind.storage()).schema.get();
  auto before = nodes_of(schema, *was), after = nodes_of(schema, *is);
  if (!before || !after) return {};
  FieldSet new_fields = without_unowned(kind, std::move(*after), subresource);
  Change out;
  if (stored.is_null()) {
    out.changed = std::move(new_fields);
  } else {
    const FieldSet old_fields = without_unowned(kind, std::move(*before), subresource);
    out = {changed_fields(old_fields, new_fields), difference(old_fields, new_fields)};
  }
  forget_structure(kind, out.changed, stored.is_null());
  forget_values(out.changed);
  forget_values(out.removed);
  return out;
}

constexpr size_t updaters_max = 10;

// Too many writers: the oldest become one, so that the list does not grow without end.
void cap_updaters(std::vector<Manager>& managers) {
  std::vector<Manager*> updaters;
  for (auto& one : managers) {
    if (one.operation == "Update" && !one.fields.empty()) updaters.push_back(&one);
  }
  if (updaters.size() <= updaters_max) return;
  std::stable_sort(updaters.begin(), updaters.end(), [](const Manager* a, const Manager* b) {
    return std::tie(a->time, a->name) < std::tie(b->time, b->name);
  });
  Manager* ancient = nullptr;
  for (auto* one : updaters) {
    if (one->name == "ancient-changes" && one->subresource.empty()) ancient = one;
  }
  size_t over = updaters.size() - updaters_max;
  for (auto* one : updaters) {
    if (over == 0) break;
    if (one == ancient) continue;
    if (!ancient) {
      one->name = "ancient-changes";
      ancient = one;
      continue;  // that made none fewer yet
    }
    ancient->fields = union_of(ancient->fields, one->fields);
    ancient->time = one->time;
    one->fields = {};
    --over;
  }
}

}  // namespace

void track_update(const Kind& kind, const Json& stored, Json& made, const Writer& writer, base::Time now) {
  if (writer.manager.empty()) return;
  auto managers = read_managers(made);
  // After a reset nobody is noted until somebody applies.
  if (!stored.is_null() && managers.empty()) return;
  std::map<std::string, Change> changes;
  const auto change_in = [&](const std::string& api_version) -> Change& {
    auto found = changes.find(api_version);
    if (found == changes.end()) {
      found = changes.emplace(api_version, change_of(kind, stored, made, writer.subresource, api_version)).first;
    }
    return found->second;
  };
  Change& own = change_in(writer.api_version);
  if (own.changed.empty() && own.removed.empty()) return;
  Manager* self = nullptr;
  for (auto& other : managers) {
    const Change& change = change_in(other.api_version);
    other.fields = difference(difference(other.fields, change.removed), change.changed);
    if (other.is(writer.manager, "Update", writer.subresource) && other.api_version == writer.api_version) {
      self = &other;
    }
  }
  // A Scale leaves a number of zero out, so that nobody owns it.
  const auto& replicas = kind.storage().scale_spec;
  const bool none = writer.subresource == "scale" && made.path(std::string_view(replicas).substr(1)).integer() == 0;
  if (!own.changed.empty() && !none) {
    if (!self) {
      managers.push_back({writer.manager, "Update", writer.api_version, writer.subresource, {}, {}});
      self = &managers.back();
    }
    self->fields = self->fields.empty() ? std::move(own.changed) : union_of(self->fields, own.changed);
    // Owners that came by way of the scale have no time.
    self->time = writer.subresource == "scale" ? std::string() : base::rfc3339(now);
  }
  cap_updaters(managers);
  const Json entries = write_managers(std::move(managers));
  if (entries.empty()) {
    made.child("metadata").erase("managedFields");
  } else {
    made.child("metadata").set("managedFields", entries);
  }
}

}  // namespace registry
