#include "wire/dhcp.h"

#include <algorithm>

#include "base/text.h"

namespace wire {

using base::Result;

std::string Ipv4::text() const {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    if (!out.empty()) out += '.';
    out += std::to_string((value >> shift) & 0xff);
  }
  return out;
}

std::optional<Ipv4> Ipv4::parse(std::string_view text) {
  const auto parts = base::split(text, '.');
  if (parts.size() != 4) return std::nullopt;
  uint32_t value = 0;
  for (const auto part : parts) {
    const auto number = base::parse_uint(part);
    if (!number || *number > 255 || part.size() > 3) return std::nullopt;
    value = value << 8 | static_cast<uint32_t>(*number);
  }
  return Ipv4{value};
}

std::optional<std::string> normal_mac(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  std::string out = base::lower(text);
  for (size_t i = 0; i < out.size(); ++i) {
    if (i % 3 == 2) {
      if (out[i] != ':' && out[i] != '-') return std::nullopt;
      out[i] = ':';
    } else if (!((out[i] >= '0' && out[i] <= '9') || (out[i] >= 'a' && out[i] <= 'f'))) {
      return std::nullopt;
    }
  }
  return out;
}

std::string mac_text(std::string_view six_bytes) {
  std::string out;
  for (const char byte : six_bytes) {
    if (!out.empty()) out += ':';
    out += base::hex({&byte, 1});
  }
  return out;
}

