// YAML byte for byte as servers and tools in Go write it, which sort keys and fold long lines: the choice of styles is
// that of go-yaml, all the rest libyaml's, from which go-yaml was translated.
#include <yaml.h>

#include <algorithm>

#include "base/text.h"
#include "wire/yaml.h"

namespace wire {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) {  // letters beyond ASCII count as such
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

// The number that begins at `at`, and where it ends.
std::pair<uint64_t, size_t> number_at(std::string_view text, size_t at, uint64_t value) {
  for (; at < text.size() && is_digit(text[at]); ++at) value = value * 10 + static_cast<uint64_t>(text[at] - '0');
  return {value, at};
}

// Numbers in keys count as numbers, letters come last.
bool key_less(std::string_view a, std::string_view b) {
  const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (left == a.end() || right == b.end()) return a.size() < b.size();
  const auto at = static_cast<size_t>(left - a.begin());
  const bool letter_a = is_letter(*left), letter_b = is_letter(*right);
  if (letter_a && letter_b) return static_cast<unsigned char>(*left) < static_cast<unsigned char>(*right);
  if (letter_a || letter_b) return letter_b;
  bool digits_before = false;  // a zero that is not the first digit counts
  if (*left == '0' || *right == '0') {
    for (size_t i = at; i > 0 && is_digit(a[i - 1]); --i) digits_before = digits_before || a[i - 1] != '0';
  }
  const auto [value_a, end_a] = number_at(a, at, digits_before ? 1 : 0);
  const auto [value_b, end_b] = number_at(b, at, digits_before ? 1 : 0);
  if (value_a != value_b) return value_a < value_b;
  if (end_a != end_b) return end_a < end_b;
  return *left < *right;
}

// 12:30 is a number to base 60.
bool is_base60(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_digit(text[0])) return false;
  const auto tail = text.substr(text.rfind(':') + 1);
  return !tail.empty() && is_digit(tail[0]) && text.find_first_not_of("0123456789_:.") == std::string_view::npos;
}

// "2006-01-02" and all that begins so.
bool is_timestamp(std::string_view text) {
  if (text.size() < 8 || text[4] != '-' || !std::all_of(text.begin(), text.begin() + 4, is_digit)) return false;
  return text.find_first_not_of("0123456789:+-.TtZz ", 5) == std::string_view::npos;
}

yaml_scalar_style_t style_of(std::string_view text) {
  if (text.find('\n') != std::string_view::npos) return YAML_LITERAL_SCALAR_STYLE;
  const std::string word = base::lower(text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text);
  const bool is_something_else = !resolve_yaml_scalar(text).is_string() || word == ".inf" || word == ".nan" ||
                                 text == "<<" || is_base60(text) || is_timestamp(text);
  return is_something_else ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;
}

class Emitter {
 public:
  Emitter() {
    yaml_emitter_initialize(&emitter_);
    yaml_emitter_set_output(&emitter_, append, &out_);
    yaml_emitter_set_unicode(&emitter_, 1);
  }
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;
  ~Emitter() { yaml_emitter_delete(&emitter_); }

  std::string run(const Json& document) {
    yaml_event_t event;
    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    emit(event);
    yaml_document_start_event_initialize(&event, nullptr, nullptr, nullptr, 1);
    emit(event);
    value(document);
    yaml_document_end_event_initialize(&event, 1);
    emit(event);
    yaml_stream_end_event_initialize(&event);
    emit(event);
    // libyaml marks the end after text that ends with empty lines; go-yaml does not.
    if (out_.ends_with("\n...\n")) out_.resize(out_.size() - 4);
    return std::move(out_);
  }

 private:
  static int append(void* out, unsigned char* bytes, size_t count) {
    static_cast<std::string*>(out)->append(reinterpret_cast<const char*>(bytes), count);
    return 1;
  }
  void emit(yaml_event_t& event) { yaml_emitter_emit(&emitter_, &event); }

  void scalar(std::string_view text, yaml_scalar_style_t style) {
    yaml_event_t event;
    yaml_scalar_event_initialize(&event, nullptr, nullptr, reinterpret_cast<const yaml_char_t*>(text.data()),
                                 static_cast<int>(text.size()), 1, 1, style);
    emit(event);
  }

  void value(const Json& json) {
    yaml_event_t event;
    if (json.is_object()) {
      yaml_mapping_start_event_initialize(&event, nullptr, nullptr, 1, YAML_BLOCK_MAPPING_STYLE);
      emit(event);
      members(json);
      yaml_mapping_end_event_initialize(&event);
      emit(event);
    } else if (json.is_array()) {
      yaml_sequence_start_event_initialize(&event, nullptr, nullptr, 1, YAML_BLOCK_SEQUENCE_STYLE);
      emit(event);
      for (const auto& item : json.items()) value(item);
      yaml_sequence_end_event_initialize(&event);
      emit(event);
    } else if (json.is_string()) {
      scalar(json.string(), style_of(json.string()));
    } else {
      scalar(json.dump(), YAML_PLAIN_SCALAR_STYLE);
    }
  }

  void members(const Json& object) {
    std::vector<const Json::Member*> sorted;
    for (const auto& member : object.members()) sorted.push_back(&member);
    std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return key_less(a->first, b->first); });
    for (const auto* member : sorted) {
      scalar(member->first, style_of(member->first));
      value(member->second);
    }
  }

  std::string out_;
  yaml_emitter_t emitter_{};
};

}  // namespace

std::string to_go_yaml(const Json& value) { return Emitter().run(value); }

}  // namespace wire
