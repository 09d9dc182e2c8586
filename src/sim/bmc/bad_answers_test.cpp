// What BMCs send that is no answer is counted by cause, and nothing else comes of it.
#include <doctest/doctest.h>

#include "sim/bmc/ipmi_room.h"
#include "sim/bmc/redfish_room.h"

namespace {

struct Counting {
  std::shared_ptr<metal::BadAnswers> bad = std::make_shared<metal::BadAnswers>();
  std::unique_ptr<metal::Bmc> bmc(sys::Sys& sys, const std::string& address) {
    metal::BmcLimits limits;
    limits.bad = bad;
    limits.attempts = 1;
    return *metal::make_bmc(sys, sys.net, *metal::parse_bmc_address(address), {"admin", "rack-secret-01"}, false,
                            limits);
  }
};

// Between a manager and the front: what the BMC says goes through `change`.
void relay(sys::Sys& rack, sys::Datagram& near, sys::Datagram& far, const std::function<void(std::string&)>& change) {
  const auto client = std::make_shared<sys::Address>();
  sys::spawn(rack.loop, "to BMC", [&near, &far, client] {
    while (auto packet = near.receive(sys::no_limit)) {
      *client = packet->from;
      (void)far.send({sim::ipmi_host, 623}, packet->bytes);
    }
  });
  sys::spawn(rack.loop, "from BMC", [&near, &far, client, change] {
    while (auto packet = far.receive(sys::no_limit)) {
      std::string before = packet->bytes;
      change(packet->bytes);
      if (packet->bytes != before) (void)near.send(*client, packet->bytes);
      (void)near.send(*client, before);
    }
  });
}

constexpr bool is_sealed(const std::string& datagram) { return datagram.size() > 16 && (datagram[5] & 0x40) != 0; }

}  // namespace

TEST_CASE("bad answers: of IPMI are counted, and the right ones are heard all the same") {
  for (const bool change_all : {true, false}) {
    CAPTURE(change_all);
    sim::IpmiRoom room;
    Counting counting;
    room.run([&] {
      auto near = *room.rack.net.open_udp({sim::ipmi_host, 6230}, {});
      auto far = *room.rack.net.open_udp({sim::ipmi_host, 6231}, {});
      relay(room.rack, *near, *far, [&](std::string& bytes) {
        if (is_sealed(bytes)) bytes.back() = char(bytes.back() ^ 1);  // of the code over it
        if (!is_sealed(bytes) && change_all) bytes = "no RMCP at all";
      });
      auto bmc = counting.bmc(room.manager, std::string("ipmi://") + sim::ipmi_host + ":6230");
      const auto power = bmc->power();
      REQUIRE_MESSAGE(power.ok(), power.error().text());
      CHECK((counting.bad->ipmi_malformed > 0) == change_all);
      CHECK(counting.bad->ipmi_integrity > 0);
      CHECK(counting.bad->ipmi_replayed == 0);
      room.front.faults().datagram_twice = 1;
      for (int i = 0; i < 4; ++i) CHECK(bmc->power().ok());
      bmc->close();
      near->close();
      far->close();
    });
  }
}

TEST_CASE("bad answers: packets of a session that come twice are counted as replayed") {
  sim::IpmiRoom room;
  Counting counting;
  room.run([&] {
    auto near = *room.rack.net.open_udp({sim::ipmi_host, 6230}, {});
    auto far = *room.rack.net.open_udp({sim::ipmi_host, 6231}, {});
    std::string first;
    relay(room.rack, *near, *far, [&](std::string& bytes) {
      if (!is_sealed(bytes)) return;
      if (first.empty()) first = bytes;
      bytes = first;  // again and again
    });
    auto bmc = counting.bmc(room.manager, std::string("ipmi://") + sim::ipmi_host + ":6230");
    for (int i = 0; i < 3; ++i) CHECK(bmc->power().ok());
    CHECK(counting.bad->ipmi_replayed > 0);
    CHECK(counting.bad->ipmi_integrity == 0);
    bmc->close();
    near->close();
    far->close();
  });
}

TEST_CASE("bad answers: of Redfish are counted by what they are not") {
  sim::RedfishRoom room;
  Counting counting;
  room.run([&] {
    std::string answer;
    auto listener = *room.rack.net.listen({sim::bmc_host, 8080});
    sys::spawn(room.rack.loop, "odd BMC", [&] {
      while (auto stream = listener->accept()) {
        (void)(*stream)->read(4096, base::seconds(5));
        (void)(*stream)->write(answer, base::seconds(5));
        (*stream)->close();
      }
    });
    const auto ask = [&](const std::string& text) {
      answer = text;
      auto bmc = counting.bmc(room.manager, std::string("redfish+http://") + sim::bmc_host + ":8080");
      CHECK_FALSE(bmc->power().ok());
    };
    const std::string ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
    ask(ok + "4\r\n\r\n{\"a\"");
    CHECK(counting.bad->redfish_json == 1);
    ask("What do you want?\r\n\r\n");
    CHECK(counting.bad->redfish_http == 1);
    ask(ok + "99999999999\r\n\r\n{");
    CHECK(counting.bad->redfish_oversize == 1);
    ask("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>");
    CHECK(counting.bad->redfish_json == 1);  // it does not say that it is JSON
    listener->close();

    auto bmc = counting.bmc(room.manager, std::string("redfish+https://") + sim::bmc_host);
    int events = 0;
    auto watcher = sys::spawn(room.manager.loop, "watcher", [&] {
      (void)bmc->watch_events(base::minutes(5), [&](const auto& some) {
        events += int(some.size());
        return true;
      });
    });
    room.wait(base::seconds(5));
    room.front.tell("", "");
    room.wait(base::seconds(5));
    CHECK(events == 1);
    CHECK(counting.bad->event_malformed == 1);
    watcher.cancel();
    (void)watcher.join();
  });
}
