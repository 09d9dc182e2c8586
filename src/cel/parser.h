// Text to syntax tree, with the macros (has, all, exists, ...) expanded. Private to src/cel.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cel/ast.h"

namespace cel {

struct Mistake {
  uint32_t offset = 0;
  std::string message;
};

constexpr size_t source_bytes_max = 100'000;
constexpr int nesting_max = 100;     // of brackets; stacks of fibers are small
constexpr int tree_depth_max = 250;  // of a chain such as a + b + c + ...

// Null when there are mistakes.
ExprPtr parse(std::string_view source, std::vector<Mistake>& mistakes);

// "ERROR: <input>:1:6: undefined field 'x'\n | self.x\n | .....^" for each, one below the other.
std::string text_of(std::string_view source, const std::vector<Mistake>& mistakes);

// Used by macros.cpp. Null: this call is no macro. On a mistake the result is null as well and `mistakes` has grown.
ExprPtr expand_macro(ExprPtr& call, std::vector<Mistake>& mistakes);

}  // namespace cel
