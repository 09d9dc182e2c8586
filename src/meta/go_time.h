// Times as the types of core kinds read them: metav1.Time (RFC 3339) and metav1.MicroTime (with six digits of a second,
// no more and no fewer).
#pragma once

#include <string>
#include <string_view>

namespace meta {

// Why Go's time package cannot read the text, in its words; "" when it can.
std::string go_time_problem(std::string_view text, bool micro);

}  // namespace meta
