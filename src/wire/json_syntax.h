// What is wrong with a text that is no JSON, in the words of Go's encoding/json, which clients of Kubernetes know; and
// the keys of one that is, in the order of the text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wire {

// "invalid character 'x' looking for beginning of object key string", "unexpected end of JSON input"; empty when the
// text is one JSON value.
std::string json_syntax_problem(std::string_view text);

// Dotted paths ("spec.nics[0].mac") of all object members as they come, those that come twice too. `text` is JSON.
std::vector<std::string> json_key_paths(std::string_view text);

// The text with U+FFFD in the place of every byte that is no part of UTF-8: what Go reads.
std::string to_valid_utf8(std::string_view text);

}  // namespace wire
