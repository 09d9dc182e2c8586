// Type checking by unification (cel-spec langdef.md, "Gradual Type Checking"): dyn fits everything and is checked when
// the expression runs.
#include <algorithm>
#include <functional>

#include "cel/compiled.h"
#include "cel/time_text.h"

namespace cel {
namespace {

using Kind = Expr::Kind;
using Substitution = std::map<std::string, TypeRef>;

bool is_loose(const Type& type) { return type.kind == TypeKind::dyn || type.kind == TypeKind::error; }

bool exactly(const Type& a, const Type& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind || a.name != b.name || a.parameters.size() != b.parameters.size()) return false;
  for (size_t i = 0; i < a.parameters.size(); ++i) {
    if (!exactly(*a.parameters[i], *b.parameters[i])) return false;
  }
  return true;
}

bool less_specific(const Type& a, const Type& b) {
  if (is_loose(a) || a.kind == TypeKind::parameter) return true;
  if (is_loose(b) || b.kind == TypeKind::parameter || a.kind != b.kind) return false;
  if (a.kind == TypeKind::type) return true;
  if (a.parameters.empty() || a.parameters.size() != b.parameters.size()) return exactly(a, b);
  for (size_t i = 0; i < a.parameters.size(); ++i) {
    if (!less_specific(*a.parameters[i], *b.parameters[i])) return false;
  }
  return true;
}

// Types whose values can be compared with null.
bool takes_null(const Type& type) {
  switch (type.kind) {
    case TypeKind::null:
    case TypeKind::object:
    case TypeKind::opaque:
    case TypeKind::optional:
    case TypeKind::timestamp:
    case TypeKind::duration:
      return true;
    default:
      return type.nullable;
  }
}

class Checker {
 public:
  Checker(Compiled& into, const std::vector<Variable>& declared, std::vector<Mistake>& mistakes)
      : into_(into), declared_(declared), mistakes_(mistakes) {}

  void run() {
    count_variables(*into_.root);
    next_slot_ = into_.variables.size();
    into_.slots = next_slot_;
    check(*into_.root);
    finish(*into_.root, false);
    into_.type = into_.root->type;
  }

 private:
  struct Local {
    std::string name;
    TypeRef type;
    int slot;
  };

  // ---- names

  const Variable* declared(std::string_view name) const {
    for (const auto& one : declared_) {
      if (one.name == name) return &one;
    }
    return nullptr;
  }

  // Gives variables of the environment their slots, before folds take theirs. A name that only a fold means may get one
  // too, which does no harm.
  void count_variables(const Expr& node) {
    const std::string name = dotted(node);
    if (!name.empty()) {
      const auto& known = into_.variables;
      const bool seen = std::any_of(known.begin(), known.end(), [&](const Variable& v) { return v.name == name; });
      if (const Variable* variable = declared(name); variable && !seen) into_.variables.push_back(*variable);
    }
    for (const auto& child : node.children) count_variables(*child);
  }

  const Local* local(std::string_view name) const {
    for (auto at = locals_.rbegin(); at != locals_.rend(); ++at) {
      if (at->name == name) return &*at;
    }
    return nullptr;
  }

  // "a.b.c" of a plain chain of selections; empty for anything else.
  static std::string dotted(const Expr& node) {
    if (node.kind == Kind::identifier) return node.name;
    if (node.kind != Kind::select || node.presence) return {};
    const std::string front = dotted(*node.children[0]);
    return front.empty() ? front : front + "." + node.name;
  }

  static const Expr& beginning(const Expr& node) {
    const Expr* at = &node;
    while (at->kind == Kind::select) at = at->children[0].get();
    return *at;
  }

