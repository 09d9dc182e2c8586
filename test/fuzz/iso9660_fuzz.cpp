// clang++ -std=c++20 -fsanitize=fuzzer,address -Isrc test/fuzz/iso9660_fuzz.cpp src/wire/iso9660.cpp src/base/*.cpp
#include <cstddef>
#include <cstdint>

#include "wire/iso9660.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)wire::read_iso({reinterpret_cast<const char*>(data), size});
  return 0;
}
