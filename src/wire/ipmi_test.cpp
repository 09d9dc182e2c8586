#include <doctest/doctest.h>

#include "base/text.h"
#include "wire/ipmi_command.h"
#include "wire/ipmi_packet.h"
#include "wire/ipmi_rakp.h"
#include "wire/ipmi_sol.h"

namespace ipmi = wire::ipmi;

namespace {

std::string counted(uint8_t first, size_t count = 16) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes.push_back(char(first + i));
  return bytes;
}

// The vectors were computed with Python's hmac and `openssl enc -aes-128-cbc`.
ipmi::Exchange known_exchange(ipmi::Suite suite) {
  ipmi::Exchange exchange;
  exchange.suite = suite;
  exchange.console_id = 0xA0A1A2A3;
  exchange.bmc_id = 0x02030405;
  exchange.console_random = counted(0x00);
  exchange.bmc_random = counted(0x40);
  exchange.guid = counted(0x80);
  exchange.role = 0x14;
  exchange.user = "admin";
  exchange.password = "rack-secret-01";
  return exchange;
}

struct Golden {
  ipmi::Suite suite;
  const char *rakp2, *rakp3, *sik, *k1, *k2, *rakp4, *packet;
};
constexpr Golden goldens[] = {
    {ipmi::Suite::sha1, "444a121096d678c54de35d796f33d0c1af321775", "2b79e9a7c728bf041ba4628a8b0096e240376c14",
     "d308a4a46919b2293047b574f0ee69e7cfdda776", "429588d50e9a600099260e68e82539908e4edc40",
     "6cacf5f50eeed6d9b6a30f9243815a95f8df0285", "dffdbf289b8bd3389dbbd11b",
     "0600ff0706c005040302070000002000c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd3f264dc45eadc19bffd87b8cbad999effff0207b8b01fe6"
     "8fdc7c2a7a24c8dd"},
    {ipmi::Suite::sha256, "b796a732bb8e0855f9b7d3b1642765553b393cd84ae22eb090ac1f2692201e1f",
     "f6ad697d783136fb59c9f78c5d9c0f736bb5a314607359f81c3428c18a1881eb",
     "0d485db667b6a573266731b634299fb322ce9dc0ff8ca00ab22e26597d145387",
     "a44c6a89a7ebfb3aef3633dda43f23de4962c0a717fce43a465e28ae74b619f3",
     "6b855804e4695c01f21db584cc6ae3d7a7779ed57ba905bf41d12e8daa729d14", "201f1c60015d7a406b71cfffaf8cec62",
     "0600ff0706c005040302070000002000c0c1c2c3c4c5c6c7c8c9cacbcccdcecf6b7a882bcd3ba63eaf4e27678ab83a29ffff020768b29cdc"
     "9445add8734d3b250c373a99"},
};

// Small seeded generator (splitmix64), so a failing case can be named by its seed.
struct Seeded {
  uint64_t state;
  uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  std::string bytes(size_t count) {
    std::string out;
    while (out.size() < count) out.push_back(char(next()));
    return out;
  }
};

}  // namespace

TEST_CASE("ipmi: RAKP codes and keys of both suites match independent vectors") {
  for (const auto& golden : goldens) {
    CAPTURE(int(golden.suite));
    const auto exchange = known_exchange(golden.suite);
    const auto keys = ipmi::session_keys(exchange);
    CHECK(base::hex(ipmi::rakp2_code(exchange)) == golden.rakp2);
    CHECK(base::hex(ipmi::rakp3_code(exchange)) == golden.rakp3);
    CHECK(base::hex(keys.sik) == golden.sik);
    CHECK(base::hex(keys.k1) == golden.k1);
    CHECK(base::hex(keys.k2) == golden.k2);
    CHECK(base::hex(ipmi::rakp4_code(exchange, keys)) == golden.rakp4);
  }
}

