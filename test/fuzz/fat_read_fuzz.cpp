#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "wire/fat_read.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string image(reinterpret_cast<const char*>(data), size);
  (void)wire::fat_has_file(
      [&](uint64_t offset, size_t bytes) -> base::Result<std::string> {
        return offset < image.size() ? image.substr(offset, bytes) : std::string();
      },
      "EFI/BOOT/BOOTX64.EFI");
  return 0;
}
