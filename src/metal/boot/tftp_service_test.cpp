// Boot loaders over TFTP on a simulated network: who gets them, in which pieces, and what loss does.
#include "metal/boot/tftp_service.h"

#include <doctest/doctest.h>

#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace metal {
namespace {

namespace tftp = wire::tftp;

std::string content(size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>((i * 7 + i / 251) & 0xff);
  return out;
}

struct Lan {
  sys::SimWorld world;
  sys::Sys& sys = world.process("172.22.0.1", "manager");
  sys::Sys& client = world.process("172.22.0.100", "client");
  ExpectedBoots boots{sys.loop, std::string(32, 'k')};
  std::unique_ptr<TftpService> service;

  explicit Lan(size_t bytes = 5000, uint64_t seed = 1) : world(seed) {
    INFO("seed " << seed);
    REQUIRE(sys.disk.make_directories("/loaders").ok());
    REQUIRE(sys.disk.write("/loaders/ipxe.efi", content(bytes)).ok());
    REQUIRE(sys.disk.write("/loaders/secret", "secret").ok());
    TftpOptions options;
    options.listen = {"172.22.0.1", 69};
    options.folder = "/loaders";
    service = std::make_unique<TftpService>(sys, boots, options);
    REQUIRE(service->start().ok());
    world.faults().latency_min = world.faults().latency_max;  // a switch keeps the order of packets
  }
  ~Lan() {
    service->stop();
    sys.loop.shut();
    client.loop.shut();
  }
  ExpectedBoot& expect(BmcBootMethod method = BmcBootMethod::ipxe) {
    auto& boot = boots.expect("uid-1", "boot-1", "one", "52:54:00:00:00:01", method);
    boot.address = "172.22.0.100";
    return boot;
  }
  void run(const std::function<void()>& body) {
    bool over = false;
    sys::spawn(client.loop, "client", [&] {
      body();
      over = true;
    });
    world.loop().run_until([&] { return over; });
  }
  void wait(base::Duration span) {
    bool over = false;
    world.loop().after(span, [&] { over = true; });
    world.loop().run_until([&] { return over; });
  }
  // What comes first in answer to a request; nullopt: silence.
  std::optional<tftp::Packet> first_answer(const tftp::Packet& asked) { return first_answer(tftp::serialize(asked)); }
  std::optional<tftp::Packet> first_answer(const std::string& asked) {
    std::optional<tftp::Packet> out;
    run([&] {
      auto socket = client.net.open_udp({"172.22.0.100", 0}, {}).value();
      REQUIRE(socket->send({"172.22.0.1", 69}, asked).ok());
      const auto packet = socket->receive(base::seconds(3));
      if (!packet) return;
      const bool refused = std::holds_alternative<tftp::Failure>(*tftp::parse(packet->bytes));
      CHECK((packet->from.port == 69) == refused);  // a transfer has a port of its own
      out = *tftp::parse(packet->bytes);
      if (!refused) (void)socket->send(packet->from, tftp::serialize(tftp::Failure{0, "enough"}));
    });
    return out;
  }
};

tftp::Request read(const char* file, tftp::Options options = {}) { return {false, file, "octet", std::move(options)}; }

// A client as in firmware: acknowledges the last block in order when a window is full or the file ends, or nothing
// came.
struct Loaded {
  std::string bytes;
  tftp::Options accepted;
  size_t data_packets = 0, data_bytes_max = 0;
  bool complete = false;
};
Loaded load(sys::Sys& sys, const tftp::Request& request, size_t block_bytes, uint64_t window) {
  Loaded out;
  auto socket = sys.net.open_udp({"172.22.0.100", 0}, {}).value();
  sys::Address to{"172.22.0.1", 69};
  std::string last_sent = tftp::serialize(request);
  const auto say = [&](const std::string& bytes) {
    last_sent = bytes;
    (void)socket->send(to, bytes);
  };
  say(last_sent);
  uint64_t got = 0, in_window = 0;
  for (int silent = 0; silent < 8;) {
    const auto packet = socket->receive(base::milliseconds(700));
    if (!packet) {
      ++silent;
      say(got > 0 ? tftp::serialize(tftp::Ack{static_cast<uint16_t>(got & 0xffff)}) : last_sent);
      in_window = 0;
      continue;
    }
    silent = 0;
    to = packet->from;
    const auto parsed = tftp::parse(packet->bytes);
    REQUIRE(parsed);
    if (const auto* options = std::get_if<tftp::OptionAck>(&*parsed)) {
      out.accepted = options->options;
      say(tftp::serialize(tftp::Ack{0}));
      continue;
    }
    const auto* data = std::get_if<tftp::Data>(&*parsed);
    REQUIRE(data);
    ++out.data_packets;
    out.data_bytes_max = std::max(out.data_bytes_max, data->bytes.size());
    if (data->block != ((got + 1) & 0xffff)) {
      // RFC 7440 section 4: a gap ends the window.
      if (window > 1 && in_window > 0) say(tftp::serialize(tftp::Ack{static_cast<uint16_t>(got & 0xffff)}));
      in_window = 0;
      continue;
    }
    ++got;
    out.bytes += data->bytes;
    const bool end = data->bytes.size() < block_bytes;
    if (++in_window < window && !end) continue;
    in_window = 0;
    say(tftp::serialize(tftp::Ack{data->block}));
    if (end) {
      out.complete = true;
      return out;
    }
  }
  return out;
}

}  // namespace

