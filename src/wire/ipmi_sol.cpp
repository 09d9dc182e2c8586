#include "wire/ipmi_sol.h"

#include "wire/ipmi_bytes.h"

namespace wire::ipmi {
namespace {

constexpr uint8_t sol_instance = 1;
constexpr uint8_t this_channel = 0x0E;
constexpr size_t head_bytes = 4;
constexpr unsigned sealed_alerts_deferred = 0x80 | 0x40 | 0x04;  // encrypted, authenticated (table 24-2)

}  // namespace

std::string encode(const SolPacket& packet) {
  std::string out;
  put_u8(out, packet.sequence & 0x0Fu);
  put_u8(out, packet.ack & 0x0Fu);
  put_u8(out, packet.accepted);
  put_u8(out, packet.flags);
  return out + packet.text.substr(0, sol_text_max);
}

base::Result<SolPacket> decode_sol(std::string_view payload) {
  if (payload.size() < head_bytes || payload.size() > head_bytes + sol_text_max)
    return base::corrupt("IPMI: malformed SOL payload");
  return SolPacket{uint8_t(byte_at(payload, 0) & 0x0F), uint8_t(byte_at(payload, 1) & 0x0F), byte_at(payload, 2),
                   byte_at(payload, 3), std::string(payload.substr(head_bytes))};
}

uint8_t next_sol_sequence(uint8_t present) { return present >= 15 ? uint8_t(1) : uint8_t(present + 1); }

std::string activate_sol_request() {
  std::string data;
  put_u8(data, unsigned(PayloadType::sol));
  put_u8(data, sol_instance);
  put_u8(data, sealed_alerts_deferred);
  return data.append(3, '\0');
}

std::string deactivate_sol_request() {
  std::string data;
  put_u8(data, unsigned(PayloadType::sol));
  put_u8(data, sol_instance);
  return data.append(4, '\0');
}

std::string encode(const SolActivation& activation) {
  std::string data(4, '\0');  // no test mode
  put_u16(data, activation.to_bmc_max);
  put_u16(data, activation.from_bmc_max);
  put_u16(data, activation.port);
  put_u16(data, 0xFFFF);  // no VLAN
  return data;
}

base::Result<SolActivation> decode_sol_activation(std::string_view data) {
  if (data.size() < 10) return base::corrupt("IPMI: malformed answer to Activate Payload");
  return SolActivation{read_u16(data, 4), read_u16(data, 6), read_u16(data, 8)};
}

std::string get_sol_request(uint8_t parameter) {
  std::string data;
  put_u8(data, this_channel);
  put_u8(data, parameter);
  return data.append(2, '\0');
}

std::string set_sol_request(uint8_t parameter, std::string_view value) {
  std::string data;
  put_u8(data, this_channel);
  put_u8(data, parameter);
  return data += value;
}

std::string sol_value(const SolSettings& settings, uint8_t parameter) {
  std::string value;
  switch (parameter) {
    case sol_parameter::enable:
      put_u8(value, settings.enabled ? 1 : 0);
      break;
    case sol_parameter::accumulate:
      put_u8(value, settings.accumulate);
      put_u8(value, settings.threshold);
      break;
    case sol_parameter::retry:
      put_u8(value, settings.retries & 0x07u);
      put_u8(value, settings.retry_interval);
      break;
    case sol_parameter::bit_rate:
    case sol_parameter::volatile_bit_rate:
      put_u8(value, settings.bit_rate & 0x0Fu);
      break;
    default:
      break;
  }
  return value;
}

bool take_sol_value(SolSettings& settings, uint8_t parameter, std::string_view value) {
  const size_t wanted = sol_value(settings, parameter).size();
  if (wanted == 0 || value.size() != wanted) return false;
  const uint8_t first = byte_at(value, 0);
  switch (parameter) {
    case sol_parameter::enable:
      settings.enabled = (first & 1) != 0;
      return true;
    case sol_parameter::accumulate:
      if (first == 0) return false;
      settings.accumulate = first;
      settings.threshold = byte_at(value, 1);
      return true;
    case sol_parameter::retry:
      settings.retries = first & 0x07;
      settings.retry_interval = byte_at(value, 1);
      return true;
    default:
      if (bits_per_second(first & 0x0F) == 0) return false;
      settings.bit_rate = first & 0x0F;
      return true;
  }
}

int bits_per_second(uint8_t bit_rate) {
  switch (bit_rate) {
    case 0x06:
      return 9600;
    case 0x07:
      return 19200;
    case 0x08:
      return 38400;
    case 0x09:
      return 57600;
    case 0x0A:
      return 115200;
    default:
      return 0;
  }
}

}  // namespace wire::ipmi
