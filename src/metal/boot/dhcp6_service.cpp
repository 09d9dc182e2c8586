#include "metal/boot/dhcp6_service.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "net/http.h"
#include "sys/fiber.h"

namespace metal {

using base::Result;
using wire::Ipv6;
namespace dhcp6 = wire::dhcp6;
using dhcp6::MessageType;
using dhcp6::Status;

namespace {

constexpr uint16_t server_port = 547;
constexpr const char* all_servers = "ff02::1:2";  // All_DHCP_Relay_Agents_and_Servers
constexpr size_t packet_bytes_max = 1500;
constexpr size_t client_id_bytes_max = 130;  // RFC 8415 11.1
constexpr size_t associations_max = 4;       // firmware and our ramdisk ask for one

// The link-local address of the client, as the relay next to it or this machine has seen it.
std::optional<Ipv6> peer_of(const dhcp6::Packet& asked, const std::string& from) {
  return asked.relays.empty() ? Ipv6::parse(from) : asked.relays.back().peer;
}

std::string mac_of(const dhcp6::Packet& asked, const std::string& from) {
  if (const auto seen = asked.mac_by_relay()) return *seen;
  const auto peer = peer_of(asked, from);
  if (peer && peer->is_link_local()) {
    if (const auto made_of = peer->mac()) return *made_of;
  }
  return asked.message.mac_of_client_id().value_or("");
}

BootClient client_of(const dhcp6::Packet& asked, const std::string& from) {
  BootClient out{mac_of(asked, from)};
  for (const auto& name : asked.message.vendor_classes()) {
    out.http = out.http || name.starts_with("HTTPClient");
    out.firmware = out.firmware || out.http || name.starts_with("PXEClient");
  }
  for (const auto& name : asked.message.user_classes()) out.ipxe = out.ipxe || name == "iPXE";
  out.firmware = out.firmware || out.ipxe;
  out.architecture = asked.message.architecture();
  return out;
}

// A client may have several associations.
std::string key_of(const BootClient& client, const dhcp6::Association& association) {
  return client.mac + "/" + std::to_string(association.id);
}

// One fewer where it would be 2^64.
uint64_t places_in(const Dhcp6Options& options) {
  const uint64_t between = options.range_end.interface_id() - options.range_begin.interface_id();
  return between == UINT64_MAX ? between : between + 1;
}

bool wants_server_id(MessageType type) {
  return type == MessageType::request || type == MessageType::renew || type == MessageType::release ||
         type == MessageType::decline;
}

}  // namespace

Result<Dhcp6Options> parse_dhcp6_range(std::string_view text) {
  Dhcp6Options out;
  const auto slash = text.find('/');
  const auto dash = text.find('-');
  const bool shaped = slash != std::string_view::npos && dash != std::string_view::npos && dash < slash;
  const auto prefix = shaped ? base::parse_int(text.substr(slash + 1)) : std::nullopt;
  const auto begin = shaped ? Ipv6::parse(text.substr(0, dash)) : std::nullopt;
  const auto end = shaped ? Ipv6::parse(text.substr(dash + 1, slash - dash - 1)) : std::nullopt;
  if (!prefix || *prefix < 64 || *prefix > 126 || !begin || !end || *end < *begin) {
    return base::invalid("DHCPv6 range " + base::quoted(text) + " is not of the form fd00:1::100-fd00:1::1ff/64");
  }
  if (!begin->same_prefix(*end, static_cast<int>(*prefix))) {
    return base::invalid("DHCPv6 range " + base::quoted(text) + " leaves its prefix");
  }
  if (begin->is_link_local() || begin->bytes[0] == 0xff) {
    return base::invalid("DHCPv6 range " + base::quoted(text) + " has addresses that are not leased");
  }
  out.range_begin = *begin;
  out.range_end = *end;
  out.prefix_length = static_cast<int>(*prefix);
  return out;
}

Dhcp6Service::Dhcp6Service(sys::Sys& sys, ExpectedBoots& boots, const BootPlace& place, Dhcp6Options options)
    : sys_(sys),
      boots_(boots),
      place_(place),
      options_(std::move(options)),
      leases_(sys.loop, places_in(options_), options_.lease) {
  // DUID-UUID (RFC 6355): the same after a restart, another for every manager.
  server_id_ = std::string("\0\4", 2) + crypto::sha256("ingot DHCPv6 server " + place_.ca_sha256).substr(0, 16);
  const auto url = net::Url::parse(place_.boot_url);
  if (const auto own = url ? Ipv6::parse(url->host) : std::nullopt) {
    server_address_ = *own;
    if (const auto used = place_of(*own)) leases_.never_lend(*used);
  }
}

Dhcp6Service::~Dhcp6Service() { stop(); }

Result<void> Dhcp6Service::start() {
  if (server_address_ == Ipv6{} || server_address_ == *Ipv6::parse("::1")) {
    return base::invalid("DHCPv6 needs boot files at an IPv6 address, and they are at " + place_.boot_url)
        .with_fix(
            "give --boot-listen and --agent-listen (or --boot-url and --agent-url) with the manager's IPv6 address");
  }
  if (options_.interface.empty()) {
    socket_ = TRY(sys_.net.open_udp(options_.listen, {}).context("DHCPv6 service on " + options_.listen.text()));
  } else {
    if (!options_.open_multicast) return base::invalid("this process cannot listen to multicast");
    socket_ = TRY(options_.open_multicast(options_.interface, all_servers, server_port).context("DHCPv6 service"));
  }
  sys::spawn(sys_.loop, "dhcpv6 service", [this, alive = alive_] {
    if (*alive) serve();
  });
  return {};
}

void Dhcp6Service::stop() {
  *alive_ = false;
  if (socket_) socket_->close();
}

sys::Address Dhcp6Service::local() const { return socket_->local(); }

void Dhcp6Service::serve() {
  const auto alive = alive_;
  const auto socket = socket_;
  for (;;) {
    const auto packet = socket->receive(sys::no_limit);
    if (!*alive || (!packet && packet.error().code != base::Code::unavailable)) return;
    if (!packet) continue;
    if (packet->bytes.size() > packet_bytes_max) {
      boots_.refuse(&RefusedRequests::dhcp6_oversize);
      continue;
    }
    const auto asked = dhcp6::parse(packet->bytes);
    if (!asked) {
      boots_.refuse(&RefusedRequests::dhcp6_malformed);
      continue;
    }
    const auto reply = answer(*asked, packet->from.host);
    if (!reply) continue;
    const auto bytes = dhcp6::serialize(*reply);
    const auto sent = bytes ? socket->send(packet->from, *bytes) : Result<void>(bytes.error());
    if (!sent) base::log::warn("DHCPv6 answer was not sent", {{"error", sent.error().text()}});
  }
}

// RFC 8415 section 16: what does not belong together is dropped.
bool Dhcp6Service::is_well_addressed(const Message& asked) const {
  const std::string client = asked.option(dhcp6::client_id), server = asked.option(dhcp6::server_id);
  if (client.size() > client_id_bytes_max) return false;
  if (asked.type == MessageType::information_request) {
    return !asked.has(dhcp6::ia_na) && (server.empty() || server == server_id_);
  }
  return !client.empty() && (wants_server_id(asked.type) ? server == server_id_ : server.empty());
}

std::optional<dhcp6::Packet> Dhcp6Service::answer(const dhcp6::Packet& asked, const std::string& from) {
  const MessageType type = asked.message.type;
  if (type == MessageType::advertise || type == MessageType::reply || type == MessageType::reconfigure ||
      (!asked.message.option(dhcp6::server_id).empty() && asked.message.option(dhcp6::server_id) != server_id_)) {
    return std::nullopt;  // from or for another server
  }
  const BootClient client = client_of(asked, from);
  if (!is_well_addressed(asked.message)) {
    boots_.refuse(&RefusedRequests::dhcp6_malformed, boots_.by_mac(client.mac));
    return std::nullopt;
  }
  ExpectedBoot* boot = heard_from(boots_, client);
  if (!boot) {
    boots_.refuse(&RefusedRequests::dhcp6_unexpected, boots_.by_mac(client.mac));
    return std::nullopt;
  }
  auto message = answer_to(asked.message, client, *boot);
  if (!message) return std::nullopt;
  dhcp6::Packet out{asked.relays, std::move(*message)};
  for (auto& relay : out.relays) {  // only the interface's identification is echoed (19.3)
    std::erase_if(relay.options, [](const auto& option) { return option.first != dhcp6::interface_id; });
  }
  return out;
}

dhcp6::Message Dhcp6Service::reply_to(const Message& asked, MessageType type) const {
  Message out{type, asked.transaction, {}};
  if (asked.has(dhcp6::client_id)) out.add(dhcp6::client_id, asked.option(dhcp6::client_id));
  out.add(dhcp6::server_id, server_id_);
  return out;
}

std::optional<dhcp6::Message> Dhcp6Service::answer_to(const Message& asked, const BootClient& client,
                                                      ExpectedBoot& boot) {
  const bool at_once = asked.type == MessageType::solicit && asked.has(dhcp6::rapid_commit);
  const bool only_offered = asked.type == MessageType::solicit && !at_once;
  Message out = reply_to(asked, only_offered ? MessageType::advertise : MessageType::reply);
  switch (asked.type) {
    case MessageType::release:
    case MessageType::decline:
      give_back(asked, client, asked.type == MessageType::decline);
      out.add(Status::success, "");
      return out;
    case MessageType::confirm: {
      bool any = false, all_here = true;
      for (const auto& association : asked.associations()) {
        for (const auto& each : association.addresses) {
          any = true;
          all_here = all_here && each.address.same_prefix(options_.range_begin, options_.prefix_length);
        }
      }
      if (!any) return std::nullopt;  // 18.3.3
      out.add(all_here ? Status::success : Status::not_on_link, "");
      return out;
    }
    case MessageType::information_request:
      break;
    default:
      if (at_once) out.add(dhcp6::rapid_commit, "");
      if (!add_addresses(asked, client, !only_offered, boot, out)) return std::nullopt;
  }
  if (may_boot_now(client, boot) && !add_boot_file(client, boot, out)) {
    boots_.refuse(&RefusedRequests::dhcp6_architecture, &boot);
    base::log::warn("no boot loader for this kind of firmware", {{"host", boot.host_name}});
    return std::nullopt;
  }
  std::string dns;
  for (const auto& server : options_.dns_servers) dns += server.raw();
  if (!dns.empty()) out.add(dhcp6::dns_servers, dns);
  return out;
}

std::optional<uint64_t> Dhcp6Service::place_of(const Ipv6& address) const {
  if (!address.same_prefix(options_.range_begin, 64) || address < options_.range_begin ||
      address > options_.range_end) {
    return std::nullopt;
  }
  return address.interface_id() - options_.range_begin.interface_id();
}

// The one address of an association, and word for others that the client has put into it that they are not its own.
dhcp6::Association Dhcp6Service::lease_of(const Association& asked, const std::string& key, const std::string& mac) {
  Association out{asked.id, 0, 0, {}, std::nullopt};
  std::optional<uint64_t> wanted;
  if (!asked.addresses.empty()) wanted = place_of(asked.addresses.front().address);
  const auto lent = leases_.lend(key, wanted);
  if (!lent) {
    boots_.refuse(&RefusedRequests::dhcp6_pool_empty, boots_.by_mac(mac));
    base::log::warn("DHCPv6 range is used up", {{"mac", mac}});
    out.status = Status::no_addresses;
    return out;
  }
  const auto seconds = static_cast<uint32_t>(std::chrono::duration_cast<base::seconds>(options_.lease).count());
  out.renew_seconds = seconds / 2;
  out.rebind_seconds = seconds / 5 * 4;
  const Ipv6 own = options_.range_begin.with_interface_id(options_.range_begin.interface_id() + *lent);
  out.addresses.push_back({own, seconds, seconds});
  for (const auto& other : asked.addresses) {
    if (other.address != own) out.addresses.push_back({other.address, 0, 0});  // is not valid any more (18.3.4)
  }
  return out;
}

// False: there is nothing to say to this client.
bool Dhcp6Service::add_addresses(const Message& asked, const BootClient& client, bool commit, ExpectedBoot& boot,
                                 Message& out) {
  const auto associations = asked.associations();
  if (associations.size() > associations_max) {
    boots_.refuse(&RefusedRequests::dhcp6_malformed, &boot);
    return false;
  }
  for (const auto& association : associations) {
    const Association lease = lease_of(association, key_of(client, association), client.mac);
    out.add(lease);
    if (commit && !lease.addresses.empty()) {
      boots_.has_address(boot, lease.addresses.front().address.text());
    }
  }
  return true;
}

void Dhcp6Service::give_back(const Message& asked, const BootClient& client, bool in_use_elsewhere) {
  for (const auto& association : asked.associations()) {
    const std::string key = key_of(client, association);
    const auto own = leases_.of(key);
    for (const auto& each : association.addresses) {
      const auto place = place_of(each.address);
      if (!own || place != own) continue;  // not its own: nothing happens to the one whose it is
      leases_.give_back(key);
      if (in_use_elsewhere) leases_.avoid(*place);
    }
  }
}

// False: there is nothing for its kind.
bool Dhcp6Service::add_boot_file(const BootClient& client, const ExpectedBoot& boot, Message& out) {
  const auto file = boot_file_for(place_, boot, client, options_.tftp);
  if (!file) return false;
  out.add(dhcp6::boot_file_url, file->by_tftp ? "tftp://[" + server_address_.text() + "]/" + file->name : file->name);
  // An offer is for HTTP boot only where it says so. The same word for PXE would be a promise of a boot server that is
  // asked on port 4011 (EDK2: PXE-E16 where none answers, seen on QEMU), so PXE gets the URL alone.
  if (client.http) out.add(dhcp6::vendor_class, dhcp6::vendor_class_value(dhcp6::pxe_enterprise, "HTTPClient"));
  return true;
}

}  // namespace metal
