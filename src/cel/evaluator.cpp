// Evaluates a checked tree. Errors are values, as `false && error` is false; only running out of budget ends at once.
//
// What is charged follows cel-go: an identifier or a chain of selections costs one for its beginning and one for each
// step; a call costs what its rule says beside its arguments; literals cost by the kind. A chain that is a branch of a
// conditional, or an index into another chain, is not charged for its beginning.
#include <array>

#include "cel/compiled.h"

namespace cel {
namespace {

using Kind = Expr::Kind;

constexpr uint64_t list_cost = 10, map_cost = 30;
constexpr size_t few = 4;  // arguments that need no allocation

Value no_overload() { return Value::error("no such overload"); }
Value bad_index(const char* type) { return Value::error("unsupported index type '" + std::string(type) + "' in list"); }

bool is_chain(const Expr& node) {
  switch (node.kind) {
    case Kind::identifier:
    case Kind::select:
    case Kind::conditional:
      return true;
    case Kind::call:
      return node.name == "_[_]" || node.name == "_[?_]" || node.name == "_?._";
    default:
      return false;
  }
}

class Evaluator {
 public:
  Evaluator(const Compiled& program, const Bindings& bindings, uint64_t cost_max)
      : bindings_(bindings), variables_(program.variables), cost_max_(cost_max), slots_(program.slots) {}

  Value run(const Expr& root) { return evaluate(root); }
  bool exhausted() const { return exhausted_; }
  uint64_t cost() const { return cost_; }

 private:
  void charge(uint64_t cost) {
    cost_ += cost;
    if (cost_ > cost_max_) exhausted_ = true;
  }
  // Goes up through everything.
  Value stop() const { return Value::error("operation cancelled: actual cost limit exceeded"); }

  Value evaluate(const Expr& node) {
    if (exhausted_) return stop();
    switch (node.kind) {
      case Kind::constant:
        return node.constant;
      case Kind::identifier:
        charge(1);
        return variable(node);
      case Kind::conditional:
        return chain(node);
      case Kind::select:
        if (!node.presence && begins_plainly(node)) charge(1);
        return chain(node);
      case Kind::call:
        if (is_chain(node)) {
          if (begins_plainly(node)) charge(1);
          return chain(node);
        }
        return call(node);
      case Kind::list:
        return list(node);
      case Kind::map:
        return map(node);
      case Kind::fold:
        return fold(node);
      case Kind::logical_and:
        return logical(node, false);
      case Kind::logical_or:
        return logical(node, true);
    }
    return no_overload();
  }

  // A chain that begins with a conditional has no charge for its beginning.
  static bool begins_plainly(const Expr& node) {
    const Expr* at = &node;
    while (at->kind != Kind::conditional && at->kind != Kind::identifier && is_chain(*at)) at = at->children[0].get();
    return at->kind != Kind::conditional;
  }

  Value variable(const Expr& node) {
    const auto slot = static_cast<size_t>(node.slot);
    if (slot >= variables_.size()) return slots_[slot];
    if (const Value* bound = bindings_.find(variables_[slot].name)) return *bound;
    return Value::error("no such attribute(s): " + node.name);
  }

  // A chain without the charge for its beginning; what is no chain as ever.
  Value chain(const Expr& node) {
    if (exhausted_) return stop();
    switch (node.kind) {
      case Kind::identifier:
        return variable(node);
      case Kind::conditional: {
        const Value test = evaluate(*node.children[0]);
        if (test.is_error()) return test;
        if (!test.is(Value::Kind::boolean)) return no_overload();
        return chain(*node.children[test.boolean() ? 1 : 2]);
      }
      case Kind::select:
        return select(node);
      case Kind::call:
        if (is_chain(node)) return index(node);
        break;
      default:
        break;
    }
    return evaluate(node);
  }

  Value select(const Expr& node) {
    Value of = chain(*node.children[0]);
    if (of.is_error()) return of;
    if (of.is(Value::Kind::optional)) {
      if (!of.has_value()) return node.presence ? Value::boolean(false) : Value::none();
      auto found = of.inner().field(node.name);
      if (found) charge(1);
      if (node.presence) return Value::boolean(found.has_value());
      if (!found) return Value::none();
      return found->is_error() ? *found : Value::some(std::move(*found));
    }
    charge(1);
    if (of.is(Value::Kind::list)) return node.presence ? Value::boolean(false) : bad_index("string");
    auto found = of.field(node.name);
    if (node.presence) return found && found->is_error() ? *found : Value::boolean(found.has_value());
    return found ? std::move(*found) : Value::error("no such key: " + node.name);
  }

