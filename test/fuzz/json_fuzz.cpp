// What can be read can be written, and read again as the same; but for a negative zero, which is written as in Go and
// read as an integer. What is wrong is told of what cannot be read, and of nothing else.
#include <cstddef>
#include <cstdint>

#include "base/json.h"
#include "wire/json_syntax.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto problem = wire::json_syntax_problem(bytes);
  const auto read = base::parse_json(bytes);
  if (!read) return 0;
  if (!problem.empty()) __builtin_trap();
  const auto paths = wire::json_key_paths(bytes);
  if (paths.empty() != (read->dump().find("\":") == std::string::npos)) __builtin_trap();
  const auto again = base::parse_json(read->dump());
  if (!again) __builtin_trap();
  const std::string text = again->dump();
  const auto third = base::parse_json(text);
  if (!third || third->dump() != text) __builtin_trap();
  const auto pretty = base::parse_json(read->dump_pretty());
  if (!pretty || pretty->dump() != text) __builtin_trap();
  return 0;
}
