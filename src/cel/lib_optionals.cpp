// Optional values. `or` and `orValue` look at their argument only when they need it: see evaluator.cpp.
#include "cel/functions.h"

namespace cel {
namespace {

using Kind = Value::Kind;

bool is_zero(const Value& value) {
  switch (value.kind()) {
    case Kind::null:
      return true;
    case Kind::boolean:
      return !value.boolean();
    case Kind::integer:
      return value.integer() == 0;
    case Kind::unsigned_integer:
      return value.unsigned_integer() == 0;
    case Kind::real:
      return value.real() == 0;
    case Kind::string:
    case Kind::bytes:
      return value.text().empty();
    case Kind::list:
    case Kind::map:
      return value.size() == 0;
    case Kind::duration:
      return value.duration().count() == 0;
    case Kind::timestamp:
      return value.seconds() == -62135596800 && value.nanoseconds() == 0;
    case Kind::optional:
      return !value.has_value();
    default:
      return false;
  }
}

Value of(Arguments args) { return Value::some(args[0]); }
Value of_non_zero(Arguments args) { return is_zero(args[0]) ? Value::none() : Value::some(args[0]); }
Value none(Arguments) { return Value::none(); }
Value has_value(Arguments args) { return Value::boolean(args[0].has_value()); }
Value value(Arguments args) {
  return args[0].has_value() ? args[0].inner() : Value::error("optional.none() dereference");
}
Value or_else(Arguments args) { return args[0].has_value() ? args[0] : args[1]; }
Value or_value(Arguments args) { return args[0].has_value() ? args[0].inner() : args[1]; }

Value unwrap(Arguments args) {
  Value::Items out;
  for (size_t i = 0; i < args[0].size(); ++i) {
    const Value item = args[0].at(i);
    if (!item.is(Kind::optional)) return Value::error("no such overload");
    if (item.has_value()) out.push_back(item.inner());
  }
  return Value::list(std::move(out));
}

}  // namespace

void add_optionals(Functions& to) {
  const auto unit = CostRule::unit;
  to.add("optional.of", "f A: optional<A>", unit, of);
  to.add("optional.ofNonZeroValue", "f A: optional<A>", unit, of_non_zero);
  to.add("optional.none", "f: optional<A>", unit, none);
  to.add("hasValue", "m optional<A>: bool", unit, has_value);
  to.add("value", "m optional<A>: A", unit, value);
  to.add("or", "m optional<A>, optional<A>: optional<A>", CostRule::nothing, or_else);
  to.add("orValue", "m optional<A>, A: A", CostRule::nothing, or_value);
  to.add("optional.unwrap", "f list<optional<A>>: list<A>", unit, unwrap);
  to.add("unwrapOpt", "m list<optional<A>>: list<A>", unit, unwrap);
}

}  // namespace cel
