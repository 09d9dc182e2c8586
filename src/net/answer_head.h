// Inside net only: what the heads of answers have in common in HTTP/1.1 and HTTP/2.
#pragma once

#include <string>
#include <string_view>

#include "net/http.h"

namespace net {

bool never_with_body(int status);
// Whether the connection says this by itself (framing, RFC 9112 6; RFC 9113 8.2.2), so that a handler's is left out.
bool is_framing_field(std::string_view name);
// `value` without what must not stand in a field, so that it cannot begin another one.
std::string sendable_value(std::string_view value);
// What Content-Length says: a handler of HEAD may know the length without making the body.
uint64_t announced_length(const Response& response, bool is_head);

}  // namespace net