  TypeRef type_named(const std::string& name) {
    static const std::map<std::string, TypeRef> known = {{"bool", bool_type()},
                                                         {"int", int_type()},
                                                         {"uint", uint_type()},
                                                         {"double", double_type()},
                                                         {"string", string_type()},
                                                         {"bytes", bytes_type()},
                                                         {"null_type", null_type()},
                                                         {"list", list_type(dyn_type())},
                                                         {"map", map_type(dyn_type(), dyn_type())},
                                                         {"dyn", dyn_type()},
                                                         {"type", type_type(dyn_type())},
                                                         {"optional_type", optional_type(dyn_type())},
                                                         {"google.protobuf.Timestamp", timestamp_type()},
                                                         {"google.protobuf.Duration", duration_type()}};
    if (const auto found = known.find(name); found != known.end()) return found->second;
    for (const char* host : {"net.IP", "net.CIDR", "kubernetes.URL", "kubernetes.Quantity", "kubernetes.Semver",
                             "kubernetes.NamedFormat"}) {
      if (name == host) return opaque_type(name);
    }
    return nullptr;
  }

  // An identifier (or chain) that names a type becomes a constant.
  bool take_type_name(Expr& node) {
    const std::string name = dotted(node);
    if (name.empty() || local(beginning(node).name) || declared(beginning(node).name)) return false;
    const TypeRef named = type_named(name);
    if (!named) return false;
    node.kind = Kind::constant;
    node.children.clear();
    node.constant = Value::type(name);
    node.type = type_type(named);
    return true;
  }

  void fail(const Expr& at, std::string message) { mistakes_.push_back({at.offset, std::move(message)}); }

  void undeclared(Expr& node, const std::string& name) {
    fail(node, "undeclared reference to '" + name + "' (in container '')");
    node.type = error_type();
  }

  // ---- types

  TypeRef fresh() { return parameter_type("_var" + std::to_string(variables_++)); }

  TypeRef substituted(const TypeRef& type, const Substitution& with, bool to_dyn) const {
    if (type->kind == TypeKind::parameter) {
      const auto found = with.find(type->name);
      if (found != with.end()) return substituted(found->second, with, to_dyn);
      return to_dyn ? dyn_type() : type;
    }
    if (type->parameters.empty()) return type;
    std::vector<TypeRef> made;
    bool same = true;
    for (const auto& parameter : type->parameters) {
      made.push_back(substituted(parameter, with, to_dyn));
      same = same && made.back() == parameter;
    }
    if (same) return type;
    auto out = std::make_shared<Type>(*type);
    out->parameters = std::move(made);
    return out;
  }

  bool occurs(const std::string& name, const TypeRef& in, const Substitution& with) const {
    if (in->kind == TypeKind::parameter) {
      if (in->name == name) return true;
      const auto found = with.find(in->name);
      return found != with.end() && occurs(name, found->second, with);
    }
    return std::any_of(in->parameters.begin(), in->parameters.end(),
                       [&](const TypeRef& part) { return occurs(name, part, with); });
  }

  // Whether `type` can be what the parameter stands for; `known`: it stands for something already.
  bool bind(Substitution& with, const TypeRef& type, const TypeRef& parameter, bool& known) const {
    known = false;
    if (type->kind == TypeKind::parameter && type->name == parameter->name) return known = true;
    const auto found = with.find(parameter->name);
    if (found == with.end()) {
      if (occurs(parameter->name, type, with)) return false;
      with[parameter->name] = type;
      return true;
    }
    known = true;
    const TypeRef now = found->second;
    if (exactly(*type, *now)) return true;
    if (!assignable(with, type, now)) return false;
    const TypeRef general = less_specific(*type, *now) ? type : now;
    if (!occurs(parameter->name, general, with)) with[parameter->name] = general;
    return true;
  }

  bool assignable(Substitution& with, const TypeRef& from, const TypeRef& to) const {
    bool known = false;
    if (to->kind == TypeKind::parameter) {
      if (bind(with, from, to, known)) return true;
      if (known) return false;
    }
    if (from->kind == TypeKind::parameter) return bind(with, to, from, known);
    if (is_loose(*from) || is_loose(*to)) return true;
    if (from->kind == TypeKind::null) return takes_null(*to);
    if (to->kind == TypeKind::null) return takes_null(*from);
    if (from->kind != to->kind) return false;
    if (from->kind == TypeKind::type) return true;
    if (from->kind == TypeKind::object) return from->name == to->name;
    if (from->name != to->name || from->parameters.size() != to->parameters.size()) return false;
    for (size_t i = 0; i < from->parameters.size(); ++i) {
      if (!assignable(with, from->parameters[i], to->parameters[i])) return false;
    }
    return true;
  }

