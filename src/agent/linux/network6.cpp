#include "agent/linux/network6.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "sys/fiber.h"
#include "wire/dhcp6.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;
namespace dhcp6 = wire::dhcp6;
using dhcp6::Message;
using dhcp6::MessageType;

namespace {

constexpr uint16_t client_port = 546, server_port = 547;
const sys::Address servers{"ff02::1:2", server_port};
constexpr uint32_t association_id = 1;
constexpr base::Duration poll_gap = base::milliseconds(500);
constexpr int polls_for_unique = 10, polls_for_router = 8;
// Nobody says how large the link's prefix is where no router does. Every link that SLAAC could work on has this one.
constexpr int prefix_of_link = 64;

constexpr unsigned flag_tentative = 0x40, flag_duplicate = 0x08, scope_link = 0x20, scope_global = 0;

Message message_for(const LinuxNic& nic, uint32_t transaction, MessageType type) {
  Message out{type, transaction & 0xffffff, {}};
  out.add(dhcp6::client_id, dhcp6::client_id_of(nic.mac));
  out.add(8, std::string(2, '\0'));  // elapsed time
  out.add(dhcp6::option_request, std::string("\0\x17", 2));
  return out;
}

void ask_for(Message& out, const std::string& address) {
  dhcp6::Association wanted;
  wanted.id = association_id;
  if (const auto own = wire::Ipv6::parse(address)) wanted.addresses.push_back({*own, 0, 0});
  out.add(wanted);
}

// What an answer gives; nullopt: no address that is valid.
std::optional<NetworkSettings> settings_from(const Message& answer, const LinuxNic& nic) {
  if (answer.status().value_or(dhcp6::Status::success) != dhcp6::Status::success) return std::nullopt;
  for (const auto& association : answer.associations()) {
    if (association.id != association_id) continue;
    for (const auto& each : association.addresses) {
      if (each.valid_seconds == 0) continue;
      NetworkSettings out;
      out.interface = nic.name;
      out.address = each.address.text();
      out.prefix_length = prefix_of_link;
      out.lease = base::seconds(std::clamp<uint32_t>(each.valid_seconds, 60, 86400 * 7));
      out.server = base::hex(answer.option(dhcp6::server_id));
      const std::string dns = answer.option(dhcp6::dns_servers);
      for (size_t at = 0; at + 16 <= dns.size(); at += 16) {
        out.dns.push_back(wire::Ipv6::from_raw(std::string_view(dns).substr(at, 16)).text());
      }
      return out;
    }
  }
  return std::nullopt;
}

// Sends until an answer comes that gives an address; the gap grows from 1 to 8 seconds (RFC 8415 15).
Result<Message> exchange(sys::Sys& sys, sys::Datagram& socket, const LinuxNic& nic, const Message& asking,
                         base::Time deadline) {
  const std::string packet = TRY(dhcp6::serialize({{}, asking}));
  base::Duration gap = base::seconds(1);
  while (sys.loop.now() < deadline) {
    TRY(socket.send(servers, packet));
    const base::Time again = std::min(sys.loop.now() + gap, deadline);
    while (sys.loop.now() < again) {
      const auto packet_in = socket.receive(again - sys.loop.now());
      if (!packet_in && packet_in.error().code == Code::timeout) break;
      if (!packet_in) return packet_in.error();
      auto heard = dhcp6::parse(packet_in->bytes);
      if (!heard || !heard->relays.empty()) continue;
      Message& answer = heard->message;
      const bool fits = answer.type == MessageType::reply ||
                        (answer.type == MessageType::advertise && asking.type == MessageType::solicit);
      if (!fits || answer.transaction != asking.transaction || answer.option(dhcp6::server_id).empty() ||
          answer.option(dhcp6::client_id) != asking.option(dhcp6::client_id)) {
        continue;
      }
      if (settings_from(answer, nic)) return std::move(answer);
    }
    gap = std::min<base::Duration>(gap * 2, base::seconds(8));
  }
  return Error{Code::timeout, "no DHCPv6 answer with an address", Layer::agent,
               "check the cable, the VLAN and that a DHCPv6 server or a router serves this network"};
}

uint32_t fresh(sys::Sys& sys) { return static_cast<uint32_t>(sys.random.next()); }

std::optional<NetworkSettings> made_by_kernel(sys::Disk& disk, const LinuxNic& nic) {
  for (const auto& each : kernel_addresses(disk, nic.name)) {
    if (each.link_local || each.tentative) continue;
    NetworkSettings out;
    out.interface = nic.name;
    out.address = each.address;
    out.prefix_length = each.prefix_length;
    return out;
  }
  return std::nullopt;
}

Result<NetworkSettings> lease6(sys::Sys& sys, sys::Machine& machine, const LinuxNic& nic, base::Time deadline) {
  auto socket = TRY(machine.open_multicast(nic.name, "", client_port));
  Message solicit = message_for(nic, fresh(sys), MessageType::solicit);
  solicit.add(dhcp6::rapid_commit, "");
  ask_for(solicit, "");
  Message answer = TRY(exchange(sys, *socket, nic, solicit, deadline));
  if (answer.type == MessageType::advertise) {
    Message request = message_for(nic, fresh(sys), MessageType::request);
    request.add(dhcp6::server_id, answer.option(dhcp6::server_id));
    ask_for(request, settings_from(answer, nic)->address);
    answer = TRY(exchange(sys, *socket, nic, request, deadline));
  }
  return *settings_from(answer, nic);
}

}  // namespace

