#include "metal/boot/dhcp_service.h"

#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "net/http.h"
#include "sys/fiber.h"

namespace metal {

using base::Result;
using wire::Ipv4;
namespace dhcp = wire::dhcp;

namespace {

constexpr size_t leases_max = 10'000;
constexpr uint16_t server_port = 67;

// PXE discovery control (sub-option 6) value 8: no boot server discovery, use the boot file given here.
std::string skip_discovery() { return std::string("\x06\x01\x08\xff", 4); }

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

Result<void> DhcpService::start() {
  if (options_.server_address.value == 0) {
    if (const auto url = net::Url::parse(place_.boot_url)) {
      options_.server_address = Ipv4::parse(url->host).value_or(Ipv4{0x7f000001});
    }
  }
  socket_ = TRY(sys_.net.open_udp(options_.listen, {}).context("DHCP service on " + options_.listen.text()));
  sys::spawn(sys_.loop, "dhcp service", [this, alive = alive_] {
    if (*alive) serve();
  });
  return {};
}

void DhcpService::stop() {
  *alive_ = false;
  if (socket_) socket_->close();
}

sys::Address DhcpService::local() const { return socket_->local(); }

void DhcpService::serve() {
  const auto alive = alive_;
  for (;;) {
    const auto packet = socket_->receive(sys::no_limit);
    if (!*alive || (!packet && packet.error().code != base::Code::unavailable)) return;
    if (!packet) continue;
    const auto asked = dhcp::parse(packet->bytes);
    if (!asked || asked->reply) {
      ++boots_.refused.dhcp_malformed;
      continue;
    }
    const auto reply = answer(*asked);
    if (!reply) continue;
    const auto bytes = dhcp::serialize(*reply);
    if (!bytes) {
      base::log::error("DHCP answer cannot be sent", {{"mac", asked->mac()}, {"error", bytes.error().text()}});
      continue;
    }
    // A relay listens on port 67; a relay that asks from another port wants the answer there.
    sys::Address to = packet->from;
    if (packet->from.port == server_port && asked->giaddr.value != 0) to = {asked->giaddr.text(), server_port};
    (void)socket_->send(to, *bytes);
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

std::optional<dhcp::Message> DhcpService::answer(const dhcp::Message& asked) {
  const auto type = asked.type();
  const std::string mac = asked.mac();
  ExpectedBoot* expected = boots_.by_mac(mac);
  if (!expected || expected->method == BmcBootMethod::virtual_media ||
      (type != dhcp::MessageType::discover && type != dhcp::MessageType::request)) {
    ++boots_.refused.dhcp_unexpected;
    return std::nullopt;
  }
  const auto server = asked.address_option(dhcp::server_id);
  if (type == dhcp::MessageType::request && server && *server != options_.server_address) return std::nullopt;
  if (!expected->dhcp_seen) {
    expected->dhcp_seen = boots_.now();
    boots_.happened(*expected);
  }
  auto wanted = asked.address_option(dhcp::requested_address);
  if (!wanted && asked.ciaddr.value != 0) wanted = asked.ciaddr;
  const auto address = lease_for(mac, wanted);
  if (!address) {
    ++boots_.refused.dhcp_pool_empty;
    base::log::warn("DHCP range is used up", {{"mac", mac}});
    return std::nullopt;
  }

  dhcp::Message out = reply_to(asked);
  if (type == dhcp::MessageType::request && wanted && *wanted != *address) {
    out.set_type(dhcp::MessageType::nak);  // the client asked for another address than is its own: it starts over
    return out;
  }
  out.set_type(type == dhcp::MessageType::discover ? dhcp::MessageType::offer : dhcp::MessageType::ack);
  add_network(out, *address);
  // The boot file goes out until the script was fetched: a ramdisk that asks for its address must not boot again.
  const std::string vendor = asked.option(dhcp::vendor_class);
  if (vendor.starts_with("PXEClient") && expected->artefacts_open() && !expected->script_fetched) {
    out.options[dhcp::vendor_class] = "PXEClient";
    out.options[dhcp::vendor_options] = skip_discovery();
    out.options[dhcp::boot_file] = script_url(place_, mac);
    if (out.options[dhcp::boot_file].size() < 128) out.file = out.options[dhcp::boot_file];
  }
  return out;
}

}  // namespace metal
