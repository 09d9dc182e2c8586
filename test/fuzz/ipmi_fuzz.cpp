// Whatever datagram comes, from a BMC or to a simulated one: every decoder answers or says corrupt.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "wire/ipmi_command.h"
#include "wire/ipmi_packet.h"
#include "wire/ipmi_rakp.h"
#include "wire/ipmi_sol.h"

namespace ipmi = wire::ipmi;

namespace {

void decode_sol(std::string_view bytes) {
  if (const auto packet = ipmi::decode_sol(bytes)) {
    if (packet->text.size() > ipmi::sol_text_max) std::abort();
    if (!(ipmi::decode_sol(ipmi::encode(*packet)).value() == *packet)) std::abort();
  }
  (void)ipmi::decode_sol_activation(bytes);
  for (uint8_t parameter = 0; parameter < 10; ++parameter) {
    ipmi::SolSettings settings;
    if (!ipmi::take_sol_value(settings, parameter, bytes)) continue;
    ipmi::SolSettings again;
    if (!ipmi::take_sol_value(again, parameter, ipmi::sol_value(settings, parameter)) || !(again == settings))
      std::abort();
  }
}

void decode_all(std::string_view bytes) {
  if (const auto command = ipmi::decode_command(bytes)) {
    const auto again = ipmi::decode_command(ipmi::encode(*command));
    if (!again || again->data != command->data || again->sequence != command->sequence) std::abort();
  }
  (void)ipmi::decode_answer(bytes);
  (void)ipmi::decode_auth_capabilities(bytes);
  (void)ipmi::decode_cipher_suites(bytes);
  (void)ipmi::decode_chassis_status(bytes);
  (void)ipmi::decode_boot_flags(bytes);
  (void)ipmi::decode_device_id(bytes);
  (void)ipmi::decode_guid(bytes);
  (void)ipmi::decode_fru(bytes);
  (void)ipmi::decode_open_request(bytes);
  (void)ipmi::decode_open_response(bytes);
  (void)ipmi::decode_rakp1(bytes);
  (void)ipmi::decode_rakp2(bytes);
  (void)ipmi::decode_rakp3(bytes);
  (void)ipmi::decode_rakp4(bytes);
  decode_sol(bytes);
}

}  // namespace

// The first byte says whether the rest is a datagram, or what lies in one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] & 1) {
    decode_all(bytes);
    return 0;
  }
  const auto packet = ipmi::decode_packet(bytes);
  if (!packet) return 0;
  decode_all(packet->payload);
  for (const auto suite : {ipmi::Suite::sha1, ipmi::Suite::sha256}) {
    const ipmi::SessionKeys keys{suite, std::string(20, 's'), std::string(20, 'k'), std::string(20, 'e')};
    if (const auto opened = ipmi::open_payload(*packet, keys)) decode_all(*opened);
    // What the other end has sealed: the decoder behind the cipher sees foreign bytes, too.
    const auto sealed =
        ipmi::encode_sealed(ipmi::PayloadType::message, bytes.substr(0, 200), 7, 1, keys, std::string(16, 'i'));
    const auto again = ipmi::decode_packet(sealed);
    if (!again || ipmi::open_payload(*again, keys).value() != bytes.substr(0, 200)) std::abort();
  }
  return 0;
}
