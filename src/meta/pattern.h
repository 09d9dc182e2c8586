// Regular expressions in schemas (RE2's syntax, which is Go's).
#pragma once

#include <string>

namespace meta {

// What is wrong with it, in the words of Go's regexp package; "" when nothing is.
std::string pattern_problem(const std::string& pattern);

}  // namespace meta
