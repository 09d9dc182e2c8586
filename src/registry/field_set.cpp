#include "registry/field_set.h"

#include <algorithm>
#include <set>

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

std::string member_key(std::string_view name) { return "f:" + std::string(name); }

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
  for (size_t i = 0; schema && i < list.size(); ++i) {
    const auto found = list_item_key(*schema, list.at(i));
    if (found && *found == key) return i;
  }
  return list.size();
}

void add_paths(const FieldSet& set, const std::string& at, std::vector<std::string>& out) {
  for (const auto& [key, child] : set.children) {
    if (child.member) out.push_back(at + path_element(key));
  }
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

// Keys of the items, in their order.
std::vector<std::string> keys_of(const Schema& schema, const Json& list) {
  std::vector<std::string> out;
  for (const auto& item : list.items()) out.push_back(list_item_key(schema, item).value_or(""));
  return out;
}

// Puts two lists of things with keys together. Where both have an item they are merged; the order of what both have is
// that of `applied`, and what only one of them has stays beside its neighbours there.
class ListMerge {
 public:
  ListMerge(const Schema& schema, const Json& live, const Json& applied)
      : schema_(schema), live_(live), applied_(applied) {
    live_keys_ = keys_of(schema, live);
    applied_keys_ = keys_of(schema, applied);
    for (const auto& key : applied_keys_) {
      if (has(live_keys_, key)) shared_.push_back(key);
    }
  }

  Json run() {
    while (at_live_ < live_keys_.size() || at_applied_ < applied_keys_.size()) step();
    return std::move(out_);
  }

 private:
  static bool has(const std::vector<std::string>& keys, const std::string& key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  }
  bool next_shared_is(const std::string& key) const { return !shared_.empty() && shared_.front() == key; }

  void step() {
    const bool live_left = at_live_ < live_keys_.size(), applied_left = at_applied_ < applied_keys_.size();
    if (live_left) {
      const auto& key = live_keys_[at_live_];
      if (applied_left && key != applied_keys_[at_applied_] && has(applied_keys_, key) && !shared_.empty() &&
          !next_shared_is(key)) {
        ++at_live_;  // both have it, but another comes before it in `applied`
        return;
      }
      if (!has(applied_keys_, key)) {
        out_.push(live_.at(at_live_++));
        return;
      }
      if (merged_.count(key)) {
        ++at_live_;
        return;
      }
    }
    if (applied_left) take_applied();
  }

  void take_applied() {
    const auto& key = applied_keys_[at_applied_];
    const auto& item = applied_.at(at_applied_++);
    const size_t index = index_of(&schema_, live_, key);
    const bool merge = index < live_.size() && schema_.list_type == "map";
    out_.push(merge ? merge_applied(schema_.items.get(), live_.at(index), item) : item);
    merged_.insert(key);
    if (next_shared_is(key)) shared_.erase(shared_.begin());
  }

  const Schema& schema_;
  const Json &live_, &applied_;
  std::vector<std::string> live_keys_, applied_keys_, shared_;
  std::set<std::string> merged_;
  size_t at_live_ = 0, at_applied_ = 0;
  Json out_ = Json::array();
};

}  // namespace

Result<std::string> list_item_key(const Schema& list, const Json& item) {
  if (list.list_type != "map") return "v:" + item.dump();
  auto names = list.list_keys;
  std::sort(names.begin(), names.end());
  Json key = Json::object();
  for (const auto& name : names) {
    const Json* value = item.find(name);
    if (!value) {
      const auto* property = list.items ? list.items->find(name) : nullptr;
      if (property && !property->schema->default_value.is_null()) value = &property->schema->default_value;
    }
    if (value) key.set(name, *value);
  }
  if (!key.empty()) return "k:" + key.dump();
  std::string quoted;
  for (const auto& name : names) quoted += (quoted.empty() ? "" : " ") + base::quoted(name);
  return base::Error{.code = base::Code::bad_request,
                     .message = "associative list with keys has an element that omits all key fields [" + quoted +
                                "] (and doesn't have default values for any key fields)"};
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
        const auto key = TRY(list_item_key(*schema, item));
        FieldSet set = TRY(fields_of(schema->items.get(), item));
        set.member = true;
        out.children[key] = std::move(set);
      }
      break;
    case Form::set:
      for (const auto& item : value.items()) out.children[TRY(list_item_key(*schema, item))].member = true;
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

// Every object has these for as long as it exists, so they take no more memory than they must.
Json fields_v1(const FieldSet& set) {
  static const Json leaf = Json::object();
  if (set.children.empty()) return leaf;
  Json::Members members;
  members.reserve(set.children.size() + (set.member ? 1 : 0));
  if (set.member) members.emplace_back(".", leaf);
  for (const auto& [key, child] : set.children) members.emplace_back(key, fields_v1(child));
  return members;
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
  if (out.member) out.leaf = after.leaf;
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
  if ((form == Form::keyed_list || form == Form::set) && live.is_array())
    return ListMerge(*schema, live, applied).run();
  // An empty object takes nothing away.
  const bool adds_nothing = applied.is_object() && applied.empty() && !(schema && schema->map_atomic);
  if (adds_nothing && live.is_object()) return live;
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
