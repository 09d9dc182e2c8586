// A kind: its names, versions and behaviour at the API. One table entry per kind (api/kinds.cpp); server, registry,
// explain, CRD export and docs all read it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "meta/rules.h"
#include "meta/schema.h"

namespace meta {

struct Column {
  std::string name, json_path, type, format, description;
  int priority = 0;
};

struct Version {
  std::string name;  // "v1beta2"
  SchemaRef schema;  // of the whole object (apiVersion, kind, metadata, spec, status)
  std::shared_ptr<const Rules> rules;  // CEL rules of the schema; null when it has none
  bool served = true;
  bool deprecated = false;
  std::string deprecation_warning;
  std::vector<Column> columns;  // after Name; empty means Age alone
  bool status_subresource = false;
  // JSON paths (".spec.replicas") of the scale subresource; empty: none.
  std::string scale_spec, scale_status, scale_selector;
  // Converts a whole object between this version and the storage version. Null for the storage version.
  std::function<Result<Json>(Json)> to_storage, from_storage;
};

enum class Operation : unsigned char { create, update, update_status, remove };

struct Kind {
  std::string group;  // "" is the core group
  std::string kind, list_kind, plural, singular;
  std::vector<std::string> short_names, categories;
  bool namespaced = true;
  bool custom = true;             // served as a CRD would be; false for core kinds (other rules for PUT and patch)
  bool has_generation = true;     // false for Secret, ConfigMap, Event, Lease, Namespace
  bool terminating = false;       // its CustomResourceDefinition is being deleted: nothing new is taken
  std::vector<Version> versions;  // most preferred first
  std::string storage_version;
  // Extra field selectors besides metadata.name and metadata.namespace: label -> dotted path.
  std::vector<std::pair<std::string, std::string>> field_labels;
  // What upstream's admission webhooks and strategies do, on the storage version. `old` is null on create.
  std::function<void(Json& doc, const Json* old)> fill_defaults;
  std::function<std::vector<FieldError>(const Json& doc, const Json* old, Operation operation)> check;
  // Sentences for the Warning header (deprecated fields and the like).
  std::function<std::vector<std::string>(const Json& doc)> warnings;
  // When the deletion of an object begins, with metadata.deletionTimestamp set: finalizers of its own, conditions.
  std::function<void(Json& doc)> begin_deletion;
  // Cells of hand-made columns for core kinds (Secret's Data count...), given the column name; null: use json_path.
  std::function<Json(const Json& doc, std::string_view column)> cell;

  std::string resource() const;  // "plural.group", the store's name
  const Version* version(std::string_view name) const;
  const Version& storage() const;
  std::string api_version(std::string_view version) const;  // "group/version" or "v1"
};

// All kinds a server offers. Sorted by group, then plural. Kinds never change; a changed one takes the place of the old
// one. Copies of a scheme share their kinds. Whoever parks while it uses a kind that may be replaced or removed holds
// it; everybody else uses it at once.
class Scheme {
 public:
  void add(Kind kind);                             // in place of the one with the same group and plural, if any
  void remove(std::string_view resource);          // nothing when there is none
  uint64_t revision() const { return revision_; }  // grows with every add and remove
  const std::vector<const Kind*>& kinds() const { return order_; }
  const Kind* by_resource(std::string_view resource) const;  // "machines.cluster.x-k8s.io"
  const Kind* by_plural(std::string_view group, std::string_view plural) const;
  const Kind* by_kind(std::string_view group, std::string_view kind) const;
  std::vector<std::string> groups() const;  // "" first, then sorted
  // Keeps a kind of this scheme alive; null for one that is not (or no longer) in it.
  std::shared_ptr<const Kind> hold(const Kind* kind) const;

 private:
  size_t place(std::string_view group, std::string_view plural) const;
  std::vector<std::shared_ptr<const Kind>> owned_;  // index by index the same as order_
  std::vector<const Kind*> order_;
  uint64_t revision_ = 0;
};

// "cluster.x-k8s.io/v1beta2" -> {"cluster.x-k8s.io", "v1beta2"}; "v1" -> {"", "v1"}.
std::pair<std::string, std::string> split_api_version(std::string_view api_version);
// Kubernetes' order of versions, most preferred first: v2, v1, v1beta2, v1beta1, v1alpha1, others by name.
bool version_before(std::string_view a, std::string_view b);

}  // namespace meta
