// Functions on lists (Kubernetes' and the list extension), sets, and what the macros with two variables need.
#include <algorithm>

#include "cel/functions.h"

namespace cel {
namespace {

using Kind = Value::Kind;

constexpr int64_t range_max = 1'000'000;

Value no_overload() { return Value::error("no such overload"); }

Value::Items items_of(const Value& list) {
  Value::Items out;
  out.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) out.push_back(list.at(i));
  return out;
}

Value is_sorted(Arguments args) {
  for (size_t i = 1; i < args[0].size(); ++i) {
    const auto order = compare(args[0].at(i - 1), args[0].at(i));
    if (!order) return no_overload();
    if (*order > 0) return Value::boolean(false);
  }
  return Value::boolean(true);
}

Value sum(Arguments args) {
  if (args[0].size() == 0) return Value::integer(0);
  Value total = args[0].at(0);
  for (size_t i = 1; i < args[0].size() && !total.is_error(); ++i) {
    const Value next = args[0].at(i);
    if (next.kind() != total.kind()) return no_overload();
    total = add_values(total, next);
  }
  return total;
}

template <int Sign>
Value extreme(Arguments args) {
  if (args[0].size() == 0) return Value::error(Sign > 0 ? "max called on empty list" : "min called on empty list");
  Value best = args[0].at(0);
  for (size_t i = 1; i < args[0].size(); ++i) {
    Value next = args[0].at(i);
    const auto order = compare(next, best);
    if (!order) return no_overload();
    if (*order * Sign > 0) best = std::move(next);
  }
  return best;
}

Value first_index(Arguments args) {
  for (size_t i = 0; i < args[0].size(); ++i) {
    if (equal(args[0].at(i), args[1])) return Value::integer(static_cast<int64_t>(i));
  }
  return Value::integer(-1);
}

Value last_index(Arguments args) {
  for (size_t i = args[0].size(); i > 0; --i) {
    if (equal(args[0].at(i - 1), args[1])) return Value::integer(static_cast<int64_t>(i - 1));
  }
  return Value::integer(-1);
}

Value includes(Arguments args) { return Value::boolean(first_index(args).integer() >= 0); }

Value slice(Arguments args) {
  const int64_t from = args[1].integer(), to = args[2].integer(), size = static_cast<int64_t>(args[0].size());
  const std::string range = std::to_string(from) + ", " + std::to_string(to);
  if (from < 0 || to < 0) return Value::error("cannot slice(" + range + "), negative indexes not supported");
  if (from > to)
    return Value::error("cannot slice(" + range + "), start index must be less than or equal to end index");
  if (to > size) return Value::error("cannot slice(" + range + "), list is length " + std::to_string(size));
  Value::Items out;
  for (int64_t i = from; i < to; ++i) out.push_back(args[0].at(static_cast<size_t>(i)));
  return Value::list(std::move(out));
}

void flatten_into(Value::Items& out, const Value& list, int64_t depth) {
  for (size_t i = 0; i < list.size(); ++i) {
    Value item = list.at(i);
    if (item.is(Kind::list) && depth > 0) {
      flatten_into(out, item, depth - 1);
    } else {
      out.push_back(std::move(item));
    }
  }
}

Value flatten(Arguments args) {
  const int64_t depth = args.size() > 1 ? args[1].integer() : 1;
  if (depth < 0) return Value::error("level must be non-negative");
  Value::Items out;
  flatten_into(out, args[0], std::min<int64_t>(depth, 100));
  return Value::list(std::move(out));
}

Value distinct(Arguments args) {
  Value::Items out;
  for (size_t i = 0; i < args[0].size(); ++i) {
    Value item = args[0].at(i);
    const bool known = std::any_of(out.begin(), out.end(), [&](const Value& one) { return equal(one, item); });
    if (!known) out.push_back(std::move(item));
  }
  return Value::list(std::move(out));
}

Value reverse(Arguments args) {
  auto out = items_of(args[0]);
  std::reverse(out.begin(), out.end());
  return Value::list(std::move(out));
}

Value range(Arguments args) {
  const int64_t size = args[0].integer();
  if (size > range_max) return Value::error("lists.range(" + std::to_string(size) + ") is too long");
  Value::Items out;
  for (int64_t i = 0; i < size; ++i) out.push_back(Value::integer(i));
  return Value::list(std::move(out));
}

// Orders the first list by the keys in the second.
Value sort_by(Arguments args) {
  const auto keys = items_of(args[1]);
  if (keys.size() != args[0].size()) return Value::error("lists of different length");
  for (const auto& key : keys) {
    if (!compare(key, keys[0])) return Value::error("list elements must be comparable");
    if (key.kind() != keys[0].kind()) return Value::error("list elements must have the same type");
  }
  std::vector<size_t> order(keys.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return compare(keys[a], keys[b]).value_or(0) < 0; });
  Value::Items out;
  for (const size_t i : order) out.push_back(args[0].at(i));
  return Value::list(std::move(out));
}

