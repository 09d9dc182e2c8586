// Kubernetes quantities and semantic versions.
#include <algorithm>

#include "base/text.h"
#include "cel/decimal.h"
#include "cel/functions.h"

namespace cel {
namespace {

using Kind = Value::Kind;

struct Quantity : HostObject {
  explicit Quantity(Decimal given) : number(given) {}
  std::string_view type_name() const override { return "kubernetes.Quantity"; }
  bool equals(const HostObject& other) const override { return number == static_cast<const Quantity&>(other).number; }
  Decimal number;
};

const Decimal& number_of(const Value& value) { return static_cast<const Quantity&>(value.object()).number; }
Value made(Decimal number) { return Value::object(std::make_shared<Quantity>(number)); }

Value to_quantity(Arguments args) {
  const auto number = parse_decimal(args[0].text());
  if (number) return made(*number);
  return Value::error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}

Value is_quantity(Arguments args) { return Value::boolean(parse_decimal(args[0].text()).has_value()); }

int order(const Decimal& a, const Decimal& b) { return a < b ? -1 : (b < a ? 1 : 0); }
Value compare_to(Arguments args) { return Value::integer(order(number_of(args[0]), number_of(args[1]))); }
Value is_greater(Arguments args) { return Value::boolean(number_of(args[1]) < number_of(args[0])); }
Value is_less(Arguments args) { return Value::boolean(number_of(args[0]) < number_of(args[1])); }
Value sign(Arguments args) { return Value::integer(order(number_of(args[0]), Decimal{})); }
Value as_float(Arguments args) { return Value::real(approximate(number_of(args[0]))); }
std::optional<int64_t> integer_of(const Value& value) {
  return number_of(value).wide ? std::nullopt : whole_part(number_of(value));
}
Value is_integer(Arguments args) { return Value::boolean(integer_of(args[0]).has_value()); }

Value as_integer(Arguments args) {
  const auto whole = integer_of(args[0]);
  return whole ? Value::integer(*whole) : Value::error("cannot convert value to integer");
}

template <int Sign>
Value moved(Arguments args) {
  const Decimal by =
      args[1].is(Kind::integer) ? Decimal{static_cast<Wide>(args[1].integer()) * 1'000'000'000} : number_of(args[1]);
  const Decimal& from = number_of(args[0]);
  return made({from.nanos + Sign * by.nanos, from.wide || by.wide});
}

// ---- semantic versions (semver.org 2.0.0)

struct Version : HostObject {
  std::string_view type_name() const override { return "kubernetes.Semver"; }
  bool equals(const HostObject& other) const override;
  uint64_t part[3] = {0, 0, 0};
  std::vector<std::string> before;  // pre-release identifiers
};

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

// Numbers before words, numbers by size, words by bytes.
int order_of_identifiers(const std::string& a, const std::string& b) {
  const bool left = is_number(a), right = is_number(b);
  if (left != right) return left ? -1 : 1;
  if (left && a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a < b ? -1 : (b < a ? 1 : 0);
}

int order(const Version& a, const Version& b) {
  for (int i = 0; i < 3; ++i) {
    if (a.part[i] != b.part[i]) return a.part[i] < b.part[i] ? -1 : 1;
  }
  if (a.before.empty() != b.before.empty()) return a.before.empty() ? 1 : -1;
  for (size_t i = 0; i < std::min(a.before.size(), b.before.size()); ++i) {
    if (const int one = order_of_identifiers(a.before[i], b.before[i]); one != 0) return one;
  }
  if (a.before.size() == b.before.size()) return 0;
  return a.before.size() < b.before.size() ? -1 : 1;
}

bool Version::equals(const HostObject& other) const { return order(*this, static_cast<const Version&>(other)) == 0; }

// "v1.2" becomes 1.2.0, and zeros in front of numbers go.
std::string normalised(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  const size_t end = std::min(text.find_first_of("-+"), text.size());
  std::vector<std::string> parts;
  for (const auto part : base::split(text.substr(0, end), '.')) {
    std::string plain(part);
    while (plain.size() > 1 && plain.front() == '0') plain.erase(0, 1);
    parts.push_back(std::move(plain));
  }
  // A version that says more than its numbers says all of them.
  while (end == text.size() && parts.size() < 3) parts.emplace_back("0");
  return base::join(parts, ".") + std::string(text.substr(end));
}

std::shared_ptr<Version> parse_version(std::string_view text, std::string& why) {
  if (text.empty()) {
    why = "Version string empty";
    return nullptr;
  }
  auto out = std::make_shared<Version>();
  const size_t plus = std::min(text.find('+'), text.size());
  if (plus < text.size()) {
    for (const auto part : base::split(text.substr(plus + 1), '.')) {
      if (is_identifier(part)) continue;
      why = part.empty() ? "Build meta data is empty"
                         : "Invalid character(s) found in build meta data " + base::quoted(part);
      return nullptr;
    }
  }
  const auto front = text.substr(0, plus);
  const size_t dash = std::min(front.find('-'), front.size());
  const auto parts = base::split(front.substr(0, dash), '.');
  if (parts.size() != 3) {
    why = "No Major.Minor.Patch elements found";
    return nullptr;
  }
  static constexpr const char* names[] = {"major", "minor", "patch"};
  for (size_t i = 0; i < 3; ++i) {
    const auto number = is_number(parts[i]) ? base::parse_uint(parts[i]) : std::nullopt;
    const bool zeros = parts[i].size() > 1 && parts[i].front() == '0';
    if (!number || zeros) {
      why = (zeros ? std::string(names[i]) + " number must not contain leading zeroes "
                   : "Invalid character(s) found in " + std::string(names[i]) + " number ") +
            base::quoted(parts[i]);
      return nullptr;
    }
    out->part[i] = *number;
  }
  if (dash == front.size()) return out;
  for (const auto part : base::split(front.substr(dash + 1), '.')) {
    if (!is_identifier(part) || (is_number(part) && part.size() > 1 && part.front() == '0')) {
      why = part.empty()      ? "Prerelease is empty"
            : is_number(part) ? "Numeric PreRelease version must not contain leading zeroes " + base::quoted(part)
                              : "Invalid character(s) found in prerelease " + base::quoted(part);
      return nullptr;
    }
    out->before.emplace_back(part);
  }
  return out;
}

const Version& version_of(const Value& value) { return static_cast<const Version&>(value.object()); }

std::shared_ptr<Version> given_version(Arguments args, std::string& why) {
  const bool loose = args.size() > 1 && args[1].boolean();
  return parse_version(loose ? normalised(args[0].text()) : args[0].text(), why);
}

Value to_version(Arguments args) {
  std::string why;
  auto version = given_version(args, why);
  return version ? Value::object(std::move(version)) : Value::error(why);
}

Value is_version(Arguments args) {
  std::string why;
  return Value::boolean(given_version(args, why) != nullptr);
}

Value version_compare(Arguments args) { return Value::integer(order(version_of(args[0]), version_of(args[1]))); }
Value version_greater(Arguments args) { return Value::boolean(order(version_of(args[0]), version_of(args[1])) > 0); }
Value version_less(Arguments args) { return Value::boolean(order(version_of(args[0]), version_of(args[1])) < 0); }

template <int Index>
Value version_part(Arguments args) {
  return Value::integer(static_cast<int64_t>(version_of(args[0]).part[Index]));
}

}  // namespace

void add_quantities(Functions& to) {
  const auto unit = CostRule::unit, traverse = CostRule::traverse;
  to.add("quantity", "f string: kubernetes.Quantity", traverse, to_quantity);
  to.add("isQuantity", "f string: bool", traverse, is_quantity);
  to.add("sign", "f kubernetes.Quantity: int", unit, sign);  // no method, as a real server has it
  to.add("isGreaterThan", "m kubernetes.Quantity, kubernetes.Quantity: bool", unit, is_greater);
  to.add("isLessThan", "m kubernetes.Quantity, kubernetes.Quantity: bool", unit, is_less);
  to.add("compareTo", "m kubernetes.Quantity, kubernetes.Quantity: int", unit, compare_to);
  to.add("asApproximateFloat", "m kubernetes.Quantity: double", unit, as_float);
  to.add("asInteger", "m kubernetes.Quantity: int", unit, as_integer);
  to.add("isInteger", "m kubernetes.Quantity: bool", unit, is_integer);
  for (const char* types : {"m kubernetes.Quantity, kubernetes.Quantity: kubernetes.Quantity",
                            "m kubernetes.Quantity, int: kubernetes.Quantity"}) {
    to.add("add", types, unit, moved<1>);
    to.add("sub", types, unit, moved<-1>);
  }
  to.add("semver", "f string: kubernetes.Semver", traverse, to_version);
  to.add("semver", "f string, bool: kubernetes.Semver", traverse, to_version);
  to.add("isSemver", "f string: bool", traverse, is_version);
  to.add("isSemver", "f string, bool: bool", traverse, is_version);
  to.add("isGreaterThan", "m kubernetes.Semver, kubernetes.Semver: bool", unit, version_greater);
  to.add("isLessThan", "m kubernetes.Semver, kubernetes.Semver: bool", unit, version_less);
  to.add("compareTo", "m kubernetes.Semver, kubernetes.Semver: int", unit, version_compare);
  to.add("major", "m kubernetes.Semver: int", unit, version_part<0>);
  to.add("minor", "m kubernetes.Semver: int", unit, version_part<1>);
  to.add("patch", "m kubernetes.Semver: int", unit, version_part<2>);
}

}  // namespace cel
