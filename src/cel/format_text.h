// string.format() and strings.quote() of the string extension. Private to src/cel.
#pragma once

#include <string>

#include "cel/value.h"

namespace cel {

// Clauses %s %d %f %e %x %X %b %o %%, with a precision (%.3f). An error value when clauses and arguments do not fit.
Value formatted(const std::string& clauses, const Value& arguments);
// In double quotes, with escapes that CEL reads back.
std::string quoted_text(const std::string& text);

}  // namespace cel
