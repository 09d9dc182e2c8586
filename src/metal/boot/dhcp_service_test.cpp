#include "metal/boot/dhcp_service.h"

#include <doctest/doctest.h>

#include <functional>
#include <set>

#include "metal/boot/test_ether.h"
#include "sys/fiber.h"
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

  explicit Lan(const char* range = "172.22.0.100-172.22.0.103/24",
               const std::function<void(DhcpOptions&)>& adjust = nullptr) {
    auto options = parse_dhcp_range(range).value();
    options.server_address = *Ipv4::parse("192.168.99.1");
    options.router = Ipv4::parse("172.22.0.1");
    if (adjust) adjust(options);
    service = std::make_unique<DhcpService>(sys, boots, place, options);
  }
  ~Lan() {
    service->stop();
    sys.loop.shut();
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
  static dhcp::Message firmware(const char* vendor, uint16_t architecture, const char* user_class = "") {
    auto out = question(1, dhcp::MessageType::discover);
    out.options[dhcp::vendor_class] = vendor;
    out.options[dhcp::client_arch] = {static_cast<char>(architecture >> 8), static_cast<char>(architecture & 0xff)};
    if (*user_class != '\0') out.options[dhcp::user_class] = user_class;
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

TEST_CASE("dhcp: what to load follows from the firmware's kind") {
  Lan lan("172.22.0.100-172.22.0.103/24", [](DhcpOptions& options) { options.tftp = true; });
  lan.place.loader_dir = "/loaders";
  auto& boot = lan.expect(1);
  const std::vector<std::pair<uint16_t, std::string>> kinds = {{0, "undionly.kpxe"}, {7, "ipxe.efi"}, {9, "ipxe.efi"}};
  for (const auto& [architecture, file] : kinds) {
    const auto offer = lan.service->answer(Lan::firmware("PXEClient:Arch:00000:UNDI:002001", architecture));
    REQUIRE(offer);
    CHECK(offer->option(dhcp::boot_file) == file);
    CHECK(offer->file == file);
    CHECK(offer->siaddr.text() == "192.168.99.1");
    CHECK(offer->option(dhcp::boot_server) == "192.168.99.1");
    CHECK(offer->option(dhcp::vendor_class) == "PXEClient");
    CHECK(offer->option(dhcp::vendor_options) == std::string("\x06\x01\x08\xff"));
    CHECK(offer->option(dhcp::ipxe_options).empty());
  }
  // iPXE is told its script, whichever way it came.
  for (const char* user_class : {"iPXE", "\x04iPXE"}) {
    const auto offer = lan.service->answer(Lan::firmware("PXEClient:Arch:00007:UNDI:003010", 7, user_class));
    REQUIRE(offer);
    CHECK(offer->option(dhcp::boot_file) == "http://192.168.99.1:6180/boot/ipxe/52-54-00-00-00-01");
    CHECK(offer->option(dhcp::ipxe_options) == std::string("\xb0\x01\x01"));
  }
  const auto http = lan.service->answer(Lan::firmware("HTTPClient:Arch:00016:UNDI:003001", 16));
  REQUIRE(http);
  CHECK(http->option(dhcp::boot_file) == "http://192.168.99.1:6180/boot/" + boot.path_token + "/ipxe.efi");
  CHECK(http->option(dhcp::vendor_class) == "HTTPClient");
  CHECK(http->option(dhcp::vendor_options).empty());

  // For 64-bit ARM there is no loader: another server may have one.
  CHECK_FALSE(lan.service->answer(Lan::firmware("PXEClient:Arch:00011:UNDI:003001", 11)));
  CHECK_FALSE(lan.service->answer(Lan::firmware("HTTPClient:Arch:00019:UNDI:003001", 19)));
  CHECK(lan.boots.refused.dhcp_architecture == 2);
  CHECK(boot.dhcp_packets == 8);

  auto with_uuid = Lan::firmware("PXEClient:Arch:00007:UNDI:003010", 7);
  with_uuid.options[dhcp::client_uuid] = std::string(17, '\0');
  CHECK(lan.service->answer(with_uuid)->option(dhcp::client_uuid) == std::string(17, '\0'));
}

TEST_CASE("dhcp: UEFI HTTP boot is told the ISO image; other ways that the firmware tries first get no answer") {
  Lan lan("172.22.0.100-172.22.0.103/24", [](DhcpOptions& options) { options.tftp = true; });
  auto& boot = lan.expect(1, BmcBootMethod::uefi_http);
  CHECK_FALSE(lan.service->answer(Lan::firmware("PXEClient:Arch:00007:UNDI:003001", 7)));
  CHECK_FALSE(boot.dhcp_seen.has_value());
  const auto offer = lan.service->answer(Lan::firmware("HTTPClient:Arch:00016:UNDI:003001", 16));
  REQUIRE(offer);
  CHECK(offer->option(dhcp::boot_file) == iso_url(lan.place, boot));
  CHECK(offer->option(dhcp::vendor_class) == "HTTPClient");
}

TEST_CASE("dhcp: an agent that runs keeps its address, and is never told to boot") {
  Lan lan;
  auto& boot = lan.expect(1);
  const auto offer = lan.discover(1);
  REQUIRE(offer);
  boot.script_fetched = boot.last_heartbeat = lan.sys.loop.now();
  auto renewal = Lan::question(1, dhcp::MessageType::request);
  renewal.options[dhcp::vendor_class] = "ingot-agent";
  renewal.ciaddr = offer->yiaddr;
  const auto ack = lan.service->answer(renewal);
  REQUIRE(ack);
  CHECK(ack->type() == dhcp::MessageType::ack);
  CHECK(ack->yiaddr == offer->yiaddr);
  CHECK(ack->option(dhcp::boot_file).empty());
  CHECK(ack->option(dhcp::vendor_class).empty());
  CHECK(boot.address == offer->yiaddr.text());
  // The same for a ramdisk that came by virtual media, on a network where there is no other DHCP server.
  auto& other = lan.expect(2, BmcBootMethod::virtual_media);
  auto asked = Lan::question(2, dhcp::MessageType::discover);
  asked.options[dhcp::vendor_class] = "ingot-agent";
  CHECK(lan.service->answer(asked).has_value());
  other.last_heartbeat = lan.sys.loop.now();
  CHECK(lan.service->answer(asked).has_value());
  // An address has one owner.
  lan.boots.has_address(other, boot.address);
  CHECK(boot.address.empty());
  CHECK(lan.boots.by_address(other.address) == &other);
}

namespace {

struct DirectLan : Lan {
  std::shared_ptr<Ether> ether = std::make_shared<Ether>(world.loop());
  explicit DirectLan(bool proxy)
      : Lan("172.22.0.100-172.22.0.103/24", [this, proxy](DhcpOptions& options) {
          options.interface = "provisioning";
          options.tftp = true;
          options.proxy = proxy;
          options.open_broadcast = [this](const std::string& interface, uint16_t port) {
            CHECK(interface == "provisioning");
            CHECK(port == 67);
            return base::Result<std::unique_ptr<sys::Datagram>>(std::make_unique<EtherSocket>(ether));
          };
        }) {
    REQUIRE(service->start().ok());
  }
  // What goes out when this has come in; the port of a client is 68, that of a relay 67.
  std::optional<std::pair<sys::Address, dhcp::Message>> exchange(const std::string& bytes, const sys::Address& from) {
    const auto sent = ether->exchange(bytes, from);
    if (sent.empty()) return std::nullopt;
    CHECK(sent.size() == 1);
    return std::pair(sent[0].first, dhcp::parse(sent[0].second).value());
  }
  std::optional<std::pair<sys::Address, dhcp::Message>> exchange(const dhcp::Message& asked,
                                                                 const sys::Address& from = {"0.0.0.0", 68}) {
    return exchange(dhcp::serialize(asked).value(), from);
  }
  // UEFI firmware on this network, without a relay.
  static dhcp::Message pxe() {
    auto asked = firmware("PXEClient:Arch:00007:UNDI:003001", 7);
    asked.giaddr = {};
    return asked;
  }
  dhcp::Message offer_to(const dhcp::Message& asked) {
    const auto offer = exchange(asked);
    REQUIRE(offer);
    CHECK(offer->first == sys::Address{"255.255.255.255", 68});
    CHECK(offer->second.type() == dhcp::MessageType::offer);
    CHECK(offer->second.option(dhcp::boot_file) == "ipxe.efi");
    return offer->second;
  }
};

}  // namespace

TEST_CASE("dhcp on an interface: clients without an address are answered by broadcast, others where they are") {
  DirectLan lan(false);
  auto& boot = lan.expect(1);
  auto asked = lan.pxe();
  const auto offer = lan.offer_to(asked);
  CHECK(boot.address.empty());

  asked.set_type(dhcp::MessageType::request);
  asked.set_address(dhcp::requested_address, offer.yiaddr);
  asked.set_address(dhcp::server_id, *Ipv4::parse("192.168.99.1"));
  const auto ack = lan.exchange(asked);
  REQUIRE(ack);
  CHECK(ack->first == sys::Address{"255.255.255.255", 68});
  CHECK(ack->second.type() == dhcp::MessageType::ack);
  CHECK(boot.address == offer.yiaddr.text());

  auto renewal = Lan::question(1, dhcp::MessageType::request);
  renewal.giaddr = {};
  renewal.ciaddr = offer.yiaddr;
  CHECK(lan.exchange(renewal, {boot.address, 68})->first == sys::Address{boot.address, 68});
  renewal.ciaddr = *Ipv4::parse("172.22.0.9");  // not its own: refused, by broadcast, as it must not use it
  const auto refusal = lan.exchange(renewal, {"172.22.0.9", 68});
  REQUIRE(refusal);
  CHECK(refusal->second.type() == dhcp::MessageType::nak);
  CHECK(refusal->first == sys::Address{"255.255.255.255", 68});

  CHECK(lan.exchange(Lan::question(1, dhcp::MessageType::discover), {"172.22.0.1", 67})->first ==
        sys::Address{"172.22.0.1", 67});  // a relay
  CHECK_FALSE(lan.exchange(Lan::question(2, dhcp::MessageType::discover)));
  CHECK_FALSE(lan.exchange("what?", {"0.0.0.0", 68}));
  CHECK(lan.boots.refused.dhcp_unexpected == 1);
  CHECK(lan.boots.refused.dhcp_malformed == 1);
}

TEST_CASE("dhcp proxy: a boot file without an address, and the address that the other server gave is learned") {
  DirectLan lan(true);
  auto& boot = lan.expect(1);
  auto asked = lan.pxe();
  const auto offer = lan.offer_to(asked);
  CHECK(offer.yiaddr.value == 0);
  CHECK(offer.option(dhcp::lease_seconds).empty());
  CHECK(offer.option(dhcp::subnet_mask).empty());
  CHECK(offer.option(dhcp::vendor_class) == "PXEClient");
  CHECK(offer.address_option(dhcp::server_id)->text() == "192.168.99.1");

  asked.set_type(dhcp::MessageType::request);
  asked.set_address(dhcp::requested_address, *Ipv4::parse("172.22.0.77"));
  asked.set_address(dhcp::server_id, *Ipv4::parse("172.22.0.2"));
  CHECK_FALSE(lan.exchange(asked));
  CHECK(boot.address == "172.22.0.77");

  // Not for a client that does not boot, and not for the ramdisk.
  auto agent = Lan::question(1, dhcp::MessageType::discover);
  agent.giaddr = {};
  agent.options[dhcp::vendor_class] = "ingot-agent";
  CHECK_FALSE(lan.exchange(agent));
  CHECK_FALSE(lan.exchange(Lan::question(2, dhcp::MessageType::discover)));
}

TEST_CASE("dhcp proxy: who asks the boot server on port 4011 is answered there") {
  DirectLan lan(true);
  auto& boot = lan.expect(1);
  sys::Sys& client = lan.world.process("172.22.0.77", "client");
  auto asked = lan.pxe();
  asked.set_type(dhcp::MessageType::request);
  asked.ciaddr = *Ipv4::parse("172.22.0.77");
  std::vector<dhcp::Message> heard;
  const auto ask = [&](const dhcp::Message& question) {
    bool over = false;
    heard.clear();
    sys::spawn(client.loop, "client", [&] {
      auto socket = client.net.open_udp({"172.22.0.77", 68}, {}).value();
      (void)socket->send({"192.168.99.1", 4011}, dhcp::serialize(question).value());
      const auto packet = socket->receive(base::seconds(1));
      if (packet) heard.push_back(dhcp::parse(packet->bytes).value());
      over = true;
    });
    lan.world.loop().run_until([&] { return over; });
    return heard.size();
  };
  REQUIRE(ask(asked) == 1);
  CHECK(heard[0].type() == dhcp::MessageType::ack);
  CHECK(heard[0].yiaddr.value == 0);
  CHECK(heard[0].option(dhcp::boot_file) == "ipxe.efi");
  CHECK(boot.address == "172.22.0.77");
  asked.set_mac(Lan::mac(2));
  CHECK(ask(asked) == 0);
  asked.set_mac(Lan::mac(1));
  boot.script_fetched = lan.sys.loop.now();
  CHECK(ask(asked) == 0);
  CHECK(lan.boots.refused.dhcp_unexpected == 2);
}

TEST_CASE("dhcp on an interface: the manager needs an address of that network") {
  Lan lan("172.22.0.100-172.22.0.103/24", [](DhcpOptions& options) {
    options.interface = "provisioning";
    options.server_address = *Ipv4::parse("127.0.0.1");
  });
  CHECK(lan.service->start().error().message.find("address on that network") != std::string::npos);
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