  bool take_assignable(const TypeRef& from, const TypeRef& to) {
    Substitution with = now_;
    if (!assignable(with, from, to)) return false;
    now_ = std::move(with);
    return true;
  }

  // ---- nodes

  void check(Expr& node) {
    switch (node.kind) {
      case Kind::constant:
        return check_constant(node);
      case Kind::identifier:
        return check_identifier(node);
      case Kind::select:
        return check_select(node);
      case Kind::call:
        return check_call(node);
      case Kind::list:
        return check_list(node);
      case Kind::map:
        return check_map(node);
      case Kind::fold:
        return check_fold(node);
      case Kind::logical_and:
      case Kind::logical_or:
        return check_logical(node);
      case Kind::conditional:
        return check_conditional(node);
    }
  }

  static void check_constant(Expr& node) {
    switch (node.constant.kind()) {
      case Value::Kind::boolean:
        node.type = bool_type();
        return;
      case Value::Kind::integer:
        node.type = int_type();
        return;
      case Value::Kind::unsigned_integer:
        node.type = uint_type();
        return;
      case Value::Kind::real:
        node.type = double_type();
        return;
      case Value::Kind::string:
        node.type = string_type();
        return;
      case Value::Kind::bytes:
        node.type = bytes_type();
        return;
      default:
        node.type = null_type();
    }
  }

  void check_identifier(Expr& node) {
    if (const Local* found = local(node.name)) {
      node.slot = found->slot;
      node.type = found->type;
      return;
    }
    for (size_t i = 0; i < into_.variables.size(); ++i) {
      if (into_.variables[i].name != node.name) continue;
      node.slot = static_cast<int>(i);
      node.type = into_.variables[i].type;
      return;
    }
    if (!take_type_name(node)) undeclared(node, node.name);
  }

  // A variable whose name has dots (authorizer.requestResource) goes before a field of one with the name in front.
  bool take_dotted_variable(Expr& node) {
    const std::string name = dotted(node);
    if (name.empty() || local(beginning(node).name)) return false;
    const auto& all = into_.variables;
    if (std::none_of(all.begin(), all.end(), [&](const auto& one) { return one.name == name; })) return false;
    node.kind = Kind::identifier;
    node.children.clear();
    node.name = name;
    check_identifier(node);
    return true;
  }

  void check_select(Expr& node) {
    if (!node.presence && (take_type_name(node) || take_dotted_variable(node))) return;
    node.type = field_type(node, *node.children[0], node.name, false);
    if (node.presence) node.type = bool_type();
  }

  TypeRef field_type(const Expr& node, Expr& of, const std::string& name, bool optional) {
    check(of);
    TypeRef type = substituted(of.type, now_, false);
    const bool lifted = type->kind == TypeKind::optional;
    if (lifted) type = type->parameters[0];
    TypeRef out = dyn_type();
    switch (type->kind) {
      case TypeKind::map:
        out = type->parameters[1];
        break;
      case TypeKind::object: {
        const Field* field = type->find(name);
        if (!field) fail(node, "undefined field '" + name + "'");
        out = field ? field->type : error_type();
        break;
      }
      case TypeKind::opaque:
        if (type->fields.empty()) {
          fail(node, "type '" + type->text() + "' does not support field selection");
          out = error_type();
        } else if (const Field* field = type->find(name)) {
          out = field->type;
        } else {
          fail(node, "undefined field '" + name + "'");
          out = error_type();
        }
        break;
      case TypeKind::parameter:
        take_assignable(dyn_type(), type);
        break;
      case TypeKind::dyn:
      case TypeKind::error:
        break;
      default:
        fail(node, "type '" + type->text() + "' does not support field selection");
        out = error_type();
    }
    return lifted || optional ? optional_type(out) : out;
  }

  const std::vector<Overload>* functions_named(const std::string& name) const { return library().find(name); }

