// The language at its surface: an expression, what it gives, what it costs.
#include "cel/cel.h"

#include <doctest/doctest.h>

#include "cel/functions.h"

namespace cel {
namespace {

const Json& sample() {
  static const Json doc = *base::parse_json(R"({"a":1,"s":"hello","l":[1,2,3],"m":{"x":{"y":2}},"f":1.5,"n":null})");
  return doc;
}

// The value in CEL's own writing, or "error: ..." or "refused: ...".
struct Outcome {
  std::string text;
  uint64_t cost = 0;
};

std::string shown(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::string:
      return "'" + value.text() + "'";
    case Value::Kind::bytes:
      return "b'" + value.text() + "'";
    case Value::Kind::unsigned_integer:
      return plain_text(value) + "u";
    case Value::Kind::optional:
      return value.has_value() ? "optional(" + shown(value.inner()) + ")" : "none";
    case Value::Kind::list:
    case Value::Kind::map: {
      std::string out;
      for (size_t i = 0; value.is(Value::Kind::list) && i < value.size(); ++i) {
        out += (i > 0 ? ", " : "") + shown(value.at(i));
      }
      for (const auto& key : value.keys())
        out += (out.empty() ? "" : ", ") + shown(key) + ": " + shown(*value.find(key));
      return value.is(Value::Kind::list) ? "[" + out + "]" : "{" + out + "}";
    }
    default:
      return plain_text(value);
  }
}

Outcome outcome(const std::string& source, uint64_t cost_max = call_cost_max) {
  Environment environment;
  environment.declare("o", dyn_type()).declare("n", int_type()).declare("list", list_type(string_type()));
  const auto program = environment.compile(source);
  if (!program) return {"refused: " + program.error().message};
  static const Json list = Json::array({"x", "y"});
  Bindings bindings;
  bindings.set("o", Value::of(sample())).set("n", Value::integer(5)).set("list", Value::of(list));
  Outcome out;
  const auto value = program->evaluate(bindings, cost_max, &out.cost);
  out.text = value ? shown(*value) : "error: " + value.error().message;
  return out;
}

std::string result(const std::string& source) { return outcome(source).text; }

TEST_CASE("cel: literals") {
  CHECK(result("1") == "1");
  CHECK(result("-9223372036854775808") == "-9223372036854775808");
  CHECK(result("0xff") == "255");
  CHECK(result("7u") == "7u");
  CHECK(result("0x1Fu") == "31u");
  CHECK(result("1.5e3") == "1500");
  CHECK(result(".5") == "0.5");
  CHECK(result("true && !false") == "true");
  CHECK(result("null") == "null");
  CHECK(result(R"('it\'s \u00fc \x41 \101')") == "'it's \u00fc A A'");
  CHECK(result(R"(r'\d+' + R"\w")") == R"('\d+\w')");
  CHECK(result("'''two\nlines'''") == "'two\nlines'");
  CHECK(result(R"(r"""a"b""")") == "'a\"b'");
  CHECK(result(R"(b'\x41\377' == bytes('A') + b'\xff')") == "true");
  CHECK(result("1 // a comment\n + 1") == "2");
  CHECK(result("9223372036854775808").starts_with("refused: ERROR: <input>:1:1: invalid int literal"));
  CHECK(result("'open").starts_with("refused: ERROR: <input>:1:1: Syntax error"));
  CHECK(result(R"('\q')").starts_with("refused: ERROR: <input>:1:1: Syntax error"));
}

TEST_CASE("cel: what is wrong is said with its place") {
  CHECK(result("o.a + zz") ==
        "refused: ERROR: <input>:1:7: undeclared reference to 'zz' (in container '')\n | o.a + zz\n | ......^");
  CHECK(result("1 + 'a'") ==
        "refused: ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n"
        " | 1 + 'a'\n | ..^");
  CHECK(result("list.join(1)") ==
        "refused: ERROR: <input>:1:10: found no matching overload for 'join' applied to 'list(string).(int)'\n"
        " | list.join(1)\n | .........^");
  CHECK(result("[1, 'a']") ==
        "refused: ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^");
  CHECK(result("n.x").find("type 'int' does not support field selection") != std::string::npos);
  CHECK(result("n.all(x, true)").find("expression of type 'int' cannot be range of a comprehension") !=
        std::string::npos);
  CHECK(result("o.l.all(x.y, true)").find("argument must be a simple name") != std::string::npos);
  CHECK(result("has(o)").find("invalid argument to has() macro") != std::string::npos);
  CHECK(result("duration('x')").find("invalid duration argument") != std::string::npos);
  CHECK(result("'a'.matches('(')").find("invalid matches argument") != std::string::npos);
  CHECK(result("for").find("reserved identifier: for") != std::string::npos);
}

TEST_CASE("cel: arithmetic never wraps") {
  CHECK(result("9223372036854775807 + 1") == "error: integer overflow");
  CHECK(result("0u - 1u") == "error: unsigned integer overflow");
  CHECK(result("-9223372036854775808 / -1") == "error: integer overflow");
  CHECK(result("1 / 0") == "error: division by zero");
  CHECK(result("1 % 0") == "error: modulus by zero");
  CHECK(result("-7 / 2") == "-3");
  CHECK(result("-7 % 2") == "-1");
  CHECK(result("1.0 / 0.0") == "+Inf");
  CHECK(result("timestamp('9999-12-31T23:59:59Z') + duration('1s')") == "error: timestamp overflow");
  CHECK(result("timestamp('2024-03-01T00:00:00Z') - timestamp('2024-02-28T00:00:00Z') == duration('48h')") == "true");
}

TEST_CASE("cel: numbers compare across types, exactly") {
  CHECK(result("1 < 1.5 && 2u > 1 && 1.0 >= 1u") == "true");
  CHECK(result("dyn(1) == dyn(1.0) && dyn(1u) == 1") == "true");
  CHECK(result("9007199254740993 < 9007199254740992.0") == "false");
  CHECK(result("9007199254740993 > 9007199254740992.0") == "true");
  CHECK(result("dyn(9007199254740993) == 9007199254740992.0") == "false");
  CHECK(result("18446744073709551615u > -1") == "true");
  CHECK(result("{1: 'x'}[dyn(1.0)] + {1: 'x'}[dyn(1u)]") == "'xx'");
  CHECK(result("dyn('a') == dyn(1)") == "false");
  CHECK(result("0.0 / 0.0 == 0.0 / 0.0") == "false");
}

TEST_CASE("cel: documents") {
  CHECK(result("o.m.x.y + o.l[1]") == "4");
  CHECK(result("o.f") == "1.5");
  CHECK(result("o.n == null") == "true");
  CHECK(result("o.zz") == "error: no such key: zz");
  CHECK(result("o.l[3]") == "error: index out of bounds: 3");
  CHECK(result("has(o.m.x) && !has(o.m.z)") == "true");
  CHECK(result("'a' in o && !('zz' in o) && 2 in o.l") == "true");
  CHECK(result("o.?m.?q.?y.orValue(7)") == "7");
  CHECK(result("o.?m.x.y") == "optional(2)");
  CHECK(result("o.l[?9].hasValue()") == "false");
  CHECK(result("[?o.?a, ?o.?zz]") == "[1]");
  CHECK(result("{?'k': o.?zz, ?'j': o.?s}") == "{'j': 'hello'}");
  CHECK(result("o.s.b") == "error: no such key: b");
}

TEST_CASE("cel: errors are absorbed where the answer is known without them") {
  CHECK(result("o.zz > 1 || true") == "true");
  CHECK(result("true || o.zz > 1") == "true");
  CHECK(result("o.zz > 1 && false") == "false");
  CHECK(result("o.zz > 1 && true") == "error: no such key: zz");
  CHECK(result("[1, 0].exists(x, 1 / x == 1)") == "true");
  CHECK(result("[0, 1].exists(x, 1 / x == 1)") == "true");
  CHECK(result("[0, 2].exists(x, 1 / x == 1)") == "error: division by zero");
  CHECK(result("[0, 2].all(x, 1 / x == 1)") == "false");
  CHECK(result("o.a == 1 ? 'one' : o.zz") == "'one'");
}

TEST_CASE("cel: macros") {
  CHECK(result("o.l.map(x, x * 2)") == "[2, 4, 6]");
  CHECK(result("o.l.map(x, x > 1, x * 2)") == "[4, 6]");
  CHECK(result("o.l.filter(x, x != 2)") == "[1, 3]");
  CHECK(result("o.l.exists_one(x, x > 2)") == "true");
  CHECK(result("o.m.all(k, k == 'x')") == "true");
  CHECK(result("[1, 2].map(x, [x].map(x, x + 10)[0] + x)") == "[12, 14]");
  CHECK(result("list.all(i, v, v == ['x', 'y'][i])") == "true");
  CHECK(result("{'a': 1, 'b': 2}.exists(k, v, k == 'b' && v == 2)") == "true");
  CHECK(result("list.transformList(i, v, v + string(i))") == "['x0', 'y1']");
  CHECK(result("{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10)") == "{'b': 20}");
  CHECK(result("{'a': 'b'}.transformMapEntry(k, v, {v: k})") == "{'b': 'a'}");
  CHECK(result("[1, 1].transformMapEntry(i, v, {v: i})") == "error: insert failed: key 1 already exists");
  CHECK(result("optional.of(3).optMap(x, x * x)") == "optional(9)");
  CHECK(result("optional.none().optMap(x, 1 / 0).hasValue()") == "false");
  CHECK(result("optional.of([1]).optFlatMap(x, x[?0])") == "optional(1)");
}

// Figures of cel-go 0.26 with Kubernetes' estimator.
TEST_CASE("cel: what an evaluation costs") {
  const auto cost = [](const std::string& source) { return outcome(source).cost; };
  CHECK(cost("n") == 1);
  CHECK(cost("o.m.x.y") == 4);
  CHECK(cost("has(o.m.x.y)") == 3);
  CHECK(cost("[1, 2, 3]") == 0);
  CHECK(cost("{'a': n}") == 31);
  CHECK(cost("n in [1, 2, 3]") == 1);
  CHECK(cost("[1, 2, 3].all(x, x > 0)") == 16);
  CHECK(cost("[1, 2, 3].map(x, x * 2)") == 43);
  CHECK(cost("[1, 2, 3].exists_one(x, x > 2)") == 10);
  CHECK(cost("(true ? o.m : o).x.y") == 3);
  CHECK(cost("o[o.s == 'hello' ? 'a' : 's']") == 5);
  CHECK(cost("o.s.matches('h.*')") == 3);
  CHECK(cost("optional.none().orValue(5)") == 1);
}

TEST_CASE("cel: an evaluation ends when its budget is spent") {
  const std::string heavy = "o.l.all(a, o.l.all(b, o.l.all(c, a + b + c > 0)))";
  CHECK(outcome(heavy).text == "true");
  const auto stopped = outcome(heavy, 100);
  CHECK(stopped.text == "error: operation cancelled: actual cost limit exceeded");
  CHECK(stopped.cost <= 110);
  CHECK(outcome("true || " + heavy, 0).text == "true");
}

TEST_CASE("cel: deep and long sources are refused, not crashed on") {
  CHECK(result(std::string(5000, '(') + "1" + std::string(5000, ')')).find("recursion limit") != std::string::npos);
  CHECK(result(std::string(5000, '[')).find("recursion limit") != std::string::npos);
  CHECK(result(std::string(200'000, ' ') + "1").find("exceeds limit") != std::string::npos);
  std::string chain = "1", many = "true";
  for (int i = 0; i < 100; ++i) chain += " + 1";
  for (int i = 0; i < 5000; ++i) many += " && true";
  CHECK(result(chain) == "101");
  CHECK(result(many) == "true");
  for (int i = 0; i < 5000; ++i) chain += " + 1";
  CHECK(result(chain).find("recursion limit") != std::string::npos);
}

struct Door : HostObject {
  std::string_view type_name() const override { return "test.Door"; }
  std::optional<Value> get(std::string_view field) const override {
    if (field != "colour") return std::nullopt;
    return Value::string("red");
  }
  Value call(std::string_view method, std::span<const Value> args) const override {
    return method == "opens" ? Value::boolean(args[0].text() == "key") : Value::error("no such overload");
  }
};

TEST_CASE("cel: objects of the host, lazy variables, records") {
  Environment environment;
  auto door_type = std::make_shared<Type>(*opaque_type("test.Door"));
  door_type->fields = {{"colour", "colour", string_type()}};
  environment.declare("door", door_type).declare("late", int_type());
  environment.declare("r",
                      object_type("record", {{"a__dash__b", "a-b", int_type()}, {"when", "when", timestamp_type()}}));
  environment.declare_method(door_type, "opens", {string_type()}, bool_type(), 50);
  int computed = 0;
  const Json record = *base::parse_json(R"({"a-b":3,"when":"2026-01-02T03:04:05Z","hidden":1})");
  const TypeRef type = object_type("record", {{"a__dash__b", "a-b", int_type()}, {"when", "when", timestamp_type()}});
  Bindings bindings;
  bindings.set("door", Value::object(std::make_shared<Door>()));
  bindings.set("r", Value::of(record, type.get()));
  bindings.set_lazy("late", [&] { return Value::integer(++computed); });
  const auto run = [&](const char* source) {
    const auto program = environment.compile(source);
    if (!program) return program.error().message;
    const auto value = program->evaluate(bindings);
    return value ? shown(*value) : value.error().message;
  };
  CHECK(run("door.opens('key') && door.colour == 'red'") == "true");
  CHECK(run("door.opens(1)").find("no matching overload") != std::string::npos);
  CHECK(run("door.size").find("undefined field 'size'") != std::string::npos);
  CHECK(computed == 0);
  CHECK(run("late + late") == "2");
  CHECK(computed == 1);
  CHECK(run("r.a__dash__b + r.when.getFullYear()") == "2029");
  CHECK(run("r.hidden").find("undefined field 'hidden'") != std::string::npos);
  CHECK(environment.compile("late > 0")->uses("late"));
  CHECK_FALSE(environment.compile("late > 0")->uses("door"));
  CHECK(environment.compile("late", {.result = bool_type()}).error().message == "must evaluate to bool");
}

TEST_CASE("cel: a variable may have dots in its name") {
  Environment environment;
  environment.declare("a", int_type()).declare("a.b", string_type());
  Bindings bindings;
  bindings.set("a", Value::integer(1)).set("a.b", Value::string("two"));
  const auto program = environment.compile("a == 1 && a.b == 'two' && [3].all(a, a == 3)");
  REQUIRE(program);
  const auto value = program->evaluate(bindings);
  REQUIRE(value);
  CHECK(value->is_true());
}

TEST_CASE("cel: names of properties") {
  CHECK(escape_name("a.b-c/d") == "a__dot__b__dash__c__slash__d");
  CHECK(escape_name("a__b") == "a__underscores__b");
  CHECK(escape_name("namespace") == "__namespace__");
  CHECK(escape_name("plain_1") == "plain_1");
  CHECK(escape_name("9x").empty());
  CHECK(escape_name("a b").empty());
}

}  // namespace
}  // namespace cel
