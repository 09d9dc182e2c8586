#include "cel/parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "cel/lexer.h"

namespace cel {
namespace {

// Words that cannot be variables or functions; as names of fields they can stand after a dot.
constexpr auto reserved =
    std::to_array<std::string_view>({"as", "break", "const", "continue", "else", "for", "function", "if", "import",
                                     "let", "loop", "package", "namespace", "return", "var", "void", "while"});
bool is_reserved(std::string_view word) { return std::find(reserved.begin(), reserved.end(), word) != reserved.end(); }
// Words of the grammar, never names.
bool is_word(std::string_view text) { return text == "in" || text == "true" || text == "false" || text == "null"; }

struct Operator {
  std::string_view symbol;
  const char* function;
  int strength;
};
constexpr auto operators = std::to_array<Operator>({{"<", "_<_", 1},
                                                    {"<=", "_<=_", 1},
                                                    {">", "_>_", 1},
                                                    {">=", "_>=_", 1},
                                                    {"==", "_==_", 1},
                                                    {"!=", "_!=_", 1},
                                                    {"in", "@in", 1},
                                                    {"+", "_+_", 2},
                                                    {"-", "_-_", 2},
                                                    {"*", "_*_", 3},
                                                    {"/", "_/_", 3},
                                                    {"%", "_%_", 3}});

class Parser {
 public:
  Parser(std::vector<Token> tokens, std::vector<Mistake>& mistakes) : tokens_(std::move(tokens)), mistakes_(mistakes) {}

  ExprPtr run() {
    auto out = expression();
    if (ok() && !at_end()) fail(now().offset, "Syntax error: extraneous input '" + now().text + "' expecting <EOF>");
    return ok() ? std::move(out) : nullptr;
  }

 private:
  bool ok() const { return mistakes_.empty(); }
  const Token& now() const { return tokens_[at_]; }
  bool at_end() const { return now().kind == Token::Kind::end; }
  bool take(std::string_view symbol) {
    if (!now().is(symbol)) return false;
    ++at_;
    return true;
  }
  // What the reference parser (ANTLR's recovery) says: a closing symbol is missing, a token too many, or neither.
  void expect(std::string_view symbol, bool closes = false) {
    if (!ok() || take(symbol)) return;
    const std::string wanted = "'" + std::string(symbol) + "'", here = "'" + now().text + "'";
    if (closes && at_end()) {
      fail(now().offset, "Syntax error: missing " + wanted + " at " + here);
    } else if (closes && at_ + 1 < tokens_.size() && tokens_[at_ + 1].is(symbol)) {
      fail(now().offset, "Syntax error: extraneous input " + here + " expecting " + wanted);
    } else {
      mismatched(wanted);
    }
  }
  // The end of a list, in which more could follow.
  void expect_end(std::string_view symbol) {
    if (ok() && !take(symbol)) mismatched("{'" + std::string(symbol) + "', ','}");
  }
  void mismatched(const std::string& wanted) {
    fail(now().offset, "Syntax error: mismatched input '" + now().text + "' expecting " + wanted);
  }
  ExprPtr fail(uint32_t offset, std::string message) {
    if (ok()) mistakes_.push_back({offset, std::move(message)});
    return nullptr;
  }
  // Something else stands where an expression begins.
  ExprPtr unexpected() {
    const bool arguments = at_ > 0 && tokens_[at_ - 1].is("(") && at_ > 1 &&
                           tokens_[at_ - 2].kind == Token::Kind::identifier && !is_word(tokens_[at_ - 2].text);
    const bool index = at_ > 1 && tokens_[at_ - 1].is("[") && !tokens_[at_ - 2].is("(");
    mismatched(std::string("{'[', '{', '(', ") + (arguments ? "')', " : "") + "'.', '-', '!', " +
               (index ? "'?', " : "") +
               "'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}");
    return nullptr;
  }

  static ExprPtr node(Expr::Kind kind, uint32_t offset) {
    auto out = std::make_unique<Expr>();
    out->kind = kind;
    out->offset = offset;
    return out;
  }
  static ExprPtr constant(uint32_t offset, Value value) {
    auto out = node(Expr::Kind::constant, offset);
    out->constant = std::move(value);
    return out;
  }
  static ExprPtr call(uint32_t offset, const char* function, ExprPtr a, ExprPtr b = nullptr) {
    auto out = node(Expr::Kind::call, offset);
    out->name = function;
    out->children.push_back(std::move(a));
    if (b) out->children.push_back(std::move(b));
    return out;
  }

  // condition ? a : b
  ExprPtr expression() {
    if (++nesting_ > nesting_max)
      fail(now().offset, "expression recursion limit exceeded: " + std::to_string(nesting_max));
    auto out = ok() ? chain("||", Expr::Kind::logical_or) : nullptr;
    if (ok() && now().is("?")) {
      auto made = node(Expr::Kind::conditional, now().offset);
      ++at_;
      made->children.push_back(std::move(out));
      made->children.push_back(chain("||", Expr::Kind::logical_or));
      expect(":");
      if (ok()) made->children.push_back(expression());
      out = std::move(made);
    }
    --nesting_;
    return ok() ? std::move(out) : nullptr;
  }

