#include "wire/json_syntax.h"

#include <cstdint>

#include "base/json.h"
#include "base/text.h"

namespace wire {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

void append_hex(std::string& out, std::string_view lead, unsigned value, int digits) {
  out += lead;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 0xfU];
}

// A byte as Go quotes the code point of that number.
std::string quoted_byte(char c) {
  const unsigned value = static_cast<unsigned char>(c);
  constexpr std::string_view named = "\a\b\f\n\r\t\v\\'";
  std::string out = "'";
  if (const size_t at = named.find(c); at != std::string_view::npos) {
    out += '\\';
    out += "abfnrtv\\'"[at];
  } else if (value < 0x20 || value == 0x7f) {
    append_hex(out, "\\x", value, 2);
  } else if (value < 0x7f) {
    out += c;
  } else if (value <= 0xa0 || value == 0xad) {
    append_hex(out, "\\u", value, 4);
  } else {
    out += static_cast<char>(0xc0U | (value >> 6U));
    out += static_cast<char>(0x80U | (value & 0x3fU));
  }
  return out + "'";
}

// Reads JSON byte by byte. Nesting is kept in a list, so that no depth of it can exhaust the stack.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::string run() {
    while (problem_.empty()) {
      skip_spaces();
      if (!value()) break;
      if (!after_value()) break;
    }
    return std::move(problem_);
  }

  std::vector<std::string> keys;
  bool wants_keys = false;

 private:
  struct Level {
    bool is_object;
    std::string path = {};  // of the member or item that is being read
    size_t index = 0;
  };

  bool at_end() const { return at_ >= text_.size(); }
  void skip_spaces() {
    while (!at_end() && is_space(text_[at_])) ++at_;
  }
  bool fail(std::string_view where) {
    problem_ = at_end() ? "unexpected end of JSON input"
                        : "invalid character " + quoted_byte(text_[at_]) + " " + std::string(where);
    return false;
  }

  std::string prefix() const { return levels_.empty() ? std::string() : levels_.back().path; }

  void open(bool is_object) {
    Level level{.is_object = is_object};
    if (wants_keys) level.path = prefix() + (is_object ? "" : "[0]");
    parents_.push_back(wants_keys ? prefix() : std::string());
    levels_.push_back(std::move(level));
    ++at_;
    skip_spaces();
  }

  void close() {
    levels_.pop_back();
    parents_.pop_back();
    ++at_;
  }

  // One value, or the beginnings of several nested ones down to the first that is whole.
  bool value() {
    for (;;) {
      if (at_end()) return fail("");
      const char c = text_[at_];
      if (c == '{') {
        open(true);
        if (!at_end() && text_[at_] == '}') return close(), true;
        if (!key()) return false;
      } else if (c == '[') {
        open(false);
        if (!at_end() && text_[at_] == ']') return close(), true;
      } else {
        return scalar(c);
      }
      skip_spaces();
    }
  }

  bool key() {
    if (at_end() || text_[at_] != '"') return fail("looking for beginning of object key string");
    const size_t start = at_;
    if (!string()) return false;
    if (wants_keys) name_key(text_.substr(start, at_ - start));
    skip_spaces();
    if (at_end() || text_[at_] != ':') return fail("after object key");
    ++at_;
    return true;
  }

  void name_key(std::string_view quoted) {
    const auto name = base::parse_json(quoted);
    const std::string& parent = parents_.back();
    levels_.back().path = (parent.empty() ? "" : parent + ".") + (name ? name->string() : "");
    keys.push_back(levels_.back().path);
  }

  bool scalar(char c) {
    if (c == '"') return string();
    if (c == '-' || is_digit(c)) return number();
    for (const std::string_view word : {"true", "false", "null"}) {
      if (c == word[0]) return literal(word);
    }
    return fail("looking for beginning of value");
  }

  bool string() {
    for (++at_; !at_end(); ++at_) {
      const char c = text_[at_];
      if (c == '"') return ++at_, true;
      if (static_cast<unsigned char>(c) < 0x20) return fail("in string literal");
      if (c == '\\' && !escape()) return false;
    }
    return fail("");
  }

  bool escape() {
    ++at_;
    if (at_end() || std::string_view("bfnrt\\/\"u").find(text_[at_]) == std::string_view::npos) {
      return fail("in string escape code");
    }
    if (text_[at_] != 'u') return true;
    for (int i = 0; i < 4; ++i) {
      ++at_;
      if (at_end() || !is_hex(text_[at_])) return fail("in \\u hexadecimal character escape");
    }
    return true;
  }

  bool digits(std::string_view where) {
    if (at_end() || !is_digit(text_[at_])) return fail(where);
    while (!at_end() && is_digit(text_[at_])) ++at_;
    return true;
  }

  bool number() {
    if (text_[at_] == '-') ++at_;
    if (!at_end() && text_[at_] == '0') {
      ++at_;  // no more digits after it
    } else if (!digits("in numeric literal")) {
      return false;
    }
    if (!at_end() && text_[at_] == '.') {
      ++at_;
      if (!digits("after decimal point in numeric literal")) return false;
    }
    if (at_end() || (text_[at_] != 'e' && text_[at_] != 'E')) return true;
    ++at_;
    if (!at_end() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    return digits("in exponent of numeric literal");
  }

  bool literal(std::string_view word) {
    for (size_t i = 0; i < word.size(); ++i, ++at_) {
      if (!at_end() && text_[at_] == word[i]) continue;
      return fail("in literal " + std::string(word) + " (expecting '" + word[i] + "')");
    }
    return true;
  }

  // From the end of a value to where the next one begins; false at the end of the text.
  bool after_value() {
    for (;;) {
      skip_spaces();
      if (levels_.empty()) return at_end() ? false : fail("after top-level value");
      Level& level = levels_.back();
      const char closing = level.is_object ? '}' : ']';
      if (at_end() || (text_[at_] != ',' && text_[at_] != closing)) {
        return fail(level.is_object ? "after object key:value pair" : "after array element");
      }
      if (text_[at_] == closing) {
        close();
        continue;
      }
      ++at_;
      skip_spaces();
      if (level.is_object) return key();
      if (wants_keys) level.path = parents_.back() + "[" + std::to_string(++level.index) + "]";
      return true;
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Level> levels_;
  std::vector<std::string> parents_;  // of each level: the path of what holds it
  std::string problem_;
};

}  // namespace

std::string json_syntax_problem(std::string_view text) { return Scanner(text).run(); }

std::vector<std::string> json_key_paths(std::string_view text) {
  Scanner scanner(text);
  scanner.wants_keys = true;
  scanner.run();
  return std::move(scanner.keys);
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t length = 1;
    while (length <= 4 && length <= text.size() && !base::valid_utf8(text.substr(0, length))) ++length;
    if (length <= 4 && length <= text.size()) {
      out += text.substr(0, length);
    } else {
      out += "\xef\xbf\xbd";
      length = 1;
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace wire
