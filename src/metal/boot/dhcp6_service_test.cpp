#include "metal/boot/dhcp6_service.h"

#include <doctest/doctest.h>

#include <set>

#include "metal/boot/test_ether.h"
#include "sys/sim/sim.h"
#include "wire/dhcp.h"

namespace metal {
namespace {

namespace dhcp6 = wire::dhcp6;
using dhcp6::Message;
using dhcp6::MessageType;
using dhcp6::Status;
using wire::Ipv6;

constexpr uint32_t no_association = 0xffffffff;

// An interface of the provisioning network; clients ask from the link-local address that is made from their MAC.
struct Lan {
  sys::SimWorld world{1};
  sys::Sys& sys = world.process("fd00:1::1", "manager");
  ExpectedBoots boots{sys.loop, std::string(32, 'k')};
  BootPlace place{"https://[fd00:1::1]:6385", "http://[fd00:1::1]:6180", "", "digest", "", "", "/loaders"};
  std::shared_ptr<Ether> ether = std::make_shared<Ether>(world.loop());
  std::unique_ptr<Dhcp6Service> service;

  explicit Lan(const char* range = "fd00:1::100-fd00:1::103/64") {
    auto options = parse_dhcp6_range(range).value();
    options.interface = "provisioning";
    options.tftp = true;
    options.dns_servers = {*Ipv6::parse("fd00:1::53")};
    options.open_multicast = [this](const std::string& interface, const std::string& group, uint16_t port) {
      CHECK(interface == "provisioning");
      CHECK(group == "ff02::1:2");
      CHECK(port == 547);
      return base::Result<std::unique_ptr<sys::Datagram>>(std::make_unique<EtherSocket>(ether));
    };
    service = std::make_unique<Dhcp6Service>(sys, boots, place, options);
    REQUIRE(service->start().ok());
  }
  ~Lan() {
    service->stop();
    sys.loop.shut();
  }
  static std::string mac(int n) { return "52:54:00:00:00:0" + std::to_string(n); }
  static std::string link_local(int n) { return "fe80::5054:ff:fe00:" + std::to_string(n); }
  ExpectedBoot& expect(int n, BmcBootMethod method = BmcBootMethod::ipxe) {
    return boots.expect("uid-" + std::to_string(n), "boot", "host", mac(n), method);
  }
  // UEFI firmware, whose DUID is made from its UUID.
  static Message question(MessageType type, const std::string& address = "", uint32_t association = 5) {
    Message out{type, 0x123456, {}};
    out.add(dhcp6::client_id, std::string("\0\4", 2) + std::string(16, 'u'));
    if (association == no_association) return out;
    dhcp6::Association wanted;
    wanted.id = association;
    if (!address.empty()) wanted.addresses.push_back({*Ipv6::parse(address), 0, 0});
    out.add(wanted);
    return out;
  }
  static Message firmware(const char* vendor, uint16_t architecture, MessageType type = MessageType::solicit) {
    Message out = question(type);
    out.add(dhcp6::vendor_class, dhcp6::vendor_class_value(dhcp6::pxe_enterprise, vendor));
    out.add(dhcp6::client_arch, {static_cast<char>(architecture >> 8), static_cast<char>(architecture & 0xff)});
    return out;
  }
  Message to_server(Message asked) const {
    asked.add(dhcp6::server_id, service->server_id());
    return asked;
  }
  std::optional<Message> ask(const Message& asked, int n = 1) {
    const sys::Address from{link_local(n), 546};
    const auto sent = ether->exchange(dhcp6::serialize({{}, asked}).value(), from);
    if (sent.empty()) return std::nullopt;
    CHECK(sent.size() == 1);
    CHECK(sent[0].first == from);
    auto answer = dhcp6::parse(sent[0].second).value().message;
    CHECK(answer.transaction == asked.transaction);
    CHECK(answer.option(dhcp6::client_id) == asked.option(dhcp6::client_id));
    CHECK(answer.option(dhcp6::server_id) == service->server_id());
    return answer;
  }
  std::string address_in(const std::optional<Message>& answer) {
    REQUIRE(answer);
    const auto associations = answer->associations();
    REQUIRE(associations.size() == 1);
    REQUIRE_FALSE(associations[0].addresses.empty());
    CHECK(associations[0].addresses[0].valid_seconds == 3600);
    CHECK(associations[0].renew_seconds < associations[0].rebind_seconds);
    return associations[0].addresses[0].address.text();
  }
};

}  // namespace

TEST_CASE("dhcp6: silence for everybody who is not expected to boot from the network now") {
  Lan lan;
  CHECK_FALSE(lan.ask(Lan::question(MessageType::solicit)));
  lan.expect(1, BmcBootMethod::virtual_media);
  CHECK_FALSE(lan.ask(Lan::firmware("PXEClient:Arch:00007", 7)));
  auto& boot = lan.expect(1);
  CHECK(lan.ask(Lan::question(MessageType::solicit)));
  CHECK(boot.dhcp_seen.has_value());
  CHECK_FALSE(lan.ask(Lan::question(MessageType::solicit), 2));
  CHECK(lan.boots.refused.dhcp6_unexpected == 3);
  lan.boots.drop("uid-1");
  CHECK_FALSE(lan.ask(Lan::question(MessageType::solicit)));
}

TEST_CASE("dhcp6: solicit, advertise, request, reply; or at once where the client wants it so") {
  Lan lan;
  auto& boot = lan.expect(1);
  const auto advertise = lan.ask(Lan::question(MessageType::solicit));
  const std::string address = lan.address_in(advertise);
  CHECK(advertise->type == MessageType::advertise);
  CHECK(Ipv6::parse(address)->same_prefix(*Ipv6::parse("fd00:1::100"), 120));
  CHECK(advertise->option(dhcp6::dns_servers) == Ipv6::parse("fd00:1::53")->raw());
  CHECK(boot.address.empty());
  const auto reply = lan.ask(lan.to_server(Lan::question(MessageType::request, address)));
  CHECK(lan.address_in(reply) == address);
  CHECK(reply->type == MessageType::reply);
  CHECK(boot.address == address);

  lan.expect(2);
  auto rapid = Lan::question(MessageType::solicit);
  rapid.add(dhcp6::rapid_commit, "");
  const auto at_once = lan.ask(rapid, 2);
  CHECK(lan.address_in(at_once) != address);
  CHECK(at_once->type == MessageType::reply);
  CHECK(at_once->has(dhcp6::rapid_commit));
  CHECK_FALSE(lan.boots.find("uid-2")->address.empty());
}

TEST_CASE("dhcp6: each keeps its own address, through renewals and a restart of ours, and gives it back") {
  Lan lan;
  std::set<std::string> given;
  std::string first;
  for (int n = 1; n <= 4; ++n) {
    lan.expect(n);
    const std::string address = lan.address_in(lan.ask(Lan::question(MessageType::solicit), n));
    if (n == 1) first = address;
    CHECK(given.insert(address).second);
  }
  lan.expect(5);
  const auto none = lan.ask(Lan::question(MessageType::solicit), 5);
  REQUIRE(none);
  CHECK(none->associations().at(0).status == Status::no_addresses);
  CHECK(lan.boots.refused.dhcp6_pool_empty == 1);

  CHECK(lan.address_in(lan.ask(lan.to_server(Lan::question(MessageType::renew, first)))) == first);
  CHECK(lan.address_in(lan.ask(Lan::question(MessageType::rebind, first))) == first);
  // One that asks for another's address keeps its own, and hears that the other is not valid.
  const auto wrong = lan.ask(lan.to_server(Lan::question(MessageType::renew, *std::next(given.begin()))));
  const auto addresses = wrong->associations().at(0).addresses;
  CHECK(addresses[0].address.text() == first);
  if (addresses.size() > 1) CHECK(addresses[1].valid_seconds == 0);

  // Somebody else's is not given back; one's own is, and then others may have it.
  CHECK(lan.ask(lan.to_server(Lan::question(MessageType::release, first)), 2)->status() == Status::success);
  CHECK(lan.ask(Lan::question(MessageType::solicit), 5)->associations().at(0).status == Status::no_addresses);
  CHECK(lan.ask(lan.to_server(Lan::question(MessageType::release, first)))->status() == Status::success);
  CHECK(lan.address_in(lan.ask(Lan::question(MessageType::solicit), 5)) == first);

  Lan restarted;
  restarted.expect(1);
  CHECK(restarted.address_in(restarted.ask(Lan::question(MessageType::rebind, "fd00:1::102"))) == "fd00:1::102");
  CHECK(restarted.service->server_id() == lan.service->server_id());
}

TEST_CASE("dhcp6: an address that somebody else uses is not lent again; others are") {
  Lan lan("fd00:1::100-fd00:1::101/64");
  lan.expect(1);
  const std::string bad = lan.address_in(lan.ask(Lan::question(MessageType::solicit)));
  CHECK(lan.ask(lan.to_server(Lan::question(MessageType::decline, bad)))->status() == Status::success);
  CHECK(lan.address_in(lan.ask(Lan::question(MessageType::solicit, bad))) != bad);
}

TEST_CASE("dhcp6: confirm tells whether the addresses are of this link") {
  Lan lan;
  lan.expect(1);
  CHECK(lan.ask(Lan::question(MessageType::confirm, "fd00:1::77"))->status() == Status::success);
  CHECK(lan.ask(Lan::question(MessageType::confirm, "fd00:2::77"))->status() == Status::not_on_link);
  CHECK_FALSE(lan.ask(Lan::question(MessageType::confirm)));
}

TEST_CASE("dhcp6: what firmware is to load, by its kind, until it has its script") {
  Lan lan;
  auto& boot = lan.expect(1);
  const auto url = [&](const Message& asked) {
    const auto answer = lan.ask(asked);
    return answer ? answer->option(dhcp6::boot_file_url) : "silence";
  };
  const auto vendor = [&](const Message& asked) { return lan.ask(asked)->vendor_classes(); };
  const auto pxe = Lan::firmware("PXEClient:Arch:00007:UNDI:003000", 7);
  CHECK(url(pxe) == "tftp://[fd00:1::1]/ipxe.efi");
  CHECK(vendor(pxe).empty());  // an offer that says PXEClient would promise a boot server on port 4011
  const auto http = Lan::firmware("HTTPClient:Arch:00016:UNDI:003000", 16);
  CHECK(url(http) == "http://[fd00:1::1]:6180/boot/" + boot.path_token + "/ipxe.efi");
  CHECK(vendor(http) == std::vector<std::string>{"HTTPClient"});
  CHECK(url(Lan::firmware("PXEClient:Arch:00011", 11)) == "silence");
  CHECK(lan.boots.refused.dhcp6_architecture == 1);
  auto ipxe = pxe;
  ipxe.add(dhcp6::user_class, dhcp6::user_class_value("iPXE"));
  CHECK(url(ipxe) == "http://[fd00:1::1]:6180/boot/ipxe/52-54-00-00-00-01");
  auto stateless = Lan::question(MessageType::information_request, "", no_association);
  stateless.options.insert(stateless.options.end(), pxe.options.begin() + 2, pxe.options.end());
  CHECK(url(stateless) == "tftp://[fd00:1::1]/ipxe.efi");
  CHECK(lan.ask(stateless)->associations().empty());
  CHECK(url(Lan::question(MessageType::solicit)).empty());  // the ramdisk
  boot.script_fetched = lan.sys.loop.now();
  CHECK(url(ipxe).empty());

  auto& by_http = lan.expect(1, BmcBootMethod::uefi_http);
  by_http.script_fetched.reset();
  CHECK(url(pxe) == "silence");
  CHECK(url(http) == iso_url(lan.place, by_http));
}

TEST_CASE("dhcp6: a client is known by its relay's word, its link-local address or its DUID, in this order") {
  Lan lan;
  lan.expect(1);
  dhcp6::Packet asked{{{0, *Ipv6::parse("fd00:1::9"), *Ipv6::parse("fe80::99"), {}}},
                      Lan::question(MessageType::solicit)};
  CHECK_FALSE(lan.service->answer(asked, "fd00:1::9"));
  asked.relays[0].options = {{dhcp6::interface_id, "port 1"},
                             {dhcp6::client_link_layer, std::string("\0\1\x52\x54\0\0\0\1", 8)}};
  const auto answer = lan.service->answer(asked, "fd00:1::9");
  REQUIRE(answer);
  REQUIRE(answer->relays.size() == 1);
  CHECK(answer->relays[0].peer.text() == "fe80::99");
  CHECK(answer->relays[0].options == dhcp6::Options{{dhcp6::interface_id, "port 1"}});

  Message named{MessageType::solicit, 1, {}};
  named.add(dhcp6::client_id, dhcp6::client_id_of(Lan::mac(1)));
  CHECK(lan.service->answer({{}, named}, "fe80::99"));                // a link-local address of another kind
  CHECK_FALSE(lan.service->answer({{}, named}, Lan::link_local(2)));  // the NIC that asks counts
}

TEST_CASE("dhcp6: hostile packets get nothing and are counted") {
  Lan lan;
  auto& boot = lan.expect(1);
  const auto raw = [&](const std::string& bytes) {
    return lan.ether->exchange(bytes, {Lan::link_local(1), 546}).size();
  };
  CHECK(raw("what?") == 0);
  CHECK(raw("") == 0);
  CHECK(lan.boots.refused.dhcp6_malformed == 2);
  CHECK(raw(dhcp6::serialize({{}, Lan::question(MessageType::solicit)}).value() + std::string(2000, '\0')) == 0);
  CHECK(lan.boots.refused.dhcp6_oversize == 1);
  // Without a client's identification, without the server's, with one too many.
  CHECK_FALSE(lan.ask({MessageType::solicit, 1, {}}));
  CHECK_FALSE(lan.ask(Lan::question(MessageType::request)));
  auto mixed = lan.to_server(Lan::question(MessageType::solicit));
  CHECK_FALSE(lan.ask(mixed));
  CHECK_FALSE(lan.ask(lan.to_server(Lan::question(MessageType::information_request))));
  auto many = Lan::question(MessageType::solicit);
  for (uint32_t i = 10; i < 20; ++i) many.add(dhcp6::Association{i, 0, 0, {}, std::nullopt});
  CHECK_FALSE(lan.ask(many));
  CHECK(lan.boots.refused.dhcp6_malformed == 7);
  CHECK(boot.refused.dhcp6_malformed == 5);
  // For another server, or from one: none of our business.
  auto other = Lan::question(MessageType::request);
  other.add(dhcp6::server_id, "another");
  CHECK_FALSE(lan.ask(other));
  CHECK_FALSE(lan.ask(lan.to_server(Lan::question(MessageType::reply))));
  CHECK(lan.boots.refused.dhcp6_malformed == 7);
}

TEST_CASE("dhcp6: ranges are inside one prefix, and the boot files must have an IPv6 address") {
  CHECK(parse_dhcp6_range("fd00:1::100-fd00:1::1ff/64").ok());
  for (const char* bad :
       {"", "fd00::1", "fd00::1/64", "fd00::1-fd00::9", "fd00::9-fd00::1/64", "fd00::1-fd01::1/64",
        "fd00::1-fd00::1:1/120", "fe80::1-fe80::9/64", "10.0.0.1-10.0.0.9/64", "fd00::1-fd00::2/48"}) {
    CHECK_MESSAGE(!parse_dhcp6_range(bad).ok(), bad);
  }
  sys::SimWorld world(1);
  sys::Sys& sys = world.process("10.0.0.1", "manager");
  ExpectedBoots boots(sys.loop, std::string(32, 'k'));
  const BootPlace place{"https://10.0.0.1:6385", "http://10.0.0.1:6180", "", ""};
  Dhcp6Service service(sys, boots, place, parse_dhcp6_range("fd00:1::100-fd00:1::1ff/64").value());
  CHECK(service.start().error().message.find("IPv6 address") != std::string::npos);
  sys.loop.shut();
}

}  // namespace metal
