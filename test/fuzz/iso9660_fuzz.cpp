#include <cstddef>
#include <cstdint>

#include "wire/iso9660.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)wire::read_iso({reinterpret_cast<const char*>(data), size});
  return 0;
}
