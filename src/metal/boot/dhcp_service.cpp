#include "metal/boot/dhcp_service.h"

#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "metal/boot/boot_loaders.h"
#include "net/http.h"
#include "sys/fiber.h"

namespace metal {

using base::Result;
using wire::Ipv4;
namespace dhcp = wire::dhcp;

namespace {

constexpr size_t leases_max = 10'000;
constexpr size_t packet_bytes_max = 1500;  // what firmware sends fits into a frame of Ethernet
constexpr uint16_t server_port = 67, client_port = 68, boot_server_port = 4011;

// PXE discovery control (sub-option 6) value 8: no boot server discovery, use the boot file given here.
std::string skip_discovery() { return std::string("\x06\x01\x08\xff", 4); }
// iPXE's option 176, "no-pxedhcp": it need not wait for proxies.
std::string no_proxies() { return std::string("\xb0\x01\x01", 3); }

bool from_firmware(const dhcp::Message& asked) {
  const std::string vendor = asked.option(dhcp::vendor_class);
  return vendor.starts_with("PXEClient") || vendor.starts_with("HTTPClient");
}

// Where an answer goes (RFC 2131 section 4.1). A client without an address hears only broadcasts: to send it a frame of
// its own would take a raw socket.
sys::Address destination(const dhcp::Message& asked, const dhcp::Message& reply, const sys::Address& from) {
  if (asked.giaddr.value != 0) {
    // A relay listens on port 67; a relay that asks from another port wants the answer there.
    return from.port == server_port ? sys::Address{asked.giaddr.text(), server_port} : from;
  }
  if (from.port != client_port) return from;  // no client of DHCP itself: a relay that says nothing of itself
  if (asked.ciaddr.value != 0 && reply.type() != dhcp::MessageType::nak) return {asked.ciaddr.text(), client_port};
  return {"255.255.255.255", client_port};
}

}  // namespace

Result<DhcpOptions> parse_dhcp_range(std::string_view text) {
  DhcpOptions out;
  const auto slash = text.find('/');
  const auto dash = text.find('-');
  const auto prefix = slash == std::string_view::npos ? std::nullopt : base::parse_int(text.substr(slash + 1));
  const auto begin = Ipv4::parse(text.substr(0, dash));
  const auto end = dash == std::string_view::npos || slash == std::string_view::npos || slash < dash
                       ? std::nullopt
                       : Ipv4::parse(text.substr(dash + 1, slash - dash - 1));
  if (!prefix || *prefix < 8 || *prefix > 30 || !begin || !end || *end < *begin) {
    return base::invalid("DHCP range " + base::quoted(text) + " is not of the form 172.22.0.100-172.22.0.250/24");
  }
  const uint32_t mask = ~uint32_t{0} << (32 - *prefix);
  if ((begin->value & mask) != (end->value & mask)) {
    return base::invalid("DHCP range " + base::quoted(text) + " leaves its subnet");
  }
  out.range_begin = *begin;
  out.range_end = *end;
  out.prefix_length = static_cast<int>(*prefix);
  return out;
}

DhcpService::DhcpService(sys::Sys& sys, ExpectedBoots& boots, const BootPlace& place, DhcpOptions options)
    : sys_(sys), boots_(boots), place_(place), options_(std::move(options)) {}

DhcpService::~DhcpService() { stop(); }

Result<void> DhcpService::open() {
  if (options_.interface.empty()) {
    socket_ = TRY(sys_.net.open_udp(options_.listen, {}).context("DHCP service on " + options_.listen.text()));
    return {};
  }
  if (options_.server_address.value >> 24 == 127 || options_.server_address.value == 0) {
    return base::invalid("DHCP on " + options_.interface + " needs the manager's address on that network")
        .with_fix("give --boot-listen or --boot-url with its IPv4 address");
  }
  if (!options_.open_broadcast) return base::invalid("this process cannot broadcast");
  socket_ = TRY(options_.open_broadcast(options_.interface, server_port).context("DHCP service"));
  const sys::Address boot_server{options_.server_address.text(), boot_server_port};
  boot_server_socket_ = TRY(sys_.net.open_udp(boot_server, {}).context("PXE boot server on " + boot_server.text()));
  return {};
}

Result<void> DhcpService::start() {
  if (options_.server_address.value == 0) {
    if (const auto url = net::Url::parse(place_.boot_url)) {
      options_.server_address = Ipv4::parse(url->host).value_or(Ipv4{0x7f000001});
    }
  }
  TRY(open());
  for (const auto& socket : {socket_, boot_server_socket_}) {
    if (!socket) continue;
    const bool boot_server = socket == boot_server_socket_;
    sys::spawn(sys_.loop, "dhcp service", [this, alive = alive_, socket, boot_server] {
      if (*alive) serve(socket, boot_server);
    });
  }
  return {};
}

void DhcpService::stop() {
  *alive_ = false;
  if (socket_) socket_->close();
  if (boot_server_socket_) boot_server_socket_->close();
}

sys::Address DhcpService::local() const { return socket_->local(); }

void DhcpService::serve(std::shared_ptr<sys::Datagram> socket, bool boot_server) {
  const auto alive = alive_;
  for (;;) {
    const auto packet = socket->receive(sys::no_limit);
    if (!*alive || (!packet && packet.error().code != base::Code::unavailable)) return;
    if (!packet) continue;
    if (packet->bytes.size() > packet_bytes_max) {
      boots_.refuse(&RefusedRequests::dhcp_oversize);
      continue;
    }
    const auto asked = dhcp::parse(packet->bytes);
    if (!asked || asked->reply) {
      boots_.refuse(&RefusedRequests::dhcp_malformed);
      continue;
    }
    const auto reply = boot_server ? answer_boot_server(*asked) : answer(*asked);
    if (!reply) continue;
    const auto bytes = dhcp::serialize(*reply);
    if (!bytes) {
      base::log::error("DHCP answer cannot be sent", {{"mac", asked->mac()}, {"error", bytes.error().text()}});
      continue;
    }
    const sys::Address to = boot_server ? packet->from : destination(*asked, *reply, packet->from);
    if (const auto sent = socket->send(to, *bytes); !sent) {
      base::log::warn("DHCP answer was not sent", {{"mac", asked->mac()}, {"error", sent.error().text()}});
    }
  }
}

bool DhcpService::taken(Ipv4 address, const std::string& by_other_than) const {
  if (address == options_.server_address || (options_.router && address == *options_.router)) return true;
  for (const auto& [mac, lease] : leases_) {
    if (mac != by_other_than && lease.address == address && lease.until > sys_.loop.now()) return true;
  }
  return false;
}

std::optional<Ipv4> DhcpService::lease_for(const std::string& mac, std::optional<Ipv4> wanted) {
  const auto in_range = [this](Ipv4 address) {
    return address >= options_.range_begin && address <= options_.range_end;
  };
  const base::Time until = sys_.loop.now() + options_.lease;
  if (const auto known = leases_.find(mac); known != leases_.end() && !taken(known->second.address, mac)) {
    known->second.until = until;
    return known->second.address;
  }
  if (leases_.size() >= leases_max) {
    std::erase_if(leases_, [&](const auto& entry) { return entry.second.until <= sys_.loop.now(); });
  }
  // What the client had before a restart of ours stays its own.
  if (wanted && in_range(*wanted) && !taken(*wanted, mac)) {
    leases_[mac] = {*wanted, until};
    return wanted;
  }
  // Starting at a place that depends on the MAC, the same server tends to get the same address after a restart too.
  const uint32_t count = options_.range_end.value - options_.range_begin.value + 1;
  const std::string digest = crypto::sha256(mac);
  uint32_t start = 0;
  for (size_t i = 0; i < 4; ++i) start = start << 8 | static_cast<unsigned char>(digest[i]);
  for (uint32_t i = 0; i < count; ++i) {
    const Ipv4 candidate{options_.range_begin.value + (start % count + i) % count};
    if (taken(candidate, mac)) continue;
    leases_[mac] = {candidate, until};
    return candidate;
  }
  return std::nullopt;
}

// What every answer to `asked` has in common.
dhcp::Message DhcpService::reply_to(const dhcp::Message& asked) const {
  dhcp::Message out;
  out.reply = true;
  out.xid = asked.xid;
  out.hops = asked.hops;
  out.broadcast = asked.broadcast;
  out.giaddr = asked.giaddr;
  out.chaddr = asked.chaddr;
  out.set_address(dhcp::server_id, options_.server_address);
  for (const uint8_t echoed : {dhcp::relay_agent, dhcp::client_uuid}) {
    if (asked.options.count(echoed)) out.options[echoed] = asked.option(echoed);
  }
  return out;
}

void DhcpService::add_network(dhcp::Message& out, Ipv4 address) const {
  out.yiaddr = address;
  out.siaddr = options_.server_address;
  const auto seconds = std::chrono::duration_cast<base::seconds>(options_.lease).count();
  out.set_u32(dhcp::lease_seconds, static_cast<uint32_t>(seconds));
  out.set_u32(dhcp::subnet_mask, ~uint32_t{0} << (32 - options_.prefix_length));
  if (options_.router) out.set_address(dhcp::router, *options_.router);
  std::string dns;
  for (const Ipv4 server_address : options_.dns_servers) {
    dhcp::Message scratch;
    scratch.set_address(dhcp::dns_servers, server_address);
    dns += scratch.option(dhcp::dns_servers);
  }
  if (!dns.empty()) out.options[dhcp::dns_servers] = dns;
}

// What this firmware is to load. False: there is nothing for its kind.
bool DhcpService::add_boot_file(const dhcp::Message& asked, const ExpectedBoot& boot, dhcp::Message& out) {
  const FirmwareKind kind = firmware_kind(asked.architecture());
  std::string file;
  if (asked.option(dhcp::vendor_class).starts_with("HTTPClient")) {
    if (kind != FirmwareKind::uefi_http_x64) return false;
    if (boot.method == BmcBootMethod::uefi_http) {
      file = iso_url(place_, boot);
    } else if (!place_.loader_dir.empty()) {
      file = loader_url(place_, boot, boot_loader_for(kind));
    } else {
      return false;
    }
    out.options[dhcp::vendor_class] = "HTTPClient";
  } else {
    file = script_url(place_, boot.mac);
    if (asked.is_ipxe()) {
      out.options[dhcp::ipxe_options] = no_proxies();
    } else if (options_.tftp) {
      file = boot_loader_for(kind);
      if (file.empty()) return false;
      out.options[dhcp::boot_server] = options_.server_address.text();
    }
    out.options[dhcp::vendor_class] = "PXEClient";
    out.options[dhcp::vendor_options] = skip_discovery();
  }
  out.siaddr = options_.server_address;
  out.options[dhcp::boot_file] = file;
  if (file.size() < 128) out.file = file;
  return true;
}

// Null: the packet gets no answer.
ExpectedBoot* DhcpService::expected(const dhcp::Message& asked) {
  ExpectedBoot* boot = boots_.by_mac(asked.mac());
  if (!boot) return nullptr;
  if (from_firmware(asked)) {
    // Firmware that tries other ways first than the one that was ordered is to go on to that one.
    const bool http = asked.option(dhcp::vendor_class).starts_with("HTTPClient");
    if (boot->method == BmcBootMethod::virtual_media) return nullptr;
    if (boot->method == BmcBootMethod::uefi_http && !http && !asked.is_ipxe()) return nullptr;
  }
  ++boot->dhcp_packets;
  if (!boot->dhcp_seen) {
    boot->dhcp_seen = boots_.now();
    boots_.happened(*boot);
  }
  return boot;
}

std::optional<dhcp::Message> DhcpService::answer(const dhcp::Message& asked) {
  const auto type = asked.type();
  const std::string mac = asked.mac();
  ExpectedBoot* boot =
      type == dhcp::MessageType::discover || type == dhcp::MessageType::request ? expected(asked) : nullptr;
  if (!boot) {
    boots_.refuse(&RefusedRequests::dhcp_unexpected, boots_.by_mac(asked.mac()));
    return std::nullopt;
  }
  if (options_.proxy) return answer_as_proxy(asked, *boot);
  const auto server = asked.address_option(dhcp::server_id);
  if (type == dhcp::MessageType::request && server && *server != options_.server_address) return std::nullopt;
  // The boot file goes out until the script was fetched: a ramdisk that asks for its address must not boot again.
  dhcp::Message out = reply_to(asked);
  const bool boots_now = from_firmware(asked) && boot->artefacts_open() && !boot->script_fetched;
  if (boots_now && !add_boot_file(asked, *boot, out)) {
    boots_.refuse(&RefusedRequests::dhcp_architecture, boot);
    base::log::warn("no boot loader for this kind of firmware",
                    {{"host", boot->host_name}, {"client", asked.option(dhcp::vendor_class)}});
    return std::nullopt;
  }
  auto wanted = asked.address_option(dhcp::requested_address);
  if (!wanted && asked.ciaddr.value != 0) wanted = asked.ciaddr;
  const auto address = lease_for(mac, wanted);
  if (!address) {
    boots_.refuse(&RefusedRequests::dhcp_pool_empty, boot);
    base::log::warn("DHCP range is used up", {{"mac", mac}});
    return std::nullopt;
  }
  if (type == dhcp::MessageType::request && wanted && *wanted != *address) {
    dhcp::Message no = reply_to(asked);
    no.set_type(dhcp::MessageType::nak);  // the client asked for another address than is its own: it starts over
    return no;
  }
  out.set_type(type == dhcp::MessageType::discover ? dhcp::MessageType::offer : dhcp::MessageType::ack);
  add_network(out, *address);
  if (type == dhcp::MessageType::request) {
    out.ciaddr = asked.ciaddr;
    boots_.has_address(*boot, address->text());
  }
  return out;
}

// Beside a server that gives addresses: an offer without one (PXE 2.1 section 2.2.3). The request that follows is for
// the other server, and tells which address the client took.
std::optional<dhcp::Message> DhcpService::answer_as_proxy(const dhcp::Message& asked, ExpectedBoot& boot) {
  if (asked.type() == dhcp::MessageType::request) {
    auto taken_address = asked.address_option(dhcp::requested_address);
    if (!taken_address && asked.ciaddr.value != 0) taken_address = asked.ciaddr;
    if (taken_address) boots_.has_address(boot, taken_address->text());
    return std::nullopt;
  }
  if (!from_firmware(asked) || !boot.artefacts_open() || boot.script_fetched) return std::nullopt;
  dhcp::Message out = reply_to(asked);
  if (!add_boot_file(asked, boot, out)) {
    boots_.refuse(&RefusedRequests::dhcp_architecture, &boot);
    return std::nullopt;
  }
  out.set_type(dhcp::MessageType::offer);
  return out;
}

std::optional<dhcp::Message> DhcpService::answer_boot_server(const dhcp::Message& asked) {
  const bool asks = asked.type() == dhcp::MessageType::request || asked.type() == dhcp::MessageType::inform;
  ExpectedBoot* boot = asks && asked.ciaddr.value != 0 && from_firmware(asked) ? expected(asked) : nullptr;
  if (!boot || !boot->artefacts_open() || boot->script_fetched) {
    boots_.refuse(&RefusedRequests::dhcp_unexpected, boots_.by_mac(asked.mac()));
    return std::nullopt;
  }
  dhcp::Message out = reply_to(asked);
  if (!add_boot_file(asked, *boot, out)) {
    boots_.refuse(&RefusedRequests::dhcp_architecture, boot);
    return std::nullopt;
  }
  boots_.has_address(*boot, asked.ciaddr.text());
  out.ciaddr = asked.ciaddr;
  out.set_type(dhcp::MessageType::ack);
  return out;
}

}  // namespace metal