  // a[b], a[?b] and a.?b
  Value index(const Expr& node) {
    Value of = chain(*node.children[0]);
    if (of.is_error()) return of;
    const Value key = chain(*node.children[1]);
    if (key.is_error()) return key;
    const bool optional = node.name != "_[_]";
    const bool lifted = of.is(Value::Kind::optional);
    if (lifted && !of.has_value()) return Value::none();
    const Value container = lifted ? of.inner() : std::move(of);
    if (!optional && !lifted) {
      charge(1);
      return index_of(container, key);
    }
    Value found = Value::none();
    if (container.is(Value::Kind::list)) {
      const auto low = compare(key, Value::integer(0));
      const auto high = compare(key, Value::integer(static_cast<int64_t>(container.size())));
      if (!low || !high) return bad_index(key.type_name().c_str());
      if (*low >= 0 && *high < 0) found = Value::some(index_of(container, key));
    } else if (auto member = container.find(key)) {
      found = Value::some(std::move(*member));
    }
    if (!found.has_value()) return found;
    charge(1);
    return found.inner().is_error() ? found.inner() : found;
  }

  // `decides`: the value that settles it, whatever the others are (or that they fail).
  Value logical(const Expr& node, bool decides) {
    Value problem;
    bool failed = false;
    for (const auto& child : node.children) {
      Value part = evaluate(*child);
      if (exhausted_) return stop();
      if (part.is(Value::Kind::boolean)) {
        if (part.boolean() == decides) return part;
        continue;
      }
      if (failed) continue;
      failed = true;
      problem = part.is_error() ? std::move(part) : no_overload();
    }
    return failed ? problem : Value::boolean(!decides);
  }

  Value list(const Expr& node) {
    Value::Items items;
    items.reserve(node.children.size());
    for (size_t i = 0; i < node.children.size(); ++i) {
      Value item = evaluate(*node.children[i]);
      if (item.is_error()) return item;
      if (i < node.optional.size() && node.optional[i]) {
        if (!item.is(Value::Kind::optional)) return no_overload();
        if (!item.has_value()) continue;
        item = Value(item.inner());
      }
      items.push_back(std::move(item));
    }
    charge(list_cost);
    return Value::list(std::move(items));
  }

  Value map(const Expr& node) {
    Value::Entries entries;
    for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
      Value key = evaluate(*node.children[i]);
      if (key.is_error()) return key;
      Value value = evaluate(*node.children[i + 1]);
      if (value.is_error()) return value;
      if (!key.is(Value::Kind::string) && !key.is_number() && !key.is(Value::Kind::boolean)) {
        return Value::error("unsupported key type: " + key.type_name());
      }
      if (i / 2 < node.optional.size() && node.optional[i / 2]) {
        if (!value.is(Value::Kind::optional)) return no_overload();
        if (!value.has_value()) continue;
        value = Value(value.inner());
      }
      entries.emplace_back(std::move(key), std::move(value));
    }
    charge(map_cost);
    return Value::map(std::move(entries));
  }

  Value fold(const Expr& node) {
    const Value range = evaluate(*node.children[0]);
    if (range.is_error()) return range;
    const auto first = static_cast<size_t>(node.slot);
    slots_[first] = evaluate(*node.children[1]);
    const Expr &condition = *node.children[2], &step = *node.children[3];
    const bool is_map = range.is(Value::Kind::map);
    if (!is_map && !range.is(Value::Kind::list)) {
      return Value::error("got '" + range.type_name() + "', expected iterable type");
    }
    const bool two = !node.item2.empty();
    const auto keys = is_map ? range.keys() : Value::Items();
    const size_t size = is_map ? keys.size() : range.size();
    for (size_t i = 0; i < size && !exhausted_; ++i) {
      slots_[first + 1] = is_map ? keys[i] : (two ? Value::integer(static_cast<int64_t>(i)) : range.at(i));
      if (two) slots_[first + 2] = is_map ? range.find(keys[i]).value_or(Value()) : range.at(i);
      const Value go_on = evaluate(condition);
      if (!go_on.is_true()) break;
      Value next = evaluate(step);
      slots_[first] = std::move(next);
    }
    if (exhausted_) return stop();
    return evaluate(*node.children[4]);
  }

