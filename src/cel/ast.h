// The syntax tree of an expression, with what checking adds to it. Private to src/cel.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cel/type.h"
#include "cel/value.h"

namespace cel {

struct Overload;
enum class CostRule : unsigned char;

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Expr {
  enum class Kind : unsigned char {
    constant,
    identifier,
    select,       // children[0].name; with `presence`: has(children[0].name)
    call,         // name(children...), or children[0].name(rest...) when `member`
    list,         // children
    map,          // children: key, value, key, value...
    fold,         // a comprehension: children range, init, condition, step, result
    logical_and,  // children
    logical_or,   // children
    conditional,  // children
  };
  Kind kind = Kind::constant;
  bool presence = false;
  bool member = false;
  bool append = false;  // of a fold's step: children[0] is the accumulator, which takes the new items in place
  uint32_t offset = 0;  // in bytes, of the part that messages point at
  std::string name;
  Value constant;
  std::vector<ExprPtr> children;
  std::vector<bool> optional;            // of list and map: entry by entry, marked with `?`; empty when none is
  std::string item, item2, accumulator;  // variables of a fold; item2 may be empty

  // ---- from here on: set by the checker
  TypeRef type;
  int slot = -1;         // of an identifier; of a fold: its first (accumulator, item, item2)
  bool is_type = false;  // an identifier that names a type
  std::vector<const Overload*> overloads;
  CostRule cost{};
};

}  // namespace cel
