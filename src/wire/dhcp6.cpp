#include "wire/dhcp6.h"

#include <algorithm>

#include "base/text.h"
#include "wire/dhcp.h"

namespace wire::dhcp6 {

using base::Result;

namespace {

constexpr uint8_t relay_forward = 12, relay_reply = 13;
constexpr size_t relays_max = 8;  // HOP_COUNT_LIMIT, RFC 8415 7.6
constexpr size_t packet_bytes_max = 1400;
constexpr size_t association_head = 12, address_head = 24, relay_head = 34;
constexpr uint16_t ethernet = 1;

uint32_t number(std::string_view bytes, size_t at, size_t count) {
  uint32_t out = 0;
  for (size_t i = 0; i < count; ++i) out = out << 8 | static_cast<unsigned char>(bytes[at + i]);
  return out;
}

void put(std::string& out, uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

Result<Options> parse_options(std::string_view bytes) {
  Options out;
  while (!bytes.empty()) {
    if (bytes.size() < 4) return base::corrupt("DHCPv6 option without a length");
    const auto code = static_cast<uint16_t>(number(bytes, 0, 2));
    const size_t length = number(bytes, 2, 2);
    if (length > bytes.size() - 4) {
      return base::corrupt("DHCPv6 option " + std::to_string(code) + " is longer than what holds it");
    }
    out.emplace_back(code, std::string(bytes.substr(4, length)));
    bytes.remove_prefix(4 + length);
  }
  return out;
}

void put_options(std::string& out, const Options& options) {
  for (const auto& [code, value] : options) {
    put(out, code, 2);
    put(out, static_cast<uint32_t>(value.size()), 2);
    out += value;
  }
}

std::optional<Status> status_in(const Options& options) {
  for (const auto& [code, value] : options) {
    if (code == status_code && value.size() >= 2) return static_cast<Status>(number(value, 0, 2));
  }
  return std::nullopt;
}

Result<Association> parse_association(std::string_view value) {
  if (value.size() < association_head) return base::corrupt("DHCPv6 identity association is too short");
  Association out{number(value, 0, 4), number(value, 4, 4), number(value, 8, 4), {}, std::nullopt};
  const Options inner = TRY(parse_options(value.substr(association_head)));
  for (const auto& [code, bytes] : inner) {
    if (code != ia_address) continue;
    if (bytes.size() < address_head) return base::corrupt("DHCPv6 address option is too short");
    out.addresses.push_back(
        {Ipv6::from_raw(std::string_view(bytes).substr(0, 16)), number(bytes, 16, 4), number(bytes, 20, 4)});
  }
  out.status = status_in(inner);
  return out;
}

// Texts with two bytes of length in front; nullopt when they do not come out even.
std::optional<std::vector<std::string>> classes_in(std::string_view bytes) {
  std::vector<std::string> out;
  while (!bytes.empty()) {
    if (bytes.size() < 2 || number(bytes, 0, 2) > bytes.size() - 2) return std::nullopt;
    out.emplace_back(bytes.substr(2, number(bytes, 0, 2)));
    bytes.remove_prefix(2 + out.back().size());
  }
  return out;
}

}  // namespace

std::string_view name_of(MessageType type) {
  switch (type) {
    case MessageType::solicit:
      return "solicit";
    case MessageType::advertise:
      return "advertise";
    case MessageType::request:
      return "request";
    case MessageType::confirm:
      return "confirm";
    case MessageType::renew:
      return "renew";
    case MessageType::rebind:
      return "rebind";
    case MessageType::reply:
      return "reply";
    case MessageType::release:
      return "release";
    case MessageType::decline:
      return "decline";
    case MessageType::reconfigure:
      return "reconfigure";
    case MessageType::information_request:
      return "information-request";
  }
  return "unknown";
}

bool Message::has(uint16_t code) const {
  return std::any_of(options.begin(), options.end(), [&](const auto& option) { return option.first == code; });
}

std::string Message::option(uint16_t code) const {
  for (const auto& [each, value] : options) {
    if (each == code) return value;
  }
  return {};
}

void Message::add(const Association& association) {
  std::string value;
  put(value, association.id, 4);
  put(value, association.renew_seconds, 4);
  put(value, association.rebind_seconds, 4);
  Options inner;
  for (const Address& each : association.addresses) {
    std::string bytes = each.address.raw();
    put(bytes, each.preferred_seconds, 4);
    put(bytes, each.valid_seconds, 4);
    inner.emplace_back(ia_address, bytes);
  }
  if (association.status) {
    std::string bytes;
    put(bytes, static_cast<uint32_t>(*association.status), 2);
    inner.emplace_back(status_code, bytes);
  }
  put_options(value, inner);
  add(ia_na, std::move(value));
}

void Message::add(Status status, std::string_view text) {
  std::string value;
  put(value, static_cast<uint32_t>(status), 2);
  add(status_code, value + std::string(text));
}

std::vector<Association> Message::associations() const {
  std::vector<Association> out;
  for (const auto& [code, value] : options) {
    if (code != ia_na) continue;
    if (auto found = parse_association(value)) out.push_back(std::move(*found));
  }
  return out;
}

std::optional<Status> Message::status() const { return status_in(options); }

std::vector<std::string> Message::vendor_classes() const {
  std::vector<std::string> out;
  for (const auto& [code, value] : options) {
    if (code != vendor_class || value.size() < 4) continue;
    if (const auto found = classes_in(std::string_view(value).substr(4))) {
      out.insert(out.end(), found->begin(), found->end());
    }
  }
  return out;
}

std::vector<std::string> Message::user_classes() const {
  const std::string value = option(user_class);
  if (value == "iPXE") return {value};
  return classes_in(value).value_or(std::vector<std::string>());
}

std::optional<uint16_t> Message::architecture() const {
  const std::string value = option(client_arch);
  if (value.size() < 2) return std::nullopt;
  return static_cast<uint16_t>(number(value, 0, 2));
}

std::optional<std::string> Message::mac_of_client_id() const {
  const std::string id = option(client_id);
  if (id.size() < 4 || number(id, 2, 2) != ethernet) return std::nullopt;
  const auto kind = number(id, 0, 2);  // 1: with the time of its making, 3: without
  if (kind == 1 && id.size() == 14) return mac_text(std::string_view(id).substr(8));
  if (kind == 3 && id.size() == 10) return mac_text(std::string_view(id).substr(4));
  return std::nullopt;
}

std::optional<std::string> Packet::mac_by_relay() const {
  if (relays.empty()) return std::nullopt;
  for (const auto& [code, value] : relays.back().options) {
    if (code == client_link_layer && value.size() == 8 && number(value, 0, 2) == ethernet) {
      return mac_text(std::string_view(value).substr(2));
    }
  }
  return std::nullopt;
}

std::string vendor_class_value(uint32_t enterprise, std::string_view name) {
  std::string out;
  put(out, enterprise, 4);
  return out + user_class_value(name);
}

std::string user_class_value(std::string_view name) {
  std::string out;
  put(out, static_cast<uint32_t>(name.size()), 2);
  return out + std::string(name);
}

std::string client_id_of(std::string_view mac) {
  dhcp::Message scratch;
  scratch.set_mac(mac);
  std::string out("\0\3\0\1", 4);
  return out.append(scratch.chaddr.begin(), scratch.chaddr.begin() + 6);
}

Result<Packet> parse(std::string_view bytes) {
  Packet out;
  std::string held;
  while (!bytes.empty() && (bytes[0] == relay_forward || bytes[0] == relay_reply)) {
    if (out.relays.size() >= relays_max) return base::corrupt("DHCPv6 packet by too many relays");
    if (bytes.size() < relay_head) return base::corrupt("DHCPv6 relay message is too short");
    Relay relay{static_cast<uint8_t>(bytes[1]), Ipv6::from_raw(bytes.substr(2, 16)),
                Ipv6::from_raw(bytes.substr(18, 16)), TRY(parse_options(bytes.substr(relay_head)))};
    const auto inner = std::find_if(relay.options.begin(), relay.options.end(),
                                    [](const auto& option) { return option.first == relay_message; });
    if (inner == relay.options.end()) return base::corrupt("DHCPv6 relay message without a message");
    std::string message = std::move(inner->second);
    std::erase_if(relay.options, [](const auto& option) { return option.first == relay_message; });
    out.relays.push_back(std::move(relay));
    held = std::move(message);
    bytes = held;
  }
  if (bytes.size() < 4) return base::corrupt("DHCPv6 message is too short");
  const auto type = static_cast<unsigned char>(bytes[0]);
  if (type < 1 || type > 11) return base::corrupt("DHCPv6 message of type " + std::to_string(type));
  out.message.type = static_cast<MessageType>(type);
  out.message.transaction = number(bytes, 1, 3);
  out.message.options = TRY(parse_options(bytes.substr(4)));
  for (const auto& [code, value] : out.message.options) {
    if (code == ia_na) TRY(parse_association(value));
  }
  return out;
}

Result<std::string> serialize(const Packet& packet) {
  std::string out(1, static_cast<char>(packet.message.type));
  put(out, packet.message.transaction, 3);
  put_options(out, packet.message.options);
  for (size_t i = packet.relays.size(); i-- > 0;) {
    const Relay& relay = packet.relays[i];
    std::string around{static_cast<char>(relay_reply), static_cast<char>(relay.hops)};
    around += relay.link.raw() + relay.peer.raw();
    put_options(around, relay.options);
    if (out.size() > packet_bytes_max) break;
    put_options(around, {{relay_message, out}});
    out = std::move(around);
  }
  if (out.size() > packet_bytes_max) return base::Error{base::Code::too_large, "DHCPv6 packet is too large"};
  return out;
}

}  // namespace wire::dhcp6
