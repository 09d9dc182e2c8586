// simdjson does the parsing; this file turns its tape into Json and watches for duplicate keys, which Kubernetes'
// strict field validation must report.
#include <simdjson.h>

#include <unordered_map>

#include "base/field_path.h"
#include "base/json.h"

namespace base {

namespace {
namespace dom = simdjson::dom;

struct Builder {
  std::vector<std::string>* duplicates;

  Json build(const dom::element& element, const FieldPath& path) const {
    switch (element.type()) {
      case dom::element_type::NULL_VALUE:
        return nullptr;
      case dom::element_type::BOOL:
        return element.get_bool().value_unsafe();
      case dom::element_type::INT64:
        return element.get_int64().value_unsafe();
      case dom::element_type::UINT64:
        return element.get_uint64().value_unsafe();
      case dom::element_type::DOUBLE:
        return element.get_double().value_unsafe();
      case dom::element_type::STRING:
        return std::string(element.get_string().value_unsafe());
      case dom::element_type::ARRAY: {
        Json::Array items;
        const dom::array array = element.get_array().value_unsafe();
        items.reserve(array.size());
        for (const auto item : array) {
          items.push_back(build(item, path.item(items.size())));
        }
        return items;
      }
      case dom::element_type::OBJECT:
        return build_object(element.get_object().value_unsafe(), path);
    }
    return nullptr;
  }

  using Places = std::unordered_map<std::string, size_t>;

  // The member of that name. `places` knows all members, once there are many.
  static Json::Member* find(Json::Members& members, Places& places, std::string_view key) {
    constexpr size_t looked_through_max = 32;
    if (members.size() < looked_through_max) {
      for (auto& member : members) {
        if (member.first == key) return &member;
      }
      return nullptr;
    }
    if (places.empty()) {
      for (size_t i = 0; i < members.size(); ++i) places.emplace(members[i].first, i);
    }
    const auto [place, is_new] = places.emplace(std::string(key), members.size());
    return is_new ? nullptr : &members[place->second];
  }

  Json build_object(const dom::object& object, const FieldPath& path) const {
    Json::Members members;
    members.reserve(object.size());
    Places places;  // of large objects only, where looking through all is slow
    for (const auto field : object) {
      const FieldPath here = path.member(field.key);
      Json value = build(field.value, here);
      if (Json::Member* same = find(members, places, field.key)) {
        if (duplicates) duplicates->push_back(here.text());
        same->second = std::move(value);
      } else {
        members.emplace_back(std::string(field.key), std::move(value));
      }
    }
    return members;
  }
};
}  // namespace

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_beyond_64_bits(std::string_view digits, bool negative) {
  const std::string_view most = negative ? "9223372036854775808" : "18446744073709551615";
  return digits.size() > most.size() || (digits.size() == most.size() && digits > most);
}

// simdjson refuses integers beyond 64 bits, which are doubles to Go and to what we write ourselves below 1e21. The same
// text with ".0" behind each of them; empty when there is none.
std::string with_large_integers_as_doubles(std::string_view text) {
  std::string out;
  size_t copied = 0;
  bool in_string = false;
  for (size_t at = 0; at < text.size(); ++at) {
    if (in_string && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      in_string = !in_string;
    } else if (!in_string && is_digit(text[at])) {
      size_t end = at;
      while (end < text.size() && is_digit(text[end])) ++end;
      const bool fraction =
          at > 0 &&
          (text[at - 1] == '.' || text[at - 1] == 'e' || text[at - 1] == 'E' ||
           ((text[at - 1] == '-' || text[at - 1] == '+') && at > 1 && (text[at - 2] == 'e' || text[at - 2] == 'E')));
      const bool whole = end == text.size() || (text[end] != '.' && text[end] != 'e' && text[end] != 'E');
      if (!fraction && whole && is_beyond_64_bits(text.substr(at, end - at), at > 0 && text[at - 1] == '-')) {
        out.append(text.substr(copied, end - copied)).append(".0");
        copied = end;
      }
      at = end - 1;
    }
  }
  if (!out.empty()) out.append(text.substr(copied));
  return out;
}

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonParse& options) {
  if (text.size() > options.bytes_max) {
    return Error{Code::too_large, "JSON of " + std::to_string(text.size()) + " bytes is over the limit of " +
                                      std::to_string(options.bytes_max)};
  }
  thread_local dom::parser parser(simdjson::SIMDJSON_MAXSIZE_BYTES);
  thread_local bool prepared = parser.allocate(4096, 100) == simdjson::SUCCESS;
  (void)prepared;
  dom::element root;
  simdjson::padded_string padded(text);
  auto error = parser.parse(padded).get(root);
  if (error == simdjson::NUMBER_ERROR) {
    if (const std::string again = with_large_integers_as_doubles(text); !again.empty()) {
      padded = simdjson::padded_string(again);
      error = parser.parse(padded).get(root);
    }
  }
  if (error) {
    const Code code = error == simdjson::DEPTH_ERROR ? Code::too_large : Code::bad_request;
    return Error{code, std::string("invalid JSON: ") + simdjson::error_message(error)};
  }
  return Builder{options.duplicates}.build(root, {});
}

}  // namespace base