TEST_CASE("ipmi: a sealed packet has the standard's bytes and opens again") {
  for (const auto& golden : goldens) {
    const auto keys = ipmi::session_keys(known_exchange(golden.suite));
    const auto message = ipmi::encode(ipmi::Command{ipmi::command::get_chassis_status, 1, ""});
    CHECK(base::hex(message) == "2000e08104017a");
    const auto packet = ipmi::encode_sealed(ipmi::PayloadType::message, message, 0x02030405, 7, keys, counted(0xC0));
    CHECK(base::hex(packet) == golden.packet);

    auto decoded = ipmi::decode_packet(packet);
    REQUIRE(decoded.ok());
    CHECK(decoded->session_id == 0x02030405);
    CHECK(decoded->sequence == 7);
    auto opened = ipmi::open_payload(*decoded, keys);
    REQUIRE(opened.ok());
    CHECK(*opened == message);
  }
}

TEST_CASE("ipmi: one flipped bit anywhere in a sealed packet is noticed") {
  for (const auto& golden : goldens) {
    const auto keys = ipmi::session_keys(known_exchange(golden.suite));
    const auto packet = *base::unhex(golden.packet);
    for (size_t at = 4; at < packet.size(); ++at) {
      auto forged = packet;
      forged[at] = char(forged[at] ^ 0x10);
      auto decoded = ipmi::decode_packet(forged);
      const bool opened = decoded.ok() && ipmi::open_payload(*decoded, keys).ok();
      CHECK_FALSE_MESSAGE(opened, "byte " << at);
    }
  }
}

TEST_CASE("ipmi: payloads of every length survive sealing") {
  const auto keys = ipmi::session_keys(known_exchange(ipmi::Suite::sha256));
  for (size_t length = 0; length < 70; ++length) {
    const auto payload = counted(0xF0, length);
    auto decoded = ipmi::decode_packet(
        ipmi::encode_sealed(ipmi::PayloadType::message, payload, 1, uint32_t(length + 1), keys, counted(0)));
    REQUIRE(decoded.ok());
    auto opened = ipmi::open_payload(*decoded, keys);
    REQUIRE(opened.ok());
    CHECK(*opened == payload);
  }
}

TEST_CASE("ipmi: session set-up messages round trip") {
  using S = ipmi::RakpStatus;
  const auto open = ipmi::decode_open_request(ipmi::encode(
      ipmi::OpenRequest{9, ipmi::Privilege::operator_, 0xDEADBEEF, ipmi::algorithms_of(ipmi::Suite::sha256)}));
  REQUIRE(open.ok());
  CHECK(open->console_id == 0xDEADBEEF);
  CHECK(open->privilege == ipmi::Privilege::operator_);
  CHECK(open->algorithms == ipmi::Algorithms{3, 4, 1});

  const auto refused = ipmi::decode_open_response(
      ipmi::encode(ipmi::OpenResponse{9, S::no_cipher_suite_match, ipmi::Privilege::none, 0xDEADBEEF, 0, {}}));
  REQUIRE(refused.ok());
  CHECK(refused->status == S::no_cipher_suite_match);

  const auto rakp1 = ipmi::decode_rakp1(ipmi::encode(ipmi::Rakp1{1, 5, counted(1), 0x14, "admin"}));
  REQUIRE(rakp1.ok());
  CHECK(rakp1->user == "admin");
  CHECK(rakp1->console_random == counted(1));

  const auto rakp2 =
      ipmi::decode_rakp2(ipmi::encode(ipmi::Rakp2{1, S::ok, 7, counted(1), counted(2), std::string(32, 'h')}));
  REQUIRE(rakp2.ok());
  CHECK(rakp2->guid == counted(2));
  CHECK(rakp2->auth_code.size() == 32);
  const auto rakp3 = ipmi::decode_rakp3(ipmi::encode(ipmi::Rakp3{1, S::ok, 7, std::string(20, 'h')}));
  REQUIRE(rakp3.ok());
  CHECK(rakp3->auth_code.size() == 20);
  const auto rakp4 = ipmi::decode_rakp4(ipmi::encode(ipmi::Rakp4{1, S::invalid_integrity_check, 7, "lost"}));
  REQUIRE(rakp4.ok());
  CHECK(rakp4->integrity_code.empty());
}

