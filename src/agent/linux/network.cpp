#include "agent/linux/network.h"

#include <algorithm>
#include <bit>

#include "agent/linux/network6.h"
#include "base/log.h"
#include "base/text.h"
#include "sys/fiber.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;
using wire::Ipv4;
using wire::dhcp::Message;
using wire::dhcp::MessageType;

namespace {

constexpr uint16_t client_port = 68, server_port = 67;
const sys::Address everybody{"255.255.255.255", server_port};

int prefix_of_mask(Ipv4 mask) { return std::popcount(mask.value); }

Message message_for(const LinuxNic& nic, uint32_t xid, MessageType type) {
  Message out;
  out.xid = xid;
  out.broadcast = true;  // without an address yet, unicast answers do not reach a socket
  out.set_mac(nic.mac);
  out.set_type(type);
  out.options[wire::dhcp::vendor_class] = "ingot-agent";
  out.options[wire::dhcp::parameter_list] = std::string("\x01\x03\x06\x0c\x33\x36", 6);
  return out;
}

// Sends until an answer of this type comes; the gap grows from 4 to 16 seconds (RFC 2131 4.1).
Result<Message> exchange(sys::Sys& sys, sys::Datagram& socket, const Message& asking, MessageType wanted,
                         base::Time deadline) {
  const std::string packet = TRY(wire::dhcp::serialize(asking));
  base::Duration gap = base::seconds(4);
  while (sys.loop.now() < deadline) {
    TRY(socket.send(everybody, packet));
    const base::Time again = std::min(sys.loop.now() + gap, deadline);
    while (sys.loop.now() < again) {
      const auto packet_in = socket.receive(again - sys.loop.now());
      if (!packet_in && packet_in.error().code == Code::timeout) break;
      if (!packet_in) return packet_in.error();
      auto answer = wire::dhcp::parse(packet_in->bytes);
      if (!answer || !answer->reply || answer->xid != asking.xid || answer->mac() != asking.mac()) continue;
      if (answer->type() == MessageType::nak) return base::conflict("the DHCP server refused the address");
      if (answer->type() == wanted) return std::move(*answer);
    }
    gap = std::min<base::Duration>(gap * 2, base::seconds(16));
  }
  return Error{Code::timeout, "no DHCP answer", Layer::agent,
               "check the cable, the VLAN and that a DHCP server serves this network"};
}

std::vector<std::string> addresses_in(const std::string& option) {
  std::vector<std::string> out;
  for (size_t i = 0; i + 4 <= option.size(); i += 4) {
    uint32_t value = 0;
    for (size_t k = 0; k < 4; ++k) value = value << 8 | static_cast<unsigned char>(option[i + k]);
    out.push_back(Ipv4{value}.text());
  }
  return out;
}

NetworkSettings settings_from(const Message& ack, const LinuxNic& nic) {
  NetworkSettings out;
  out.interface = nic.name;
  out.address = ack.yiaddr.text();
  out.prefix_length = prefix_of_mask(ack.address_option(wire::dhcp::subnet_mask).value_or(Ipv4{0xffffff00}));
  const auto routers = addresses_in(ack.option(wire::dhcp::router));
  if (!routers.empty()) out.gateway = routers.front();
  out.dns = addresses_in(ack.option(wire::dhcp::dns_servers));
  const auto seconds = ack.address_option(wire::dhcp::lease_seconds).value_or(Ipv4{3600}).value;
  out.lease = base::seconds(std::clamp<uint32_t>(seconds, 60, 86400 * 7));
  if (const auto server = ack.address_option(wire::dhcp::server_id)) out.server = server->text();
  return out;
}

bool is_ipv6(const NetworkSettings& settings) { return settings.address.find(':') != std::string::npos; }

std::optional<int> prefix_from(const Json& network) {
  const std::string& mask = network["netmask"].string();
  if (const auto address = Ipv4::parse(mask)) return prefix_of_mask(*address);
  if (const auto bits = base::parse_int(mask)) return static_cast<int>(*bits);
  if (const auto slash = network["ip_address"].string().find('/'); slash != std::string::npos) {
    if (const auto bits = base::parse_int(network["ip_address"].string().substr(slash + 1))) {
      return static_cast<int>(*bits);
    }
  }
  return std::nullopt;
}

}  // namespace

