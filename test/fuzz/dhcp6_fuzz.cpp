#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "wire/dhcp6.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto packet = wire::dhcp6::parse({reinterpret_cast<const char*>(data), size});
  if (!packet) return 0;
  (void)packet->mac_by_relay();
  (void)packet->message.mac_of_client_id();
  (void)packet->message.vendor_classes();
  (void)packet->message.user_classes();
  (void)packet->message.architecture();
  (void)packet->message.associations();
  const auto written = wire::dhcp6::serialize(*packet);
  if (!written) return 0;
  const auto again = wire::dhcp6::parse(*written);
  if (!again || wire::dhcp6::serialize(*again).value() != *written) std::abort();
  return 0;
}
