// has, all, exists, exists_one, map, filter, their forms with two variables, optMap and optFlatMap: calls that are
// rewritten into presence tests and folds while parsing. The rewritten forms are those that CEL's definition gives, as
// their cost follows from them.
#include "cel/parser.h"

namespace cel {
namespace {

constexpr const char* accumulator = "@result";

ExprPtr node(Expr::Kind kind, uint32_t offset) {
  auto out = std::make_unique<Expr>();
  out->kind = kind;
  out->offset = offset;
  return out;
}

ExprPtr with(ExprPtr out) { return out; }
template <class... Rest>
ExprPtr with(ExprPtr out, ExprPtr child, Rest... rest) {
  out->children.push_back(std::move(child));
  return with(std::move(out), std::move(rest)...);
}

ExprPtr constant(uint32_t offset, Value value) {
  auto out = node(Expr::Kind::constant, offset);
  out->constant = std::move(value);
  return out;
}

ExprPtr name_of(uint32_t offset, const std::string& name) {
  auto out = node(Expr::Kind::identifier, offset);
  out->name = name;
  return out;
}

ExprPtr call(uint32_t offset, const char* function) {
  auto out = node(Expr::Kind::call, offset);
  out->name = function;
  return out;
}

ExprPtr copy(const Expr& from) {
  auto out = node(from.kind, from.offset);
  out->presence = from.presence;
  out->member = from.member;
  out->append = from.append;
  out->name = from.name;
  out->constant = from.constant;
  out->optional = from.optional;
  out->item = from.item;
  out->item2 = from.item2;
  out->accumulator = from.accumulator;
  for (const auto& child : from.children) out->children.push_back(copy(*child));
  return out;
}

class Macro {
 public:
  Macro(Expr& made, std::vector<Mistake>& mistakes) : call_(made), at_(made.offset), mistakes_(mistakes) {}

  ExprPtr expand() {
    const auto& name = call_.name;
    const size_t count = call_.children.size() - (call_.member ? 1 : 0);
    if (!call_.member) return name == "has" && count == 1 ? has() : nullptr;
    const bool one = name == "exists_one" || name == "existsOne";
    if (name == "all" || name == "exists" || one) {
      if (count != 2 && count != 3) return nullptr;
      return quantifier(name == "all" ? Quantifier::all : (one ? Quantifier::exists_one : Quantifier::exists),
                        count == 3);
    }
    if (name == "map" && (count == 2 || count == 3)) return list(count == 3 ? 2 : 0, count == 3 ? 3 : 2, false);
    if (name == "filter" && count == 2) return list(2, 1, false);
    if (name == "transformList" && (count == 3 || count == 4))
      return list(count == 4 ? 3 : 0, count == 4 ? 4 : 3, true);
    if (name == "transformMap" && (count == 3 || count == 4)) return map(count == 4, false);
    if (name == "transformMapEntry" && (count == 3 || count == 4)) return map(count == 4, true);
    if (name == "sortBy" && count == 2) return sort_by();
    if ((name == "optMap" || name == "optFlatMap") && count == 2) return optional(name == "optMap");
    return nullptr;
  }

 private:
  enum class Quantifier { all, exists, exists_one };

  ExprPtr fail(const Expr& at, const char* message) {
    mistakes_.push_back({at.offset, message});
    return nullptr;
  }
  ExprPtr result() const { return name_of(at_, accumulator); }
  Expr& argument(size_t index) { return *call_.children[index]; }
  ExprPtr take(size_t index) { return std::move(call_.children[index]); }

  ExprPtr has() {
    auto operand = take(0);
    if (operand->kind != Expr::Kind::select || operand->presence)
      return fail(*operand, "invalid argument to has() macro");
    operand->presence = true;
    return operand;
  }

  bool good_variable(size_t index, const char* message) {
    const Expr& given = argument(index);
    if (given.kind == Expr::Kind::identifier && given.name != "__result__") return true;
    fail(given, given.kind == Expr::Kind::identifier ? "iteration variable overwrites accumulator variable" : message);
    return false;
  }

  // The fold over the target, with the variables of the call.
  ExprPtr fold(bool two, const char* message, ExprPtr initial, ExprPtr condition, ExprPtr step, ExprPtr result_) {
    if (!good_variable(1, message) || (two && !good_variable(2, message))) return nullptr;
    if (two && argument(1).name == argument(2).name) return fail(argument(2), "duplicate variable name");
    auto out = node(Expr::Kind::fold, at_);
    out->item = argument(1).name;
    if (two) out->item2 = argument(2).name;
    out->accumulator = accumulator;
    return with(std::move(out), take(0), std::move(initial), std::move(condition), std::move(step), std::move(result_));
  }

