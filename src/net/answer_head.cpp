#include "net/answer_head.h"

#include "base/text.h"
#include "wire/http1.h"

namespace net {

bool never_with_body(int status) { return status / 100 == 1 || status == 204 || status == 304; }

bool is_framing_field(std::string_view name) {
  for (const std::string_view field : {"Content-Length", "Transfer-Encoding", "Connection"}) {
    if (name.size() == field.size() && base::equals_ignore_case(name, field)) return true;
  }
  return false;
}

std::string sendable_value(std::string_view value) {
  std::string cleaned(value);
  if (wire::valid_field_value(value)) return cleaned;
  for (char& c : cleaned)
    if (!wire::valid_field_value({&c, 1})) c = ' ';
  return cleaned;
}

uint64_t announced_length(const Response& response, bool is_head) {
  if (!is_head || !response.body.empty()) return response.body.size();
  return base::parse_uint(response.headers.get("Content-Length")).value_or(0);
}

}  // namespace net
