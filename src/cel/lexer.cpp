#include "cel/lexer.h"

#include <array>
#include <optional>

#include "base/text.h"

namespace cel {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

uint32_t hex_value(std::string_view digits) {
  uint32_t out = 0;
  for (const char c : digits) {
    const char low = static_cast<char>(c | 0x20);
    out = out * 16 + static_cast<uint32_t>(is_digit(c) ? c - '0' : low - 'a' + 10);
  }
  return out;
}

class Lexer {
 public:
  Lexer(std::string_view source, std::vector<Mistake>& mistakes) : source_(source), mistakes_(mistakes) {}

  std::vector<Token> run() {
    std::vector<Token> out;
    while (mistakes_.empty()) {
      skip_blank();
      start_ = at_;
      if (at_ == source_.size()) break;
      out.push_back(next());
    }
    out.push_back({Token::Kind::end, static_cast<uint32_t>(source_.size()), "<EOF>"});
    return out;
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }

  void skip_blank() {
    for (;;) {
      while (at_ < source_.size() && std::string_view(" \t\r\n\f").find(source_[at_]) != std::string_view::npos) ++at_;
      if (!source_.substr(at_).starts_with("//")) return;
      at_ = std::min(source_.find('\n', at_), source_.size());
    }
  }

  Token token(Token::Kind kind) const {
    return {kind, static_cast<uint32_t>(start_), std::string(source_.substr(start_, at_ - start_))};
  }

  Token fail(const std::string& message) {
    mistakes_.push_back({static_cast<uint32_t>(start_), message});
    at_ = source_.size();
    return {Token::Kind::end, static_cast<uint32_t>(start_), ""};
  }

  Token next() {
    const char c = peek();
    if (const auto prefix = string_prefix()) return string(*prefix);
    if (is_letter(c)) {
      while (is_letter(peek()) || is_digit(peek())) ++at_;
      return token(Token::Kind::identifier);
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    static constexpr auto pairs = std::to_array<std::string_view>({"==", "!=", "<=", ">=", "&&", "||"});
    for (const auto pair : pairs) {
      if (!source_.substr(at_).starts_with(pair)) continue;
      at_ += 2;
      return token(Token::Kind::symbol);
    }
    if (std::string_view("<>[]{}().,-!?:+*/%").find(c) != std::string_view::npos) {
      ++at_;
      return token(Token::Kind::symbol);
    }
    return fail("Syntax error: token recognition error at: '" + std::string(source_.substr(at_, 1)) + "'");
  }

  // How many letters (r, b) stand before the quote; nullopt when no string begins here.
  std::optional<size_t> string_prefix() const {
    size_t letters = 0;
    bool raw = false, bytes = false;
    while (letters < 2) {
      const char c = peek(letters);
      if ((c == 'b' || c == 'B') && !bytes && !raw) {
        bytes = true;
      } else if ((c == 'r' || c == 'R') && !raw) {
        raw = true;
      } else {
        break;
      }
      ++letters;
    }
    const char quote = peek(letters);
    return quote == '"' || quote == '\'' ? std::optional(letters) : std::nullopt;
  }

  Token string(size_t letters) {
    bool raw = false, bytes = false;
    for (size_t i = 0; i < letters; ++i) {
      raw = raw || (peek(i) | 0x20) == 'r';
      bytes = bytes || (peek(i) | 0x20) == 'b';
    }
    at_ += letters;
    const char quote = peek();
    const std::string three(3, quote);
    const bool triple = source_.substr(at_).starts_with(three);
    at_ += triple ? 3 : 1;
    Token out{bytes ? Token::Kind::bytes : Token::Kind::string, static_cast<uint32_t>(start_), ""};
    for (;;) {
      if (at_ >= source_.size()) return fail("Syntax error: token recognition error: a string does not end");
      const char c = source_[at_];
      if (triple ? source_.substr(at_).starts_with(three) : c == quote) {
        at_ += triple ? 3 : 1;
        break;
      }
      if (!triple && (c == '\n' || c == '\r')) {
        return fail("Syntax error: token recognition error: a string does not end on its line");
      }
      ++at_;
      if (c == '\\' && !raw) {
        if (!escape(out.text, bytes)) return fail("Syntax error: token recognition error: unknown escape in a string");
      } else if (c == '\r' && triple) {  // as Go reads raw strings: one kind of line end
        if (peek() != '\n') out.text += '\n';
      } else {
        out.text += c;
      }
    }
    if (!bytes && !base::valid_utf8(out.text)) return fail("Syntax error: a string is not valid UTF-8");
    return out;
  }

  bool escape(std::string& out, bool bytes) {
    const char c = peek();
    static constexpr std::string_view plain = "abfnrtv\"'\\?`", meaning = "\a\b\f\n\r\t\v\"'\\?`";
    if (const size_t known = plain.find(c); c != '\0' && known != std::string_view::npos) {
      out += meaning[known];
      ++at_;
      return true;
    }
    uint32_t code = 0;
    if (c == 'x' || c == 'X' || c == 'u' || c == 'U') {
      const size_t digits = c == 'u' ? 4 : (c == 'U' ? 8 : 2);
      if (at_ + 1 + digits > source_.size()) return false;
      const auto text = source_.substr(at_ + 1, digits);
      for (const char digit : text) {
        if (!is_hex(digit)) return false;
      }
      if (bytes && digits != 2) return false;
      code = hex_value(text);
      at_ += 1 + digits;
    } else if (c >= '0' && c <= '3') {
      if (peek(1) < '0' || peek(1) > '7' || peek(2) < '0' || peek(2) > '7') return false;
      code = static_cast<uint32_t>((c - '0') * 64 + (peek(1) - '0') * 8 + (peek(2) - '0'));
      at_ += 3;
    } else {
      return false;
    }
    if (bytes) {
      out += static_cast<char>(code);
      return true;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    append_utf8(out, code);
    return true;
  }

  Token number() {
    if (peek() == '0' && peek(1) == 'x' && is_hex(peek(2))) {
      at_ += 2;
      while (is_hex(peek())) ++at_;
      return maybe_unsigned();
    }
    bool real = false;
    while (is_digit(peek())) ++at_;
    if (peek() == '.' && is_digit(peek(1))) {
      real = true;
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
      const size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
      if (is_digit(peek(1 + sign))) {
        real = true;
        at_ += 1 + sign;
        while (is_digit(peek())) ++at_;
      }
    }
    return real ? token(Token::Kind::real) : maybe_unsigned();
  }

  Token maybe_unsigned() {
    if (peek() != 'u' && peek() != 'U') return token(Token::Kind::integer);
    Token out = token(Token::Kind::unsigned_integer);
    ++at_;
    return out;
  }

  std::string_view source_;
  std::vector<Mistake>& mistakes_;
  size_t at_ = 0, start_ = 0;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view source, std::vector<Mistake>& mistakes) {
  return Lexer(source, mistakes).run();
}

void append_utf8(std::string& out, uint32_t code) {
  const auto byte = [&](uint32_t bits) { out += static_cast<char>(bits); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | (code >> 6));
  } else if (code < 0x10000) {
    byte(0xe0 | (code >> 12));
    byte(0x80 | ((code >> 6) & 0x3f));
  } else {
    byte(0xf0 | (code >> 18));
    byte(0x80 | ((code >> 12) & 0x3f));
    byte(0x80 | ((code >> 6) & 0x3f));
  }
  byte(0x80 | (code & 0x3f));
}

}  // namespace cel