  void check_call(Expr& node) {
    if (node.name == "_?._") {
      node.type = field_type(node, *node.children[0], node.children[1]->constant.text(), true);
      check(*node.children[1]);
      return;
    }
    if (node.member) {
      const std::string front = dotted(*node.children[0]);
      const bool namespaced =
          !front.empty() && !local(beginning(*node.children[0]).name) && library().find(front + "." + node.name);
      if (namespaced) {
        node.name = front + "." + node.name;
        node.member = false;
        node.children.erase(node.children.begin());
      }
    }
    for (auto& child : node.children) check(*child);
    const auto* shipped = library().find(node.name);
    const auto* own = node.member ? into_.methods.find(node.name) : nullptr;
    if (!shipped && !own) return undeclared(node, node.name);
    resolve(node, shipped, own);
    check_literals(node);
  }

  void resolve(Expr& node, const std::vector<Overload>* shipped, const std::vector<Overload>* own) {
    TypeRef result;
    for (const auto* all : {own, shipped}) {
      for (size_t i = 0; all && i < all->size(); ++i) try_overload(node, (*all)[i], result);
    }
    if (!result) {
      std::string arguments;
      for (size_t i = node.member ? 1 : 0; i < node.children.size(); ++i) {
        arguments += (arguments.empty() ? "" : ", ") + substituted(node.children[i]->type, now_, true)->text();
      }
      arguments = "(" + arguments + ")";
      if (node.member) arguments = substituted(node.children[0]->type, now_, true)->text() + "." + arguments;
      fail(node, "found no matching overload for '" + node.name + "' applied to '" + arguments + "'");
      node.type = error_type();
      return;
    }
    node.type = result;
    node.cost = node.overloads[0]->cost;
    for (const Overload* one : node.overloads) {
      if (one->cost != node.cost) node.cost = CostRule::unit;
    }
  }

  void try_overload(Expr& node, const Overload& overload, TypeRef& result) {
    if (overload.member != node.member || overload.parameters.size() != node.children.size()) return;
    Substitution with = now_, names;
    const TypeRef own_result = renamed(overload.result, names);
    for (size_t i = 0; i < overload.parameters.size(); ++i) {
      if (!assignable(with, node.children[i]->type, renamed(overload.parameters[i], names))) return;
    }
    now_ = std::move(with);
    node.overloads.push_back(&overload);
    const TypeRef made = substituted(own_result, now_, false);
    if (!result) {
      result = made;
    } else if (result->kind != TypeKind::dyn && !exactly(*made, *result)) {
      result = dyn_type();
    }
  }

  // Type variables of a declaration get new names for each use of it.
  TypeRef renamed(const TypeRef& type, Substitution& names) {
    if (type->kind == TypeKind::parameter) {
      auto& name = names[type->name];
      if (!name) name = fresh();
      return name;
    }
    if (type->parameters.empty()) return type;
    auto out = std::make_shared<Type>(*type);
    for (auto& parameter : out->parameters) parameter = renamed(parameter, names);
    return out;
  }

  // As many arguments as clauses.
  void check_format(const Expr& node) {
    const Expr &clauses = *node.children[0], &list = *node.children[1];
    if (clauses.kind != Kind::constant || list.kind != Kind::list || node.overloads.empty()) return;
    const std::string& text = clauses.constant.text();
    size_t count = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') continue;
      if (i + 1 < text.size() && text[i + 1] == '%') {
        ++i;
      } else if (++count > list.children.size()) {
        return fail(node, "index " + std::to_string(count - 1) + " out of range");
      }
    }
    if (list.children.size() > count) {
      fail(node, "too many arguments supplied to string.format (expected " + std::to_string(count) + ", got " +
                     std::to_string(list.children.size()) + ")");
    }
  }

  // Literal arguments that can never work are found now.
  void check_literals(Expr& node) {
    if (node.name == "format" && node.member && node.children.size() == 2) return check_format(node);
    const bool conversion = (node.name == "timestamp" || node.name == "duration") && node.children.size() == 1;
    const size_t at = conversion ? 0 : 1;
    if (!conversion && !(node.name == "matches" && node.children.size() == 2)) return;
    const Expr& literal = *node.children[at];
    if (literal.kind != Kind::constant || node.overloads.empty()) return;
    const Value arguments[] = {conversion ? literal.constant : Value::string(""), literal.constant};
    const auto first = Arguments(arguments).first(conversion ? 1 : 2);
    for (const Overload* overload : node.overloads) {
      if (!fits(*overload->parameters[at], literal.constant)) continue;
      if (overload->function(first).is_error()) fail(literal, "invalid " + node.name + " argument");
      return;
    }
  }

