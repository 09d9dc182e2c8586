// Spelling rules for names, labels, annotations and finalizers (RFC 1123 and the Kubernetes API conventions). Each
// function says what is wrong, or "" when nothing is.
#pragma once

#include <string>
#include <string_view>

namespace registry {

std::string dns_label_problem(std::string_view text);       // at most 63 characters
std::string dns_subdomain_problem(std::string_view text);   // at most 253 characters
std::string path_segment_problem(std::string_view text);    // RBAC names: no '/', '%', "." or ".."
std::string qualified_name_problem(std::string_view text);  // [prefix/]name: keys of labels, annotations; finalizers
std::string name_part_problem(std::string_view text);
std::string label_value_problem(std::string_view text);

}  // namespace registry
