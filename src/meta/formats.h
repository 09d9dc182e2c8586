// String formats of OpenAPI that kube-apiserver checks, and Kubernetes quantities.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace meta {

// True for formats that nobody checks.
bool has_format(std::string_view format, std::string_view text);

// What is wrong with a label as RFC 1035 has them, which begin with a letter; "" when nothing is.
std::string dns_1035_problem(std::string_view text);

// Quantities ("500m", "8Gi", "1e3") as a plain number; nullopt when it is not one.
std::optional<double> parse_quantity(std::string_view text);

}  // namespace meta
