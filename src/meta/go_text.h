// Values as Go programs print and name them, for messages that clients know from kube-apiserver.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "meta/schema.h"

namespace meta {

// fmt's %v of a decoded document: map[a:1 b:[x y]], keys sorted; <nil>.
std::string go_text(const Json& value);
// As encoding/json names what it found: number, bool, string, object, array.
std::string go_json_type(const Json& value);
// The type of a decoded value: int64, float64, bool, string, map, slice.
std::string go_kind(const Json& value);

// Why a document, already parsed, does not become an object of that schema ("cannot restore map from int64"); empty
// when it does. Formats of texts are not looked at.
std::string restore_problem(const Schema& schema, const Json& doc);

// Where text is no base64, as encoding/base64 counts; nullopt when it is. `url`: the alphabet of URLs, not padded.
std::optional<size_t> base64_problem(std::string_view text, bool url = false);

}  // namespace meta
