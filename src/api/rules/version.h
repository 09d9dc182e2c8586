// Kubernetes versions in specs: vMAJOR.MINOR.PATCH, semantic versioning 2.0.0 with a "v" in front.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "api/rules/rules.h"

namespace api::rules {

struct Release {
  int64_t major = 0, minor = 0, patch = 0;
  std::string pre;  // "rc.1"; empty: the release itself
};
// Order of semantic versioning (section 11); build metadata does not count.
std::strong_ordering compare(const Release& a, const Release& b);

// Strict: all three numbers, without leading zeros. The "v" in front is needed.
std::optional<Release> parse_release(std::string_view text);

// At a dotted path: "1.33.0" becomes "v1.33.0"; anything that does not begin with a digit is left alone.
void prefix_version(Json& doc, std::string_view path);
// Adds a finding unless the member is absent or a version.
void check_version(const Json& holder, std::string_view name, const std::string& field, std::vector<FieldError>& found);

}  // namespace api::rules
