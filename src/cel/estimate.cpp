// The most that evaluating an expression can cost, from the sizes that types declare. What is not known is taken for
// small: an estimate may be too low, as the limits at run time are exact, but must not refuse what a real server takes.
#include <algorithm>
#include <cmath>
#include <map>

#include "cel/estimate.h"

namespace cel {
namespace {

using Kind = Expr::Kind;

constexpr uint64_t most = UINT64_MAX;

uint64_t sum(uint64_t a, uint64_t b) { return a > most - b ? most : a + b; }
uint64_t product(uint64_t a, uint64_t b) { return b != 0 && a > most / b ? most : a * b; }
uint64_t part(uint64_t size, double factor) {
  const double out = std::ceil(static_cast<double>(size) * factor);
  return out >= 18446744073709551615.0 ? most : static_cast<uint64_t>(out);
}

struct Estimate {
  uint64_t cost = 0;
  uint64_t size = 1;
};

class Estimator {
 public:
  Estimate of(const Expr& node) {
    switch (node.kind) {
      case Kind::constant:
        return {0, size_of(node.constant)};
      case Kind::identifier: {
        const auto local = locals_.find(node.slot);
        return {1, local != locals_.end() && local->second > 0 ? local->second : declared(node)};
      }
      case Kind::select: {
        const auto inner = of(*node.children[0]);
        return {node.presence ? inner.cost : sum(inner.cost, 1), node.presence ? 1 : declared(node)};
      }
      case Kind::list:
      case Kind::map: {
        uint64_t cost = node.kind == Kind::list ? 10 : 30;
        for (const auto& child : node.children) cost = sum(cost, of(*child).cost);
        return {cost, node.kind == Kind::list ? node.children.size() : node.children.size() / 2};
      }
      case Kind::logical_and:
      case Kind::logical_or: {
        uint64_t cost = 0;
        for (const auto& child : node.children) cost = sum(cost, of(*child).cost);
        return {cost, 1};
      }
      case Kind::conditional: {
        const auto test = of(*node.children[0]), a = of(*node.children[1]), b = of(*node.children[2]);
        return {sum(test.cost, std::max(a.cost, b.cost)), std::max(a.size, b.size)};
      }
      case Kind::fold:
        return fold(node);
      case Kind::call:
        return call(node);
    }
    return {};
  }

 private:
  static uint64_t size_of(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::string:
      case Value::Kind::bytes:
      case Value::Kind::list:
      case Value::Kind::map:
        return value.size();
      default:
        return 1;
    }
  }

  static uint64_t declared(const Type& type) {
    if (type.kind == TypeKind::timestamp || type.kind == TypeKind::duration) return 1;
    return type.size_max >= 0 ? static_cast<uint64_t>(type.size_max) : 1;
  }
  static uint64_t declared(const Expr& node) { return node.type ? declared(*node.type) : 1; }

  Estimate fold(const Expr& node) {
    const auto range = of(*node.children[0]), initial = of(*node.children[1]);
    const bool let = node.children[2]->kind == Kind::constant && node.children[2]->constant.is_false();
    locals_[node.slot] = let ? initial.size : 0;
    locals_[node.slot + 1] = locals_[node.slot + 2] = 0;
    const uint64_t turn = sum(of(*node.children[2]).cost, let ? 0 : of(*node.children[3]).cost);
    const auto result = of(*node.children[4]);
    const bool builds = node.children[1]->type && (node.children[1]->type->kind == TypeKind::list ||
                                                   node.children[1]->type->kind == TypeKind::map);
    locals_.erase(node.slot);
    const uint64_t loop = let ? 0 : product(range.size, turn);
    return {sum(sum(range.cost, initial.cost), sum(loop, result.cost)), let ? result.size : (builds ? range.size : 1)};
  }

  Estimate call(const Expr& node) {
    Estimate out;
    std::vector<uint64_t> sizes;
    for (const auto& child : node.children) {
      const auto one = of(*child);
      out.cost = sum(out.cost, one.cost);
      sizes.push_back(one.size);
    }
    const Overload* only = node.overloads.size() == 1 ? node.overloads[0] : nullptr;
    out.cost = sum(out.cost, only && only->fixed_cost > 0 ? only->fixed_cost : own_cost(node, sizes));
    out.size = result_size(node, sizes);
    return out;
  }

  static uint64_t own_cost(const Expr& node, const std::vector<uint64_t>& sizes) {
    const auto size = [&](size_t i) { return i < sizes.size() ? sizes[i] : 1; };
    switch (node.cost) {
      case CostRule::nothing:
        // Membership in a literal list is charged by its length beforehand.
        return node.name == "@in" ? size(1) : 0;
      case CostRule::traverse:
        return part(node.name == "startsWith" || node.name == "endsWith" ? size(1) : size(0), 0.1);
      case CostRule::traverse_twice:
        return part(size(0), 0.2);
      case CostRule::build:
        return part(size(0), 0.1);
      case CostRule::in_list:
        return size(1);
      case CostRule::equal:
      case CostRule::smaller:
        return part(std::min(size(0), size(1)), 0.1);
      case CostRule::join_both:
        return part(sum(size(0), size(1)), 0.1);
      case CostRule::match:
        return product(part(sum(size(0), 1), 0.1), part(size(1), 0.25));
      case CostRule::contain:
        return product(part(size(0), 0.1), part(size(1), 0.1));
      case CostRule::visit:
        return size(0);
      case CostRule::sets:
        return product(size(0), size(1));
      case CostRule::authorize:
        return 350000;
      default:
        return 1;
    }
  }

  static uint64_t result_size(const Expr& node, const std::vector<uint64_t>& sizes) {
    if (node.name == "_+_") return sum(sizes[0], sizes[1]);
    // split with a literal count
    if (node.name == "split" && sizes.size() == 3 && node.children[2]->kind == Kind::constant &&
        node.children[2]->constant.integer() >= 0) {
      return std::min(sizes[0], static_cast<uint64_t>(node.children[2]->constant.integer()));
    }
    for (const char* same : {"lowerAscii", "upperAscii", "substring", "trim", "url", "dyn", "split", "findAll", "find",
                             "slice", "sort", "distinct", "reverse"}) {
      if (node.name == same) return node.name == "dyn" || sizes[0] > 0 ? sizes[0] : 1;
    }
    return declared(node);
  }

  std::map<int, uint64_t> locals_;  // sizes of the variables of folds by slot; 0: what their types say
};

}  // namespace

uint64_t estimate(const Expr& root) { return Estimator().of(root).cost; }

}  // namespace cel
