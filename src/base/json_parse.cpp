// simdjson does the parsing; this file turns its tape into Json and watches for duplicate keys, which Kubernetes'
// strict field validation must report.
#include <simdjson.h>

#include "base/json.h"

namespace base {

namespace {
namespace dom = simdjson::dom;

struct Builder {
  std::vector<std::string>* duplicates;

  Json build(const dom::element& element, const std::string& path) const {
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
          items.push_back(build(item, duplicates ? path + "[" + std::to_string(items.size()) + "]" : path));
        }
        return items;
      }
      case dom::element_type::OBJECT:
        return build_object(element.get_object().value_unsafe(), path);
    }
    return nullptr;
  }

  Json build_object(const dom::object& object, const std::string& path) const {
    Json::Members members;
    members.reserve(object.size());
    for (const auto field : object) {
      const std::string here = !duplicates    ? path
                               : path.empty() ? std::string(field.key)
                                              : path + "." + std::string(field.key);
      Json value = build(field.value, here);
      Json::Member* same = nullptr;
      for (auto& member : members) {
        if (member.first == field.key) same = &member;
      }
      if (same) {
        if (duplicates) duplicates->push_back(here);
        same->second = std::move(value);
      } else {
        members.emplace_back(std::string(field.key), std::move(value));
      }
    }
    return members;
  }
};
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
  const simdjson::padded_string padded(text);
  const auto error = parser.parse(padded).get(root);
  if (error) {
    const Code code = error == simdjson::DEPTH_ERROR ? Code::too_large : Code::bad_request;
    return Error{code, std::string("invalid JSON: ") + simdjson::error_message(error)};
  }
  return Builder{options.duplicates}.build(root, "");
}

}  // namespace base
