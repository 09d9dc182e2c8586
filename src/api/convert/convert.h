// Conversions between served versions, as tables of reversible rules: one line says how a field moves, and both
// directions follow from it. v1beta2 is the storage version (the hub); v1beta1 is the other one.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace api::convert {

using base::Json;
using base::Result;

// How one place of the v1beta1 form (`old_path`) maps to one of the v1beta2 form (`new_path`). Paths are dotted from
// the root; "name[]" walks every item of a list (the rest of the path is relative to the item, and both paths must
// share everything up to the last []).
struct Rule {
  enum class How : unsigned char {
    move,        // same value, other place
    seconds,     // "5m0s" <-> 300
    reference,   // ObjectReference <-> {apiGroup, kind, name}, in place (new_path unused)
    node_ref,    // ObjectReference of a Node <-> {name}, in place
    arguments,   // {"k": "v"} <-> [{"name": "k", "value": "v"}], in place
    invert,      // boolean, negated
    named_list,  // {"a": {...}} <-> [{"name": "a", ...}]
    drop_old,    // exists in v1beta1 only and has no successor
    conditions,  // status.conditions of v1beta2 <-> status.v1beta2.conditions and, read only, status.conditions
  } how;
  std::string_view old_path, new_path;
};

using Rules = std::vector<Rule>;

// `api_version` is what the document gets; errors name the field (a malformed duration, say).
Result<Json> to_new(Json doc, const Rules& rules, std::string_view api_version);
Result<Json> to_old(Json doc, const Rules& rules, std::string_view api_version);

// The table of a kind; null when its versions do not differ or there is one only.
const Rules* rules_of(std::string_view group, std::string_view kind);

}  // namespace api::convert
