#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sys/fiber.h"
#include "sys/sim/sim.h"

using base::Code;
using base::milliseconds;
using base::seconds;

namespace {

void run(sys::SimWorld& world, std::function<void()> body) {
  auto fiber = spawn(world.loop(), "test", std::move(body));
  CHECK(world.loop().run_until([&fiber] { return fiber.done(); }));
}

std::string at(sys::Loop& loop) { return std::to_string(loop.now().time_since_epoch().count()); }

// A chatty little world: clients at random times, lossy datagrams, resets; returns what happened and when.
std::vector<std::string> trace_of(uint64_t seed) {
  sys::SimWorld world(seed);
  world.faults().datagram_lost = 0.3;
  world.faults().stream_reset = 0.05;
  world.faults().connect_refused = 0.1;
  std::vector<std::string> trace;
  sys::Sys& server = world.process("10.0.0.1", "server");
  sys::Sys& client = world.process("10.0.0.2", "client");
  spawn(server.loop, "udp", [&] {
    auto socket = server.net.open_udp({"", 623}, {});
    while (auto packet = (*socket)->receive(sys::no_limit)) {
      trace.push_back(at(server.loop) + " datagram " + packet->bytes);
    }
  });
  spawn(server.loop, "tcp", [&] {
    auto listener = server.net.listen({"", 80});
    while (auto stream = (*listener)->accept()) {
      const auto bytes = (*stream)->read(100, seconds(5));
      trace.push_back(at(server.loop) + (bytes ? " read " + *bytes : " " + bytes.error().message));
    }
  });
  for (int i = 0; i < 50; ++i) {
    spawn(client.loop, "client", [&, i] {
      (void)sys::sleep(client.loop, milliseconds(client.random.below(1000)));
      auto socket = client.net.open_udp({}, {});
      (void)(*socket)->send({"10.0.0.1", 623}, std::to_string(i));
      auto stream = client.net.connect({"10.0.0.1", 80}, seconds(1));
      if (!stream) {
        trace.push_back(at(client.loop) + " " + stream.error().message);
      } else {
        (void)(*stream)->write(client.random.uuid() + client.random.token(4), seconds(1));
      }
    });
  }
  world.loop().run_until([] { return false; });
  return trace;
}

}  // namespace

TEST_CASE("world: a seed replays byte for byte and another seed differs") {
  const auto first = trace_of(7);
  CHECK(first.size() > 50);
  CHECK(first == trace_of(7));
  CHECK(first != trace_of(8));
}

TEST_CASE("world: latency takes virtual time; faults refuse, reset and lose") {
  sys::SimWorld world(1);
  sys::Sys& a = world.process("10.0.0.1", "a");
  sys::Sys& b = world.process("10.0.0.2", "b");
  run(world, [&] {
    auto listener = a.net.listen({"", 80});
    const auto start = world.loop().now();
    auto stream = b.net.connect({"10.0.0.1", 80}, seconds(5));
    REQUIRE(stream);
    CHECK(world.loop().now() - start >= 2 * world.faults().latency_min);
    CHECK(world.loop().now() - start <= 2 * world.faults().latency_max);
    CHECK((*listener)->local().host == "10.0.0.1");
    CHECK((*stream)->local().host == "10.0.0.2");

    world.faults().connect_refused = 1;
    CHECK(b.net.connect({"10.0.0.1", 80}, seconds(5)).error().code == Code::unavailable);
    world.faults().connect_refused = 0;
    world.faults().stream_reset = 1;
    auto accepted = (*listener)->accept();
    CHECK((*stream)->write("x", seconds(1)).error().code == Code::unavailable);
    CHECK((*accepted)->read(1, seconds(1)).error().code == Code::unavailable);
    world.faults().stream_reset = 0;
    world.faults().datagram_lost = 1;
    auto from = a.net.open_udp({"", 1}, {});
    auto to = b.net.open_udp({"", 1}, {});
    CHECK((*from)->send({"10.0.0.2", 1}, "x"));
    CHECK((*to)->receive(seconds(1)).error().code == Code::timeout);
  });
}

