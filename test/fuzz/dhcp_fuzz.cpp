#include <cstddef>
#include <cstdint>

#include "wire/dhcp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto message = wire::dhcp::parse({reinterpret_cast<const char*>(data), size});
  if (message) (void)wire::dhcp::serialize(*message);
  return 0;
}