  // a || b || c, and below it a && b && c: flat, however long.
  ExprPtr chain(std::string_view symbol, Expr::Kind kind) {
    const auto part = [&] { return kind == Expr::Kind::logical_or ? chain("&&", Expr::Kind::logical_and) : binary(1); };
    auto out = part();
    if (!ok() || !now().is(symbol)) return out;
    auto made = node(kind, now().offset);
    made->children.push_back(std::move(out));
    while (ok() && take(symbol)) made->children.push_back(part());
    return ok() ? std::move(made) : nullptr;
  }

  const Operator* operator_here() const {
    const bool word = now().kind == Token::Kind::identifier && now().text == "in";
    if (now().kind != Token::Kind::symbol && !word) return nullptr;
    for (const auto& one : operators) {
      if (one.symbol == now().text) return &one;
    }
    return nullptr;
  }

  ExprPtr binary(int strength) {
    auto out = unary();
    int depth = 0;
    for (const Operator* next = operator_here(); ok() && next && next->strength >= strength; next = operator_here()) {
      const uint32_t offset = now().offset;
      if (++depth > tree_depth_max)
        return fail(offset, "expression recursion limit exceeded: " + std::to_string(tree_depth_max));
      ++at_;
      auto right = binary(next->strength + 1);
      if (!ok()) return nullptr;
      out = call(offset, next->function, std::move(out), std::move(right));
    }
    return ok() ? std::move(out) : nullptr;
  }

  ExprPtr unary() {
    const uint32_t offset = now().offset;
    if (now().is("!")) {
      size_t count = 0;
      while (take("!")) ++count;
      auto out = member();
      return count % 2 == 0 || !ok() ? std::move(out) : call(offset, "!_", std::move(out));
    }
    if (!now().is("-")) return member();
    const bool literal = tokens_[at_ + 1].kind == Token::Kind::integer || tokens_[at_ + 1].kind == Token::Kind::real;
    if (literal) return member();
    size_t count = 0;
    while (take("-")) ++count;
    auto out = member();
    return count % 2 == 0 || !ok() ? std::move(out) : call(offset, "-_", std::move(out));
  }

  ExprPtr member() {
    auto out = primary();
    int depth = 0;
    while (ok()) {
      const uint32_t offset = now().offset;
      if (++depth > tree_depth_max)
        return fail(offset, "expression recursion limit exceeded: " + std::to_string(tree_depth_max));
      if (take(".")) {
        out = select(std::move(out), offset);
      } else if (take("[")) {
        const bool optional = take("?");
        auto index = expression();
        expect("]", true);
        if (ok()) out = call(offset, optional ? "_[?_]" : "_[_]", std::move(out), std::move(index));
      } else {
        break;
      }
    }
    return ok() ? std::move(out) : nullptr;
  }

  ExprPtr select(ExprPtr of, uint32_t offset) {
    const bool optional = take("?");
    if (now().kind != Token::Kind::identifier || is_word(now().text)) {
      return fail(now().offset, "Syntax error: no viable alternative at input '." + now().text + "'");
    }
    const Token name = now();
    ++at_;
    if (optional) return call(offset, "_?._", std::move(of), constant(name.offset, Value::string(name.text)));
    if (!now().is("(")) {
      auto out = node(Expr::Kind::select, offset);
      out->name = name.text;
      out->children.push_back(std::move(of));
      return out;
    }
    auto out = node(Expr::Kind::call, now().offset);
    out->name = name.text;
    out->member = true;
    out->children.push_back(std::move(of));
    return arguments(std::move(out));
  }

  ExprPtr arguments(ExprPtr made) {
    expect("(");
    while (ok() && !now().is(")")) {
      made->children.push_back(expression());
      if (!take(",")) break;
      if (ok() && now().is(")")) return unexpected();
    }
    expect(")", true);
    if (!ok()) return nullptr;
    auto expanded = expand_macro(made, mistakes_);
    if (!ok()) return nullptr;
    return expanded ? std::move(expanded) : std::move(made);
  }

  ExprPtr primary() {
    const Token token = now();
    if (take("(")) {
      auto out = expression();
      expect(")", true);
      return ok() ? std::move(out) : nullptr;
    }
    if (now().is("[")) return list();
    if (now().is("{")) return map();
    if (token.kind == Token::Kind::identifier || token.is(".")) return identifier();
    return literal();
  }

