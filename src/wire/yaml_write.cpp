#include "base/text.h"
#include "wire/yaml.h"

namespace wire {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// "12:30" and "52:54:00" are base-60 numbers in YAML 1.1, dates are timestamps; other readers than ours may see them
// so.
bool could_be_time(std::string_view text) {
  if (text.find_first_not_of("0123456789:+-.TtZz _") != std::string_view::npos) return false;
  return text.find_first_of("0123456789") != std::string_view::npos;
}

// Line ends of Unicode, which count as such in YAML 1.1.
constexpr std::pair<std::string_view, std::string_view> line_ends[] = {
    {"\xc2\x85", "\\u0085"}, {"\xe2\x80\xa8", "\\u2028"}, {"\xe2\x80\xa9", "\\u2029"}};

bool has_line_end(std::string_view text) {
  for (const auto& [bytes, escape] : line_ends) {
    if (text.find(bytes) != std::string_view::npos) return true;
  }
  return false;
}

bool is_plain(std::string_view text) {
  if (has_line_end(text)) return false;
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  if (std::string_view("?:,[]{}#&*!|>'\"%@`=<~.+").find(text.front()) != std::string_view::npos) {
    // These begin something else, or look like a number; a dot or sign before a letter or slash is harmless.
    const bool harmless = (text.front() == '.' || text.front() == '+' || text.front() == '<') && text.size() > 1 &&
                          (text[1] == '/' || (text[1] >= 'a' && text[1] <= 'z'));
    if (!harmless || text.starts_with(".inf") || text.starts_with(".nan")) return false;
  }
  if (text.front() == '-' && (text.size() == 1 || text[1] == ' ' || text.starts_with("---"))) return false;
  if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos) return false;
  for (const char c : text) {
    if (is_control(c)) return false;
  }
  return resolve_yaml_scalar(text).is_string() && !could_be_time(text) && base::valid_utf8(text);
}

// A literal block keeps every line as it is, if the first line shows the indentation and nothing needs an escape.
bool fits_block(std::string_view text) {
  if (has_line_end(text)) return false;
  if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n') return false;
  for (const char c : text) {
    if (is_control(c) && c != '\n' && c != '\t') return false;
  }
  return text.front() != '\t' && base::valid_utf8(text);
}

class Writer {
 public:
  std::string out;

  // The value after "key:" or "-"; `indent` is where nested content starts.
  void value(const Json& json, size_t indent, bool after_dash) {
    if (json.is_object() && !json.empty()) {
      if (!after_dash) out += '\n';
      object(json, indent, after_dash);
    } else if (json.is_array() && !json.empty()) {
      // Lists sit at the level of their key, nested lists below their dash.
      if (!after_dash) out += '\n';
      array(json, after_dash ? indent : indent - 2, after_dash);
    } else {
      if (!after_dash) out += ' ';
      scalar(json, indent);
      if (out.back() != '\n' || !in_block_) out += '\n';
      in_block_ = false;
    }
  }

  void document(const Json& json) {
    if (json.is_array() && !json.empty()) {
      array(json, 0, false);
    } else if (json.is_object() && !json.empty()) {
      object(json, 0, false);
    } else {
      value(json, 2, true);
    }
  }

 private:
  void object(const Json& json, size_t indent, bool first_is_placed) {
    for (const auto& [key, member] : json.members()) {
      if (!first_is_placed) out.append(indent, ' ');
      first_is_placed = false;
      word(key);
      out += ':';
      value(member, indent + 2, false);
    }
  }

  void array(const Json& json, size_t indent, bool first_is_placed) {
    for (const auto& item : json.items()) {
      if (!first_is_placed) out.append(indent, ' ');
      first_is_placed = false;
      out += "- ";
      value(item, indent + 2, true);
    }
  }

  void word(std::string_view text) {
    if (is_plain(text)) {
      out += text;
    } else {
      std::string quoted;
      base::append_quoted(quoted, text);  // a JSON string is a YAML double-quoted scalar
      for (const auto& [bytes, escape] : line_ends) quoted = base::replace_all(std::move(quoted), bytes, escape);
      out += quoted;
    }
  }

  void scalar(const Json& json, size_t indent) {
    if (json.is_object()) {
      out += "{}";
    } else if (json.is_array()) {
      out += "[]";
    } else if (json.is_string() && fits_block(json.string())) {
      block(json.string(), indent);
    } else if (json.is_string()) {
      word(json.string());
    } else {
      json.dump_to(out);
    }
  }

  void block(std::string_view text, size_t indent) {
    const bool ends = text.back() == '\n';
    const bool more = text.ends_with("\n\n");
    out += more ? "|+\n" : ends ? "|\n" : "|-\n";
    if (ends) text.remove_suffix(1);
    for (const auto line : base::split(text, '\n')) {
      if (!line.empty()) out.append(indent, ' ');
      out += line;
      out += '\n';
    }
    in_block_ = true;
  }

  bool in_block_ = false;  // a block has written its own newline
};

}  // namespace

std::string to_yaml(const Json& value) {
  Writer writer;
  writer.document(value);
  return std::move(writer.out);
}

std::string to_yaml(const std::vector<Json>& documents) {
  std::string out;
  for (const auto& document : documents) {
    if (!out.empty()) out += "---\n";
    out += to_yaml(document);
  }
  return out;
}

}  // namespace wire
