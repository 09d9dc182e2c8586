// The rules are those of kubectl and kube-apiserver: k8s.io/apimachinery/pkg/util/strategicpatch documents them.
#include "server/strategic_merge.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "meta/go_text.h"

namespace server {
namespace {

using base::Error;
using base::Result;
using meta::Schema;
using meta::SchemaRef;
using meta::SchemaType;

constexpr std::string_view directive = "$patch";
constexpr std::string_view retain_keys = "$retainKeys";
constexpr std::string_view delete_prefix = "$deleteFromPrimitiveList/";
constexpr std::string_view order_prefix = "$setElementOrder/";
constexpr const char* bad_retain_keys = "invalid patch format of retainKeys";

// Upstream has words of its own for the form of some directives; all else is its own mistake (500).
Error bad_patch(std::string message) { return {.code = base::Code::bad_request, .message = std::move(message)}; }
Error unknown_directive(const Json& map) {
  return base::internal("unknown patch type: " + meta::go_text(map[directive]) + " in map: " + meta::go_text(map));
}

bool is_directive(std::string_view key) {
  return key == directive || key == retain_keys || key.starts_with(delete_prefix) || key.starts_with(order_prefix);
}

// ---- how a field merges
// ----------------------------------------------------------------------------------------------

// How a list merges. Lists without a rule are replaced.
struct ListRule {
  std::string merge_key;  // "": a set of scalars
};

// What a schema does not say: lists that upstream validates as atomic but merges, and lists inside objects that are
// declared only in part.
constexpr std::pair<std::string_view, std::string_view> undeclared_lists[] = {
    {"ephemeralContainers", "name"},
    {"hostIPs", "ip"},
    {"resourceClaims", "name"},
    {"resizePolicy", "resourceName"},
    {"topologySpreadConstraints", "topologyKey"},
    {"volumeDevices", "devicePath"},
};

std::optional<ListRule> list_rule(const Schema* schema, std::string_view field) {
  if (schema && schema->list_type == "map" && !schema->list_keys.empty()) return ListRule{schema->list_keys[0]};
  if (schema && schema->list_type == "set") return ListRule{};
  for (const auto& [name, key] : undeclared_lists) {
    if (name == field) return ListRule{std::string(key)};
  }
  return std::nullopt;
}

const Schema* member_schema(const Schema* schema, std::string_view field) {
  if (!schema) return nullptr;
  const meta::Property* property = schema->find(field);
  if (property) return property->schema.get();
  return schema->type == SchemaType::map ? schema->items.get() : nullptr;
}

const Schema* item_schema(const Schema* schema) { return schema ? schema->items.get() : nullptr; }

// ---- lists
// -----------------------------------------------------------------------------------------------------------

// What tells an item of a list from the others: the item itself in sets, else its merge key (null when it has none).
const Json& identity(const Json& item, const ListRule& rule) {
  return rule.merge_key.empty() ? item : item[rule.merge_key];
}

std::optional<size_t> position(const Json& list, const Json& wanted, const ListRule& rule) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (identity(list.at(i), rule) == wanted) return i;
  }
  return std::nullopt;
}

void remove_items(Json& list, const Json& wanted, const ListRule& rule) {
  std::erase_if(list.mutable_items(), [&](const Json& item) { return identity(item, rule) == wanted; });
}

// Items that `order` names come in its order. The others, which are all in the live list, keep their order and stay in
// front of those named items that they were in front of there.
Json arranged(const Json& merged, const Json& order, const Json& live, const ListRule& rule) {
  Json named = Json::array(), others = Json::array();
  for (const auto& wanted : order.items()) {
    const auto at = position(merged, identity(wanted, rule), rule);
    if (at && !position(named, identity(wanted, rule), rule)) named.push(merged.at(*at));
  }
  for (const auto& item : merged.items()) {
    if (!position(named, identity(item, rule), rule)) others.push(item);
  }
  Json out = Json::array();
  size_t next = 0;
  for (const auto& item : named.items()) {
    const auto place = position(live, identity(item, rule), rule);
    while (place && next < others.size()) {
      const auto other = position(live, identity(others.at(next), rule), rule);
      if (!other || *other > *place) break;
      out.push(others.at(next++));
    }
    out.push(item);
  }
  while (next < others.size()) out.push(others.at(next++));
  return out;
}

