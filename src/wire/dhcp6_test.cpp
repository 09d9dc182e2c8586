#include "wire/dhcp6.h"

#include <doctest/doctest.h>

namespace wire::dhcp6 {

TEST_CASE("IPv6: text, prefixes, interface ids and the MAC addresses in them") {
  CHECK(Ipv6::parse("FD00:1:0:0::0100")->text() == "fd00:1::100");
  for (const char* bad : {"", "fd00::1%eth0", "10.0.0.1", "fd00:::1", "fd00::1/64", "1:2:3:4:5:6:7:8:9"}) {
    CHECK_MESSAGE(!Ipv6::parse(bad), bad);
  }
  const auto address = *Ipv6::parse("fe80::5054:ff:fe00:1");
  CHECK(address.is_link_local());
  CHECK(address.mac() == "52:54:00:00:00:01");
  CHECK_FALSE(Ipv6::parse("fd00::1")->mac());
  CHECK_FALSE(Ipv6::parse("fd00::1")->is_link_local());
  const auto first = *Ipv6::parse("fd00:0:0:1::100");
  CHECK(first.interface_id() == 0x100);
  CHECK(first.with_interface_id(0x1ff).text() == "fd00:0:0:1::1ff");
  CHECK(first.same_prefix(*Ipv6::parse("fd00:0:0:1:8000::"), 64));
  CHECK_FALSE(first.same_prefix(*Ipv6::parse("fd00:0:0:1:8000::"), 65));
  CHECK(first.same_prefix(first, 128));
}

namespace {

Message solicit() {
  Message out{MessageType::solicit, 0xabcdef, {}};
  out.add(client_id, client_id_of("52:54:00:00:00:01"));
  out.add(Association{7, 100, 200, {{*Ipv6::parse("fd00::5"), 300, 400}}, Status::no_binding});
  out.add(vendor_class, vendor_class_value(pxe_enterprise, "HTTPClient:Arch:00016:UNDI:003000"));
  out.add(user_class, user_class_value("iPXE"));
  out.add(client_arch, std::string("\0\x10", 2));
  return out;
}

}  // namespace

TEST_CASE("DHCPv6: a message comes back as it went out") {
  const auto bytes = serialize({{}, solicit()}).value();
  const auto back = parse(bytes).value();
  CHECK(back.relays.empty());
  CHECK(back.message.type == MessageType::solicit);
  CHECK(back.message.transaction == 0xabcdef);
  CHECK(back.message.mac_of_client_id() == "52:54:00:00:00:01");
  CHECK(back.message.vendor_classes() == std::vector<std::string>{"HTTPClient:Arch:00016:UNDI:003000"});
  CHECK(back.message.user_classes() == std::vector<std::string>{"iPXE"});
  CHECK(back.message.architecture() == 16);
  const auto associations = back.message.associations();
  REQUIRE(associations.size() == 1);
  CHECK(associations[0].id == 7);
  CHECK(associations[0].rebind_seconds == 200);
  CHECK(associations[0].status == Status::no_binding);
  REQUIRE(associations[0].addresses.size() == 1);
  CHECK(associations[0].addresses[0].address.text() == "fd00::5");
  CHECK(associations[0].addresses[0].valid_seconds == 400);
  CHECK(serialize(back).value() == bytes);
}

TEST_CASE("DHCPv6: relays keep what they put around the message, and the innermost knows the client's MAC") {
  Relay outer{1, *Ipv6::parse("fd00:2::1"), *Ipv6::parse("fd00:1::1"), {}};
  Relay inner{0, *Ipv6::parse("fd00:1::1"), *Ipv6::parse("fe80::1"), {{interface_id, "port 7"}}};
  inner.options.emplace_back(client_link_layer, std::string("\0\1\x52\x54\0\0\0\2", 8));
  const auto bytes = serialize({{outer, inner}, solicit()}).value();
  const auto back = parse(bytes).value();
  REQUIRE(back.relays.size() == 2);
  CHECK(back.relays[0].link.text() == "fd00:2::1");
  CHECK(back.relays[1].options[0].second == "port 7");
  CHECK(back.mac_by_relay() == "52:54:00:00:00:02");
  CHECK(back.message.transaction == 0xabcdef);
  CHECK(serialize(back).value() == bytes);
}

TEST_CASE("DHCPv6: what is cut off or damaged is corrupt, and never read behind its end") {
  const auto bytes = serialize({{{0, {}, {}, {}}}, solicit()}).value();
  for (size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(parse(bytes.substr(0, size)));
  CHECK_FALSE(parse(std::string("\x0d\0\0\0", 4)));
  CHECK_FALSE(parse(std::string("\1\0\0\0\0\3\0\4abcd", 12)));  // an association without its numbers
  Packet deep;
  deep.message = solicit();
  for (int i = 0; i < 9; ++i) deep.relays.push_back({});
  CHECK_FALSE(parse(serialize(deep).value()));
  deep.message.add(vendor_class, std::string(2000, 'x'));
  CHECK(serialize(deep).error().code == base::Code::too_large);
  Message odd{MessageType::solicit, 1, {}};
  odd.add(vendor_class, std::string("\0\0\1\x57\0\x20short", 11));
  odd.add(user_class, "iPXE");
  CHECK(odd.vendor_classes().empty());
  CHECK(odd.user_classes() == std::vector<std::string>{"iPXE"});
}

}  // namespace wire::dhcp6
