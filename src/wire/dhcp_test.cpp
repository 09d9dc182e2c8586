#include "wire/dhcp.h"

#include <doctest/doctest.h>

#include <random>

using namespace wire;

namespace {
dhcp::Message discover() {
  dhcp::Message message;
  message.xid = 0x12345678;
  message.hops = 1;
  message.giaddr = *Ipv4::parse("172.22.0.1");
  message.set_mac("52:54:00:12:01:0a");
  message.set_type(dhcp::MessageType::discover);
  message.options[dhcp::vendor_class] = "PXEClient:Arch:00007:UNDI:003001";
  message.options[dhcp::user_class] = "iPXE";
  message.options[dhcp::client_arch] = std::string("\0\7", 2);
  message.options[dhcp::relay_agent] = "circuit";
  return message;
}
}  // namespace

TEST_CASE("a message survives the wire") {
  auto message = discover();
  message.options[dhcp::vendor_options] = std::string(400, 'v');  // split and joined again
  message.file = "http://boot/x";
  const auto packet = dhcp::serialize(message);
  REQUIRE(packet.ok());
  CHECK(packet->size() >= 300);
  const auto read = dhcp::parse(*packet);
  REQUIRE(read.ok());
  CHECK(read->mac() == "52:54:00:12:01:0a");
  CHECK(read->type() == dhcp::MessageType::discover);
  CHECK(read->architecture() == 7);
  CHECK(read->is_ipxe());
  CHECK(read->giaddr.text() == "172.22.0.1");
  CHECK(read->options == message.options);
  CHECK(read->file == message.file);
}

TEST_CASE("the message type comes first and the relay's option last") {
  const auto packet = dhcp::serialize(discover());
  REQUIRE(packet.ok());
  CHECK((*packet)[240] == dhcp::message_type);
  const auto end = packet->find("circuit") + 7;
  CHECK((*packet)[end] == '\xff');
}

TEST_CASE("options may hide in file and sname") {
  auto packet = *dhcp::serialize(discover());
  const size_t end = packet.rfind("circuit") + 7;
  packet.replace(end, 4, std::string("\x34\x01\x03\xff", 4));
  packet[108] = 12;  // host name in the file field
  packet[109] = 2;
  packet[110] = 'a';
  packet[111] = 'b';
  packet[112] = '\xff';
  const auto read = dhcp::parse(packet);
  REQUIRE(read.ok());
  CHECK(read->option(dhcp::host_name) == "ab");
  CHECK(read->file.empty());
}

TEST_CASE("addresses and MACs") {
  CHECK(Ipv4::parse("10.0.0.1")->text() == "10.0.0.1");
  for (const char* text : {"10.0.0", "10.0.0.256", "a.b.c.d", "10.0.0.0001", ""}) CHECK_FALSE(Ipv4::parse(text));
  CHECK(*normal_mac("52-54-00-AB-01-0A") == "52:54:00:ab:01:0a");
  for (const char* text : {"52:54:00:12:01", "52:54:00:12:01:zz", ""}) CHECK_FALSE(normal_mac(text));
}

TEST_CASE("broken packets give an error, never more") {
  const auto packet = *dhcp::serialize(discover());
  CHECK_FALSE(dhcp::parse("").ok());
  CHECK_FALSE(dhcp::parse(packet.substr(0, 239)).ok());
  const unsigned seed = 20260102;
  CAPTURE(seed);
  std::mt19937 random(seed);
  int good = 0;
  int bad = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = packet;
    for (unsigned i = 0; i < 1 + random() % 5; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    const auto read = dhcp::parse(bytes);
    ++(read.ok() ? good : bad);
    if (read.ok()) {
      const auto again = dhcp::serialize(*read);
      if (again.ok()) CHECK(dhcp::parse(*again).ok());
    }
  }
  CHECK(good > 100);
  CHECK(bad > 100);
}
