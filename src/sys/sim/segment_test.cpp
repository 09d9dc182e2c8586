#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sys/fiber.h"
#include "sys/sim/sim.h"
#include "sys/sim/sim_driver.h"

using base::Code;
using base::milliseconds;
using base::seconds;

namespace {

struct Room {
  sys::SimDriver driver{base::Time()};
  sys::Loop loop{driver};
  sys::SeededRandom random{1};
  std::unique_ptr<sys::Net> segment = sys::make_segment(loop, random, nullptr);

  // Runs `body` as a fiber until everything is quiet.
  void run(std::function<void()> body) {
    auto fiber = spawn(loop, "test", std::move(body));
    loop.run_until([] { return false; });
    CHECK(fiber.done());
  }
};

// Everything up to the end of the stream.
std::string read_all(sys::Stream& stream) {
  std::string all;
  for (;;) {
    auto bytes = stream.read(7, seconds(60));
    REQUIRE(bytes);
    if (bytes->empty()) return all;
    all += *bytes;
  }
}

}  // namespace

TEST_CASE("segment: a stream carries bytes both ways and ends in order") {
  Room room;
  room.run([&room] {
    auto listener = room.segment->listen({"10.0.0.1", 80});
    REQUIRE(listener);
    CHECK((*listener)->local() == sys::Address{"10.0.0.1", 80});
    auto server = spawn(room.loop, "server", [&room, &listener] {
      auto stream = (*listener)->accept();
      REQUIRE(stream);
      CHECK(read_all(**stream) == "hello, rack");
      CHECK((*stream)->write("bye", sys::no_limit).error().code == Code::unavailable);
    });
    auto view = sys::make_host_view(*room.segment, "10.0.0.9");
    auto stream = view->connect({"10.0.0.1", 80}, seconds(1));
    REQUIRE(stream);
    CHECK((*stream)->peer() == sys::Address{"10.0.0.1", 80});
    CHECK((*stream)->local().host == "10.0.0.9");
    CHECK((*stream)->tls() == nullptr);
    CHECK((*stream)->write("hello, ", sys::no_limit));
    CHECK((*stream)->write("rack", sys::no_limit));
    (*stream)->close();
    (*stream)->close();
    CHECK((*stream)->read(1, sys::no_limit).error().code == Code::unavailable);
    CHECK(server.join());
  });
}

TEST_CASE("segment: addresses in use, refused, wildcard, loopback, port 0 and IPv6 spellings") {
  Room room;
  room.run([&room] {
    sys::Net& net = *room.segment;
    CHECK(net.connect({"10.0.0.1", 80}, seconds(1)).error().code == Code::unavailable);
    CHECK(net.listen({"", 80}).error().code == Code::invalid);
    auto first = net.listen({"10.0.0.1", 80});
    CHECK(net.listen({"10.0.0.1", 80}).error().code == Code::already_exists);
    first->reset();
    CHECK(net.listen({"10.0.0.1", 80}));

    auto host = sys::make_host_view(net, "10.0.0.2");
    auto other = sys::make_host_view(net, "10.0.0.3");
    auto any = host->listen({"0.0.0.0", 0});
    REQUIRE(any);
    const uint16_t port = (*any)->local().port;
    CHECK(port != 0);
    CHECK(net.connect({"10.0.0.2", port}, seconds(1)));
    CHECK(host->connect({"127.0.0.1", port}, seconds(1)));
    CHECK(!other->connect({"127.0.0.1", port}, seconds(1)));

    auto local = host->listen({"localhost", 99});
    REQUIRE(local);
    CHECK(host->connect({"::1", 99}, seconds(1)));
    CHECK(!net.connect({"10.0.0.2", 99}, seconds(1)));

    auto six = net.listen({"FD00:0::1", 443});
    REQUIRE(six);
    CHECK(net.connect({"fd00::1", 443}, seconds(1)));
    auto name = net.listen({"images.example.com", 443});
    REQUIRE(name);
    CHECK(net.connect({"Images.example.com", 443}, seconds(1)));
  });
}