  // accumulator + [item], without copying the list each time.
  Value append(const Expr& node) {
    charge(1);
    const auto slot = static_cast<size_t>(node.children[0]->slot);
    if (slots_[slot].is_error()) return slots_[slot];
    std::array<Value, 3> rest;
    for (size_t i = 1; i < node.children.size(); ++i) {
      rest[i - 1] = evaluate(*node.children[i]);
      if (rest[i - 1].is_error()) return rest[i - 1];
    }
    charge(1);
    Value into = std::move(slots_[slot]);
    slots_[slot] = Value();
    if (auto* items = into.own_items()) {
      for (size_t i = 0; i < rest[0].size(); ++i) items->push_back(rest[0].at(i));
      return into;
    }
    if (auto* entries = into.own_entries(); entries && node.children.size() == 3) {
      if (Value::insert(*entries, rest[0], rest[1])) return into;
      return Value::error("insert failed: key " + plain_text(rest[0]) + " already exists");
    }
    const std::array<Value, 3> args = {into, rest[0], rest[1]};
    return dispatch(node, Arguments(args).first(node.children.size()));
  }

  // or and orValue: the alternative is only looked at when there is no value.
  Value alternative(const Expr& node) {
    Value of = evaluate(*node.children[0]);
    if (of.is_error()) return of;
    if (!of.is(Value::Kind::optional)) return no_overload();
    if (!of.has_value()) return evaluate(*node.children[1]);
    return node.name == "or" ? of : Value(of.inner());
  }

  Value call(const Expr& node) {
    if (node.append) return append(node);
    if (node.member && (node.name == "or" || node.name == "orValue")) return alternative(node);
    const size_t count = node.children.size();
    if (count <= few) {
      std::array<Value, few> args;
      return call_with(node, std::span<Value>(args).first(count));
    }
    std::vector<Value> args(count);
    return call_with(node, args);
  }

  Value call_with(const Expr& node, std::span<Value> args) {
    for (size_t i = 0; i < args.size(); ++i) args[i] = evaluate(*node.children[i]);
    if (exhausted_) return stop();
    Value result;
    const Value* failed = nullptr;
    for (const auto& arg : args) {
      if (arg.is_error() && !failed) failed = &arg;
    }
    if (!failed) {
      result = dispatch(node, args);
    } else {
      // A test that fails does not end all() and exists(): a later item may decide.
      result = node.name == "@not_strictly_false" ? Value::boolean(true) : *failed;
    }
    const Overload* only = node.overloads.size() == 1 ? node.overloads[0] : nullptr;
    charge(only && only->fixed_cost > 0 ? only->fixed_cost : call_cost(node.cost, args, result));
    return result;
  }

  Value dispatch(const Expr& node, Arguments args) {
    for (const Overload* overload : node.overloads) {
      bool good = overload->parameters.size() == args.size();
      for (size_t i = 0; i < args.size() && good; ++i) good = fits(*overload->parameters[i], args[i]);
      if (!good) continue;
      if (overload->function) return overload->function(args);
      return args[0].object().call(node.name, args.subspan(1));
    }
    return no_overload();
  }

  const Bindings& bindings_;
  const std::vector<Variable>& variables_;
  uint64_t cost_max_;
  uint64_t cost_ = 0;
  bool exhausted_ = false;
  std::vector<Value> slots_;
};

}  // namespace

Result<Value> Program::evaluate(const Bindings& bindings, uint64_t cost_max, uint64_t* cost) const {
  Evaluator evaluator(*compiled_, bindings, cost_max);
  Value out = evaluator.run(*compiled_->root);
  if (cost) *cost = evaluator.cost();
  if (evaluator.exhausted()) {
    base::Error error;
    error.code = base::Code::too_large;
    error.message = "operation cancelled: actual cost limit exceeded";
    return error;
  }
  if (out.is_error()) return base::invalid(out.text());
  return out;
}

const TypeRef& Program::type() const { return compiled_->type; }
const std::string& Program::source() const { return compiled_->source; }
uint64_t Program::estimated_cost() const { return compiled_->estimated_cost; }

bool Program::uses(std::string_view variable) const {
  for (const auto& used : compiled_->variables) {
    if (used.name == variable) return true;
  }
  return false;
}

Bindings& Bindings::set(std::string name, Value value) {
  all_.push_back({std::move(name), std::move(value), nullptr});
  return *this;
}

Bindings& Bindings::set_lazy(std::string name, std::function<Value()> make) {
  all_.push_back({std::move(name), Value(), std::move(make)});
  return *this;
}

const Value* Bindings::find(std::string_view name) const {
  for (auto at = all_.rbegin(); at != all_.rend(); ++at) {  // the last one set counts
    if (at->name != name) continue;
    if (at->make) {
      const auto make = std::move(at->make);
      at->make = nullptr;
      at->value = make();
    }
    return &at->value;
  }
  return nullptr;
}

}  // namespace cel
