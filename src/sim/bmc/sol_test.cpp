// Serial over LAN: the manager's console against the simulated BMC's, in virtual time.
#include <doctest/doctest.h>

#include "sim/bmc/ipmi_room.h"
#include "sim/bmc/redfish_room.h"

namespace {

using Room = sim::IpmiRoom;
using Console = metal::Console;

sim::IpmiFrontOptions with_profile(const std::string& name) {
  sim::IpmiFrontOptions options;
  options.profile = *sim::bmc_profile(name);
  return options;
}

// What the console shows until it has been silent for so long.
std::string shown(Console& console, base::Duration silence = base::seconds(5)) {
  std::string out;
  for (;;) {
    auto piece = console.read(silence);
    if (!piece && piece.error().code == base::Code::timeout) return out;
    REQUIRE_MESSAGE(piece.ok(), piece.error().text());
    out += *piece;
  }
}

std::unique_ptr<Console> opened(metal::Bmc& bmc, bool take_over = false) {
  auto console = bmc.open_console(take_over);
  REQUIRE_MESSAGE(console.ok(), console.error().text());
  return std::move(*console);
}

}  // namespace

TEST_CASE("SOL: what the server prints is shown, what is typed arrives, and the console is given back") {
  for (const bool suite_17 : {true, false}) {
    CAPTURE(suite_17);
    sim::IpmiFrontOptions options;
    options.suite_17 = suite_17;
    Room room(1, options);
    std::string typed;
    int breaks = 0;
    room.server.serial_.on_keys = [&](std::string_view keys) { typed += keys; };
    room.server.serial_.on_break = [&] { ++breaks; };
    room.run([&] {
      auto bmc = room.bmc();
      room.server.serial_.print("before anybody looked");
      auto console = opened(*bmc);
      room.server.serial_.print("short");
      CHECK(shown(*console) == "short");
      std::string much;
      for (int i = 0; i < 2000; ++i) much += "line " + std::to_string(i) + "\r\n";
      room.server.serial_.print(much);
      CHECK(shown(*console) == much);
      console->type("root\r");
      console->type(std::string(700, 'x'));
      CHECK(shown(*console).empty());
      CHECK(typed == "root\r" + std::string(700, 'x'));
      console->send_break();
      CHECK(shown(*console).empty());
      CHECK(breaks == 1);
      console->close();
      bmc->close();
      CHECK(room.front.sessions() == 0);
      auto again = room.bmc();
      opened(*again)->close();
      again->close();
    });
  }
}

TEST_CASE("SOL: nothing is lost or doubled on a network that loses and doubles datagrams, nor with a BMC that does") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Room room(seed, seed % 2 == 0 ? with_profile("ipmi-sol-lossy") : with_profile("ipmi-sol-narrow"));
    room.front.faults().datagram_twice = 0.1;
    std::string typed, wanted, printed;
    room.server.serial_.on_keys = [&](std::string_view keys) { typed += keys; };
    room.run([&] {
      auto bmc = room.bmc();
      auto console = opened(*bmc);
      room.front.faults().datagram_lost = 0.08;
      std::string got;
      for (int i = 0; i < 40; ++i) {
        const auto line = std::to_string(seed) + ":" + std::to_string(i) + " " + room.manager.random.token(30) + "\n";
        room.server.serial_.print(line);
        printed += line;
        console->type(line);
        wanted += line;
        auto piece = console->read(base::milliseconds(300));
        if (piece) got += *piece;
      }
      got += shown(*console, base::seconds(20));
      CHECK(got == printed);
      for (int i = 0; i < 400 && typed.size() < wanted.size(); ++i) got += shown(*console);
      CHECK(typed == wanted);
      console->close();
    });
  }
}

TEST_CASE("SOL: a console that another session has is not taken unless that is asked for") {
  Room room;
  room.run([&] {
    auto first = room.bmc(), second = room.bmc();
    auto theirs = opened(*first);
    const auto refused = second->open_console(false);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == base::Code::conflict);
    CHECK(refused.error().text().find("in use by another session") != std::string::npos);
    CHECK(refused.error().text().find("--take-over") != std::string::npos);
    room.server.serial_.print("still theirs");
    CHECK(shown(*theirs) == "still theirs");

    auto ours = opened(*second, true);
    room.server.serial_.print("now ours");
    CHECK(shown(*ours) == "now ours");
    const auto ended = theirs->read(base::minutes(1));
    REQUIRE_FALSE(ended.ok());
    CHECK(ended.error().code == base::Code::unavailable);
    CHECK(ended.error().text().find("took it over") != std::string::npos);
    theirs->close();
    first->close();
    room.server.serial_.print("!");
    CHECK(shown(*ours) == "!");
  });

  Room taken(2, with_profile("ipmi-sol-taken"));
  taken.run([&] {
    auto bmc = taken.bmc();
    CHECK(bmc->open_console(false).error().code == base::Code::conflict);
    auto console = opened(*bmc, true);
    taken.server.serial_.print("ours");
    CHECK(shown(*console) == "ours");
  });
}