TEST_CASE("world: unreachable hosts time out, and open streams go on when they are back") {
  sys::SimWorld world(1);
  sys::Sys& a = world.process("10.0.0.1", "a");
  sys::Sys& b = world.process("10.0.0.2", "b");
  run(world, [&] {
    auto listener = a.net.listen({"", 80});
    auto client = b.net.connect({"10.0.0.1", 80}, seconds(1));
    auto server = (*listener)->accept();
    world.set_unreachable("10.0.0.1", true);
    auto start = world.loop().now();
    CHECK(b.net.connect({"10.0.0.1", 80}, seconds(9)).error().code == Code::timeout);
    CHECK(world.loop().now() - start == seconds(9));
    CHECK(a.net.connect({"127.0.0.1", 80}, seconds(9)));
    CHECK((*client)->write("late", seconds(1)));
    CHECK((*server)->read(10, seconds(20)).error().code == Code::timeout);
    world.set_unreachable("10.0.0.1", false);
    CHECK(*(*server)->read(10, seconds(1)) == "late");

    start = world.loop().now();
    CHECK(b.net.connect({"192.0.2.1", 80}, seconds(60)).error().code == Code::unavailable);
    CHECK(world.loop().now() - start >= seconds(3));
    CHECK(b.net.connect({"nowhere.example.com", 80}, seconds(60)).error().code == Code::not_found);
    CHECK(b.net.connect({"10.0.0.1", 81}, seconds(60)).error().code == Code::unavailable);
  });
}

TEST_CASE("world: kill ends everything the process had and nothing else") {
  sys::SimWorld world(3);
  sys::Sys& peer = world.process("10.0.0.9", "peer");
  sys::Sys* victim = &world.process("10.0.0.1", "disk");
  std::vector<std::string> trace;
  run(world, [&] {
    auto object = std::make_unique<std::string>("alive");  // what the process's fibers use
    auto listener = victim->net.listen({"", 80});
    spawn(victim->loop, "acceptor", [&listener, &trace] {
      trace.push_back("accept: " + std::string(base::name_of((*listener)->accept().error().code)));
    });
    spawn(victim->loop, "worker", [&, text = object.get()] {
      (void)sys::sleep(victim->loop, base::hours(1));
      trace.push_back("worker: " + *text);
      trace.push_back(std::string(base::name_of(victim->net.connect({"10.0.0.9", 1}, seconds(1)).error().code)));
      trace.push_back(std::string(base::name_of(victim->disk.write("/late", "x").error().code)));
    });
    victim->loop.after(seconds(1), [&trace] { trace.push_back("timer of the dead"); });
    victim->offload.run([&trace] { trace.push_back("work"); }, [&trace] { trace.push_back("done"); });
    CHECK(sys::sleep(world.loop(), milliseconds(500)));
    auto stream = peer.net.connect({"10.0.0.1", 80}, seconds(1));
    REQUIRE(stream);
    victim->offload.run([&trace] { trace.push_back("work of the dead"); }, [] {});
    world.kill(*victim);
    object.reset();
    CHECK((*stream)->read(1, seconds(1)).value().empty());
    CHECK(peer.net.connect({"10.0.0.1", 80}, seconds(1)).error().code == Code::unavailable);
    CHECK(sys::sleep(world.loop(), seconds(5)));

    victim = &world.process("10.0.0.1", "disk");
    CHECK(!victim->disk.exists("/late"));
    CHECK(victim->net.listen({"", 80}));
  });
  CHECK(trace ==
        std::vector<std::string>{"work", "done", "accept: cancelled", "worker: alive", "cancelled", "cancelled"});
}

TEST_CASE("world: keys come from a pool and work replays") {
  sys::SimWorld world(1);
  sys::Sys& a = world.process("a", "a");
  const std::string first = a.keys.rsa_2048_pem();
  CHECK(first.starts_with("-----BEGIN PRIVATE KEY-----"));
  CHECK(a.keys.rsa_2048_pem() != first);
  CHECK(a.keys.ec_p256_pem().starts_with("-----BEGIN PRIVATE KEY-----"));
}
