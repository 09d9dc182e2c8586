// What can be read can be written, and read again as the same.
#include <cstddef>
#include <cstdint>

#include "wire/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto docs = wire::parse_yaml({reinterpret_cast<const char*>(data), size});
  if (!docs) return 0;
  for (const auto& doc : *docs) {
    const auto again = wire::parse_yaml(wire::to_yaml(doc));
    if (!again || again->size() != 1 || again->front().dump() != doc.dump()) __builtin_trap();
    const auto sorted = wire::parse_yaml(wire::to_go_yaml(doc));
    if (!sorted || sorted->size() != 1 || !(sorted->front() == doc)) __builtin_trap();
  }
  return 0;
}
