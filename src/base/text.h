// Small words on strings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace base {

std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
std::string upper(std::string_view text);
bool equals_ignore_case(std::string_view a, std::string_view b);
std::string replace_all(std::string text, std::string_view from, std::string_view to);

// Whole-string decimal numbers; nullopt on anything else, including overflow.
std::optional<int64_t> parse_int(std::string_view text);
std::optional<uint64_t> parse_uint(std::string_view text);

std::string hex(std::string_view bytes);
std::optional<std::string> unhex(std::string_view text);
std::string base64(std::string_view bytes);
std::string base64_url(std::string_view bytes);  // no padding (RFC 4648 section 5)
// Both accept missing padding off (strict) and reject foreign characters.
std::optional<std::string> unbase64(std::string_view text);
std::optional<std::string> unbase64_url(std::string_view text);

// Equal without telling by timing where they differ. For tokens and passwords.
bool equal_constant_time(std::string_view a, std::string_view b);

// "a" or "b \"quoted\"" as Go's %q prints it.
std::string quoted(std::string_view text);

bool valid_utf8(std::string_view text);

}  // namespace base