TEST_CASE("ipmi: messages check their sums") {
  const auto bytes = ipmi::encode(ipmi::Answer{ipmi::command::get_device_id, 5, ipmi::completion::ok, "abc"});
  auto answer = ipmi::decode_answer(bytes);
  REQUIRE(answer.ok());
  CHECK(answer->id == ipmi::command::get_device_id);
  CHECK(answer->sequence == 5);
  CHECK(answer->data == "abc");
  for (size_t at = 0; at < bytes.size(); ++at) {
    auto forged = bytes;
    forged[at] = char(forged[at] + 1);
    CHECK_FALSE(ipmi::decode_answer(forged).ok());
  }
  CHECK_FALSE(ipmi::decode_command(bytes).ok());
}

TEST_CASE("ipmi: command data") {
  // Table 28-14 by way of the raw bytes that operators know: once EFI CD, persistent EFI PXE.
  CHECK(base::hex(ipmi::encode(ipmi::BootFlags{true, false, true, ipmi::IpmiBoot::cd, {}})) == "a014000000");
  CHECK(base::hex(ipmi::encode(ipmi::BootFlags{true, true, true, ipmi::IpmiBoot::pxe, {}})) == "e004000000");
  CHECK(*ipmi::decode_boot_flags(*base::unhex("8008000000")) ==
        ipmi::BootFlags{true, false, false, ipmi::IpmiBoot::disk, {}});
  CHECK(base::hex(ipmi::auth_capabilities_request(4)) == "8e04");
  const auto records = ipmi::encode_cipher_suites({ipmi::Suite::sha1, ipmi::Suite::sha256});
  CHECK(base::hex(records) == "c003014181c011034481");
  CHECK(ipmi::decode_cipher_suites(records) == std::vector{ipmi::Suite::sha1, ipmi::Suite::sha256});
  CHECK(ipmi::decode_chassis_status(ipmi::encode(ipmi::ChassisStatus{true, false, 0x10}))->power_on);
  CHECK(ipmi::decode_device_id(ipmi::encode(ipmi::DeviceId{0x20, 1, 2, 0x14, 0, 674, 7}))->manufacturer == 674);
  CHECK(ipmi::DeviceId{0x20, 1, 2, 0x14, 0, 0, 0}.firmware() == "2.14");
  CHECK(ipmi::name_of_completion(0xC0) == "node busy (C0h)");
  CHECK(ipmi::name_of_completion(0x9A) == "completion code (9Ah)");
}

TEST_CASE("ipmi: GUID and FRU") {
  const std::string uuid = "4c4c4544-0042-3010-8054-b4c04f563132";
  CHECK(base::hex(ipmi::encode_guid(uuid)) == "3231564fc0b454801030420044454c4c");
  CHECK(ipmi::decode_guid(ipmi::encode_guid(uuid)) == uuid);
  CHECK(ipmi::decode_guid(std::string(16, '\0')).empty());
  CHECK(ipmi::encode_guid("nonsense") == std::string(16, '\0'));

  const auto fru = ipmi::encode_fru({"Ingot", "Simulated Server", "", "", "SN-0001"});
  auto product = ipmi::decode_fru(fru);
  REQUIRE(product.ok());
  CHECK(product->manufacturer == "Ingot");
  CHECK(product->name == "Simulated Server");
  CHECK(product->serial == "SN-0001");
  for (size_t at = 0; at < fru.size(); ++at) {
    auto forged = fru;
    forged[at] = char(forged[at] ^ 0x41);
    CHECK_FALSE(ipmi::decode_fru(forged).ok());
  }
}

TEST_CASE("ipmi: sequence numbers are good once and within sixteen") {
  ipmi::SequenceWindow window;
  CHECK_FALSE(window.accept(0));
  CHECK(window.accept(1));
  CHECK_FALSE(window.accept(1));
  CHECK(window.accept(5));
  CHECK(window.accept(3));
  CHECK_FALSE(window.accept(3));
  CHECK(window.accept(21));
  CHECK(window.accept(6));
  CHECK_FALSE(window.accept(4));
  CHECK_FALSE(window.accept(38));
  CHECK(window.accept(37));
}