  ExprPtr identifier() {
    const bool leading_dot = take(".");
    const Token name = now();
    if (name.kind != Token::Kind::identifier) return unexpected();
    ++at_;
    if (!leading_dot) {
      if (name.text == "true" || name.text == "false")
        return constant(name.offset, Value::boolean(name.text == "true"));
      if (name.text == "null") return constant(name.offset, Value());
    }
    if (is_word(name.text)) return --at_, unexpected();
    if (is_reserved(name.text)) return fail(name.offset, "reserved identifier: " + name.text);
    if (now().is("(")) {
      auto out = node(Expr::Kind::call, now().offset);
      out->name = name.text;
      return arguments(std::move(out));
    }
    auto out = node(Expr::Kind::identifier, name.offset);
    out->name = name.text;
    return out;
  }

  ExprPtr list() {
    auto out = node(Expr::Kind::list, now().offset);
    expect("[");
    while (ok() && !now().is("]")) {
      mark(*out, out->children.size());
      out->children.push_back(expression());
      if (!take(",")) break;
    }
    expect_end("]");
    return ok() ? std::move(out) : nullptr;
  }

  ExprPtr map() {
    auto out = node(Expr::Kind::map, now().offset);
    expect("{");
    while (ok() && !now().is("}")) {
      mark(*out, out->children.size() / 2);
      out->children.push_back(expression());
      expect(":");
      if (ok()) out->children.push_back(expression());
      if (!take(",")) break;
    }
    expect_end("}");
    return ok() ? std::move(out) : nullptr;
  }

  // `?` in front of an entry.
  void mark(Expr& of, size_t index) {
    const bool optional = take("?");
    if (optional || !of.optional.empty()) {
      of.optional.resize(index + 1);
      of.optional[index] = optional;
    }
  }

  ExprPtr literal() {
    const uint32_t offset = now().offset;
    const bool minus = take("-");
    const Token token = now();
    switch (token.kind) {
      case Token::Kind::integer:
        ++at_;
        return integer(token, offset, minus);
      case Token::Kind::unsigned_integer:
        if (minus) break;
        ++at_;
        return unsigned_integer(token);
      case Token::Kind::real: {
        ++at_;
        double number = 0;
        const auto [end, error] = std::from_chars(token.text.data(), token.text.data() + token.text.size(), number);
        if (error == std::errc::result_out_of_range) return fail(offset, "invalid double literal");
        return constant(offset, Value::real(minus ? -number : number));
      }
      case Token::Kind::string:
        if (minus) break;
        ++at_;
        return constant(offset, Value::string(token.text));
      case Token::Kind::bytes:
        if (minus) break;
        ++at_;
        return constant(offset, Value::bytes(token.text));
      default:
        break;
    }
    return unexpected();
  }

  static std::optional<uint64_t> digits(std::string_view text) {
    const bool hex = text.starts_with("0x");
    if (hex) text.remove_prefix(2);
    uint64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, hex ? 16 : 10);
    return error == std::errc() ? std::optional(out) : std::nullopt;
  }

  ExprPtr integer(const Token& token, uint32_t offset, bool minus) {
    const auto size = digits(token.text);
    const uint64_t limit = uint64_t{1} << 63;
    if (!size || *size > limit || (*size == limit && !minus)) return fail(offset, "invalid int literal");
    return constant(offset, Value::integer(static_cast<int64_t>(minus ? ~*size + 1 : *size)));
  }

  ExprPtr unsigned_integer(const Token& token) {
    const auto size = digits(token.text);
    if (!size) return fail(token.offset, "invalid uint literal");
    return constant(token.offset, Value::unsigned_integer(*size));
  }

  std::vector<Token> tokens_;
  std::vector<Mistake>& mistakes_;
  size_t at_ = 0;
  int nesting_ = 0;
};

size_t code_points(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

ExprPtr parse(std::string_view source, std::vector<Mistake>& mistakes) {
  if (source.size() > source_bytes_max) {
    mistakes.push_back({0, "expression code point size exceeds limit: size: " + std::to_string(source.size()) +
                               ", limit " + std::to_string(source_bytes_max)});
    return nullptr;
  }
  auto tokens = tokens_of(source, mistakes);
  if (!mistakes.empty()) return nullptr;
  return Parser(std::move(tokens), mistakes).run();
}

std::string text_of(std::string_view source, const std::vector<Mistake>& mistakes) {
  std::string out;
  for (const auto& mistake : mistakes) {
    const size_t offset = std::min<size_t>(mistake.offset, source.size());
    const auto before = source.substr(0, offset);
    const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    const auto line = source.substr(line_start, source.find('\n', line_start) - line_start);
    const size_t number = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
    const size_t column = code_points(before.substr(line_start));
    if (!out.empty()) out += "\n";
    out += "ERROR: <input>:" + std::to_string(number) + ":" + std::to_string(column + 1) + ": " + mistake.message +
           "\n | " + std::string(line) + "\n | " + std::string(column, '.') + "^";
  }
  return out;
}

}  // namespace cel
