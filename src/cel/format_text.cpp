#include "cel/format_text.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "cel/functions.h"

namespace cel {
namespace {

using Kind = Value::Kind;

constexpr int precision_max = 100;
constexpr int nesting_max = 100;

struct Outcome {
  std::string text;
  std::string problem;  // empty: none
};

Outcome wrong(const std::string& clause, const Value& given) {
  return {"", "error during formatting: " + clause + ", was given " + given.type_name()};
}

std::string printed(const char* format, int precision, double number) {
  char buffer[512];
  const int size = std::snprintf(buffer, sizeof buffer, format, precision, number);
  return {buffer, static_cast<size_t>(size)};
}

Outcome shown(const Value& value, bool inside, int depth) {
  if (depth > nesting_max) return {"", "error during formatting: values are nested too deeply"};
  switch (value.kind()) {
    case Kind::string:
      return {inside ? "\"" + value.text() + "\"" : value.text(), ""};
    case Kind::bytes:
      return {inside ? "b\"" + value.text() + "\"" : value.text(), ""};
    case Kind::timestamp:
      return {inside ? "timestamp(\"" + plain_text(value) + "\")" : plain_text(value), ""};
    case Kind::duration:
      return {inside ? "duration(\"" + plain_text(value) + "\")" : plain_text(value), ""};
    case Kind::real:
      return {inside && std::isfinite(value.real()) ? printed("%.*f", 6, value.real()) : plain_text(value), ""};
    case Kind::list: {
      std::string out = "[";
      for (size_t i = 0; i < value.size(); ++i) {
        auto item = shown(value.at(i), true, depth + 1);
        if (!item.problem.empty()) return item;
        out += (i > 0 ? ", " : "") + item.text;
      }
      return {out + "]", ""};
    }
    case Kind::map: {
      std::string out;
      for (const auto& key : value.keys()) {
        auto name = shown(key, true, depth + 1);
        const auto member = value.find(key);
        auto text = shown(member ? *member : Value(), true, depth + 1);
        if (!text.problem.empty()) return text;
        out += (out.empty() ? "" : ", ") + name.text + ":" + text.text;
      }
      return {"{" + out + "}", ""};
    }
    case Kind::optional:
    case Kind::object:
    case Kind::error:
      return wrong(
          "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and "
          "timestamps",
          value);
    default:
      return {plain_text(value), ""};
  }
}

Outcome fixed(const Value& value, int precision) {
  if (!value.is_number()) return wrong("fixed-point clause can only be used on doubles", value);
  const double number = value.is(Kind::real)      ? value.real()
                        : value.is(Kind::integer) ? static_cast<double>(value.integer())
                                                  : static_cast<double>(value.unsigned_integer());
  if (std::isnan(number)) return {"NaN", ""};
  if (std::isinf(number)) return {number > 0 ? "\u221e" : "-\u221e", ""};
  return {printed("%.*f", precision, number), ""};
}

// "1.234500" times ten to a raised power.
Outcome scientific(const Value& value) {
  if (!value.is(Kind::real)) return wrong("scientific clause can only be used on doubles", value);
  if (std::isnan(value.real())) return {"NaN", ""};
  if (std::isinf(value.real())) return {value.real() > 0 ? "\u221e" : "-\u221e", ""};
  const std::string text = printed("%.*e", 6, value.real());
  const size_t e = text.find('e');
  std::string out = text.substr(0, e) + "\u00d710";
  static constexpr const char* raised[] = {"\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
                                           "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};
  for (size_t i = e + 1; i < text.size(); ++i) {
    if (text[i] == '-') out += "\u207b";
    if (text[i] >= '0' && text[i] <= '9') out += raised[text[i] - '0'];
  }
  return {out, ""};
}

std::string digits_of(uint64_t number, int radix) {
  char buffer[72];
  const auto made = std::to_chars(buffer, buffer + sizeof buffer, number, radix);
  return {buffer, made.ptr};
}

std::string in_radix(const Value& value, int radix) {
  if (value.is(Kind::unsigned_integer)) return digits_of(value.unsigned_integer(), radix);
  const int64_t number = value.integer();
  if (number >= 0) return digits_of(static_cast<uint64_t>(number), radix);
  return "-" + digits_of(~static_cast<uint64_t>(number) + 1, radix);
}

Outcome clause(char letter, int precision, const Value& value) {
  const bool whole = value.is(Kind::integer) || value.is(Kind::unsigned_integer);
  switch (letter) {
    case 's':
      return shown(value, false, 0);
    case 'd':
      if (!whole) return wrong("decimal clause can only be used on integers", value);
      return {plain_text(value), ""};
    case 'f':
      return fixed(value, precision);
    case 'e':
      return scientific(value);
    case 'b':
      if (value.is(Kind::boolean)) return {value.boolean() ? "1" : "0", ""};
      if (!whole) return wrong("only integers and bools can be formatted as binary", value);
      return {in_radix(value, 2), ""};
    case 'o':
      if (!whole) return wrong("octal clause can only be used on integers", value);
      return {in_radix(value, 8), ""};
    case 'x':
    case 'X': {
      const bool text = value.is(Kind::string) || value.is(Kind::bytes);
      if (!whole && !text) return wrong("only integers, byte buffers, and strings can be formatted as hex", value);
      const std::string out = text ? base::hex(value.text()) : in_radix(value, 16);
      return {letter == 'X' ? base::upper(out) : out, ""};
    }
    default:
      return {"",
              "could not parse formatting clause: unrecognized formatting clause \"" + std::string(1, letter) + "\""};
  }
}

}  // namespace

Value formatted(const std::string& clauses, const Value& arguments) {
  std::string out;
  size_t used = 0;
  for (size_t i = 0; i < clauses.size(); ++i) {
    if (clauses[i] != '%') {
      out += clauses[i];
      continue;
    }
    if (++i < clauses.size() && clauses[i] == '%') {
      out += '%';
      continue;
    }
    if (used >= arguments.size()) return Value::error("index " + std::to_string(used) + " out of range");
    int precision = 6;
    if (i < clauses.size() && clauses[i] == '.') {
      precision = 0;
      while (++i < clauses.size() && clauses[i] >= '0' && clauses[i] <= '9' && precision <= precision_max) {
        precision = precision * 10 + (clauses[i] - '0');
      }
      if (precision > precision_max) {
        return Value::error("could not parse formatting clause: precision " + std::to_string(precision) +
                            " is more than " + std::to_string(precision_max));
      }
    }
    if (i >= clauses.size()) return Value::error("could not parse formatting clause: unexpected end of string");
    auto made = clause(clauses[i], precision, arguments.at(used++));
    if (!made.problem.empty()) return Value::error(made.problem);
    out += made.text;
  }
  return Value::string(std::move(out));
}

std::string quoted_text(const std::string& text) {
  static constexpr std::string_view plain = "\a\b\f\n\r\t\v\\\"", letters = "abfnrtv\\\"";
  std::string out = "\"";
  for (const char c : text) {
    const size_t special = plain.find(c);
    if (special == std::string_view::npos) {
      out += c;
    } else {
      out += '\\';
      out += letters[special];
    }
  }
  return out + "\"";
}

}  // namespace cel
