// The complete messages must not depend on the pieces in which they arrive; only how early something malformed is
// refused may. The first byte says how large the pieces are and which side parses.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "wire/http1.h"

namespace {

std::string outcome(std::string_view bytes, size_t piece, wire::Http1Parser::Side side) {
  wire::Http1Parser parser(side, {.head_bytes_max = 4096, .body_bytes_max = 10'000});
  std::string out, buffer;
  for (size_t at = 0; at < bytes.size();) {
    buffer += bytes.substr(at, piece);
    at += std::min(piece, bytes.size() - at);
    for (bool more = true; more && !buffer.empty();) {
      const auto used = parser.feed(buffer);
      if (!used) {
        if (parser.refusal() < 400) __builtin_trap();
        return out;
      }
      if (*used > buffer.size()) __builtin_trap();
      buffer.erase(0, *used);
      more = parser.state() == wire::Http1Parser::State::done;
      if (!more) break;
      const auto& head = parser.head();
      out += head.method + " " + head.target + " " + std::to_string(head.status) + "\n";
      for (const auto& [name, value] : head.fields) out += name + ": " + value + "\n";
      out += parser.body() + "\n";
      parser.next();
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto side = (data[0] & 1) != 0 ? wire::Http1Parser::Side::request : wire::Http1Parser::Side::response;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (bytes.size() > 3000) return 0;  // beyond, limits are met at other places in other pieces
  const std::string whole = outcome(bytes, std::max<size_t>(1, bytes.size()), side);
  const std::string parts = outcome(bytes, 1 + (data[0] >> 1), side);
  if (whole != parts) __builtin_trap();
  return 0;
}