Result<NetworkSettings> static_network(const Json& network_data, const std::vector<LinuxNic>& nics) {
  std::string why = "it has no network with an address";
  for (const auto& network : network_data["networks"].items()) {
    const std::string& type = network["type"].string();
    if (type != "ipv4" && type != "ipv6") continue;
    for (const auto& link : network_data["links"].items()) {
      if (link["id"].string() != network["link"].string()) continue;
      const std::string mac = base::lower(link["ethernet_mac_address"].string());
      const auto nic = std::find_if(nics.begin(), nics.end(), [&](const LinuxNic& one) { return one.mac == mac; });
      if (link["type"].string() == "bond" || link["type"].string() == "vlan") {
        why = "link " + link["id"].string() + " is a " + link["type"].string() + ", which the ramdisk cannot set up";
        continue;
      }
      if (nic == nics.end()) {
        why = "no NIC has MAC address " + mac;
        continue;
      }
      const auto prefix = prefix_from(network);
      if (!prefix) {
        why = "network " + network["id"].string() + " has no netmask";
        continue;
      }
      NetworkSettings out;
      out.interface = nic->name;
      out.address = network["ip_address"].string();
      out.address = out.address.substr(0, out.address.find('/'));
      out.prefix_length = *prefix;
      out.gateway = network["gateway"].string();
      for (const auto& route : network["routes"].items()) {
        const std::string& to = route["network"].string();
        if (out.gateway.empty() && (to == "0.0.0.0" || to == "::")) out.gateway = route["gateway"].string();
      }
      for (const auto& service : network_data["services"].items()) {
        if (service["type"].string() == "dns") out.dns.push_back(service["address"].string());
      }
      return out;
    }
  }
  return Error{Code::invalid, "the static network settings cannot be used: " + why, Layer::agent,
               "correct the network data of the host"};
}

Result<NetworkSettings> dhcp_lease(sys::Sys& sys, sys::Machine& machine, const LinuxNic& nic, base::Duration limit) {
  const base::Time deadline = sys.loop.now() + limit;
  auto socket = TRY(machine.open_broadcast(nic.name, client_port));
  const auto xid = static_cast<uint32_t>(sys.random.next());
  const Message offer =
      TRY(exchange(sys, *socket, message_for(nic, xid, MessageType::discover), MessageType::offer, deadline));
  Message request = message_for(nic, xid, MessageType::request);
  request.set_address(wire::dhcp::requested_address, offer.yiaddr);
  if (const auto server = offer.address_option(wire::dhcp::server_id)) {
    request.set_address(wire::dhcp::server_id, *server);
  }
  const Message ack = TRY(exchange(sys, *socket, request, MessageType::ack, deadline));
  return settings_from(ack, nic);
}

void keep_lease(sys::Sys& sys, sys::Machine& machine, const LinuxNic& nic, NetworkSettings settings) {
  if (is_ipv6(settings)) return keep_lease6(sys, machine, nic, std::move(settings));
  while (settings.lease > base::Duration::zero()) {
    if (!sys::sleep(sys.loop, settings.lease / 2)) return;
    auto socket = machine.open_broadcast(nic.name, client_port);
    if (!socket) continue;
    Message request = message_for(nic, static_cast<uint32_t>(sys.random.next()), MessageType::request);
    request.ciaddr = Ipv4::parse(settings.address).value_or(Ipv4{});
    const auto renewed = exchange(sys, **socket, request, MessageType::ack, sys.loop.now() + base::minutes(1));
    if (renewed) {
      settings.lease = settings_from(*renewed, nic).lease;
    } else if (renewed.error().code == Code::cancelled) {
      return;
    } else {
      base::log::warn("the DHCP lease was not renewed", {{"error", renewed.error().text()}});
    }
  }
}

Result<void> apply_network(sys::Sys& sys, sys::Machine& machine, const NetworkSettings& settings) {
  TRY(machine.set_link(settings.interface, true));
  TRY(machine.add_address(settings.interface, settings.address, settings.prefix_length));
  if (is_ipv6(settings)) await_unique(sys, settings.interface, settings.address);  // before it nobody can listen there
  if (!settings.gateway.empty()) TRY(machine.add_default_route(settings.interface, settings.gateway));
  std::string resolv;
  for (const auto& server : settings.dns) resolv += "nameserver " + server + "\n";
  if (!resolv.empty()) TRY(sys.disk.write("/etc/resolv.conf", resolv));
  return {};
}

}  // namespace agent