namespace dhcp {

namespace {

constexpr size_t header_bytes = 236;
constexpr std::string_view magic = "\x63\x82\x53\x63";
constexpr size_t packet_bytes_min = 300;
constexpr size_t packet_bytes_max = 1400;

uint32_t be(std::string_view bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

void put(std::string& out, uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

std::string until_nul(std::string_view field) { return std::string(field.substr(0, field.find('\0'))); }

Result<void> read_options(std::string_view field, Message& message) {
  size_t at = 0;
  while (at < field.size()) {
    const auto code = static_cast<uint8_t>(field[at++]);
    if (code == 0) continue;
    if (code == 255) return {};
    if (at >= field.size()) return base::corrupt("DHCP option " + std::to_string(code) + " has no length");
    const auto length = static_cast<unsigned char>(field[at++]);
    if (length > field.size() - at) {
      return base::corrupt("DHCP option " + std::to_string(code) + " is longer than the packet");
    }
    message.options[code] += field.substr(at, length);
    at += length;
  }
  return {};
}

}  // namespace

std::string Message::mac() const { return mac_text({reinterpret_cast<const char*>(chaddr.data()), 6}); }

void Message::set_mac(std::string_view text) {
  const auto raw = base::unhex(base::replace_all(base::replace_all(std::string(text), ":", ""), "-", ""));
  chaddr = {};
  if (raw && raw->size() == 6) std::copy(raw->begin(), raw->end(), chaddr.begin());
}

std::optional<MessageType> Message::type() const {
  const std::string raw = option(message_type);
  if (raw.size() != 1 || raw[0] < 1 || raw[0] > 8) return std::nullopt;
  return static_cast<MessageType>(raw[0]);
}

void Message::set_type(MessageType type) { options[message_type] = std::string(1, static_cast<char>(type)); }

std::string Message::option(uint8_t code) const {
  const auto found = options.find(code);
  return found == options.end() ? std::string() : found->second;
}

std::optional<Ipv4> Message::address_option(uint8_t code) const {
  const std::string raw = option(code);
  if (raw.size() < 4) return std::nullopt;
  return Ipv4{be(raw, 0, 4)};
}

void Message::set_address(uint8_t code, Ipv4 address) { set_u32(code, address.value); }

void Message::set_u32(uint8_t code, uint32_t value) {
  std::string raw;
  put(raw, value, 4);
  options[code] = raw;
}

std::optional<uint16_t> Message::architecture() const {
  const std::string raw = option(client_arch);
  if (raw.size() < 2) return std::nullopt;
  return static_cast<uint16_t>(be(raw, 0, 2));
}

bool Message::is_ipxe() const {
  const std::string raw = option(user_class);
  // iPXE sends its name bare; RFC 3004 wants a length in front. Both are in the field.
  return raw == "iPXE" || raw == std::string("\x04iPXE") || options.count(175) > 0;
}

Result<Message> parse(std::string_view packet) {
  if (packet.size() < header_bytes + magic.size()) return base::corrupt("DHCP packet is too short");
  if (packet.substr(header_bytes, magic.size()) != magic) return base::corrupt("DHCP packet without magic cookie");
  Message message;
  const auto op = static_cast<unsigned char>(packet[0]);
  if (op != 1 && op != 2) return base::corrupt("DHCP packet with op " + std::to_string(op));
  if (packet[1] != 1 || packet[2] != 6) return base::corrupt("DHCP packet is not for Ethernet");
  message.reply = op == 2;
  message.hops = static_cast<uint8_t>(packet[3]);
  message.xid = be(packet, 4, 4);
  message.seconds = static_cast<uint16_t>(be(packet, 8, 2));
  message.broadcast = (be(packet, 10, 2) & 0x8000) != 0;
  message.ciaddr.value = be(packet, 12, 4);
  message.yiaddr.value = be(packet, 16, 4);
  message.siaddr.value = be(packet, 20, 4);
  message.giaddr.value = be(packet, 24, 4);
  for (size_t i = 0; i < 16; ++i) message.chaddr[i] = static_cast<uint8_t>(packet[28 + i]);
  const auto sname = packet.substr(44, 64);
  const auto file = packet.substr(108, 128);
  TRY(read_options(packet.substr(header_bytes + magic.size()), message));
  const std::string overloaded = message.option(overload);
  const unsigned mode = overloaded.empty() ? 0u : static_cast<unsigned char>(overloaded[0]);
  if (mode & 1) TRY(read_options(file, message));
  if (mode & 2) TRY(read_options(sname, message));
  if (!(mode & 1)) message.file = until_nul(file);
  if (!(mode & 2)) message.sname = until_nul(sname);
  return message;
}

Result<std::string> serialize(const Message& message) {
  if (message.sname.size() > 63 || message.file.size() > 127) {
    return base::Error{base::Code::too_large, "DHCP server name or boot file is too long"};
  }
  std::string out;
  put(out, message.reply ? 2 : 1, 1);
  put(out, 1, 1);
  put(out, 6, 1);
  put(out, message.hops, 1);
  put(out, message.xid, 4);
  put(out, message.seconds, 2);
  put(out, message.broadcast ? 0x8000 : 0, 2);
  for (const Ipv4 address : {message.ciaddr, message.yiaddr, message.siaddr, message.giaddr})
    put(out, address.value, 4);
  for (const uint8_t byte : message.chaddr) out += static_cast<char>(byte);
  out += message.sname;
  out.resize(108, '\0');
  out += message.file;
  out.resize(header_bytes, '\0');
  out += magic;
  const auto append = [&out](uint8_t code, std::string_view value) {
    do {
      const auto piece = value.substr(0, 255);
      out += static_cast<char>(code);
      out += static_cast<char>(piece.size());
      out += piece;
      value.remove_prefix(piece.size());
    } while (!value.empty());
  };
  // The message type goes first: some firmware stops at what it knows.
  if (const auto type = message.options.find(message_type); type != message.options.end()) {
    append(message_type, type->second);
  }
  for (const auto& [code, value] : message.options) {
    if (code != message_type && code != relay_agent && code != 0 && code != 255) append(code, value);
  }
  // RFC 3046: the relay's own option is the last.
  if (const auto relay = message.options.find(relay_agent); relay != message.options.end()) {
    append(relay_agent, relay->second);
  }
  out += '\xff';
  if (out.size() > packet_bytes_max) return base::Error{base::Code::too_large, "DHCP packet is too large"};
  if (out.size() < packet_bytes_min) out.resize(packet_bytes_min, '\0');
  return out;
}

}  // namespace dhcp
}  // namespace wire
