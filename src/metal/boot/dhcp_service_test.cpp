#include "metal/boot/dhcp_service.h"

#include <doctest/doctest.h>

#include <set>

#include "sys/sim/sim.h"

namespace metal {
namespace {

namespace dhcp = wire::dhcp;
using wire::Ipv4;

struct Lan {
  sys::SimWorld world{1};
  sys::Sys& sys = world.process("192.168.99.1", "manager");
  ExpectedBoots boots{sys.loop, std::string(32, 'k')};
  BootPlace place{"https://192.168.99.1:6385", "http://192.168.99.1:6180", "", ""};
  std::unique_ptr<DhcpService> service;

  explicit Lan(const char* range = "172.22.0.100-172.22.0.103/24") {
    auto options = parse_dhcp_range(range).value();
    options.server_address = *Ipv4::parse("192.168.99.1");
    options.router = Ipv4::parse("172.22.0.1");
    service = std::make_unique<DhcpService>(sys, boots, place, options);
  }
  static std::string mac(int n) { return "52:54:00:00:00:0" + std::to_string(n); }
  ExpectedBoot& expect(int n, BmcBootMethod method = BmcBootMethod::ipxe) {
    return boots.expect("uid-" + std::to_string(n), "boot", "host", mac(n), method);
  }
  static dhcp::Message question(int n, dhcp::MessageType type) {
    dhcp::Message out;
    out.xid = 7;
    out.giaddr = *Ipv4::parse("172.22.0.1");
    out.set_mac(mac(n));
    out.set_type(type);
    out.options[dhcp::vendor_class] = "PXEClient:Arch:00007";
    return out;
  }
  std::optional<dhcp::Message> discover(int n) { return service->answer(question(n, dhcp::MessageType::discover)); }
  std::optional<dhcp::Message> request(int n, Ipv4 address) {
    auto asked = question(n, dhcp::MessageType::request);
    asked.set_address(dhcp::requested_address, address);
    return service->answer(asked);
  }
};

}  // namespace

TEST_CASE("dhcp: silence for everybody who is not expected to boot from the network now") {
  Lan lan;
  CHECK_FALSE(lan.discover(1));
  lan.expect(1, BmcBootMethod::virtual_media);
  CHECK_FALSE(lan.discover(1));
  lan.expect(1);
  CHECK(lan.discover(1).has_value());
  CHECK_FALSE(lan.discover(2));
  CHECK_FALSE(lan.service->answer(Lan::question(1, dhcp::MessageType::inform)));
  CHECK_FALSE(lan.service->answer(Lan::question(1, dhcp::MessageType::release)));
  lan.boots.drop("uid-1");
  CHECK_FALSE(lan.discover(1));
  CHECK(lan.boots.refused.dhcp_unexpected == 6);
}

TEST_CASE("dhcp: offer and acknowledgement carry network and boot script, and echo what relays need") {
  Lan lan;
  auto& boot = lan.expect(1);
  auto asked = Lan::question(1, dhcp::MessageType::discover);
  asked.options[dhcp::relay_agent] = "relay";
  const auto offer = lan.service->answer(asked);
  REQUIRE(offer);
  CHECK(boot.dhcp_seen.has_value());
  CHECK(offer->type() == dhcp::MessageType::offer);
  CHECK(offer->reply);
  CHECK(offer->xid == 7);
  CHECK(offer->mac() == Lan::mac(1));
  CHECK(offer->giaddr == asked.giaddr);
  CHECK(offer->option(dhcp::relay_agent) == "relay");
  CHECK(offer->address_option(dhcp::subnet_mask)->text() == "255.255.255.0");
  CHECK(offer->address_option(dhcp::router)->text() == "172.22.0.1");
  CHECK(offer->address_option(dhcp::server_id)->text() == "192.168.99.1");
  CHECK(offer->option(dhcp::boot_file) == "http://192.168.99.1:6180/boot/ipxe/52-54-00-00-00-01");
  const auto ack = lan.request(1, offer->yiaddr);
  REQUIRE(ack);
  CHECK(ack->type() == dhcp::MessageType::ack);
  CHECK(ack->yiaddr == offer->yiaddr);

  // The ramdisk asks for its address too, and must not be sent round again.
  boot.script_fetched = lan.world.loop().now();
  CHECK(lan.request(1, offer->yiaddr)->option(dhcp::boot_file).empty());
  // What was offered by another server is none of our business.
  auto elsewhere = Lan::question(1, dhcp::MessageType::request);
  elsewhere.set_address(dhcp::server_id, *Ipv4::parse("172.22.0.2"));
  CHECK_FALSE(lan.service->answer(elsewhere));
}

TEST_CASE("dhcp: each server keeps its own address, no two share one, and the range may run out") {
  Lan lan;
  std::set<uint32_t> given;
  for (int n = 1; n <= 4; ++n) {
    lan.expect(n);
    const auto offer = lan.discover(n);
    REQUIRE(offer);
    CHECK(given.insert(offer->yiaddr.value).second);
    CHECK(offer->yiaddr >= *Ipv4::parse("172.22.0.100"));
    CHECK(offer->yiaddr <= *Ipv4::parse("172.22.0.103"));
    CHECK(lan.discover(n)->yiaddr == offer->yiaddr);
  }
  lan.expect(5);
  CHECK_FALSE(lan.discover(5));
  CHECK(lan.boots.refused.dhcp_pool_empty == 1);
  // A lease that was not renewed is free again.
  bool over = false;
  lan.world.loop().after(base::minutes(61), [&] { over = true; });
  lan.world.loop().run_until([&] { return over; });
  CHECK(lan.discover(5).has_value());

  Lan restarted;
  restarted.expect(1);
  const Ipv4 had = *Ipv4::parse("172.22.0.102");
  CHECK(restarted.request(1, had)->yiaddr == had);
  CHECK(restarted.request(1, *Ipv4::parse("172.22.0.101"))->type() == dhcp::MessageType::nak);
  restarted.expect(2);
  CHECK(restarted.request(2, had)->type() == dhcp::MessageType::nak);
  CHECK(restarted.request(2, *Ipv4::parse("10.0.0.1"))->type() == dhcp::MessageType::nak);
}

TEST_CASE("dhcp: ranges are inside one subnet") {
  CHECK(parse_dhcp_range("172.22.0.100-172.22.0.250/24").ok());
  for (const char* bad :
       {"", "172.22.0.100", "172.22.0.100/24", "172.22.0.100-172.22.0.250", "172.22.0.9-172.22.0.1/24",
        "172.22.0.100-172.22.1.250/24", "172.22.0.100-172.22.0.250/31", "a-b/24", "172.22.0.100/24-172.22.0.250"}) {
    const auto parsed = parse_dhcp_range(bad);
    CHECK_MESSAGE(!parsed.ok(), bad);
  }
}

}  // namespace metal
