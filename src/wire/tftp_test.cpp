#include "wire/tftp.h"

#include <doctest/doctest.h>

namespace wire::tftp {
namespace {

std::string raw(std::initializer_list<const char*> texts, char opcode) {
  std::string out{'\0', opcode};
  for (const char* text : texts) {
    out += text;
    out += '\0';
  }
  return out;
}

}  // namespace

TEST_CASE("tftp: a read request with options, in any case and with padding behind it") {
  const std::string asked = raw({"ipxe.efi", "OCTET", "tsize", "0", "BlkSize", "1468", "windowsize", "4"}, 1);
  for (const std::string& bytes : {asked, asked + std::string(7, '\0')}) {
    const auto packet = parse(bytes);
    REQUIRE(packet);
    const auto* request = std::get_if<Request>(&*packet);
    REQUIRE(request);
    CHECK_FALSE(request->write);
    CHECK(request->file == "ipxe.efi");
    CHECK(request->mode == "octet");
    CHECK(request->options == Options{{"tsize", "0"}, {"blksize", "1468"}, {"windowsize", "4"}});
  }
  CHECK(std::get<Request>(*parse(raw({"a", "octet"}, 2))).write);
}

TEST_CASE("tftp: packets that are cut off or hold what no file name has are refused") {
  for (const std::string& bad :
       {std::string(), std::string("\0", 1), std::string("\0\1", 2), std::string("\0\1ipxe.efi", 10),
        raw({"ipxe.efi"}, 1), raw({"", "octet"}, 1), raw({"a", "octet", "tsize"}, 1), raw({"a\nb", "octet"}, 1),
        raw({std::string(300, 'a').c_str(), "octet"}, 1), raw({"a", "octet"}, 1) + "tsize", std::string("\0\3\0", 3),
        std::string("\0\7\0\0", 4), std::string("\1\1a\0octet\0", 10)}) {
    const auto parsed = parse(bad);
    CHECK_FALSE(parsed.ok());
  }
}

TEST_CASE("tftp: what is written is read back") {
  const Packet packets[] = {Request{false, "a", "octet", {{"tsize", "0"}}},
                            Data{65535, std::string("\0x", 2)},
                            Data{1, ""},
                            Ack{0x1234},
                            Failure{8, "no"},
                            OptionAck{{{"blksize", "512"}}}};
  for (const Packet& packet : packets) {
    const auto back = parse(serialize(packet));
    REQUIRE(back);
    CHECK(back->index() == packet.index());
    CHECK(serialize(*back) == serialize(packet));
  }
  CHECK(serialize(Ack{0x1234}) == std::string("\0\4\x12\x34", 4));
  CHECK(std::get<Failure>(*parse(std::string("\0\5\0\0", 4))).message.empty());
}

}  // namespace wire::tftp
