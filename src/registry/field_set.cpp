#include "registry/field_set.h"

#include <algorithm>

#include "base/text.h"

namespace registry {
namespace {

using base::Json;
using base::Result;
using meta::Schema;
using meta::SchemaType;

enum class Form : unsigned char { leaf, object, keyed_list, set };

Form form_of(const Schema* schema, const Json& value) {
  if (value.is_object()) return value.empty() || (schema && schema->map_atomic) ? Form::leaf : Form::object;
  if (!value.is_array() || !schema || schema->type != SchemaType::array) return Form::leaf;
  if (schema->list_type == "map") return Form::keyed_list;
  return schema->list_type == "set" ? Form::set : Form::leaf;
}

// Of a member or of items; null when the schema says nothing.
const Schema* below(const Schema* schema, std::string_view name, bool* declared = nullptr) {
  if (!schema) return nullptr;
  if (const auto* property = schema->find(name)) {
    if (declared) *declared = true;
    return property->schema.get();
  }
  return schema->items.get();
}

Result<std::string> item_key(const Schema& list, const Json& item) {
  auto names = list.list_keys;
  std::sort(names.begin(), names.end());
  Json key = Json::object();
  for (const auto& name : names) {
    const Json* value = item.find(name);
    if (!value) {
      const auto* property = list.items ? list.items->find(name) : nullptr;
      if (property && !property->schema->default_value.is_null()) value = &property->schema->default_value;
    }
    if (!value) {
      return base::Error{.code = base::Code::bad_request,
                         .message = "an item of a keyed list has no " + base::quoted(name) + ": " + item.dump()};
    }
    key.set(name, *value);
  }
  return "k:" + key.dump();
}

std::string member_key(std::string_view name) { return "f:" + std::string(name); }
std::string value_key(const Json& value) { return "v:" + value.dump(); }

Result<void> add_object(const Schema* schema, const Json& value, FieldSet& out) {
  for (const auto& [name, member] : value.members()) {
    bool declared = false;
    const Schema* schema_below = below(schema, name, &declared);
    FieldSet set = TRY(fields_of(schema_below, member));
    set.member = set.member || !declared;
    out.children[member_key(name)] = std::move(set);
  }
  return {};
}

// The position of an item in a list; the list's size when it is not there.
size_t index_of(const Schema* schema, const Json& list, const std::string& key) {
  const bool keyed = schema && schema->list_type == "map";
  for (size_t i = 0; i < list.size(); ++i) {
    const auto found = keyed ? item_key(*schema, list.at(i)) : Result<std::string>(value_key(list.at(i)));
    if (found && *found == key) return i;
  }
  return list.size();
}

std::string path_element(const std::string& key) {
  const auto rest = key.substr(std::min<size_t>(2, key.size()));
  if (key.starts_with("f:")) return "." + rest;
  if (key.starts_with("v:")) return "[=" + rest + "]";
  if (!key.starts_with("k:")) return "[" + rest + "]";
  std::string out;
  const auto keys = base::parse_json(rest);
  if (keys) {
    for (const auto& [name, value] : keys->members()) out += (out.empty() ? "" : ",") + name + "=" + value.dump();
  }
  return "[" + out + "]";
}

void add_paths(const FieldSet& set, const std::string& at, std::vector<std::string>& out) {
  if (set.member) out.push_back(at);
  for (const auto& [key, child] : set.children) add_paths(child, at + path_element(key), out);
}

void remove_member(const Schema* schema, Json& value, const std::string& key, const FieldSet& drop,
                   const FieldSet* keep) {
  static const FieldSet nothing;
  const std::string name = key.substr(2);
  const Json* found = value.find(name);
  if (!found) return;
  if (drop.member && !keep) {
    value.erase(name);
    return;
  }
  Json child = *found;
  const bool was_empty = child.empty();
  remove_fields(below(schema, name), child, drop, keep ? *keep : nothing);
  if (child.empty() && !was_empty) {
    value.erase(name);
  } else {
    value.set(name, std::move(child));
  }
}

void remove_item(const Schema* schema, Json& value, const std::string& key, const FieldSet& drop,
                 const FieldSet* keep) {
  static const FieldSet nothing;
  const size_t index = index_of(schema, value, key);
  if (index == value.size()) return;
  if (drop.member && !keep) {
    value.erase_at(index);
    return;
  }
  Json item = value.at(index);
  remove_fields(schema ? schema->items.get() : nullptr, item, drop, keep ? *keep : nothing);
  value.item(index) = std::move(item);
}

void mark_all(FieldSet& set) {
  set.member = true;
  for (auto& [key, child] : set.children) mark_all(child);
}

// Whether a field that was there and is there has changed itself; members that came or went do not change it.
bool other_value(const Json* before, const Json* after) {
  if (before && after) return *before != *after;
  const Json* only = before ? before : after;
  return only && !only->empty() && !only->is_object() && !only->is_array();
}

Json merge_lists(const Schema& schema, const Json& live, const Json& applied) {
  Json out = live;
  for (const auto& item : applied.items()) {
    const auto key = schema.list_type == "map" ? item_key(schema, item) : Result<std::string>(value_key(item));
    const size_t index = key ? index_of(&schema, live, *key) : live.size();
    if (index == live.size()) {
      out.push(item);
    } else if (schema.list_type == "map") {
      out.item(index) = merge_applied(schema.items.get(), live.at(index), item);
    }
  }
  return out;
}

}  // namespace

const FieldSet* FieldSet::child(const std::string& key) const {
  const auto found = children.find(key);
  return found == children.end() ? nullptr : &found->second;
}

Result<FieldSet> fields_of(const Schema* schema, const Json& value) {
  FieldSet out;
  switch (form_of(schema, value)) {
    case Form::leaf:
      out.member = true;
      out.leaf = &value;
      break;
    case Form::object:
      TRY(add_object(schema, value, out));
      break;
    case Form::keyed_list:
      for (const auto& item : value.items()) {
        const auto key = TRY(item_key(*schema, item));
        FieldSet set = TRY(fields_of(schema->items.get(), item));
        set.member = true;
        out.children[key] = std::move(set);
      }
      break;
    case Form::set:
      for (const auto& item : value.items()) out.children[value_key(item)].member = true;
      break;
  }
  return out;
}

FieldSet read_fields_v1(const Json& fields) {
  FieldSet out;
  out.member = fields.empty() || fields.has(".");
  for (const auto& [key, below_it] : fields.members()) {
    if (key != ".") out.children[key] = read_fields_v1(below_it);
  }
  return out;
}

Json fields_v1(const FieldSet& set) {
  Json out = Json::object();
  if (set.member && !set.children.empty()) out.set(".", Json::object());
  for (const auto& [key, child] : set.children) out.set(key, fields_v1(child));
  return out;
}

FieldSet union_of(const FieldSet& a, const FieldSet& b) {
  FieldSet out = a;
  out.member = a.member || b.member;
  for (const auto& [key, child] : b.children) {
    const FieldSet* other = a.child(key);
    out.children[key] = other ? union_of(*other, child) : child;
  }
  return out;
}

FieldSet difference(const FieldSet& a, const FieldSet& b) {
  FieldSet out;
  out.member = a.member && !b.member;
  for (const auto& [key, child] : a.children) {
    const FieldSet* other = b.child(key);
    FieldSet left = other ? difference(child, *other) : child;
    if (!left.empty()) out.children[key] = std::move(left);
  }
  return out;
}

FieldSet intersection(const FieldSet& a, const FieldSet& b) {
  FieldSet out;
  out.member = a.member && b.member;
  for (const auto& [key, child] : a.children) {
    const FieldSet* other = b.child(key);
    FieldSet both = other ? intersection(child, *other) : FieldSet();
    if (!both.empty()) out.children[key] = std::move(both);
  }
  return out;
}

base::Result<FieldSet> nodes_of(const Schema* schema, const Json& value) {
  FieldSet out = TRY(fields_of(schema, value));
  mark_all(out);
  out.member = false;  // the root is no field
  return out;
}

FieldSet changed_fields(const FieldSet& before, const FieldSet& after) {
  FieldSet out;
  const bool differs = other_value(before.leaf, after.leaf);
  out.member = after.member && (!before.member || differs);
  for (const auto& [key, child] : after.children) {
    const FieldSet* old = before.child(key);
    FieldSet changed = old ? changed_fields(*old, child) : child;
    if (!changed.empty()) out.children[key] = std::move(changed);
  }
  return out;
}

std::vector<std::string> field_paths(const FieldSet& set) {
  std::vector<std::string> out;
  add_paths(set, "", out);
  return out;
}

Json merge_applied(const Schema* schema, const Json& live, const Json& applied) {
  const Form form = form_of(schema, applied);
  if ((form == Form::keyed_list || form == Form::set) && live.is_array()) return merge_lists(*schema, live, applied);
  if (form != Form::object || !live.is_object()) return applied;
  Json out = live;
  for (const auto& [name, value] : applied.members()) {
    const Json* old = live.find(name);
    out.set(name, old ? merge_applied(below(schema, name), *old, value) : value);
  }
  return out;
}

void remove_fields(const Schema* schema, Json& value, const FieldSet& drop, const FieldSet& keep) {
  for (const auto& [key, child] : drop.children) {
    const FieldSet* kept = keep.child(key);
    if (key.starts_with("f:")) {
      remove_member(schema, value, key, child, kept);
    } else if (value.is_array()) {
      remove_item(schema, value, key, child, kept);
    }
  }
}

}  // namespace registry