Result<Json> merge_objects(Json current, Json patch, const Schema* schema);

// Without nulls and directives: a value that nothing is merged into.
Json cleaned(const Json& value) {
  if (value.is_array()) {
    Json out = Json::array();
    for (const auto& item : value.items()) {
      if (!item.has(directive)) out.push(cleaned(item));
    }
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, member] : value.members()) {
    const bool left_out = member.is_null() || is_directive(key) || member.has(directive);
    if (!left_out) out.set(key, cleaned(member));
  }
  return out;
}

Result<void> check_items(const Json& list, const Json& current, const ListRule& rule) {
  for (const auto& item : list.items()) {
    const bool plain = !item.is_object() && !item.is_array();
    if (rule.merge_key.empty() ? !plain : !item.is_object()) {
      return base::internal("list element types are not identical: [" + meta::go_text(current) + " " +
                            meta::go_text(list) + "]");
    }
    if (!rule.merge_key.empty() && item[rule.merge_key].is_null() && item[directive].string() != "replace") {
      return base::internal("map: " + meta::go_text(item) + " does not contain declared merge key: " + rule.merge_key);
    }
  }
  return {};
}

// {"$patch":"delete", KEY: ...} removes an item; {"$patch":"replace"} says that the items beside it are the whole list.
// What is left in `patch` are items to merge.
Result<void> take_special_items(Json& current, Json& patch, const ListRule& rule) {
  Json rest = Json::array();
  bool replace = false;
  for (const auto& item : patch.items()) {
    const std::string& what = item[directive].string();
    if (what == "delete") {
      remove_items(current, identity(item, rule), rule);
    } else if (what == "replace") {
      replace = true;
    } else if (item.has(directive) && what != "merge") {
      return unknown_directive(item);
    } else {
      rest.push(item);
    }
  }
  if (replace) current = Json::array();
  patch = std::move(rest);
  return {};
}

Result<Json> merge_items(Json current, const Json& patch, const Schema* schema, const ListRule& rule) {
  for (const auto& item : patch.items()) {
    const auto at = position(current, identity(item, rule), rule);
    if (rule.merge_key.empty()) {
      if (!at) current.push(item);
      continue;
    }
    Json merged = TRY(merge_objects(at ? current.at(*at) : Json::object(), item, schema));
    if (at) {
      current.item(*at) = std::move(merged);
    } else {
      current.push(std::move(merged));
    }
  }
  return current;
}

// One list field with all that the patch says about it. Parts that the patch does not have are null.
struct ListPatch {
  std::string field;
  Json items, deletions, order;
};

Result<void> check_order(const ListPatch& patch, const Json& items, const ListRule& rule) {
  size_t from = 0;
  for (const auto& item : items.items()) {
    const auto at = position(patch.order, identity(item, rule), rule);
    if (!at || *at < from) {
      return base::internal("The order in patch list:\n" + meta::go_text(items) +
                            "\n doesn't match $setElementOrder list:\n" + meta::go_text(patch.order) + "\n");
    }
    from = *at;
  }
  return {};
}

Result<Json> merge_list(Json current, const ListPatch& patch, const Schema* schema, const ListRule& rule) {
  if (!current.is_array()) current = Json::array();
  const Json live = current;
  for (const auto& gone : patch.deletions.items()) remove_items(current, gone, ListRule{});
  Json items = patch.items.is_null() ? Json::array() : patch.items;
  TRY(check_items(items, current, rule));
  TRY(take_special_items(current, items, rule));
  const bool ordered = patch.order.is_array();
  if (ordered) TRY(check_order(patch, items, rule));
  Json merged = TRY(merge_items(std::move(current), items, item_schema(schema), rule));
  return arranged(merged, ordered ? patch.order : items, live, rule);
}

// ---- objects
// ---------------------------------------------------------------------------------------------------------

// $retainKeys names the members that may stay; used for objects of which one member excludes another.
Result<void> apply_retain_keys(Json& current, Json& patch) {
  const Json kept = patch[retain_keys];
  patch.erase(retain_keys);
  if (kept.is_null()) return {};
  if (!kept.is_array()) return bad_patch(bad_retain_keys);
  const auto keeps = [&](const std::string& key) { return position(kept, key, ListRule{}).has_value(); };
  for (const auto& [key, value] : patch.members()) {
    if (!value.is_null() && !is_directive(key) && !keeps(key)) {
      return bad_patch(bad_retain_keys);
    }
  }
  std::erase_if(current.mutable_members(), [&](const Json::Member& member) { return !keeps(member.first); });
  return {};
}