std::vector<KernelAddress> kernel_addresses(sys::Disk& disk, const std::string& interface) {
  std::vector<KernelAddress> out;
  const auto text = disk.read("/proc/net/if_inet6");
  if (!text) return out;
  for (const auto line : base::split(*text, '\n')) {
    std::vector<std::string> words;  // address, index, prefix, scope, flags (all hex), interface
    for (const auto word : base::split(line, ' ')) {
      if (!word.empty()) words.emplace_back(word);
    }
    if (words.size() != 6 || words[5] != interface) continue;
    const auto raw = base::unhex(words[0]), prefix = base::unhex(words[2]), scope = base::unhex(words[3]),
               flags = base::unhex(words[4]);
    if (!raw || raw->size() != 16 || !prefix || prefix->empty() || !scope || scope->empty() || !flags ||
        flags->empty()) {
      continue;
    }
    const auto bits = [](const std::string& bytes) { return static_cast<unsigned char>(bytes.back()); };
    if ((bits(*scope) != scope_link && bits(*scope) != scope_global) || (bits(*flags) & flag_duplicate)) continue;
    out.push_back({wire::Ipv6::from_raw(*raw).text(), bits(*prefix), bits(*scope) == scope_link,
                   (bits(*flags) & flag_tentative) != 0});
  }
  return out;
}

void await_unique(sys::Sys& sys, const std::string& interface, const std::string& address) {
  for (int i = 0; i < polls_for_unique; ++i) {
    const auto all = kernel_addresses(sys.disk, interface);
    if (std::any_of(all.begin(), all.end(), [&](const auto& each) {
          return !each.tentative && (address.empty() ? each.link_local : each.address == address);
        })) {
      return;
    }
    if (!sys::sleep(sys.loop, poll_gap)) return;
  }
}

Result<NetworkSettings> ipv6_settings(sys::Sys& sys, sys::Machine& machine, const LinuxNic& nic, base::Duration limit) {
  const base::Time deadline = sys.loop.now() + limit;
  await_unique(sys, nic.name, "");
  for (int i = 0; i < polls_for_router; ++i) {
    if (const auto made = made_by_kernel(sys.disk, nic)) return *made;
    TRY(sys::sleep(sys.loop, poll_gap));
  }
  auto leased = lease6(sys, machine, nic, deadline);
  if (leased || leased.error().code == Code::cancelled) return leased;
  if (const auto made = made_by_kernel(sys.disk, nic)) return *made;
  return leased;
}

bool keep_lease6_once(sys::Sys& sys, sys::Machine& machine, const LinuxNic& nic, NetworkSettings& settings) {
  if (!sys::sleep(sys.loop, settings.lease / 2)) return false;
  for (const auto type : {MessageType::renew, MessageType::rebind}) {
    auto socket = machine.open_multicast(nic.name, "", client_port);
    if (!socket) return true;
    Message asking = message_for(nic, fresh(sys), type);
    if (type == MessageType::renew) asking.add(dhcp6::server_id, base::unhex(settings.server).value_or(""));
    ask_for(asking, settings.address);
    const auto answer = exchange(sys, **socket, nic, asking, sys.loop.now() + base::minutes(1));
    if (!answer && answer.error().code == Code::cancelled) return false;
    if (answer) {
      const auto renewed = *settings_from(*answer, nic);
      if (renewed.address != settings.address) (void)machine.add_address(nic.name, renewed.address, prefix_of_link);
      settings = renewed;
      return true;
    }
    base::log::warn("the DHCPv6 lease was not renewed", {{"error", answer.error().text()}});
  }
  return true;
}

void keep_lease6(sys::Sys& sys, sys::Machine& machine, const LinuxNic& nic, NetworkSettings settings) {
  while (settings.lease > base::Duration::zero() && keep_lease6_once(sys, machine, nic, settings)) continue;
}

}  // namespace agent