TEST_CASE("segment: a writer waits for a slow reader, and its limit counts") {
  Room room;
  room.run([&room] {
    auto listener = room.segment->listen({"a", 1});
    auto client = room.segment->connect({"a", 1}, seconds(1));
    auto server = (*listener)->accept();
    const std::string big(1'000'000, 'x');
    CHECK((*client)->write(big, seconds(3)).error().code == Code::timeout);
    CHECK(room.loop.now() == base::Time(seconds(3)));
    size_t got = 0;
    while (auto bytes = (*server)->read(100'000, seconds(1))) {
      REQUIRE(!bytes->empty());
      got += bytes->size();
    }
    CHECK(got < big.size());
    CHECK(got > 100'000);
    auto reader = spawn(room.loop, "reader", [&] {
      CHECK(sys::sleep(room.loop, seconds(1)));
      CHECK(read_all(**server).size() == big.size());
    });
    CHECK((*client)->write(big, seconds(30)));
    client->reset();
    CHECK(reader.join());
  });
}

TEST_CASE("segment: close wakes parked calls; the other side's writes fail") {
  Room room;
  room.run([&room] {
    auto listener = room.segment->listen({"a", 1});
    auto client = room.segment->connect({"a", 1}, seconds(1));
    auto server = (*listener)->accept();
    auto reader = spawn(room.loop, "reader",
                        [&client] { CHECK((*client)->read(1, sys::no_limit).error().code == Code::unavailable); });
    auto acceptor =
        spawn(room.loop, "acceptor", [&listener] { CHECK((*listener)->accept().error().code == Code::cancelled); });
    CHECK(sys::yield(room.loop));
    CHECK(sys::yield(room.loop));
    (*client)->close();
    (*listener)->close();
    CHECK(reader.join());
    CHECK(acceptor.join());
    CHECK((*server)->write("x", sys::no_limit).error().code == Code::unavailable);
    CHECK((*server)->read(1, seconds(1)).value().empty());
  });
}

TEST_CASE("segment: datagrams, and pulling the plug of a host") {
  Room room;
  room.run([&room] {
    auto host = sys::make_host_view(*room.segment, "10.0.0.2");
    auto server = host->open_udp({"", 623}, {});
    REQUIRE(server);
    auto client = room.segment->open_udp({}, {"10.0.0.2", 623});
    REQUIRE(client);
    CHECK((*client)->send({"10.0.0.2", 623}, "ping"));
    CHECK((*client)->send({"10.0.0.77", 623}, "lost"));
    auto packet = (*server)->receive(seconds(1));
    REQUIRE(packet);
    CHECK(packet->bytes == "ping");
    CHECK((*server)->send(packet->from, "pong"));
    CHECK((*client)->receive(seconds(1))->bytes == "pong");
    CHECK((*client)->receive(seconds(1)).error().code == Code::timeout);
    CHECK((*client)->send({"10.0.0.2", 623}, std::string(70'000, 'x')).error().code == Code::too_large);

    auto listener = host->listen({"", 80});
    auto stream = room.segment->connect({"10.0.0.2", 80}, seconds(1));
    host->close_all();
    CHECK((*server)->receive(seconds(1)).error().code == Code::unavailable);
    CHECK((*listener)->accept().error().code == Code::cancelled);
    CHECK((*stream)->read(1, seconds(1)).value().empty());
    CHECK(host->listen({"", 80}));  // and it can come back
  });
}

TEST_CASE("segment: an address nobody listens on is taken to the uplink") {
  Room room;
  auto outside = sys::make_segment(room.loop, room.random, nullptr);
  auto inside = sys::make_segment(room.loop, room.random, outside.get());
  room.run([&] {
    auto listener = outside->listen({"far.example.com", 80});
    CHECK(inside->connect({"far.example.com", 80}, seconds(1)));
    CHECK(!inside->connect({"nowhere.example.com", 80}, seconds(1)));
  });
}
