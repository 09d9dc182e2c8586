#include "wire/ipmi_command.h"

#include <algorithm>
#include <cstdio>

#include "wire/ipmi_bytes.h"

namespace wire::ipmi {
namespace {

constexpr uint8_t bmc_address = 0x20, console_address = 0x81;

base::Error malformed(std::string_view what) { return base::corrupt("IPMI: malformed " + std::string(what)); }

// Two's complement of the sum (13.8).
uint8_t checksum(std::string_view bytes) {
  unsigned sum = 0;
  for (const char c : bytes) sum += uint8_t(c);
  return uint8_t(0x100 - (sum & 0xFF));
}

std::string envelope(uint8_t to, unsigned net_fn, uint8_t from, uint8_t sequence, uint8_t code, std::string_view tail) {
  std::string out;
  put_u8(out, to);
  put_u8(out, net_fn << 2);
  put_u8(out, checksum(out));
  std::string body;
  put_u8(body, from);
  put_u8(body, unsigned(sequence) << 2);
  put_u8(body, code);
  body += tail;
  put_u8(body, checksum(body));
  return out + body;
}

bool checksums_hold(std::string_view message) {
  const auto sum = [](std::string_view bytes) {
    unsigned total = 0;
    for (const char c : bytes) total += uint8_t(c);
    return total & 0xFF;
  };
  return sum(message.substr(0, 3)) == 0 && sum(message.substr(3)) == 0;
}

}  // namespace

std::string name_of_completion(uint8_t code) {
  struct Row {
    uint8_t code;
    const char* name;
  };
  static constexpr Row rows[] = {
      {completion::ok, "completed"},
      {completion::parameter_unsupported, "parameter not supported"},
      {completion::node_busy, "node busy"},
      {completion::invalid_command, "invalid command"},
      {completion::timeout, "timeout while processing"},
      {completion::out_of_space, "out of space"},
      {completion::bad_length, "request data length invalid"},
      {completion::out_of_range, "parameter out of range"},
      {completion::not_present, "requested record not present"},
      {completion::invalid_field, "invalid data field"},
      {completion::initializing, "BMC initialization in progress"},
      {completion::insufficient_privilege, "insufficient privilege"},
      {completion::not_supported_in_state, "not supported in present state"},
      {completion::unspecified, "unspecified error"},
  };
  const auto* row = std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.code == code; });
  char number[16];
  std::snprintf(number, sizeof number, "%02Xh", code);
  return std::string(row == std::end(rows) ? "completion code" : row->name) + " (" + number + ")";
}

std::string encode(const Command& command) {
  return envelope(bmc_address, unsigned(command.id.net_fn), console_address, command.sequence, command.id.code,
                  command.data);
}

std::string encode(const Answer& answer) {
  std::string tail;
  put_u8(tail, answer.completion);
  return envelope(console_address, unsigned(answer.id.net_fn) | 1, bmc_address, answer.sequence, answer.id.code,
                  tail + answer.data);
}

base::Result<Command> decode_command(std::string_view message) {
  if (message.size() < 7 || !checksums_hold(message)) return malformed("request");
  const unsigned net_fn = byte_at(message, 1) >> 2;
  if ((net_fn & 1) != 0 || byte_at(message, 0) != bmc_address) return malformed("request address");
  return Command{{NetFn(net_fn), byte_at(message, 5)},
                 uint8_t(byte_at(message, 4) >> 2),
                 std::string(message.substr(6, message.size() - 7))};
}

base::Result<Answer> decode_answer(std::string_view message) {
  if (message.size() < 8 || !checksums_hold(message)) return malformed("response");
  const unsigned net_fn = byte_at(message, 1) >> 2;
  if ((net_fn & 1) == 0) return malformed("response function");
  return Answer{{NetFn(net_fn & ~1u), byte_at(message, 5)},
                uint8_t(byte_at(message, 4) >> 2),
                byte_at(message, 6),
                std::string(message.substr(7, message.size() - 8))};
}

std::string auth_capabilities_request(uint8_t privilege) {
  std::string data;
  put_u8(data, 0x8E);
  put_u8(data, privilege);
  return data;
}

std::string encode(const AuthCapabilities& capabilities) {
  std::string data;
  put_u8(data, capabilities.channel);
  put_u8(data, capabilities.rmcp_plus ? 0x80 : 0x00);  // extended data follow; no 1.5 authentication types
  put_u8(data, (capabilities.kg_needed ? 0x20u : 0u) | (capabilities.users_named ? 0x04u : 0u) |
                   (capabilities.user_null ? 0x02u : 0u) | (capabilities.user_anonymous ? 0x01u : 0u));
  put_u8(data, capabilities.rmcp_plus ? 0x02 : 0x01);
  data.append(4, '\0');  // OEM id and data
  return data;
}