  TypeRef joined(const TypeRef& before, const TypeRef& next) {
    if (!before) return next;
    if (take_assignable(before, next)) return less_specific(*before, *next) ? before : next;
    return dyn_type();
  }

  TypeRef unwrapped(const Expr& node, size_t index, const Expr& child) {
    const TypeRef type = substituted(child.type, now_, false);
    if (index >= node.optional.size() || !node.optional[index] || is_loose(*type)) return type;
    if (type->kind == TypeKind::optional) return type->parameters[0];
    mismatch(child, optional_type(type), type);
    return type;
  }

  void mismatch(const Expr& at, const TypeRef& wanted, const TypeRef& got) {
    fail(at, "expected type '" + substituted(wanted, now_, true)->text() + "' but found '" +
                 substituted(got, now_, true)->text() + "'");
  }

  void check_list(Expr& node) {
    TypeRef item;
    for (size_t i = 0; i < node.children.size(); ++i) {
      check(*node.children[i]);
      item = joined(item, unwrapped(node, i, *node.children[i]));
    }
    node.type = list_type(item ? item : fresh());
  }

  void check_map(Expr& node) {
    TypeRef key, value;
    for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
      check(*node.children[i]);
      check(*node.children[i + 1]);
      key = joined(key, node.children[i]->type);
      value = joined(value, unwrapped(node, i / 2, *node.children[i + 1]));
    }
    node.type = map_type(key ? key : fresh(), value ? value : fresh());
  }

  void want_bool(Expr& node) {
    if (!take_assignable(node.type, bool_type())) mismatch(node, bool_type(), node.type);
  }

  void check_logical(Expr& node) {
    for (auto& child : node.children) {
      check(*child);
      want_bool(*child);
    }
    node.type = bool_type();
  }

  void check_conditional(Expr& node) {
    for (auto& child : node.children) check(*child);
    const TypeRef &test = node.children[0]->type, &a = node.children[1]->type, &b = node.children[2]->type;
    const TypeRef both = fresh();
    Substitution with = now_;
    if (assignable(with, test, bool_type()) && assignable(with, a, both) && assignable(with, b, both)) {
      now_ = std::move(with);
      node.type = substituted(both, now_, false);
      return;
    }
    fail(node, "found no matching overload for '_?_:_' applied to '(" + substituted(test, now_, true)->text() + ", " +
                   substituted(a, now_, true)->text() + ", " + substituted(b, now_, true)->text() + ")'");
    node.type = error_type();
  }

  void check_fold(Expr& node) {
    check(*node.children[0]);
    check(*node.children[1]);
    const TypeRef range = substituted(node.children[0]->type, now_, false);
    const TypeRef accumulator = node.children[1]->type;
    const bool two = !node.item2.empty();
    TypeRef first = dyn_type(), second = dyn_type();
    switch (range->kind) {
      case TypeKind::list:
        first = two ? int_type() : range->parameters[0];
        second = range->parameters[0];
        break;
      case TypeKind::map:
        first = range->parameters[0];
        second = range->parameters[1];
        break;
      case TypeKind::parameter:
        take_assignable(dyn_type(), range);
        break;
      case TypeKind::dyn:
      case TypeKind::error:
        break;
      default:
        fail(*node.children[0], "expression of type '" + range->text() +
                                    "' cannot be range of a comprehension (must be list, map, or dynamic)");
        first = second = error_type();
    }
    node.slot = static_cast<int>(next_slot_);
    const size_t slots_before = next_slot_, locals_before = locals_.size();
    next_slot_ += 3;
    into_.slots = std::max(into_.slots, next_slot_);
    locals_.push_back({node.accumulator, accumulator, node.slot});
    locals_.push_back({node.item, first, node.slot + 1});
    if (two) locals_.push_back({node.item2, second, node.slot + 2});
    check(*node.children[2]);
    want_bool(*node.children[2]);
    check(*node.children[3]);
    if (!take_assignable(accumulator, node.children[3]->type)) {
      mismatch(*node.children[3], accumulator, node.children[3]->type);
    }
    locals_.resize(locals_before + 1, {});
    check(*node.children[4]);
    locals_.resize(locals_before, {});
    next_slot_ = slots_before;
    node.type = substituted(node.children[4]->type, now_, false);
  }

  // ---- at the end: types without variables, and literals of one type (Kubernetes allows no mixture outside format())
  void finish(Expr& node, bool mixed) {
    const bool format = mixed || (node.kind == Kind::call && node.name == "format");
    for (auto& child : node.children) finish(*child, format);
    node.type = node.type ? substituted(node.type, now_, true) : dyn_type();
    if (format || (node.kind != Kind::list && node.kind != Kind::map)) return;
    const size_t step = node.kind == Kind::map ? 2 : 1;
    for (size_t part = 0; part < step; ++part) {
      TypeRef before;
      for (size_t i = part; i < node.children.size(); i += step) {
        TypeRef type = node.children[i]->type;
        const bool value = part + 1 == step, optional = i / step < node.optional.size() && node.optional[i / step];
        if (value && optional && type->kind == TypeKind::optional) type = type->parameters[0];
        if (before && !exactly(*before, *type) && before->kind != TypeKind::error && type->kind != TypeKind::error) {
          mismatch(*node.children[i], before, type);
          break;
        }
        if (!before) before = type;
      }
    }
  }

  Compiled& into_;
  const std::vector<Variable>& declared_;
  std::vector<Mistake>& mistakes_;
  std::vector<Local> locals_;
  Substitution now_;
  size_t next_slot_ = 0;
  int variables_ = 0;
};