Value sort(Arguments args) {
  const Value both[] = {args[0], args[0]};
  return sort_by(both);
}

Value first(Arguments args) { return args[0].size() == 0 ? Value::none() : Value::some(args[0].at(0)); }
Value last(Arguments args) { return args[0].size() == 0 ? Value::none() : Value::some(args[0].at(args[0].size() - 1)); }

// ---- sets

bool contains_all(const Value& list, const Value& wanted) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Value both[] = {list, wanted.at(i)};
    if (first_index(both).integer() < 0) return false;
  }
  return true;
}

Value set_contains(Arguments args) { return Value::boolean(contains_all(args[0], args[1])); }
Value set_equivalent(Arguments args) {
  return Value::boolean(contains_all(args[0], args[1]) && contains_all(args[1], args[0]));
}
Value set_intersects(Arguments args) {
  for (size_t i = 0; i < args[0].size(); ++i) {
    const Value both[] = {args[1], args[0].at(i)};
    if (first_index(both).integer() >= 0) return Value::boolean(true);
  }
  return Value::boolean(false);
}

// ---- maps in folds

Value map_insert(Arguments args) {
  Value::Entries entries;
  for (const auto& key : args[0].keys()) entries.emplace_back(key, *args[0].find(key));
  const auto add = [&](const Value& key, const Value& value) {
    if (args[0].find(key)) return false;
    entries.emplace_back(key, value);
    return true;
  };
  if (args.size() == 3) {
    if (!add(args[1], args[2])) return Value::error("insert failed: key " + plain_text(args[1]) + " already exists");
  } else {
    for (const auto& key : args[1].keys()) {
      if (!add(key, *args[1].find(key))) {
        return Value::error("insert failed: key " + plain_text(key) + " already exists");
      }
    }
  }
  return Value::map(std::move(entries));
}

}  // namespace

void add_lists(Functions& to) {
  const auto visit = CostRule::visit, unit = CostRule::unit;
  for (const char* item : {"int", "uint", "double", "duration", "string", "bytes", "bool", "timestamp"}) {
    const std::string list = "m list<" + std::string(item) + ">: ";
    to.add("isSorted", (list + "bool").c_str(), visit, is_sorted);
    to.add("min", (list + item).c_str(), visit, extreme<-1>);
    to.add("max", (list + item).c_str(), visit, extreme<1>);
    to.add("sort", (list + "list<" + item + ">").c_str(), CostRule::list_compare, sort);
  }
  to.add("@sortByAssociatedKeys", "m list<A>, list<B>: list<A>", CostRule::list_order, sort_by);
  for (const char* types :
       {"m list<int>: int", "m list<uint>: uint", "m list<double>: double", "m list<duration>: duration"}) {
    to.add("sum", types, visit, sum);
  }
  to.add("indexOf", "m list<A>, A: int", visit, first_index);
  to.add("lastIndexOf", "m list<A>, A: int", visit, last_index);
  to.add("includes", "m list<A>, A: bool", visit, includes);
  to.add("slice", "m list<A>, int, int: list<A>", CostRule::list_result, slice);
  to.add("flatten", "m list<list<A>>: list<A>", CostRule::list_flatten, flatten);
  to.add("flatten", "m list<dyn>, int: list<dyn>", CostRule::list_flatten, flatten);
  to.add("distinct", "m list<A>: list<A>", CostRule::list_compare, distinct);
  to.add("reverse", "m list<A>: list<A>", CostRule::list_result, reverse);
  to.add("lists.range", "f int: list<int>", CostRule::list_result, range);
  to.add("first", "m list<A>: optional<A>", unit, first);
  to.add("last", "m list<A>: optional<A>", unit, last);
  to.add("sets.contains", "f list<A>, list<A>: bool", CostRule::sets, set_contains);
  to.add("sets.equivalent", "f list<A>, list<A>: bool", CostRule::sets_twice, set_equivalent);
  to.add("sets.intersects", "f list<A>, list<A>: bool", CostRule::sets, set_intersects);
  to.add("cel.@mapInsert", "f map<A, B>, A, B: map<A, B>", unit, map_insert);
  to.add("cel.@mapInsert", "f map<A, B>, map<A, B>: map<A, B>", unit, map_insert);
}

}  // namespace cel