base::Result<AuthCapabilities> decode_auth_capabilities(std::string_view data) {
  if (data.size() < 4) return malformed("authentication capabilities");
  AuthCapabilities capabilities;
  capabilities.channel = byte_at(data, 0) & 0x0F;
  const unsigned status = byte_at(data, 2);
  capabilities.rmcp_plus = (byte_at(data, 1) & 0x80) != 0 && (byte_at(data, 3) & 0x02) != 0;
  capabilities.kg_needed = (status & 0x20) != 0;
  capabilities.users_named = (status & 0x04) != 0;
  capabilities.user_null = (status & 0x02) != 0;
  capabilities.user_anonymous = (status & 0x01) != 0;
  return capabilities;
}

std::string cipher_suites_request(uint8_t list_index) {
  std::string data;
  put_u8(data, 0x0E);
  put_u8(data, 0x00);  // payload type IPMI
  put_u8(data, 0x80u | list_index);
  return data;
}

std::string encode_cipher_suites(const std::vector<Suite>& suites) {
  std::string records;
  for (const Suite suite : suites) {
    const auto algorithms = algorithms_of(suite);
    put_u8(records, 0xC0);
    put_u8(records, unsigned(suite));
    put_u8(records, algorithms.authentication);
    put_u8(records, 0x40u | algorithms.integrity);
    put_u8(records, 0x80u | algorithms.confidentiality);
  }
  return records;
}

std::vector<Suite> decode_cipher_suites(std::string_view records) {
  std::vector<Suite> suites;
  for (size_t i = 0; i + 1 < records.size(); ++i) {
    // C0h starts a standard record, C1h an OEM one; algorithm bytes have neither of these values.
    if (byte_at(records, i) != 0xC0) continue;
    const unsigned id = byte_at(records, i + 1);
    if (id == unsigned(Suite::sha1) || id == unsigned(Suite::sha256)) suites.push_back(Suite(id));
  }
  return suites;
}

std::string encode(const ChassisStatus& status) {
  std::string data;
  // Power restore policy "previous state" (bits 5-6 = 01b), fault, power.
  put_u8(data, 0x20u | (status.power_fault ? 0x08u : 0u) | (status.power_on ? 0x01u : 0u));
  put_u8(data, status.last_event);
  put_u8(data, 0x00);
  return data;
}

base::Result<ChassisStatus> decode_chassis_status(std::string_view data) {
  if (data.size() < 3) return malformed("chassis status");
  return ChassisStatus{(byte_at(data, 0) & 0x01) != 0, (byte_at(data, 0) & 0x08) != 0, byte_at(data, 1)};
}

std::string encode(const BootFlags& flags) {
  std::string data;
  put_u8(data, (flags.valid ? 0x80u : 0u) | (flags.persistent ? 0x40u : 0u) | (flags.efi ? 0x20u : 0u));
  put_u8(data, unsigned(flags.device) << 2);
  for (const uint8_t byte : flags.rest) put_u8(data, byte);
  return data;
}

base::Result<BootFlags> decode_boot_flags(std::string_view data) {
  if (data.size() < 5) return malformed("boot flags");
  BootFlags flags;
  const unsigned first = byte_at(data, 0);
  flags.valid = (first & 0x80) != 0;
  flags.persistent = (first & 0x40) != 0;
  flags.efi = (first & 0x20) != 0;
  flags.device = IpmiBoot((byte_at(data, 1) >> 2) & 0x0F);
  for (size_t i = 0; i < 3; ++i) flags.rest[i] = byte_at(data, 2 + i);
  return flags;
}

std::string DeviceId::firmware() const {
  char text[16];
  std::snprintf(text, sizeof text, "%u.%02X", major & 0x7Fu, minor_bcd);
  return text;
}

std::string encode(const DeviceId& device) {
  std::string data;
  put_u8(data, device.device_id);
  put_u8(data, device.device_revision);
  put_u8(data, device.major);
  put_u8(data, device.minor_bcd);
  put_u8(data, 0x02);  // IPMI 2.0, digits reversed
  put_u8(data, device.additional);
  put_u8(data, device.manufacturer & 0xFF);
  put_u16(data, (device.manufacturer >> 8) & 0xFFFF);
  put_u16(data, device.product);
  data.append(4, '\0');
  return data;
}

base::Result<DeviceId> decode_device_id(std::string_view data) {
  if (data.size() < 11) return malformed("device id");
  DeviceId device;
  device.device_id = byte_at(data, 0);
  device.device_revision = byte_at(data, 1);
  device.major = byte_at(data, 2);
  device.minor_bcd = byte_at(data, 3);
  device.additional = byte_at(data, 5);
  device.manufacturer = byte_at(data, 6) | (uint32_t(read_u16(data, 7)) << 8);
  device.product = read_u16(data, 9);
  return device;
}

std::string_view name_of_manufacturer(uint32_t iana) {
  switch (iana & 0xFFFFF) {
    case 2:
      return "IBM";
    case 11:
      return "HPE";
    case 343:
      return "Intel";
    case 674:
      return "Dell";
    case 5771:
      return "Cisco";
    case 7244:
      return "Quanta";
    case 10368:
      return "Fujitsu";
    case 10876:
      return "Supermicro";
    case 19046:
      return "Lenovo";
    case 47196:
      return "HPE";
    case 49622:
      return "Inspur";
    case 58000:
      return "NVIDIA";
    default:
      return "";
  }
}

}  // namespace wire::ipmi
