// The Kubernetes libraries and the extensions: values and costs as k8s.io/apiserver 1.34 gives them.
#include <doctest/doctest.h>

#include "cel/cel.h"
#include "cel/functions.h"

namespace cel {
namespace {

struct Case {
  const char* source;
  const char* value;  // of string(...) where it is no string itself; "error: ..." for failures
  uint64_t cost;
};

std::string shown(const Value& value) {
  if (value.is(Value::Kind::optional)) return value.has_value() ? shown(value.inner()) : "none";
  if (!value.is(Value::Kind::list)) return plain_text(value);
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) out += (i > 0 ? "," : "") + shown(value.at(i));
  return "[" + out + "]";
}

void check_all(std::initializer_list<Case> cases) {
  for (const auto& one : cases) {
    CAPTURE(one.source);
    const auto program = Environment().compile(one.source);
    REQUIRE_MESSAGE(program, (program ? "" : program.error().message));
    uint64_t cost = 0;
    const auto value = program->evaluate({}, call_cost_max, &cost);
    CHECK((value ? shown(*value) : "error: " + value.error().message) == one.value);
    CHECK(cost == one.cost);
  }
}

TEST_CASE("cel: addresses and networks") {
  check_all({{"ip('192.168.0.1').family()", "4", 3},
             {"string(ip('2001:db8:0:0:0:0:0:1'))", "2001:db8::1", 3},
             {"ip.isCanonical('2001:DB8::1')", "false", 3},
             {"isIP('1.2.3')", "false", 1},
             {"ip('::ffff:1.2.3.4')", "error: IPv4-mapped IPv6 address \"::ffff:1.2.3.4\" is not allowed", 2},
             {"ip('169.254.1.1').isLinkLocalUnicast() && !ip('169.254.1.1').isGlobalUnicast()", "true", 7},
             {"ip('127.0.0.1') == ip('127.0.0.1')", "true", 3},
             {"cidr('10.0.0.0/8').containsIP('10.1.2.3')", "true", 3},
             {"cidr('10.0.0.0/8').containsCIDR(cidr('0.0.0.0/0'))", "false", 5},
             {"string(cidr('10.1.2.3/8').masked())", "10.0.0.0/8", 3},
             {"cidr('10.1.2.3/8').prefixLength()", "8", 2},
             {"isCIDR('2001:db8::/129')", "false", 2}});
}

TEST_CASE("cel: URLs") {
  check_all({{"url('https://u:p@example.com:8080/a%20b?x=1&x=2').getHost()", "example.com:8080", 6},
             {"url('https://[::1]:80/x').getHostname()", "::1", 3},
             {"url('https://example.com/a b').getEscapedPath()", "/a%20b", 4},
             {"url('/p?q=1&q=b%20c').getQuery()['q']", "[1,b c]", 5},
             {"isURL('../x')", "false", 1},
             {"isURL('mailto:a@b')", "true", 1},
             {"isURL('https://x/%zz')", "false", 1}});
}

TEST_CASE("cel: quantities are exact") {
  check_all({{"quantity('1Ki') == quantity('1024')", "true", 3},
             {"quantity('1k').isLessThan(quantity('1Ki'))", "true", 3},
             {"quantity('500m').add(quantity('500m')) == quantity('1')", "true", 5},
             {"quantity('5').sub(3).compareTo(quantity('2'))", "0", 4},
             {"quantity('1.5Gi').asApproximateFloat()", "1.610612736e+09", 2},
             {"quantity('1.5k').isInteger() && !quantity('1.0').isInteger()", "true", 5},
             {"sign(quantity('-5'))", "-1", 2},
             {"isQuantity('1e3') && isQuantity('.5') && !isQuantity('1 Ki') && !isQuantity('')", "true", 5},
             // Beyond what a double holds.
             {"quantity('9007199254740993').compareTo(quantity('9007199254740992'))", "1", 5}});
  CHECK_FALSE(Environment().compile("quantity('1') + quantity('2')"));
}

TEST_CASE("cel: semantic versions") {
  check_all({{"semver('1.2.3').minor()", "2", 2},
             {"semver('1.2.3-alpha.10').isGreaterThan(semver('1.2.3-alpha.9'))", "true", 5},
             {"semver('1.2.3-rc').isLessThan(semver('1.2.3'))", "true", 3},
             {"semver('1.2.3+x').compareTo(semver('1.2.3+y'))", "0", 3},
             {"semver('v1.2', true).patch()", "0", 2},
             {"isSemver('1.2') || isSemver('01.2.3') || isSemver('1.2.3-')", "false", 3}});
}

TEST_CASE("cel: named formats") {
  check_all({{"format.dns1123Label().validate('abc')", "none", 9},
             {"format.labelValue().validate('')", "none", 11},
             {"format.qualifiedName().validate('a.com/b').hasValue()", "false", 17},
             {"format.uuid().validate('x')", "[does not match the UUID format]", 19},
             {"format.date().validate('2021-02-30')", "[invalid date]", 37},
             {"format.named('dns1035Label').value().validate('1a').value().size()", "1", 12},
             {"format.named('nope').hasValue()", "false", 2},
             {"format.dns1123LabelPrefix().validate('abc-')", "none", 9}});
}

TEST_CASE("cel: lists and sets") {
  check_all({{"[1, 2, 3].sum()", "6", 3},
             {"[duration('1s'), duration('2s')].sum() == duration('3s')", "true", 3},
             {"[1, 3, 2].isSorted()", "false", 3},
             {"[2, 1].min() + [2, 1].max()", "3", 5},
             {"[1, 2, 1].lastIndexOf(1)", "2", 3},
             {"[3, 1, 2].sort()", "[1,2,3]", 29},
             {"[3, 1].sortBy(e, -e)", "[3,1]", 50},
             {"[1, 1, 2].distinct()", "[1,2]", 29},
             {"[1, 2, 3].slice(1, 2)", "[2]", 12},
             {"[[1, 2], [3]].flatten(2).size()", "3", 16},
             {"lists.range(3).reverse()", "[2,1,0]", 28},
             {"sets.contains([1, 2], [1]) && sets.equivalent([1, 2], [2, 1])", "true", 12},
             {"sets.intersects([1], [2])", "false", 2}});
}

TEST_CASE("cel: strings") {
  check_all({{"'\u65e5\u672c'.substring(1)", "\u672c", 1},
             {"'h\u00e9llo'.indexOf('l') + 'abc'.lastIndexOf('c')", "4", 1},
             {"'abc'.indexOf('b', 9)", "-1", 0},
             {"'a,b,c'.split(',', 2)", "[a,b,c]", 1},
             {"'abc'.replace('', '-')", "-a-b-c-", 1},
             {"' x '.trim() + 'ABC'.lowerAscii()", "xabc", 3},
             {"['a', 'b'].join('+')", "a+b", 1},
             {"'%s is %d, %.2f, %x, %b'.format(['a', 5, 2.346, 255, 5])", "a is 5, 2.35, ff, 101", 3},
             {"'%s'.format([[1, 'a', {'k': 2.5}]])", "[1, \"a\", {\"k\":2.500000}]", 1},
             {"strings.quote('a\"b\\n')", "\"a\\\"b\\n\"", 1},
             {"'a1b22'.findAll('[0-9]+')", "[1,22]", 2},
             {"'abc'.find('b+')", "b", 1},
             {"'abc'.substring(2, 1)", "error: invalid substring range. start: 2, end: 1", 1}});
  CHECK(Environment().compile("'%s'.format([1, 2])").error().message.find("too many arguments") != std::string::npos);
}

TEST_CASE("cel: time") {
  check_all(
      {{"timestamp('2023-05-06T23:08:09Z').getHours('+02:00')", "1", 1},
       {"timestamp('2023-05-06T23:08:09Z').getDayOfWeek()", "6", 1},
       {"timestamp('2023-05-06T23:08:09Z').getDayOfYear()", "125", 1},
       {"timestamp('2023-05-06T23:08:09Z').getMonth()", "4", 1},
       {"string(timestamp('2023-05-06T07:08:09.5Z'))", "2023-05-06T07:08:09.5Z", 0},
       {"string(duration('-1.5h'))", "-5400s", 0},
       {"duration('90m').getHours()", "1", 1},
       {"int(timestamp('1969-12-31T23:59:59Z'))", "-1", 0},
       {"timestamp('2023-05-06T23:08:09Z').getHours('Mars/Olympus')", "error: unknown time zone Mars/Olympus", 1}});
}

TEST_CASE("cel: what a rule can cost at most is estimated from the sizes of types") {
  auto text = std::make_shared<Type>(*string_type());
  text->size_max = 1000;
  auto list = std::make_shared<Type>(*list_type(text));
  list->size_max = 500;
  Environment environment;
  environment.declare("list", list);
  const auto estimated = [&](const char* source) { return environment.compile(source)->estimated_cost(); };
  CHECK(estimated("list.size() > 3") == 3);
  // For each item: two for going on, the accumulator, the item, the prefix.
  CHECK(estimated("list.all(x, x.startsWith('abc'))") == 500 * 5 + 2);
  CHECK(estimated("list.all(x, x.contains(x))") == 500 * (2 + 3 + 100 * 100) + 2);
  CHECK(estimated("list.all(x, list.all(y, x != y))") == 500 * (3 + 500 * (5 + 100) + 2) + 2);
}

}  // namespace
}  // namespace cel
