#include <cstddef>
#include <cstdint>

#include "wire/gzip.h"
#include "wire/tar.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)wire::read_tar(bytes, 100);
  if (const auto unpacked = wire::gunzip(bytes, 1u << 20)) (void)wire::read_tar(*unpacked, 100);
  return 0;
}