TEST_CASE("tftp service: a boot loader goes to an expected server, with the options it asked for") {
  Lan lan;
  auto& boot = lan.expect();
  Loaded loaded;
  lan.run([&] {
    loaded =
        load(lan.client,
             read("ipxe.efi", {{"blksize", "8192"}, {"tsize", "0"}, {"windowsize", "4"}, {"timeout", "2"}, {"x", "1"}}),
             1468, 4);
  });
  CHECK(loaded.complete);
  CHECK(loaded.bytes == content(5000));
  CHECK(loaded.accepted ==
        tftp::Options{{"blksize", "1468"}, {"tsize", "5000"}, {"windowsize", "4"}, {"timeout", "2"}});
  CHECK(loaded.data_packets == 4);
  lan.wait(base::seconds(1));
  CHECK(boot.loader_file == "ipxe.efi");
  CHECK(boot.loader_bytes == 5000);
  CHECK(boot.loader_size == 5000);
  CHECK(boot.loader_fetched.has_value());
  CHECK(lan.service->transfers() == 0);
}

TEST_CASE("tftp service: without options, blocks of 512 bytes, and an empty one behind a whole number of them") {
  Lan lan(1024);
  lan.expect();
  Loaded loaded;
  lan.run([&] { loaded = load(lan.client, read("ipxe.efi"), 512, 1); });
  CHECK(loaded.complete);
  CHECK(loaded.bytes == content(1024));
  CHECK(loaded.data_packets == 3);
  CHECK(loaded.accepted.empty());
}

TEST_CASE("tftp service: block numbers start again at 0 behind 65535") {
  Lan lan(8 * 65540 + 3);
  lan.expect();
  Loaded loaded;
  lan.run([&] { loaded = load(lan.client, read("ipxe.efi", {{"blksize", "8"}, {"windowsize", "16"}}), 8, 16); });
  CHECK(loaded.complete);
  CHECK(loaded.bytes == content(8 * 65540 + 3));
}

