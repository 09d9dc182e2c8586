#include "meta/go_text.h"

#include <algorithm>
#include <vector>

namespace meta {
namespace {

constexpr std::string_view base64_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string restored_text(const Json& value) {
  if (value.is_string()) return {};
  if (value.is_number()) return "cannot convert " + go_kind(value) + " to string";
  return "unrecognized type: string";
}

std::string restored_number(const Schema& schema, const Json& value) {
  const bool whole = schema.type == SchemaType::integer;
  const std::string type = !whole ? "float64" : schema.format.empty() ? "int64" : schema.format;
  if (!value.is_number()) return "unrecognized type: " + type;
  return whole && !value.is_integer() ? "cannot convert " + go_kind(value) + " to " + type : std::string();
}

std::string restored_object(const Schema& schema, const Json& value) {
  if (!value.is_object()) return "cannot restore struct from: " + go_kind(value);
  for (const auto& property : schema.properties) {
    const Json* member = value.find(property.name);
    if (!member) continue;
    if (auto problem = restore_problem(*property.schema, *member); !problem.empty()) return problem;
  }
  return {};
}

std::string restored_map(const Schema& schema, const Json& value) {
  if (!value.is_object()) return "cannot restore map from " + go_kind(value);
  for (const auto& [key, member] : value.members()) {
    auto problem = schema.items ? restore_problem(*schema.items, member) : std::string();
    if (!problem.empty()) return problem;
  }
  return {};
}

std::string restored_list(const Schema& schema, const Json& value) {
  if (!value.is_array()) return "cannot restore slice from " + go_kind(value);
  for (const auto& item : value.items()) {
    auto problem = schema.items ? restore_problem(*schema.items, item) : std::string();
    if (!problem.empty()) return problem;
  }
  return {};
}

}  // namespace

std::string go_text(const Json& value) {
  if (value.is_null()) return "<nil>";
  if (value.is_string()) return value.string();
  if (value.is_array()) {
    std::string out;
    for (const auto& item : value.items()) out += (out.empty() ? "[" : " ") + go_text(item);
    return (out.empty() ? "[" : out) + "]";
  }
  if (!value.is_object()) return value.dump();
  auto members = value.members();
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out = "map[";
  for (const auto& [key, member] : members) out += (out.size() > 4 ? " " : "") + key + ":" + go_text(member);
  return out + "]";
}

std::string go_json_type(const Json& value) {
  if (value.is_number()) return "number";
  return std::string(value.is_bool() ? "bool" : value.type_name());
}

std::string go_kind(const Json& value) {
  if (value.is_integer()) return "int64";
  if (value.is_number()) return "float64";
  if (value.is_bool()) return "bool";
  if (value.is_object()) return "map";
  return value.is_array() ? "slice" : std::string(value.type_name());
}

std::string restore_problem(const Schema& schema, const Json& doc) {
  if (doc.is_null()) return {};
  switch (schema.type) {
    case SchemaType::object:
      return schema.properties.empty() ? std::string() : restored_object(schema, doc);
    case SchemaType::map:
      return restored_map(schema, doc);
    case SchemaType::array:
      return restored_list(schema, doc);
    case SchemaType::string:
      // What has a form of its own is decoded from text, which has its own words.
      return schema.format.empty() ? restored_text(doc) : std::string();
    case SchemaType::integer:
    case SchemaType::number:
      return restored_number(schema, doc);
    case SchemaType::boolean:
      return doc.is_bool() ? std::string() : "unrecognized type: bool";
    case SchemaType::int_or_string:
    case SchemaType::any:
      break;
  }
  return {};
}

std::optional<size_t> base64_problem(std::string_view text, bool url) {
  const auto is_letter = [&](char c) {
    if (base64_letters.substr(0, 62).find(c) != std::string_view::npos) return true;
    return url ? c == '-' || c == '_' : c == '+' || c == '/';
  };
  const auto next = [&](size_t at) {  // line ends count for nothing
    while (at < text.size() && (text[at] == '\n' || text[at] == '\r')) ++at;
    return at;
  };
  for (size_t at = next(0); at < text.size(); at = next(at)) {
    size_t letters = 0;
    for (; letters < 4; ++letters, at = next(at)) {
      // Cut off: told is where the group would begin without line ends.
      if (at >= text.size() && url && letters != 1) return std::nullopt;
      if (at >= text.size()) return text.size() - letters;
      if (is_letter(text[at])) {
        ++at;
        continue;
      }
      if (text[at] != '=' || letters < 2 || url) return at;
      break;
    }
    if (letters == 4) continue;
    at = next(at + 1);
    if (letters == 2) {
      if (at >= text.size()) return text.size();
      if (text[at] != '=') return at;
      at = next(at + 1);
    }
    return at < text.size() ? std::optional(at) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace meta
