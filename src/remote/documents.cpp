#include "remote/documents.h"

#include <algorithm>

#include "base/text.h"
#include "registry/admission.h"

namespace remote {

namespace {

// What only the server decides.
constexpr std::string_view system_fields[] = {
    "uid",
    "resourceVersion",
    "generation",
    "managedFields",
    "creationTimestamp",
    "deletionTimestamp",
    "selfLink",
    "deletionGracePeriodSeconds",
};

Json without_system_fields(Json doc) {
  if (!doc.has("metadata")) return doc;
  Json& meta = doc.child("metadata");
  for (const auto field : system_fields) meta.erase(field);
  return doc;
}

bool digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string collection_path(const Kind& kind, std::string_view ns) {
  std::string out = kind.group.empty() ? "/api/" : "/apis/" + kind.group + "/";
  out += kind.storage_version;
  if (kind.namespaced && !ns.empty()) out += "/namespaces/" + std::string(ns);
  return out + "/" + kind.plural;
}

std::string object_path(const Kind& kind, std::string_view ns, std::string_view name) {
  return collection_path(kind, ns) + "/" + std::string(name);
}

std::string object_path(const Kind& kind, const store::Key& key) { return object_path(kind, key.ns, key.name); }

store::Key key_of(const Kind& kind, const Json& doc) {
  return {kind.resource(), kind.namespaced ? doc.path("metadata.namespace").string() : std::string(),
          doc.path("metadata.name").string()};
}

Result<Json> as_shown(const Kind& kind, Json doc) {
  doc.set("apiVersion", kind.api_version(kind.storage_version)).set("kind", kind.kind);
  doc.child("metadata").erase("managedFields");
  TRY(registry::decode_object(kind, doc));
  const Json stored = doc;
  registry::fill_in(kind, doc, &stored, meta::Operation::update);
  TRY(registry::decode_object(kind, doc));
  return doc;
}

const std::string& version_of(const Json& doc) { return doc["metadata"]["resourceVersion"].string(); }
const std::string& uid_of(const Json& doc) { return doc["metadata"]["uid"].string(); }

bool newer(std::string_view a, std::string_view b) {
  if (!digits(a) || !digits(b)) return a != b;
  return a.size() != b.size() ? a.size() > b.size() : a > b;
}

Json changes(const Json& before, const Json& after) {
  return base::merge_diff(without_system_fields(before), without_system_fields(after));
}

Json creation(const Kind& kind, const Json& doc) {
  Json out = without_system_fields(doc);
  if (kind.custom && kind.storage().status_subresource) out.erase("status");
  return out;
}

bool fulfilled(const Json& doc, const Json& patch) {
  return without_system_fields(base::merge_patch(doc, without_system_fields(patch))) == without_system_fields(doc);
}

void rename_strings(Json& doc, const std::map<std::string, std::string>& names) {
  if (doc.is_string()) {
    if (const auto found = names.find(doc.string()); found != names.end()) doc = found->second;
  } else if (doc.is_array()) {
    for (size_t i = 0; i < doc.size(); ++i) rename_strings(doc.item(i), names);
  } else if (doc.is_object()) {
    for (auto& [key, value] : doc.mutable_members()) rename_strings(value, names);
  }
}

}  // namespace remote