  ExprPtr quantifier(Quantifier which, bool two) {
    auto test = take(two ? 3 : 2);
    const char* const message = "argument must be a simple name";
    const auto lasting = [&](ExprPtr operand) { return with(call(at_, "@not_strictly_false"), std::move(operand)); };
    if (which == Quantifier::all) {
      auto step = with(node(Expr::Kind::logical_and, at_), result(), std::move(test));
      return fold(two, message, constant(at_, Value::boolean(true)), lasting(result()), std::move(step), result());
    }
    if (which == Quantifier::exists) {
      auto step = with(node(Expr::Kind::logical_or, at_), result(), std::move(test));
      return fold(two, message, constant(at_, Value::boolean(false)), lasting(with(call(at_, "!_"), result())),
                  std::move(step), result());
    }
    const auto number = [&](int64_t value) { return constant(at_, Value::integer(value)); };
    auto more = with(call(at_, "_+_"), result(), number(1));
    auto step = with(node(Expr::Kind::conditional, at_), std::move(test), std::move(more), result());
    return fold(two, message, number(0), constant(at_, Value::boolean(true)), std::move(step),
                with(call(at_, "_==_"), result(), number(1)));
  }

  // With a test in front when there is one.
  ExprPtr guarded(ExprPtr test, ExprPtr step) {
    if (!test) return step;
    return with(node(Expr::Kind::conditional, at_), std::move(test), std::move(step), result());
  }

  // `test` and `value` are indexes of arguments; test 0: none.
  ExprPtr list(size_t test, size_t value, bool two) {
    auto condition = test > 0 ? take(test) : nullptr;
    auto item = value == 1 ? copy(argument(1)) : take(value);
    auto step = with(call(at_, "_+_"), result(), with(node(Expr::Kind::list, at_), std::move(item)));
    step->append = true;
    return fold(two, "argument is not an identifier", node(Expr::Kind::list, at_), constant(at_, Value::boolean(true)),
                guarded(std::move(condition), std::move(step)), result());
  }

  ExprPtr map(bool filtered, bool entry) {
    if (!good_variable(1, "argument must be a simple name")) return nullptr;
    auto condition = filtered ? take(3) : nullptr;
    auto insert = with(call(at_, "cel.@mapInsert"), result());
    if (!entry) insert->children.push_back(name_of(at_, argument(1).name));
    insert->children.push_back(take(filtered ? 4 : 3));
    insert->append = true;
    return fold(true, "argument must be a simple name", node(Expr::Kind::map, at_), constant(at_, Value::boolean(true)),
                guarded(std::move(condition), std::move(insert)), result());
  }

  // The target, ordered by what each item of it gives.
  ExprPtr sort_by() {
    static const std::string input = "@__sortBy_input__";
    auto target = take(0);
    call_.children[0] = name_of(at_, input);
    auto keys = list(0, 2, false);
    if (!keys) return nullptr;
    auto ordered = with(call(at_, "@sortByAssociatedKeys"), name_of(at_, input), std::move(keys));
    ordered->member = true;
    auto let = node(Expr::Kind::fold, at_);
    let->item = "#unused";
    let->accumulator = input;
    return with(std::move(let), node(Expr::Kind::list, at_), std::move(target), constant(at_, Value::boolean(false)),
                name_of(at_, input), std::move(ordered));
  }

  // target.hasValue() ? optional.of(value with the variable set) : optional.none()
  ExprPtr optional(bool wrap) {
    if (argument(1).kind != Expr::Kind::identifier) {
      return fail(argument(1), wrap ? "optMap() variable name must be a simple identifier"
                                    : "optFlatMap() variable name must be a simple identifier");
    }
    const auto method = [&](const char* function, ExprPtr target) {
      auto out = with(call(at_, function), std::move(target));
      out->member = true;
      return out;
    };
    auto present = method("hasValue", copy(argument(0)));
    // A fold over nothing, whose accumulator is the variable.
    auto let = node(Expr::Kind::fold, at_);
    let->item = "#unused";
    let->accumulator = argument(1).name;
    let = with(std::move(let), node(Expr::Kind::list, at_), method("value", take(0)),
               constant(at_, Value::boolean(false)), name_of(at_, let->accumulator), take(2));
    auto value = wrap ? with(call(at_, "optional.of"), std::move(let)) : std::move(let);
    return with(node(Expr::Kind::conditional, at_), std::move(present), std::move(value), call(at_, "optional.none"));
  }

  Expr& call_;
  uint32_t at_;
  std::vector<Mistake>& mistakes_;
};

}  // namespace

ExprPtr expand_macro(ExprPtr& made, std::vector<Mistake>& mistakes) { return Macro(*made, mistakes).expand(); }

}  // namespace cel
