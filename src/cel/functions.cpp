#include "cel/functions.h"

#include <cmath>

#include "base/check.h"
#include "base/text.h"

namespace cel {
namespace {

TypeRef parse_type(std::string_view text);

std::vector<TypeRef> parse_types(std::string_view text) {
  std::vector<TypeRef> out;
  size_t start = 0;
  int depth = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    depth += c == '<' ? 1 : (c == '>' ? -1 : 0);
    if (c != ',' || (depth > 0 && i < text.size())) continue;
    const auto part = base::trim(text.substr(start, i - start));
    if (!part.empty()) out.push_back(parse_type(part));
    start = i + 1;
  }
  return out;
}

TypeRef parse_type(std::string_view text) {
  const size_t open = text.find('<');
  if (open != std::string_view::npos) {
    auto inner = parse_types(text.substr(open + 1, text.size() - open - 2));
    const auto word = text.substr(0, open);
    if (word == "list") return list_type(inner[0]);
    if (word == "map") return map_type(inner[0], inner[1]);
    if (word == "type") return type_type(inner[0]);
    CHECK_THAT(word == "optional", "a type of a declaration");
    return optional_type(inner[0]);
  }
  static const std::map<std::string_view, TypeRef> words = {{"bool", bool_type()},
                                                            {"int", int_type()},
                                                            {"uint", uint_type()},
                                                            {"double", double_type()},
                                                            {"string", string_type()},
                                                            {"bytes", bytes_type()},
                                                            {"timestamp", timestamp_type()},
                                                            {"duration", duration_type()},
                                                            {"dyn", dyn_type()},
                                                            {"null", null_type()}};
  if (const auto known = words.find(text); known != words.end()) return known->second;
  if (text.size() == 1) return parameter_type(std::string(text));
  return opaque_type(std::string(text));
}

// What counts as the size of a value when a call is charged.
uint64_t charged_size(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::string:
    case Value::Kind::bytes:
    case Value::Kind::list:
    case Value::Kind::map:
      return value.size();
    case Value::Kind::optional:
      return value.has_value() ? charged_size(value.inner()) : 1;
    case Value::Kind::object: {
      const auto size = value.object().get("@size");
      return size ? static_cast<uint64_t>(size->integer()) : 1;
    }
    default:
      return 1;
  }
}

uint64_t part(double size, double factor) { return static_cast<uint64_t>(std::ceil(size * factor)); }
double size_of(const Value& value) { return static_cast<double>(charged_size(value)); }

uint64_t visit_cost(const Value& value) {
  uint64_t cost = 0;
  switch (value.kind()) {
    case Value::Kind::string:
    case Value::Kind::bytes:
      return static_cast<uint64_t>(static_cast<double>(value.text().size()) * 0.1);
    case Value::Kind::list:
      for (size_t i = 0; i < value.size(); ++i) cost += visit_cost(value.at(i));
      return cost;
    case Value::Kind::map:
      for (const auto& key : value.keys()) {
        cost += visit_cost(key);
        if (const auto member = value.find(key)) cost += visit_cost(*member);
      }
      return cost;
    default:
      return 1;
  }
}

constexpr uint64_t new_list_cost = 11;

uint64_t compare_cost(const Value& list) {
  const double size = size_of(list);
  const bool texts = size > 0 && list.is(Value::Kind::list) &&
                     (list.at(0).is(Value::Kind::string) || list.at(0).is(Value::Kind::bytes));
  return new_list_cost + static_cast<uint64_t>(size * size * (texts ? 2.1 : 2.0));
}

}  // namespace

void Functions::add(const char* name, const char* signature, CostRule cost, Function function) {
  const std::string_view text = signature;
  const size_t colon = text.rfind(':');
  Overload made;
  made.member = text.starts_with('m');
  made.parameters = parse_types(text.substr(1, colon - 1));
  made.result = parse_type(base::trim(text.substr(colon + 1)));
  made.cost = cost;
  made.function = function;
  all_[name].push_back(std::move(made));
}

const std::vector<Overload>* Functions::find(std::string_view name) const {
  const auto found = all_.find(name);
  return found == all_.end() ? nullptr : &found->second;
}