TEST_CASE("tftp service: lost packets are sent again, with and without windows") {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    Lan lan(60'000, seed);
    lan.expect();
    lan.world.faults().datagram_lost = 0.05;
    const uint64_t window = seed % 2 == 0 ? 8 : 1;
    Loaded loaded;
    lan.run([&] {
      loaded = load(lan.client, read("ipxe.efi", {{"blksize", "1024"}, {"windowsize", std::to_string(window)}}), 1024,
                    window);
    });
    CHECK(loaded.complete);
    CHECK(loaded.bytes == content(60'000));
  }
}

TEST_CASE("tftp service: who only asks for the size and ends it did not fail, and may ask again") {
  Lan lan;
  auto& boot = lan.expect();
  const auto size = lan.first_answer(read("ipxe.efi", {{"tsize", "0"}}));
  REQUIRE(size);
  CHECK(std::get<tftp::OptionAck>(*size).options == tftp::Options{{"tsize", "5000"}});
  lan.wait(base::seconds(1));
  CHECK(lan.service->transfers() == 0);
  CHECK_FALSE(boot.loader_fetched.has_value());
  Loaded loaded;
  lan.run([&] { loaded = load(lan.client, read("ipxe.efi"), 512, 1); });
  CHECK(loaded.complete);
}

TEST_CASE("tftp service: a client that is gone is given up") {
  Lan lan;
  lan.expect();
  lan.run([&] {
    auto socket = lan.client.net.open_udp({"172.22.0.100", 0}, {}).value();
    (void)socket->send({"172.22.0.1", 69}, tftp::serialize(read("ipxe.efi")));
    size_t heard = 0;
    while (socket->receive(base::seconds(5))) ++heard;
    CHECK(heard == 6);
  });
  lan.wait(base::seconds(5));
  CHECK(lan.service->transfers() == 0);
}

TEST_CASE("tftp service: who is not expected to load a boot loader now hears nothing") {
  Lan lan;
  CHECK_FALSE(lan.first_answer(read("ipxe.efi")));
  CHECK(lan.boots.refused.tftp_unexpected == 1);
  auto& boot = lan.expect(BmcBootMethod::virtual_media);
  CHECK_FALSE(lan.first_answer(read("ipxe.efi")));
  boot.method = BmcBootMethod::ipxe;
  CHECK(lan.first_answer(read("ipxe.efi")).has_value());
  boot.address = "172.22.0.101";
  CHECK_FALSE(lan.first_answer(read("ipxe.efi")));
  boot.address = "172.22.0.100";
  boot.script_fetched = lan.sys.loop.now();
  CHECK_FALSE(lan.first_answer(read("ipxe.efi")));
  CHECK(lan.boots.refused.tftp_unexpected == 4);
}

TEST_CASE("tftp service: writing, other paths and other files are refused and counted") {
  Lan lan;
  lan.expect();
  const auto code = [&](const tftp::Packet& asked) {
    const auto answer = lan.first_answer(asked);
    REQUIRE(answer);
    const auto* failure = std::get_if<tftp::Failure>(&*answer);
    REQUIRE(failure);
    return failure->code;
  };
  CHECK(code(tftp::Request{true, "ipxe.efi", "octet", {}}) == 2);
  for (const char* path : {"../etc/shadow", "/etc/shadow", "/loaders/ipxe.efi", "a/../../b", "..\\ipxe.efi", "c:\\x"}) {
    CHECK(code(read(path)) == 2);
  }
  CHECK(code(read("secret")) == 1);
  CHECK(code(read("IPXE.EFI")) == 1);
  CHECK(code(tftp::Request{false, "ipxe.efi", "netascii", {}}) == 4);
  CHECK_FALSE(lan.first_answer(std::string("\0\1ipxe.efi\0../x", 15)));  // a NUL inside of the name ends it
  CHECK_FALSE(lan.first_answer("?"));
  CHECK_FALSE(lan.first_answer(tftp::Ack{1}));
  CHECK(lan.boots.refused.tftp_write == 1);
  CHECK(lan.boots.refused.tftp_path == 6);
  CHECK(lan.boots.refused.tftp_unknown_file == 2);
  CHECK(lan.boots.refused.tftp_malformed == 4);
  CHECK(lan.service->transfers() == 0);
}

TEST_CASE("tftp service: one server has only so many transfers at once, and answers nobody else's acknowledgements") {
  Lan lan;
  auto& boot = lan.expect();
  lan.run([&] {
    std::vector<std::unique_ptr<sys::Datagram>> sockets;
    size_t answered = 0;
    for (int i = 0; i < 6; ++i) {
      sockets.push_back(lan.client.net.open_udp({"172.22.0.100", 0}, {}).value());
      (void)sockets.back()->send({"172.22.0.1", 69}, tftp::serialize(read("ipxe.efi")));
      if (sockets.back()->receive(base::milliseconds(100))) ++answered;
    }
    CHECK(answered == 4);
  });
  CHECK(lan.boots.refused.tftp_busy == 2);
  CHECK(boot.loader_bytes == 0);
  lan.boots.drop("uid-1");
  lan.wait(base::minutes(1));
  CHECK(lan.service->transfers() == 0);
}

}  // namespace metal
