// clang++ -std=c++20 -fsanitize=fuzzer,address -Isrc test/fuzz/protobuf_body_fuzz.cpp src/server/protobuf_body.cpp
//   src/base/*.cpp (without the *_test.cpp) -lfmt -lsimdjson
#include <cstddef>
#include <cstdint>

#include "server/protobuf_body.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto doc = server::parse_protobuf({reinterpret_cast<const char*>(data), size});
  if (doc && !base::parse_json(doc->dump())) __builtin_trap();
  return 0;
}
