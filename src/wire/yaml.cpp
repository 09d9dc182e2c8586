#include "wire/yaml.h"

#include <yaml.h>

#include <map>
#include <set>

#include "base/text.h"

namespace wire {
namespace {

using base::Code;
using base::Error;
using base::Result;

Error at_line(size_t line, std::string message, Code code = Code::bad_request) {
  return {.code = code, .message = "line " + std::to_string(line + 1) + ": " + std::move(message)};
}

struct Event {
  yaml_event_t raw{};
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&raw); }
  size_t line() const { return raw.start_mark.line; }
};

std::string_view text_of(const yaml_char_t* text) { return text ? reinterpret_cast<const char*>(text) : ""; }

class Reader {
 public:
  Reader(std::string_view text, const YamlLimits& limits) : limits_(limits) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { yaml_parser_delete(&parser_); }

  Result<std::vector<Json>> documents() {
    std::vector<Json> out;
    for (;;) {
      Event event;
      TRY(next(event));
      if (event.raw.type == YAML_STREAM_END_EVENT) return out;
      if (event.raw.type != YAML_DOCUMENT_START_EVENT) continue;  // stream start, document end
      anchors_.clear();
      Event first;
      TRY(next(first));
      auto document = TRY(node(first, 0));
      if (!document.value.is_null()) out.push_back(std::move(document.value));
    }
  }

 private:
  // A value and how many values it holds, so that aliases cannot multiply without being counted.
  struct Node {
    Json value;
    size_t count = 1;
  };

  Result<void> next(Event& event) {
    if (yaml_parser_parse(&parser_, &event.raw)) return {};
    std::string why = parser_.problem ? parser_.problem : "not YAML";
    if (limits_.lines_as_go) return as_go(std::move(why));
    return at_line(parser_.problem_mark.line, std::move(why));
  }

  // go-yaml prefers the line where the broken construct begins, and counts from 0 unless the scanner fails.
  Error as_go(std::string why) const {
    size_t line = parser_.context_mark.line != 0 ? parser_.context_mark.line : parser_.problem_mark.line;
    if (line != 0 && parser_.error == YAML_SCANNER_ERROR) ++line;
    if (line != 0) why = "line " + std::to_string(line) + ": " + why;
    return {.code = Code::bad_request, .message = std::move(why)};
  }

  Result<void> count(size_t nodes, size_t line) {
    nodes_ += nodes;
    if (nodes_ <= limits_.nodes_max) return {};
    return at_line(line, "more than " + std::to_string(limits_.nodes_max) + " values", Code::too_large);
  }

  Result<Node> node(const Event& event, size_t depth) {
    if (depth > limits_.depth_max) {
      return at_line(event.line(), "nested deeper than " + std::to_string(limits_.depth_max), Code::too_large);
    }
    switch (event.raw.type) {
      case YAML_ALIAS_EVENT:
        return alias(event);
      case YAML_SCALAR_EVENT: {
        TRY(count(1, event.line()));
        Node made{TRY(scalar(event)), 1};
        remember(event.raw.data.scalar.anchor, made);
        return made;
      }
      case YAML_SEQUENCE_START_EVENT: {
        const std::string anchor(text_of(event.raw.data.sequence_start.anchor));
        Node made = TRY(sequence(event, depth));
        if (!anchor.empty()) anchors_[anchor] = made;
        return made;
      }
      case YAML_MAPPING_START_EVENT: {
        const std::string anchor(text_of(event.raw.data.mapping_start.anchor));
        Node made = TRY(mapping(event, depth));
        if (!anchor.empty()) anchors_[anchor] = made;
        return made;
      }
      default:
        return at_line(event.line(), "a value is missing");
    }
  }

  void remember(const yaml_char_t* anchor, const Node& made) {
    if (anchor) anchors_[std::string(text_of(anchor))] = made;
  }

  Result<Node> alias(const Event& event) {
    const auto found = anchors_.find(text_of(event.raw.data.alias.anchor));
    if (found == anchors_.end()) {
      return at_line(event.line(), "nothing is anchored as " + base::quoted(text_of(event.raw.data.alias.anchor)));
    }
    TRY(count(found->second.count, event.line()));
    return found->second;
  }