bool is_constant(const ExprPtr& node) { return node->kind == Kind::constant; }

bool is_conversion(const std::string& name) {
  for (const char* one : {"bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"}) {
    if (name == one) return true;
  }
  return false;
}

void become(Expr& node, Value value) {
  node.kind = Kind::constant;
  node.constant = std::move(value);
  node.children.clear();
}

void fold_call(Expr& node, std::vector<Mistake>& mistakes) {
  if (node.name == "@in" && is_constant(node.children[1]) && node.children[1]->constant.is(Value::Kind::list)) {
    const Value& list = node.children[1]->constant;
    bool plain = true;
    for (size_t i = 0; i < list.size(); ++i) {
      const auto kind = list.at(i).kind();
      plain = plain && (list.at(i).is_number() || kind == Value::Kind::string || kind == Value::Kind::boolean);
    }
    if (plain) node.cost = CostRule::nothing;
    return;
  }
  if (node.children.size() != 1 || !is_constant(node.children[0]) || !is_conversion(node.name)) return;
  const Value argument = node.children[0]->constant;
  for (const Overload* overload : node.overloads) {
    if (!fits(*overload->parameters[0], argument)) continue;
    Value out = overload->function({&argument, 1});
    if (out.is_error()) {
      mistakes.push_back({node.offset, out.text()});
    } else {
      become(node, std::move(out));
    }
    return;
  }
}

}  // namespace

void check(Compiled& into, const std::vector<Variable>& declared, std::vector<Mistake>& mistakes) {
  Checker(into, declared, mistakes).run();
}

void fold_constants(Expr& node, std::vector<Mistake>& mistakes) {
  for (auto& child : node.children) fold_constants(*child, mistakes);
  const bool literal = (node.kind == Kind::list || node.kind == Kind::map) && node.optional.empty() &&
                       std::all_of(node.children.begin(), node.children.end(), is_constant);
  if (node.kind == Kind::call) return fold_call(node, mistakes);
  if (!literal) return;
  if (node.kind == Kind::list) {
    Value::Items items;
    for (const auto& child : node.children) items.push_back(child->constant);
    return become(node, Value::list(std::move(items)));
  }
  Value::Entries entries;
  for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
    const Value& key = node.children[i]->constant;
    const bool good = key.is(Value::Kind::string) || key.is_number() || key.is(Value::Kind::boolean);
    if (!good) return;  // fails when it runs
    entries.emplace_back(key, node.children[i + 1]->constant);
  }
  become(node, Value::map(std::move(entries)));
}

}  // namespace cel