// The list fields that directives of `patch` are about; the directives and those fields are taken out of it.
Result<std::vector<ListPatch>> take_list_patches(Json& patch) {
  std::vector<ListPatch> out;
  const auto slot = [&](std::string_view field) -> ListPatch& {
    for (auto& known : out) {
      if (known.field == field) return known;
    }
    out.push_back({.field = std::string(field)});
    return out.back();
  };
  for (const auto& [key, value] : patch.members()) {
    const bool deletes = key.starts_with(delete_prefix);
    if (!deletes && !key.starts_with(order_prefix)) continue;
    if (!value.is_array()) return base::internal("expected a []interface {}, but received a " + meta::go_kind(value));
    if (deletes) {
      slot(std::string_view(key).substr(delete_prefix.size())).deletions = value;
    } else {
      slot(std::string_view(key).substr(order_prefix.size())).order = value;
    }
  }
  std::erase_if(patch.mutable_members(), [](const Json::Member& member) {
    return member.first.starts_with(delete_prefix) || member.first.starts_with(order_prefix);
  });
  for (auto& list : out) {
    if (!patch[list.field].is_array()) continue;  // a null or another type wins over the directives
    list.items = patch[list.field];
    patch.erase(list.field);
  }
  return out;
}

Result<void> apply_list_patch(Json& current, const ListPatch& patch, const Schema* schema) {
  const Schema* field = member_schema(schema, patch.field);
  const auto rule = list_rule(field, patch.field);
  const bool nothing_to_add = patch.items.empty();
  if (nothing_to_add && !current.has(patch.field)) return {};
  if (!rule) {
    // A replaced list has no use for an order; scalars can still be taken out of it.
    if (!patch.items.is_null()) current.set(patch.field, cleaned(patch.items));
    for (const auto& gone : patch.deletions.items()) remove_items(current.child(patch.field), gone, ListRule{});
    return {};
  }
  Json merged = TRY(merge_list(current[patch.field], patch, field, *rule));
  current.set(patch.field, std::move(merged));
  return {};
}

Result<void> merge_member(Json& current, const std::string& key, const Json& value, const Schema* schema) {
  const Schema* field = member_schema(schema, key);
  if (value.is_null()) {
    current.erase(key);
  } else if (value.is_object()) {
    // What there is nothing to merge with is taken as it is, without its directives.
    const Json& before = current[key];
    if (before.is_object()) {
      Json merged = TRY(merge_objects(before, value, field));
      current.set(key, std::move(merged));
    } else if (value.has(directive)) {
      current.erase(key);
    } else {
      current.set(key, cleaned(value));
    }
  } else if (value.is_array()) {
    const auto rule = list_rule(field, key);
    const bool merges = rule && current[key].is_array();
    Json merged = merges ? TRY(merge_list(current[key], {.field = key, .items = value}, field, *rule)) : cleaned(value);
    current.set(key, std::move(merged));
  } else {
    current.set(key, value);
  }
  return {};
}

Result<Json> merge_objects(Json current, Json patch, const Schema* schema) {
  if (patch.has(directive)) {
    const std::string what = patch[directive].string();
    if (what != "delete" && what != "replace" && what != "merge") return unknown_directive(patch);
    patch.erase(directive);
    if (what == "delete") return Json::object();
    if (what == "replace") return cleaned(patch);
  }
  TRY(apply_retain_keys(current, patch));
  for (const auto& list : TRY(take_list_patches(patch))) TRY(apply_list_patch(current, list, schema));
  for (const auto& [key, value] : patch.members()) TRY(merge_member(current, key, value, schema));
  return current;
}

}  // namespace

Result<Json> strategic_merge(const meta::Kind& kind, std::string_view version, Json current, const Json& patch) {
  if (!patch.is_object())
    return bad_patch("a strategic merge patch must be an object, not " + std::string(patch.type_name()));
  const meta::Version* found = kind.version(version);
  return merge_objects(std::move(current), patch, found ? found->schema.get() : kind.storage().schema.get());
}

}  // namespace server