TEST_CASE("ipmi: the decoders take any bytes") {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    CAPTURE(seed);
    Seeded random{seed};
    const auto& golden = goldens[seed % 2];
    const auto keys = ipmi::session_keys(known_exchange(golden.suite));
    // Either noise or a valid packet with a few bytes changed and perhaps cut off.
    std::string bytes = random.next() % 2 == 0 ? random.bytes(random.next() % 120) : *base::unhex(golden.packet);
    for (uint64_t edits = random.next() % 4; edits > 0 && !bytes.empty(); --edits)
      bytes[random.next() % bytes.size()] = char(random.next());
    if (random.next() % 3 == 0) bytes.resize(random.next() % (bytes.size() + 1));
    if (auto packet = ipmi::decode_packet(bytes)) {
      auto opened = ipmi::open_payload(*packet, keys);
      // Only the untouched packet can open.
      CHECK((!opened.ok() || bytes.substr(4) == base::unhex(golden.packet)->substr(4)));
    }
    (void)ipmi::decode_open_request(bytes);
    (void)ipmi::decode_open_response(bytes);
    (void)ipmi::decode_rakp1(bytes);
    (void)ipmi::decode_rakp2(bytes);
    (void)ipmi::decode_rakp3(bytes);
    (void)ipmi::decode_rakp4(bytes);
    (void)ipmi::decode_command(bytes);
    (void)ipmi::decode_answer(bytes);
    (void)ipmi::decode_cipher_suites(bytes);
    (void)ipmi::decode_fru(bytes);
    (void)ipmi::is_presence_ping(bytes);
  }
}

TEST_CASE("IPMI SOL: packets, activation and settings are as the tables say") {
  const ipmi::SolPacket packet{3, 14, 7, ipmi::sol_flag::break_, "ls"};
  CHECK(base::hex(ipmi::encode(packet)) == "030e07106c73");
  CHECK(ipmi::decode_sol(ipmi::encode(packet)).value() == packet);
  CHECK_FALSE(ipmi::decode_sol("abc").ok());
  CHECK_FALSE(ipmi::decode_sol(std::string(300, 'a')).ok());
  CHECK(base::hex(ipmi::activate_sol_request()) == "0101c4000000");
  CHECK(base::hex(ipmi::deactivate_sol_request()) == "010100000000");
  const auto activation = ipmi::decode_sol_activation(*base::unhex("00000000ff00c8006f02ffff"));
  REQUIRE(activation.ok());
  CHECK(activation->to_bmc_max == 255);
  CHECK(activation->from_bmc_max == 200);
  CHECK(activation->port == 623);
  CHECK(base::hex(ipmi::encode(*activation)) == "00000000ff00c8006f02ffff");
  CHECK_FALSE(ipmi::decode_sol_activation("short").ok());
  uint8_t sequence = 0;
  for (int i = 0; i < 16; ++i) sequence = ipmi::next_sol_sequence(sequence);
  CHECK(sequence == 1);

  ipmi::SolSettings settings;
  CHECK(ipmi::take_sol_value(settings, ipmi::sol_parameter::accumulate, std::string("\x0a\x20", 2)));
  CHECK(settings.accumulate == 10);
  CHECK(settings.threshold == 32);
  CHECK_FALSE(ipmi::take_sol_value(settings, ipmi::sol_parameter::accumulate, "x"));
  CHECK_FALSE(ipmi::take_sol_value(settings, ipmi::sol_parameter::bit_rate, "\x05"));
  CHECK(ipmi::take_sol_value(settings, ipmi::sol_parameter::bit_rate, "\x07"));
  CHECK(ipmi::bits_per_second(settings.bit_rate) == 19200);
  CHECK(ipmi::sol_value(settings, ipmi::sol_parameter::retry) == std::string("\x07\x30"));
  CHECK(base::hex(ipmi::get_sol_request(1)) == "0e010000");
  CHECK(base::hex(ipmi::set_sol_request(1, "\x01")) == "0e0101");
}
