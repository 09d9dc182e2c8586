// The Common Expression Language as Kubernetes uses it (cel.dev, k8s.io/apiserver/pkg/cel): declare variables in an
// Environment, compile an expression once, evaluate the Program many times.
//
//   cel::Environment environment;
//   environment.declare("object", cel::dyn_type());
//   const auto program = environment.compile("object.spec.replicas <= 5", {.result = cel::bool_type()});
//   cel::Bindings bindings;
//   bindings.set("object", cel::Value::of(doc));
//   const auto value = program->evaluate(bindings);
//
// Neither is for use from two threads at once. Compiling and evaluating never suspend.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cel/type.h"
#include "cel/value.h"

namespace cel {

// Limits of Kubernetes, in units of cost (about a memory access each).
inline constexpr uint64_t call_cost_max = 1'000'000;                // one evaluation of one expression
inline constexpr uint64_t object_cost_max = 10'000'000;             // all rules of a custom resource, one policy
inline constexpr uint64_t match_conditions_cost_max = 2'500'000;    // all match conditions of one webhook
inline constexpr uint64_t estimated_rule_cost_max = 10'000'000;     // static, one rule of a custom resource
inline constexpr uint64_t estimated_schema_cost_max = 100'000'000;  // static, all rules of a custom resource

// Names and what they stand for in one evaluation.
class Bindings {
 public:
  Bindings& set(std::string name, Value value);
  // Computed when the expression first uses it, once.
  Bindings& set_lazy(std::string name, std::function<Value()> make);
  const Value* find(std::string_view name) const;  // computes a lazy one; null when not set

 private:
  struct Bound {
    std::string name;
    mutable Value value;
    mutable std::function<Value()> make;
  };
  std::vector<Bound> all_;
};

struct Compiled;  // private

class Program {
 public:
  // Errors: invalid with CEL's message ("no such key: foo", "division by zero", ...), or too_large with "operation
  // cancelled: actual cost limit exceeded". `cost` receives what was spent, also on errors.
  Result<Value> evaluate(const Bindings& bindings, uint64_t cost_max = call_cost_max, uint64_t* cost = nullptr) const;
  const TypeRef& type() const;  // of the result, as far as it is known
  const std::string& source() const;
  bool uses(std::string_view variable) const;
  // The most that evaluating it can cost, given the sizes that the declared types allow.
  uint64_t estimated_cost() const;

 private:
  friend class Environment;
  explicit Program(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

struct CompileOptions {
  TypeRef result;  // what it must give (dyn results pass and are checked by the caller); null: anything
};

class Environment {
 public:
  Environment();  // with CEL's standard library and those of Kubernetes; no variables
  Environment(const Environment&);
  Environment& operator=(const Environment&);
  ~Environment();

  // A variable. Declaring it again replaces it.
  Environment& declare(std::string name, TypeRef type);
  // A method of host objects of `receiver`, carried out by HostObject::call. `cost` is charged for each call.
  Environment& declare_method(TypeRef receiver, std::string name, std::vector<TypeRef> parameters, TypeRef result,
                              uint64_t cost = 1);

  // Errors: invalid, with a message as cel-go writes it: "ERROR: <input>:1:6: undefined field 'x'\n | self.x\n |
  // .....^", one paragraph per mistake.
  Result<Program> compile(std::string_view source, const CompileOptions& options = {}) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The type of `authorizer` in admission. A HostObject of this type name answers path(string), group(string),
// serviceAccount(namespace, name); those answer resource, subresource, namespace, name, fieldSelector, labelSelector,
// check(verb); the decision answers allowed(), reason(), errored(), error(). The types' names follow.
inline constexpr std::string_view authorizer_name = "kubernetes.authorization.Authorizer";
inline constexpr std::string_view path_check_name = "kubernetes.authorization.PathCheck";
inline constexpr std::string_view group_check_name = "kubernetes.authorization.GroupCheck";
inline constexpr std::string_view resource_check_name = "kubernetes.authorization.ResourceCheck";
inline constexpr std::string_view decision_name = "kubernetes.authorization.Decision";

}  // namespace cel
