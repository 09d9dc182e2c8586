#include "sys/real/real.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "sys/compare.h"
#include "sys/fiber.h"

using base::Code;
using base::seconds;

namespace {

void run(sys::Sys& sys, std::function<void()> body) {
  auto fiber = spawn(sys.loop, "test", std::move(body));
  CHECK(sys.loop.run_until([&fiber] { return fiber.done(); }));
}

// A directory of its own below /tmp, removed at the end.
struct Scratch {
  explicit Scratch(sys::Sys& on) : sys(on), path("/tmp/ingot-test-" + sys.random.uuid()) {
    REQUIRE(sys.disk.make_directories(path));
  }
  ~Scratch() { (void)sys.disk.remove(path); }
  sys::Sys& sys;
  std::string path;
};

}  // namespace

TEST_CASE("real: TCP echo, many clients, names, refusals and limits") {
  sys::RealSystem system;
  sys::Sys& sys = system.sys();
  run(sys, [&sys] {
    auto listener = sys.net.listen({"127.0.0.1", 0});
    REQUIRE(listener);
    const sys::Address at = (*listener)->local();
    CHECK(at.port != 0);
    CHECK(sys.net.listen(at).error().code == Code::already_exists);
    auto server = spawn(sys.loop, "server", [&sys, &listener] {
      while (auto stream = (*listener)->accept()) {
        auto shared = std::make_shared<std::unique_ptr<sys::Stream>>(std::move(*stream));
        spawn(sys.loop, "echo", [shared] {
          auto bytes = (*shared)->read(64 * 1024, seconds(20));
          while (bytes && !bytes->empty() && (*shared)->write(*bytes, seconds(20))) {
            bytes = (*shared)->read(64 * 1024, seconds(20));
          }
        });
      }
    });
    std::vector<sys::Fiber> clients;
    int answered = 0;
    for (int i = 0; i < 50; ++i) {
      clients.push_back(spawn(sys.loop, "client", [&sys, &answered, at, i] {
        auto stream = sys.net.connect({i % 2 == 0 ? "127.0.0.1" : "localhost", at.port}, seconds(20));
        REQUIRE(stream);
        const std::string text(size_t(i) * 10'000 + 1, char('a' + i % 26));
        auto writer = spawn(sys.loop, "writer", [&] { CHECK((*stream)->write(text, seconds(20))); });
        std::string echoed;
        while (echoed.size() < text.size()) {
          auto bytes = (*stream)->read(1 << 20, seconds(20));
          REQUIRE(bytes);
          echoed += *bytes;
        }
        CHECK(echoed == text);
        CHECK(writer.join());
        ++answered;
      }));
    }
    for (auto& client : clients) CHECK(client.join());
    CHECK(answered == 50);

    auto silent = sys.net.connect(at, seconds(20));
    CHECK((*silent)->read(1, base::milliseconds(1)).error().code == Code::timeout);
    auto parked = spawn(sys.loop, "parked",
                        [&silent] { CHECK((*silent)->read(1, sys::no_limit).error().code == Code::unavailable); });
    CHECK(sys::yield(sys.loop));
    (*silent)->close();
    CHECK(parked.join());
    (*listener)->close();
    CHECK(server.join());
    CHECK(sys.net.connect(at, seconds(20)).error().code == Code::unavailable);
    const std::string no_name(70, 'a');  // longer than a DNS label may be, so nobody is asked
    CHECK(sys.net.connect({no_name, 1}, seconds(20)).error().code == Code::not_found);
  });
}

TEST_CASE("real: a cancelled fiber leaves a parked read") {
  sys::RealSystem system;
  sys::Sys& sys = system.sys();
  run(sys, [&sys] {
    auto listener = sys.net.listen({"127.0.0.1", 0});
    auto acceptor =
        spawn(sys.loop, "acceptor", [&listener] { CHECK((*listener)->accept().error().code == Code::cancelled); });
    CHECK(sys::yield(sys.loop));
    acceptor.cancel();
    CHECK(acceptor.join());
  });
}

TEST_CASE("real: UDP echo and names") {
  sys::RealSystem system;
  sys::Sys& sys = system.sys();
  run(sys, [&sys] {
    auto server = sys.net.open_udp({"127.0.0.1", 0}, {});
    auto client = sys.net.open_udp({}, (*server)->local());
    REQUIRE(server);
    REQUIRE(client);
    CHECK((*client)->send((*server)->local(), "ping"));
    auto packet = (*server)->receive(seconds(20));
    REQUIRE(packet);
    CHECK(packet->bytes == "ping");
    CHECK((*server)->send(packet->from, "pong"));
    CHECK((*client)->receive(seconds(20))->bytes == "pong");
    CHECK((*client)->receive(base::milliseconds(1)).error().code == Code::timeout);
    // The first datagrams to a name are lost while it is looked up; a sender that repeats gets through.
    base::Result<sys::Packet> heard = base::timeout("");
    while (!heard) {
      CHECK((*client)->send({"localhost", (*server)->local().port}, "hello"));
      heard = (*server)->receive(base::milliseconds(10));
    }
    CHECK(heard->bytes == "hello");
    CHECK((*client)->send({"::1", 9}, "x").error().code == Code::unsupported);
    (*client)->close();
    CHECK((*client)->receive(seconds(1)).error().code == Code::unavailable);
  });
}

TEST_CASE("real: files are replaced whole, sparse and listed in order") {
  sys::RealSystem system;
  sys::Sys& sys = system.sys();
  const Scratch scratch(sys);
  sys::Disk& disk = sys.disk;
  const std::string& top = scratch.path;
  CHECK(disk.write(top + "/b", "one", 0600));
  CHECK(disk.write(top + "/b", "two", 0600));
  CHECK(disk.append(top + "/b", "+"));
  CHECK(*disk.read(top + "/b") == "two+");
  CHECK(disk.read(top + "/b", 3).error().code == Code::too_large);
  CHECK(disk.read(top + "/absent").error().code == Code::not_found);
  CHECK(disk.write(top + "/absent/x", "").error().code == Code::not_found);
  CHECK(disk.make_directories(top + "/a/deep"));
  CHECK(disk.make_directories(top + "/a/deep"));
  CHECK(disk.make_directories(top + "/b").error().code == Code::invalid);
  CHECK(*disk.list(top) == std::vector<std::string>{"a", "b"});
  CHECK(!disk.read("/proc/self/status")->empty());

  auto file = disk.open(top + "/image", true);
  REQUIRE(file);
  CHECK((*file)->resize(uint64_t{1} << 40));
  CHECK((*file)->write_at(uint64_t{1} << 39, "data"));
  CHECK(*(*file)->read_at((uint64_t{1} << 39) - 1, 6) == std::string("\0data\0", 6));
  CHECK((*file)->zero(uint64_t{1} << 39, 2));
  CHECK(*(*file)->read_at(uint64_t{1} << 39, 4) == std::string("\0\0ta", 4));
  CHECK((*file)->sync());
  CHECK((*file)->size() == uint64_t{1} << 40);
  CHECK((*file)->zero(uint64_t{1} << 40, 10));
  CHECK((*file)->size() == (uint64_t{1} << 40) + 10);
  CHECK((*file)->read_at(uint64_t{1} << 41, 4)->empty());
  CHECK(disk.remove(top + "/a"));
  CHECK(disk.remove(top + "/a"));
  CHECK(!disk.exists(top + "/a/deep"));
  CHECK(disk.open(top + "/a", false).error().code == Code::not_found);
}

TEST_CASE("real: a file used as a disk is what was written to it, wherever pieces begin and end") {
  sys::RealSystem system;
  sys::Sys& sys = system.sys();
  const Scratch scratch(sys);
  constexpr size_t size = 3u << 20;
  auto opened = sys::open_disk_file(scratch.path + "/disk", size);
  if (!opened) {  // a file system without O_DIRECT
    MESSAGE("not tested: " << opened.error().text());
    return;
  }
  sys::File& disk = **opened;
  auto* const comparable = dynamic_cast<sys::Comparable*>(&disk);
  REQUIRE(comparable);
  std::string model(size, '\0');
  for (int i = 0; i < 200; ++i) {
    // Aligned in memory and on the disk, or not at all.
    size_t from = sys.random.below(size), bytes = sys.random.below(std::min<size_t>(size - from, 1'200'000) + 1);
    if (i % 4 == 0) from = from / 4096 * 4096, bytes = bytes / 4096 * 4096;
    CAPTURE(from);
    CAPTURE(bytes);
    if (i % 5 == 0) {
      model.replace(from, bytes, bytes, '\0');
      REQUIRE(disk.zero(from, bytes));
    } else {
      for (size_t at = from; at < from + bytes; at += 97) model[at] = static_cast<char>(i + at);
      REQUIRE(disk.write_at(from, std::string_view(model).substr(from, bytes)));
    }
    CHECK((disk.read_at(from, bytes).value() == model.substr(from, bytes)));
    CHECK(comparable->holds(from, std::string_view(model).substr(from, bytes)).value());
  }
  CHECK((disk.read_at(0, size).value() == model));
  CHECK(disk.read_at(size - 5, 100).value().size() == 5);
  model[size / 2] ^= 1;
  CHECK_FALSE(comparable->holds(1, std::string_view(model).substr(1)).value());
  CHECK_FALSE(comparable->holds(0, model + "x").value());
  CHECK(disk.write_at(size - 1, "xy").error().code == Code::too_large);
  CHECK(disk.write_at(UINT64_MAX, "x").error().code == Code::too_large);
  CHECK(disk.read_at(UINT64_MAX - 1, 10).value().empty());
}

TEST_CASE("real: work runs beside the loop and its end on it") {
  sys::RealSystem system;
  sys::Sys& sys = system.sys();
  int done = 0;
  std::vector<int> results(20);
  for (int i = 0; i < 20; ++i) {
    sys.offload.run([&results, i] { results[size_t(i)] = i * i; }, [&done] { ++done; });
  }
  CHECK(sys.loop.run_until([&done] { return done == 20; }));
  for (int i = 0; i < 20; ++i) CHECK(results[size_t(i)] == i * i);
  CHECK(sys.random.uuid() != sys.random.uuid());
  CHECK(sys::environment("INGOT_SURELY_NOT_SET").empty());
  CHECK(!sys::environment("PATH").empty());
}

TEST_CASE("real: a stop signal is one call on the loop") {
  sys::RealSystem system;
  sys::Sys& sys = system.sys();
  int calls = 0;
  system.on_stop_signal([&calls] { ++calls; });
  CHECK(std::raise(SIGTERM) == 0);
  CHECK(sys.loop.run_until([&calls] { return calls > 0; }));
  CHECK(calls == 1);
}

TEST_CASE("real: RSA keys that are wanted are made in advance, and made again when they are taken") {
  sys::RealSystem system;
  sys::Sys& sys = system.sys();
  CHECK(system.keys_ready() == 0);
  system.prepare_keys(2);
  REQUIRE(sys.loop.run_until([&] { return system.keys_ready() == 2; }));
  const std::string first = sys.keys.rsa_2048_pem();
  CHECK(system.keys_ready() == 1);
  const std::string second = sys.keys.rsa_2048_pem();
  CHECK(system.keys_ready() == 0);
  const std::string third = sys.keys.rsa_2048_pem();  // none is ready
  for (const auto& key : {first, second, third}) CHECK(key.starts_with("-----BEGIN PRIVATE KEY-----"));
  CHECK(first != second);
  CHECK(second != third);
  REQUIRE(sys.loop.run_until([&] { return system.keys_ready() == 2; }));
}
