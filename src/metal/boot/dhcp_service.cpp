#include "metal/boot/dhcp_service.h"

#include "base/log.h"
#include "base/text.h"
#include "metal/boot/boot_offer.h"
#include "net/http.h"
#include "sys/fiber.h"

namespace metal {

using base::Result;
using wire::Ipv4;
namespace dhcp = wire::dhcp;

namespace {

constexpr size_t packet_bytes_max = 1500;  // what firmware sends fits into a frame of Ethernet
constexpr uint16_t server_port = 67, client_port = 68, boot_server_port = 4011;

// PXE discovery control (sub-option 6) value 8: no boot server discovery, use the boot file given here.
std::string skip_discovery() { return std::string("\x06\x01\x08\xff", 4); }
// iPXE's option 176, "no-pxedhcp": it need not wait for proxies.
std::string no_proxies() { return std::string("\xb0\x01\x01", 3); }

BootClient client_of(const dhcp::Message& asked) {
  const std::string vendor = asked.option(dhcp::vendor_class);
  BootClient out{asked.mac()};
  out.http = vendor.starts_with("HTTPClient");
  out.firmware = out.http || vendor.starts_with("PXEClient");
  out.ipxe = asked.is_ipxe();
  out.architecture = asked.architecture();
  return out;
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
    : sys_(sys),
      boots_(boots),
      place_(place),
      options_(std::move(options)),
      leases_(sys.loop, uint64_t{options_.range_end.value} - options_.range_begin.value + 1, options_.lease) {
  keep_own_addresses();
}

void DhcpService::keep_own_addresses() {
  for (const auto& used : {std::optional(options_.server_address), options_.router}) {
    if (used && *used >= options_.range_begin) leases_.never_lend(used->value - options_.range_begin.value);
  }
}

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
  keep_own_addresses();
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

std::optional<Ipv4> DhcpService::lease_for(const std::string& mac, std::optional<Ipv4> wanted) {
  // What the client had before a restart of ours stays its own.
  std::optional<uint64_t> place;
  if (wanted && *wanted >= options_.range_begin) place = wanted->value - options_.range_begin.value;
  const auto lent = leases_.lend(mac, place);
  if (!lent) return std::nullopt;
  return Ipv4{options_.range_begin.value + static_cast<uint32_t>(*lent)};
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
bool DhcpService::add_boot_file(const BootClient& client, const ExpectedBoot& boot, dhcp::Message& out) {
  const auto file = boot_file_for(place_, boot, client, options_.tftp);
  if (!file) return false;
  if (client.http) {
    out.options[dhcp::vendor_class] = "HTTPClient";
  } else {
    if (client.ipxe) out.options[dhcp::ipxe_options] = no_proxies();
    if (file->by_tftp) out.options[dhcp::boot_server] = options_.server_address.text();
    out.options[dhcp::vendor_class] = "PXEClient";
    out.options[dhcp::vendor_options] = skip_discovery();
  }
  out.siaddr = options_.server_address;
  out.options[dhcp::boot_file] = file->name;
  if (file->name.size() < 128) out.file = file->name;
  return true;
}

std::optional<dhcp::Message> DhcpService::answer(const dhcp::Message& asked) {
  const auto type = asked.type();
  const BootClient client = client_of(asked);
  const bool asks = type == dhcp::MessageType::discover || type == dhcp::MessageType::request;
  ExpectedBoot* boot = asks ? heard_from(boots_, client) : nullptr;
  if (!boot) {
    boots_.refuse(&RefusedRequests::dhcp_unexpected, boots_.by_mac(client.mac));
    return std::nullopt;
  }
  if (options_.proxy) return answer_as_proxy(asked, client, *boot);
  const auto server = asked.address_option(dhcp::server_id);
  if (type == dhcp::MessageType::request && server && *server != options_.server_address) return std::nullopt;
  dhcp::Message out = reply_to(asked);
  if (may_boot_now(client, *boot) && !add_boot_file(client, *boot, out)) {
    boots_.refuse(&RefusedRequests::dhcp_architecture, boot);
    base::log::warn("no boot loader for this kind of firmware",
                    {{"host", boot->host_name}, {"client", asked.option(dhcp::vendor_class)}});
    return std::nullopt;
  }
  auto wanted = asked.address_option(dhcp::requested_address);
  if (!wanted && asked.ciaddr.value != 0) wanted = asked.ciaddr;
  const auto address = lease_for(client.mac, wanted);
  if (!address) {
    boots_.refuse(&RefusedRequests::dhcp_pool_empty, boot);
    base::log::warn("DHCP range is used up", {{"mac", client.mac}});
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
std::optional<dhcp::Message> DhcpService::answer_as_proxy(const dhcp::Message& asked, const BootClient& client,
                                                          ExpectedBoot& boot) {
  if (asked.type() == dhcp::MessageType::request) {
    auto taken_address = asked.address_option(dhcp::requested_address);
    if (!taken_address && asked.ciaddr.value != 0) taken_address = asked.ciaddr;
    if (taken_address) boots_.has_address(boot, taken_address->text());
    return std::nullopt;
  }
  if (!may_boot_now(client, boot)) return std::nullopt;
  dhcp::Message out = reply_to(asked);
  if (!add_boot_file(client, boot, out)) {
    boots_.refuse(&RefusedRequests::dhcp_architecture, &boot);
    return std::nullopt;
  }
  out.set_type(dhcp::MessageType::offer);
  return out;
}

std::optional<dhcp::Message> DhcpService::answer_boot_server(const dhcp::Message& asked) {
  const bool asks = asked.type() == dhcp::MessageType::request || asked.type() == dhcp::MessageType::inform;
  const BootClient client = client_of(asked);
  ExpectedBoot* boot = asks && asked.ciaddr.value != 0 && client.firmware ? heard_from(boots_, client) : nullptr;
  if (!boot || !may_boot_now(client, *boot)) {
    boots_.refuse(&RefusedRequests::dhcp_unexpected, boots_.by_mac(asked.mac()));
    return std::nullopt;
  }
  dhcp::Message out = reply_to(asked);
  if (!add_boot_file(client, *boot, out)) {
    boots_.refuse(&RefusedRequests::dhcp_architecture, boot);
    return std::nullopt;
  }
  boots_.has_address(*boot, asked.ciaddr.text());
  out.ciaddr = asked.ciaddr;
  out.set_type(dhcp::MessageType::ack);
  return out;
}

}  // namespace metal