const Functions& library() {
  static const Functions made = [] {
    Functions out;
    add_operators(out);
    add_conversions(out);
    add_times(out);
    add_strings(out);
    add_lists(out);
    add_optionals(out);
    add_network(out);
    add_quantities(out);
    add_formats(out);
    add_authorizer(out);
    return out;
  }();
  return made;
}

bool fits(const Type& parameter, const Value& value) {
  using Kind = Value::Kind;
  switch (parameter.kind) {
    case TypeKind::null:
      return value.is(Kind::null);
    case TypeKind::boolean:
      return value.is(Kind::boolean);
    case TypeKind::integer:
      return value.is(Kind::integer);
    case TypeKind::unsigned_integer:
      return value.is(Kind::unsigned_integer);
    case TypeKind::real:
      return value.is(Kind::real);
    case TypeKind::string:
      return value.is(Kind::string);
    case TypeKind::bytes:
      return value.is(Kind::bytes);
    case TypeKind::timestamp:
      return value.is(Kind::timestamp);
    case TypeKind::duration:
      return value.is(Kind::duration);
    case TypeKind::list:
      return value.is(Kind::list);
    case TypeKind::map:
    case TypeKind::object:
      return value.is(Kind::map);
    case TypeKind::type:
      return value.is(Kind::type);
    case TypeKind::optional:
      return value.is(Kind::optional);
    case TypeKind::opaque:
      return value.is(Kind::object) && value.object().type_name() == parameter.name;
    default:
      return true;
  }
}

uint64_t call_cost(CostRule rule, Arguments args, const Value& result) {
  switch (rule) {
    case CostRule::unit:
      return 1;
    case CostRule::nothing:
      return 0;
    case CostRule::traverse:
      return part(size_of(args[0]), 0.1);
    case CostRule::traverse_twice:
      return part(size_of(args[0]), 0.2);
    case CostRule::build:
      return part(size_of(result), 0.2);
    case CostRule::in_list:
      return charged_size(args[1]);
    case CostRule::equal:
      if (args[0].is(Value::Kind::object)) return 1;
      [[fallthrough]];
    case CostRule::smaller:
      return part(std::min(size_of(args[0]), size_of(args[1])), 0.1);
    case CostRule::join_both:
      return part(size_of(args[0]) + size_of(args[1]), 0.1);
    case CostRule::match:
      return part(1 + size_of(args[0]), 0.1) * part(size_of(args[1]), 0.25);
    case CostRule::contain:
      return part(size_of(args[0]), 0.1) * part(size_of(args[1]), 0.1);
    case CostRule::visit:
      return args.empty() ? 0 : visit_cost(args[0]);
    case CostRule::selector:
      return 10 + part(size_of(args[1]), 0.1) + 50 * part(size_of(args[1]), 0.5);
    case CostRule::authorize:
      return 350000;
    case CostRule::sets:
      return charged_size(args[0]) * charged_size(args[1]) + 1;
    case CostRule::sets_twice:
      return charged_size(args[0]) * charged_size(args[1]) * 2 + 1;
    case CostRule::list_result:
      return new_list_cost + charged_size(result);
    case CostRule::list_compare:
      return compare_cost(args[0]);
    case CostRule::list_order:
      return compare_cost(args[1]);
    case CostRule::list_flatten:
      return new_list_cost +
             charged_size(args[0]) * (args.size() > 1 && args[1].is(Value::Kind::integer)
                                          ? static_cast<uint64_t>(std::max<int64_t>(args[1].integer(), 0))
                                          : 1);
    case CostRule::named_format: {
      if (!args[0].is(Value::Kind::object)) return 1;
      const auto pattern = args[0].object().get("@pattern");
      return part(1 + size_of(args[1]), 0.1) * part(static_cast<double>(pattern->integer()), 0.25);
    }
    case CostRule::contains_ip:
      return part(size_of(args[0]) * 2, 0.1);
    case CostRule::contains_ip_text:
      return part(size_of(args[0]) * 2, 0.1) + part(size_of(args[1]), 0.1);
    case CostRule::contains_cidr:
      return part(size_of(args[0]) * 2, 0.1) + part(size_of(args[0]), 0.1) + 1;
    case CostRule::contains_cidr_text:
      return part(size_of(args[0]) * 2, 0.1) + part(size_of(args[0]), 0.1) + 1 + part(size_of(args[1]), 0.1);
  }
  return 1;
}

}  // namespace cel
