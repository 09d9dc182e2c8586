// What can be read can be written, and read again as the same; but for a negative zero, which is written as in Go and
// read as an integer.
#include <cstddef>
#include <cstdint>

#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto read = base::parse_json({reinterpret_cast<const char*>(data), size});
  if (!read) return 0;
  const auto again = base::parse_json(read->dump());
  if (!again) __builtin_trap();
  const std::string text = again->dump();
  const auto third = base::parse_json(text);
  if (!third || third->dump() != text) __builtin_trap();
  const auto pretty = base::parse_json(read->dump_pretty());
  if (!pretty || pretty->dump() != text) __builtin_trap();
  return 0;
}