  static Result<Json> scalar(const Event& event) {
    const auto& raw = event.raw.data.scalar;
    const std::string_view text(reinterpret_cast<const char*>(raw.value), raw.length);
    const std::string_view tag = text_of(raw.tag);
    if (tag == "tag:yaml.org,2002:str" || (tag.empty() && raw.style != YAML_PLAIN_SCALAR_STYLE)) return Json(text);
    if (tag == "tag:yaml.org,2002:binary" || tag == "!") return Json(text);
    const Json value = resolve_yaml_scalar(text);
    if (value.is_string() && is_not_finite(text)) return at_line(event.line(), "JSON knows no " + std::string(text));
    if (tag == "tag:yaml.org,2002:float" && value.is_integer()) return Json(value.number());
    return value;
  }

  // Booleans and numbers as keys are the texts of their values.
  static std::string key_text(const Event& event) {
    const auto& raw = event.raw.data.scalar;
    std::string text(reinterpret_cast<const char*>(raw.value), raw.length);
    if (raw.tag || raw.style != YAML_PLAIN_SCALAR_STYLE || text == "<<") return text;
    const Json value = resolve_yaml_scalar(text);
    return value.is_bool() || value.is_number() ? value.dump() : text;
  }

  static bool is_not_finite(std::string_view text) {
    const std::string word = base::lower(text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text);
    return word == ".inf" || word == ".nan";
  }

  Result<Node> sequence(const Event& start, size_t depth) {
    TRY(count(1, start.line()));
    Node made{Json::array(), 1};
    for (;;) {
      Event event;
      TRY(next(event));
      if (event.raw.type == YAML_SEQUENCE_END_EVENT) return made;
      Node item = TRY(node(event, depth + 1));
      made.count += item.count;
      made.value.push(std::move(item.value));
    }
  }

  Result<Node> mapping(const Event& start, size_t depth) {
    TRY(count(1, start.line()));
    Node made{Json::object(), 1};
    std::set<std::string> keys;
    std::vector<Json> merges;
    for (;;) {
      Event event;
      TRY(next(event));
      if (event.raw.type == YAML_MAPPING_END_EVENT) break;
      if (event.raw.type != YAML_SCALAR_EVENT) return at_line(event.line(), "a key must be a plain word or string");
      const auto& raw = event.raw.data.scalar;
      std::string key = key_text(event);
      remember(raw.anchor, Node{Json(key), 1});
      Event value_event;
      TRY(next(value_event));
      Node value = TRY(node(value_event, depth + 1));
      made.count += value.count;
      if (key == "<<" && raw.style == YAML_PLAIN_SCALAR_STYLE) {
        TRY(collect_merge(event.line(), value.value, merges));
        continue;
      }
      if (!keys.insert(key).second) {
        if (!limits_.duplicates) return at_line(event.line(), "key " + base::quoted(key) + " is set twice");
        limits_.duplicates->push_back(
            at_line(event.line(), "key " + base::quoted(key) + " already set in map").message);
        made.value.set(key, std::move(value.value));
        continue;
      }
      made.value.mutable_members().emplace_back(std::move(key), std::move(value.value));
    }
    // Own keys win over merged ones, earlier merges over later ones.
    for (const auto& merge : merges) {
      for (const auto& [key, value] : merge.members()) {
        if (keys.insert(key).second) made.value.mutable_members().emplace_back(key, value);
      }
    }
    return made;
  }

  static Result<void> collect_merge(size_t line, const Json& value, std::vector<Json>& merges) {
    if (value.is_object()) {
      merges.push_back(value);
      return {};
    }
    for (const auto& item : value.items()) {
      if (!item.is_object()) return at_line(line, "<< merges mappings only");
      merges.push_back(item);
    }
    if (!value.is_array()) return at_line(line, "<< merges mappings only");
    return {};
  }

  const YamlLimits& limits_;
  yaml_parser_t parser_{};
  std::map<std::string, Node, std::less<>> anchors_;
  size_t nodes_ = 0;
};

}  // namespace

base::Result<std::vector<Json>> parse_yaml(std::string_view text, const YamlLimits& limits) {
  if (text.size() > limits.bytes_max) {
    return Error{.code = Code::too_large,
                 .message = "YAML of " + std::to_string(text.size()) + " bytes; at most " +
                            std::to_string(limits.bytes_max) + " are read"};
  }
  return Reader(text, limits).documents();
}

}  // namespace wire
