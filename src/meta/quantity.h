// Amounts of resources in the form that kube-apiserver gives them (apimachinery's resource.Quantity): no fraction, the
// largest suffix that needs none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace meta {

inline constexpr std::string_view quantity_problem =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

// "1024Ki" becomes "1Mi", "0.5" becomes "500m", "1000m" becomes "1"; nullopt when it is no amount. More precise ones
// are rounded up to billionths.
std::optional<std::string> canonical_quantity(std::string_view text);

}  // namespace meta
