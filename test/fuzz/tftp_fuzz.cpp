#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "wire/tftp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto packet = wire::tftp::parse({reinterpret_cast<const char*>(data), size});
  if (!packet) return 0;
  const std::string written = wire::tftp::serialize(*packet);
  const auto again = wire::tftp::parse(written);
  if (!again || wire::tftp::serialize(*again) != written) std::abort();
  return 0;
}
