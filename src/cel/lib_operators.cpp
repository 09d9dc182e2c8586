// Operators: arithmetic without silent overflow, comparison, membership, indexing.
#include <cmath>
#include <limits>

#include "cel/functions.h"

namespace cel {
namespace {

using Kind = Value::Kind;

Value no_overload() { return Value::error("no such overload"); }
Value overflow(const Value& of) {
  switch (of.kind()) {
    case Kind::unsigned_integer:
      return Value::error("unsigned integer overflow");
    case Kind::duration:
      return Value::error("integer overflow");
    case Kind::timestamp:
      return Value::error("timestamp overflow");
    default:
      return Value::error("integer overflow");
  }
}

Value moved(const Value& time, base::Duration span, bool back) {
  int64_t seconds = span.count() / 1'000'000'000, nanoseconds = span.count() % 1'000'000'000;
  if (back) {
    seconds = -seconds;
    nanoseconds = -nanoseconds;
  }
  seconds += time.seconds();
  nanoseconds += time.nanoseconds();
  if (nanoseconds >= 1'000'000'000) {
    ++seconds;
    nanoseconds -= 1'000'000'000;
  } else if (nanoseconds < 0) {
    --seconds;
    nanoseconds += 1'000'000'000;
  }
  return Value::timestamp(seconds, static_cast<int32_t>(nanoseconds));
}

Value joined(const Value& a, const Value& b) {
  Value::Items items;
  items.reserve(a.size() + b.size());
  for (size_t i = 0; i < a.size(); ++i) items.push_back(a.at(i));
  for (size_t i = 0; i < b.size(); ++i) items.push_back(b.at(i));
  return Value::list(std::move(items));
}

bool same_list_keys(const Value& a, const Value& b, const std::vector<std::string>& keys) {
  for (const auto& key : keys) {
    const auto left = a.field(escape_name(key)), right = b.field(escape_name(key));
    if (left.has_value() != right.has_value() || (left && !equal(*left, *right))) return false;
  }
  return true;
}

// Sets and keyed lists of Kubernetes are merged: what the right one has too takes the place of the left one's.
Value merged(const Value& a, const Value& b) {
  const Type& type = *a.document_type();
  Value::Items items;
  for (size_t i = 0; i < a.size(); ++i) items.push_back(a.at(i));
  for (size_t i = 0; i < b.size(); ++i) {
    Value item = b.at(i);
    bool known = false;
    for (auto& present : items) {
      known = type.order == Type::Order::keyed ? same_list_keys(present, item, type.list_keys) : equal(present, item);
      if (!known) continue;
      present = std::move(item);
      break;
    }
    if (!known) items.push_back(std::move(item));
  }
  return Value::list(std::move(items));
}

Value add(Arguments args) { return add_values(args[0], args[1]); }

Value subtract(Arguments args) {
  const Value &a = args[0], &b = args[1];
  switch (a.kind()) {
    case Kind::integer: {
      int64_t out = 0;
      return __builtin_sub_overflow(a.integer(), b.integer(), &out) ? overflow(a) : Value::integer(out);
    }
    case Kind::unsigned_integer:
      if (b.unsigned_integer() > a.unsigned_integer()) return overflow(a);
      return Value::unsigned_integer(a.unsigned_integer() - b.unsigned_integer());
    case Kind::real:
      return Value::real(a.real() - b.real());
    case Kind::duration: {
      int64_t out = 0;
      if (__builtin_sub_overflow(a.duration().count(), b.duration().count(), &out)) return overflow(a);
      return Value::duration(base::Duration(out));
    }
    case Kind::timestamp: {
      if (b.is(Kind::duration)) return moved(a, b.duration(), true);
      int64_t out = 0;
      const int64_t seconds = a.seconds() - b.seconds();
      if (__builtin_mul_overflow(seconds, int64_t{1'000'000'000}, &out) ||
          __builtin_add_overflow(out, int64_t{a.nanoseconds() - b.nanoseconds()}, &out)) {
        return overflow(b);
      }
      return Value::duration(base::Duration(out));
    }
    default:
      return no_overload();
  }
}

Value multiply(Arguments args) {
  const Value &a = args[0], &b = args[1];
  if (a.is(Kind::real)) return Value::real(a.real() * b.real());
  if (a.is(Kind::unsigned_integer)) {
    uint64_t out = 0;
    const bool over = __builtin_mul_overflow(a.unsigned_integer(), b.unsigned_integer(), &out);
    return over ? overflow(a) : Value::unsigned_integer(out);
  }
  int64_t out = 0;
  return __builtin_mul_overflow(a.integer(), b.integer(), &out) ? overflow(a) : Value::integer(out);
}

Value divide(Arguments args) {
  const Value &a = args[0], &b = args[1];
  if (a.is(Kind::real)) return Value::real(a.real() / b.real());
  if (a.is(Kind::unsigned_integer)) {
    if (b.unsigned_integer() == 0) return Value::error("division by zero");
    return Value::unsigned_integer(a.unsigned_integer() / b.unsigned_integer());
  }
  if (b.integer() == 0) return Value::error("division by zero");
  if (b.integer() == -1 && a.integer() == std::numeric_limits<int64_t>::min()) return overflow(a);
  return Value::integer(a.integer() / b.integer());
}

Value remainder(Arguments args) {
  const Value &a = args[0], &b = args[1];
  if (a.is(Kind::unsigned_integer)) {
    if (b.unsigned_integer() == 0) return Value::error("modulus by zero");
    return Value::unsigned_integer(a.unsigned_integer() % b.unsigned_integer());
  }
  if (b.integer() == 0) return Value::error("modulus by zero");
  if (b.integer() == -1) {
    return a.integer() == std::numeric_limits<int64_t>::min() ? overflow(a) : Value::integer(0);
  }
  return Value::integer(a.integer() % b.integer());
}

Value negate(Arguments args) {
  if (args[0].is(Kind::real)) return Value::real(-args[0].real());
  if (args[0].integer() == std::numeric_limits<int64_t>::min()) return overflow(args[0]);
  return Value::integer(-args[0].integer());
}

template <bool (*Holds)(int)>
Value compared(Arguments args) {
  const auto order = compare(args[0], args[1]);
  if (!order) return args[0].is(Kind::real) || args[1].is(Kind::real) ? Value::boolean(false) : no_overload();
  return Value::boolean(Holds(*order));
}
bool is_less(int order) { return order < 0; }
bool is_less_equal(int order) { return order <= 0; }
bool is_greater(int order) { return order > 0; }
bool is_greater_equal(int order) { return order >= 0; }

Value in_list(Arguments args) {
  for (size_t i = 0; i < args[1].size(); ++i) {
    const Value item = args[1].at(i);
    if (item.is_error()) return item;
    if (equal(args[0], item)) return Value::boolean(true);
  }
  return Value::boolean(false);
}

Value in_map(Arguments args) { return Value::boolean(args[1].find(args[0]).has_value()); }
Value same(Arguments args) { return Value::boolean(equal(args[0], args[1])); }
Value different(Arguments args) { return Value::boolean(!equal(args[0], args[1])); }
Value invert(Arguments args) { return Value::boolean(!args[0].boolean()); }
Value index(Arguments args) { return index_of(args[0], args[1]); }
Value size(Arguments args) { return Value::integer(static_cast<int64_t>(args[0].size())); }

// container[?key] and container.?key
Value optional_index(Arguments args) {
  const bool optional = args[0].is(Kind::optional);
  if (optional && !args[0].has_value()) return Value::none();
  const Value& container = optional ? args[0].inner() : args[0];
  if (container.is(Kind::list)) {
    if (!args[1].is_number()) return no_overload();
    const auto at = compare(args[1], Value::integer(0));
    if (!at || *at < 0 || compare(args[1], Value::integer(static_cast<int64_t>(container.size()))) != -1) {
      return Value::none();
    }
  } else if (container.is(Kind::map) || container.is(Kind::object)) {
    if (!container.find(args[1])) return Value::none();
  } else {
    return no_overload();
  }
  Value out = index_of(container, args[1]);
  return out.is_error() ? out : Value::some(std::move(out));
}

void add_comparisons(Functions& to) {
  const std::pair<const char*, Function> all[] = {{"_<_", compared<is_less>},
                                                  {"_<=_", compared<is_less_equal>},
                                                  {"_>_", compared<is_greater>},
                                                  {"_>=_", compared<is_greater_equal>}};
  for (const auto& [name, function] : all) {
    for (const char* types :
         {"f bool, bool: bool", "f int, int: bool", "f int, double: bool", "f int, uint: bool", "f uint, uint: bool",
          "f uint, double: bool", "f uint, int: bool", "f double, double: bool", "f double, int: bool",
          "f double, uint: bool", "f timestamp, timestamp: bool", "f duration, duration: bool"}) {
      to.add(name, types, CostRule::unit, function);
    }
    to.add(name, "f string, string: bool", CostRule::smaller, function);
    to.add(name, "f bytes, bytes: bool", CostRule::smaller, function);
  }
}

}  // namespace

Value add_values(const Value& a, const Value& b) {
  switch (a.kind()) {
    case Kind::integer: {
      int64_t out = 0;
      return __builtin_add_overflow(a.integer(), b.integer(), &out) ? overflow(a) : Value::integer(out);
    }
    case Kind::unsigned_integer: {
      uint64_t out = 0;
      const bool over = __builtin_add_overflow(a.unsigned_integer(), b.unsigned_integer(), &out);
      return over ? overflow(a) : Value::unsigned_integer(out);
    }
    case Kind::real:
      return Value::real(a.real() + b.real());
    case Kind::string:
      return Value::string(a.text() + b.text());
    case Kind::bytes:
      return Value::bytes(a.text() + b.text());
    case Kind::list:
      return a.document_type() && a.document_type()->order != Type::Order::list ? merged(a, b) : joined(a, b);
    case Kind::timestamp:
      return moved(a, b.duration(), false);
    case Kind::duration: {
      if (b.is(Kind::timestamp)) return moved(b, a.duration(), false);
      int64_t out = 0;
      if (__builtin_add_overflow(a.duration().count(), b.duration().count(), &out)) return overflow(a);
      return Value::duration(base::Duration(out));
    }
    default:
      return no_overload();
  }
}

Value index_of(const Value& container, const Value& key) {
  if (container.is(Kind::list)) {
    int64_t at = 0;
    if (key.is(Kind::integer)) {
      at = key.integer();
    } else if (key.is(Kind::unsigned_integer) && key.unsigned_integer() <= container.size()) {
      at = static_cast<int64_t>(key.unsigned_integer());
    } else if (key.is(Kind::real) && key.real() == std::floor(key.real()) && std::fabs(key.real()) < 1e15) {
      at = static_cast<int64_t>(key.real());
    } else {
      return Value::error("unsupported index type '" + key.type_name() + "' in list");
    }
    if (at < 0 || static_cast<uint64_t>(at) >= container.size()) {
      return Value::error("index out of bounds: " + std::to_string(at));
    }
    return container.at(static_cast<size_t>(at));
  }
  auto found = container.find(key);
  return found ? std::move(*found) : Value::error("no such key: " + plain_text(key));
}

void add_operators(Functions& to) {
  const auto unit = CostRule::unit;
  for (const char* types :
       {"f int, int: int", "f uint, uint: uint", "f double, double: double", "f list<A>, list<A>: list<A>",
        "f timestamp, duration: timestamp", "f duration, timestamp: timestamp", "f duration, duration: duration"}) {
    to.add("_+_", types, unit, add);
  }
  to.add("_+_", "f string, string: string", CostRule::join_both, add);
  to.add("_+_", "f bytes, bytes: bytes", CostRule::join_both, add);
  for (const char* types :
       {"f int, int: int", "f uint, uint: uint", "f double, double: double", "f timestamp, timestamp: duration",
        "f timestamp, duration: timestamp", "f duration, duration: duration"}) {
    to.add("_-_", types, unit, subtract);
  }
  for (const char* types : {"f int, int: int", "f uint, uint: uint", "f double, double: double"}) {
    to.add("_*_", types, unit, multiply);
    to.add("_/_", types, unit, divide);
  }
  to.add("_%_", "f int, int: int", unit, remainder);
  to.add("_%_", "f uint, uint: uint", unit, remainder);
  to.add("-_", "f int: int", unit, negate);
  to.add("-_", "f double: double", unit, negate);
  to.add("!_", "f bool: bool", unit, invert);
  to.add("_==_", "f A, A: bool", CostRule::equal, same);
  to.add("_!=_", "f A, A: bool", CostRule::smaller, different);
  to.add("@in", "f A, list<A>: bool", CostRule::in_list, in_list);
  to.add("@in", "f A, map<A, B>: bool", unit, in_map);
  to.add("_[_]", "f list<A>, int: A", unit, index);
  to.add("_[_]", "f map<A, B>, A: B", unit, index);
  to.add("_[_]", "f optional<list<A>>, int: optional<A>", unit, optional_index);
  to.add("_[_]", "f optional<map<A, B>>, A: optional<B>", unit, optional_index);
  for (const char* types : {"f list<A>, int: optional<A>", "f optional<list<A>>, int: optional<A>",
                            "f map<A, B>, A: optional<B>", "f optional<map<A, B>>, A: optional<B>"}) {
    to.add("_[?_]", types, unit, optional_index);
  }
  to.add("_?._", "f dyn, string: optional<dyn>", unit, optional_index);
  to.add("@not_strictly_false", "f bool: bool", unit, [](Arguments args) { return args[0]; });
  for (const char* types : {"f string: int", "f bytes: int", "f list<A>: int", "f map<A, B>: int", "m string: int",
                            "m bytes: int", "m list<A>: int", "m map<A, B>: int"}) {
    to.add("size", types, unit, size);
  }
  add_comparisons(to);
}

}  // namespace cel
