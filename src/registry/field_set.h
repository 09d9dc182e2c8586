// Sets of fields of an object, as metadata.managedFields tells who owns which (server-side apply). A tree: members of
// objects are keyed "f:NAME", items of keyed lists "k:{KEYS}", items of sets "v:VALUE", the form of FieldsV1.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "meta/schema.h"

namespace registry {

struct FieldSet {
  bool member = false;  // the field itself is in the set (and not only some below it)
  // The value of a field without fields below it (scalars, atomic lists and maps, empty objects); null when read from
  // managedFields. Points into the document that the set was made from.
  const base::Json* leaf = nullptr;
  std::map<std::string, FieldSet> children;

  bool empty() const { return !member && children.empty(); }
  const FieldSet* child(const std::string& key) const;
};

// The fields of a value. `schema` may be null: then objects are taken apart and lists are not. Errors: bad_request for
// an item of a keyed list without its key.
base::Result<FieldSet> fields_of(const meta::Schema* schema, const base::Json& value);
// As above, but every field is in the set, also those that only hold others: what ordinary writes add and take away.
base::Result<FieldSet> nodes_of(const meta::Schema* schema, const base::Json& value);
FieldSet read_fields_v1(const base::Json& fields);
base::Json fields_v1(const FieldSet& set);

FieldSet union_of(const FieldSet& a, const FieldSet& b);
FieldSet difference(const FieldSet& a, const FieldSet& b);
FieldSet intersection(const FieldSet& a, const FieldSet& b);
// What is in `after` and was not in `before`, or has another value. Both must come from fields_of or from nodes_of.
FieldSet changed_fields(const FieldSet& before, const FieldSet& after);
// What tells an item of a keyed list or set apart: "k:{KEYS}" or "v:VALUE". Keys that are neither given nor defaulted
// are left out. Errors: bad_request when that leaves none.
base::Result<std::string> list_item_key(const meta::Schema& list, const base::Json& item);
// ".name", "[port=80]" of a key of a set.
std::string path_element(const std::string& key);
// ".spec.ports[port=80].name" of every member; the members of an object before those below them.
std::vector<std::string> field_paths(const FieldSet& set);

// How a value is merged and pruned, by the same reading of the schema.
base::Json merge_applied(const meta::Schema* schema, const base::Json& live, const base::Json& applied);
// Takes out of `value` what is in `drop` unless `keep` has it or something below it.
void remove_fields(const meta::Schema* schema, base::Json& value, const FieldSet& drop, const FieldSet& keep);

}  // namespace registry
