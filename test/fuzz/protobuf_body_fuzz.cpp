#include <cstddef>
#include <cstdint>

#include "server/protobuf_body.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto doc = server::parse_protobuf({reinterpret_cast<const char*>(data), size});
  if (doc && !base::parse_json(doc->dump())) __builtin_trap();
  return 0;
}
