#include "cel/compiled.h"
#include "cel/estimate.h"

namespace cel {

struct Environment::State {
  std::vector<Variable> variables;
  Functions methods;
};

Environment::Environment() : state_(std::make_unique<State>()) {}
Environment::Environment(const Environment& other) : state_(std::make_unique<State>(*other.state_)) {}
Environment& Environment::operator=(const Environment& other) {
  if (this != &other) *state_ = *other.state_;
  return *this;
}
Environment::~Environment() = default;

Environment& Environment::declare(std::string name, TypeRef type) {
  for (auto& known : state_->variables) {
    if (known.name != name) continue;
    known.type = std::move(type);
    return *this;
  }
  state_->variables.push_back({std::move(name), std::move(type)});
  return *this;
}

Environment& Environment::declare_method(TypeRef receiver, std::string name, std::vector<TypeRef> parameters,
                                         TypeRef result, uint64_t cost) {
  Overload made;
  made.parameters = std::move(parameters);
  made.parameters.insert(made.parameters.begin(), std::move(receiver));
  made.result = std::move(result);
  made.member = true;
  made.fixed_cost = cost;
  state_->methods.add(name, std::move(made));
  return *this;
}

Result<Program> Environment::compile(std::string_view source, const CompileOptions& options) const {
  std::vector<Mistake> mistakes;
  auto made = std::make_shared<Compiled>();
  made->source = source;
  made->methods = state_->methods;
  made->root = parse(source, mistakes);
  if (mistakes.empty()) check(*made, state_->variables, mistakes);
  if (mistakes.empty()) made->estimated_cost = estimate(*made->root);
  if (mistakes.empty()) fold_constants(*made->root, mistakes);
  if (!mistakes.empty()) return base::invalid(text_of(source, mistakes));
  if (options.result && options.result->kind != TypeKind::dyn && made->type->kind != TypeKind::dyn &&
      made->type->text() != options.result->text()) {
    return base::invalid("must evaluate to " + options.result->text());
  }
  return Program(std::move(made));
}

}  // namespace cel
