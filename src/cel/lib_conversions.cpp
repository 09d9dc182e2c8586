// int(), string(), timestamp() and the like; type().
#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "cel/functions.h"
#include "cel/time_text.h"

namespace cel {
namespace {

using Kind = Value::Kind;

Value range_error() { return Value::error("integer overflow"); }
Value unsigned_range_error() { return Value::error("unsigned integer overflow"); }

Value bad_text(const Value& text, const char* wanted) {
  return Value::error("type conversion error from '" + text.type_name() + "' to '" + wanted + "'");
}

Value to_int(Arguments args) {
  const Value& from = args[0];
  switch (from.kind()) {
    case Kind::integer:
      return from;
    case Kind::unsigned_integer:
      if (from.unsigned_integer() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return range_error();
      return Value::integer(static_cast<int64_t>(from.unsigned_integer()));
    case Kind::real:
      if (!(from.real() > -9223372036854775808.0 && from.real() < 9223372036854775808.0)) return range_error();
      return Value::integer(static_cast<int64_t>(from.real()));
    case Kind::timestamp:
      return Value::integer(from.seconds());
    case Kind::duration:
      return Value::integer(from.duration().count());
    default: {
      std::string_view text = from.text();
      if (text.starts_with('+')) text.remove_prefix(1);
      const auto number = text.starts_with('+') ? std::nullopt : base::parse_int(text);
      return number ? Value::integer(*number) : bad_text(from, "int");
    }
  }
}

Value to_uint(Arguments args) {
  const Value& from = args[0];
  switch (from.kind()) {
    case Kind::unsigned_integer:
      return from;
    case Kind::integer:
      if (from.integer() < 0) return unsigned_range_error();
      return Value::unsigned_integer(static_cast<uint64_t>(from.integer()));
    case Kind::real:
      if (!(from.real() >= 0 && from.real() < 18446744073709551616.0)) return unsigned_range_error();
      return Value::unsigned_integer(static_cast<uint64_t>(from.real()));
    default: {
      const auto number = base::parse_uint(from.text());
      return number ? Value::unsigned_integer(*number) : bad_text(from, "uint");
    }
  }
}

Value to_double(Arguments args) {
  const Value& from = args[0];
  switch (from.kind()) {
    case Kind::real:
      return from;
    case Kind::integer:
      return Value::real(static_cast<double>(from.integer()));
    case Kind::unsigned_integer:
      return Value::real(static_cast<double>(from.unsigned_integer()));
    default: {
      std::string text = base::lower(from.text());
      if (text.starts_with('+')) text.erase(0, 1);
      if (text == "nan") return Value::real(std::numeric_limits<double>::quiet_NaN());
      if (text == "inf" || text == "infinity") return Value::real(std::numeric_limits<double>::infinity());
      if (text == "-inf" || text == "-infinity") return Value::real(-std::numeric_limits<double>::infinity());
      double number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc() || end != text.data() + text.size()) return bad_text(from, "double");
      return Value::real(number);
    }
  }
}

Value to_bool(Arguments args) {
  if (args[0].is(Kind::boolean)) return args[0];
  const auto& text = args[0].text();
  for (const char* word : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == word) return Value::boolean(true);
  }
  for (const char* word : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == word) return Value::boolean(false);
  }
  return bad_text(args[0], "bool");
}

Value to_string(Arguments args) {
  if (args[0].is(Kind::bytes) && !base::valid_utf8(args[0].text())) {
    return Value::error("invalid UTF-8 in bytes, cannot convert to string");
  }
  return Value::string(plain_text(args[0]));
}

Value to_bytes(Arguments args) { return args[0].is(Kind::bytes) ? args[0] : Value::bytes(args[0].text()); }

Value to_timestamp(Arguments args) {
  if (args[0].is(Kind::timestamp)) return args[0];
  if (args[0].is(Kind::integer)) return Value::timestamp(args[0].integer());
  const auto time = parse_timestamp(args[0].text());
  return time ? Value::timestamp(time->seconds, time->nanoseconds) : bad_text(args[0], "google.protobuf.Timestamp");
}

Value to_duration(Arguments args) {
  if (args[0].is(Kind::duration)) return args[0];
  if (args[0].is(Kind::integer)) return Value::duration(base::Duration(args[0].integer()));
  const auto span = base::parse_go_duration(args[0].text());
  return span ? Value::duration(*span) : bad_text(args[0], "google.protobuf.Duration");
}

Value type_of(Arguments args) { return Value::type(args[0].type_name()); }
Value identity(Arguments args) { return args[0]; }

}  // namespace

std::string real_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
  char buffer[64];
  const auto made = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific);
  const std::string text(buffer, made.ptr);
  const size_t e = text.find('e');
  const int exponent = std::atoi(text.c_str() + e + 1);
  if (exponent < -4 || exponent >= 6) return text;
  const auto plain = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::fixed);
  return {buffer, plain.ptr};
}

std::string plain_text(const Value& value) {
  switch (value.kind()) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return value.boolean() ? "true" : "false";
    case Kind::integer:
      return std::to_string(value.integer());
    case Kind::unsigned_integer:
      return std::to_string(value.unsigned_integer());
    case Kind::real:
      return real_text(value.real());
    case Kind::timestamp:
      return timestamp_text({value.seconds(), value.nanoseconds()});
    case Kind::duration:
      return duration_text(value.duration());
    case Kind::string:
    case Kind::bytes:
    case Kind::type:
      return value.text();
    default:
      return value.type_name();
  }
}

void add_conversions(Functions& to) {
  const auto unit = CostRule::unit;
  for (const char* types :
       {"f int: int", "f uint: int", "f double: int", "f string: int", "f timestamp: int", "f duration: int"}) {
    to.add("int", types, unit, to_int);
  }
  for (const char* types : {"f uint: uint", "f int: uint", "f double: uint", "f string: uint"}) {
    to.add("uint", types, unit, to_uint);
  }
  for (const char* types : {"f double: double", "f int: double", "f uint: double", "f string: double"}) {
    to.add("double", types, unit, to_double);
  }
  to.add("bool", "f bool: bool", unit, to_bool);
  to.add("bool", "f string: bool", unit, to_bool);
  for (const char* types : {"f string: string", "f bool: string", "f int: string", "f uint: string", "f double: string",
                            "f timestamp: string", "f duration: string"}) {
    to.add("string", types, unit, to_string);
  }
  to.add("string", "f bytes: string", CostRule::traverse, to_string);
  to.add("bytes", "f bytes: bytes", unit, to_bytes);
  to.add("bytes", "f string: bytes", CostRule::traverse, to_bytes);
  for (const char* types : {"f timestamp: timestamp", "f string: timestamp", "f int: timestamp"}) {
    to.add("timestamp", types, unit, to_timestamp);
  }
  for (const char* types : {"f duration: duration", "f string: duration", "f int: duration"}) {
    to.add("duration", types, unit, to_duration);
  }
  to.add("type", "f A: type<A>", unit, type_of);
  to.add("dyn", "f A: dyn", unit, identity);
}

}  // namespace cel
