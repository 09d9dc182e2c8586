// The most that an expression can cost. Private to src/cel.
#pragma once

#include "cel/compiled.h"

namespace cel {

// Of a checked tree in which nothing was computed beforehand.
uint64_t estimate(const Expr& root);

}  // namespace cel