TEST_CASE("SOL: a BMC that refuses says why, and can be told to allow it") {
  Room off(1, with_profile("ipmi-sol-off"));
  off.run([&] {
    auto bmc = off.bmc();
    const auto refused = bmc->open_console(false);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == base::Code::unsupported);
    CHECK(refused.error().text().find("switched off in the BMC") != std::string::npos);
    CHECK(refused.error().text().find("sol enabled=true") != std::string::npos);
    REQUIRE(bmc->set_console("enabled", "true").ok());
    REQUIRE(bmc->set_console("threshold", "10").ok());
    REQUIRE(bmc->set_console("retry-ms", "250").ok());
    REQUIRE(bmc->set_console("bit-rate", "57600").ok());
    std::string all;
    const auto settings = *bmc->console_settings();
    for (const auto& [name, value] : settings) all += name + "=" + value + " ";
    CHECK(all == "enabled=true accumulate-ms=60 threshold=10 retries=7 retry-ms=250 bit-rate=57600 ");
    for (const auto& [name, value] : {std::pair{"speed", "1"},
                                      {"bit-rate", "100000"},
                                      {"retry-ms", "255"},
                                      {"threshold", "many"},
                                      {"retries", "8"}}) {
      CAPTURE(name);
      CHECK(bmc->set_console(name, value).error().code == base::Code::invalid);
    }
    auto console = opened(*bmc);
    off.server.serial_.print("x");
    CHECK(shown(*console) == "x");
    // Switched off by somebody else under our eyes.
    auto other = off.bmc();
    REQUIRE(other->set_console("enabled", "false").ok());
    CHECK(console->read(base::minutes(1)).error().code == base::Code::unavailable);
  });
  Room none(2, with_profile("ipmi-no-sol"));
  none.run([&] {
    const auto refused = none.bmc()->open_console(true);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == base::Code::unsupported);
    CHECK(refused.error().message.find("Activate Payload refused: invalid command") != std::string::npos);
  });
  Room viewer(3);
  viewer.run([&] {
    auto refused = viewer.bmc("viewer", "view-secret", "?privilegelevel=USER")->open_console(false);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == base::Code::forbidden);
  });
}

TEST_CASE("SOL: a silent console stays open, and one whose BMC is gone ends") {
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    auto console = opened(*bmc);
    CHECK(console->read(base::minutes(30)).error().code == base::Code::timeout);
    room.server.serial_.print("there");
    CHECK(shown(*console) == "there");
    room.front.restart_losing_sessions();
    REQUIRE(room.front.start().ok());
    const auto started = room.world.loop().now();
    const auto ended = console->read(base::minutes(30));
    REQUIRE_FALSE(ended.ok());
    CHECK(ended.error().code == base::Code::unavailable);
    CHECK(ended.error().message.find("does not answer any more") != std::string::npos);
    CHECK(room.world.loop().now() - started < base::minutes(2));
    console->close();
    console.reset();
    console = opened(*bmc);  // another session, by itself
    room.server.serial_.print("again");
    CHECK(shown(*console) == "again");
  });
}

TEST_CASE("SOL: the console of a Redfish BMC is reached by its IPMI, and without that it is said what is missing") {
  sim::RedfishRoom room;
  room.run([&] {
    auto bmc = room.bmc();
    const auto refused = bmc->open_console(false);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == base::Code::unsupported);
    CHECK(refused.error().text().find("offers no serial console by IPMI") != std::string::npos);
    CHECK(refused.error().text().find("next: switch on IPMI over LAN") != std::string::npos);

    sim::IpmiFrontOptions options;
    options.listen = {sim::bmc_host, 6230};
    sim::IpmiFront ipmi(room.rack, room.rack.net, room.server, options);
    REQUIRE(ipmi.start().ok());
    auto console = opened(*bmc);
    room.server.serial_.print("found");
    CHECK(shown(*console) == "found");
    CHECK(bmc->open_console(false).error().code == base::Code::conflict);
    console->close();
    CHECK(ipmi.sessions() == 0);
    bmc->close();
  });
}
