// What a Program is made of. Private to src/cel.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cel/ast.h"
#include "cel/cel.h"
#include "cel/functions.h"
#include "cel/parser.h"

namespace cel {

struct Variable {
  std::string name;
  TypeRef type;
};

struct Compiled {
  std::string source;
  ExprPtr root;
  TypeRef type;
  std::vector<Variable> variables;  // those that are used; they take the first slots
  size_t slots = 0;
  uint64_t estimated_cost = 0;
  Functions methods;  // what the environment declared; the tree points into it
};

// Gives every node its type and its functions, every name its slot. Fills type, variables and slots.
void check(Compiled& into, const std::vector<Variable>& declared, std::vector<Mistake>& mistakes);
// Computes what does not depend on variables, as far as Kubernetes does (the cost of an evaluation shows it).
void fold_constants(Expr& root, std::vector<Mistake>& mistakes);

}  // namespace cel
