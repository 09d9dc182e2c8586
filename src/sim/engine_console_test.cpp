// The engine and the serial consoles of the hosts it works on.
#include "sim/engine_room.h"

TEST_CASE("engine: the console is captured while a host is worked on, and given back afterwards") {
  for (const char* name : {"one", "two"}) {
    CAPTURE(name);
    Room room(name);
    room.capture_consoles = true;
    room.restart_engine();
    REQUIRE_MESSAGE(room.inspect().is_done(), room.last.error.text());
    const auto taken = room.try_console();
    REQUIRE_FALSE(taken.ok());
    CHECK(taken.error().code == base::Code::conflict);
    REQUIRE_MESSAGE(room.clean().is_done(), room.last.error.text());
    REQUIRE_MESSAGE(room.provision().is_done(), room.last.error.text());
    room.reached(Milestone::written);
    REQUIRE_MESSAGE(room.boot_disk().is_done(), room.last.error.text());
    room.become("provisioned");
    room.pass(base::minutes(15));
    const std::string text = room.console_log();
    CHECK(contains(text, "The ramdisk starts.\n"));
    CHECK(contains(text, "Starting the system on /dev/"));
    CHECK_FALSE(contains(text, "-secret"));
    const auto back = room.try_console();
    CHECK_MESSAGE(back.ok(), back.error().text());
    CHECK(room.server().counters().agent_boots == 1);
  }
}

TEST_CASE("engine: a boot that hangs is explained by the end of the console, or by why there is none") {
  for (const bool capture : {true, false}) {
    CAPTURE(capture);
    Room room("two");
    room.capture_consoles = capture;
    room.restart_engine();
    room.rack->log().on_event([&](const sim::RackEvent& event) {
      if (event.what == "power on") room.world.loop().after(base::seconds(1), [&] { room.server().hang(); });
    });
    std::set<std::string> waits;
    room.order("inspecting", OperationKind::inspect);
    room.finish([&] {
      Progress now = room.engine->inspect(room.access(), room.record().operation);
      if (now.wait) waits.insert(now.wait->text());
      return now;
    });
    REQUIRE(room.last.is_failed());
    CHECK(contains(room.last.error.message, "no DHCP request from boot MAC"));
    const std::string told = "; the end of its console: \"Ingot Simulated Server, firmware 1.0.0\"";
    CHECK(contains(room.last.error.message, told) == capture);
    CHECK(std::count_if(waits.begin(), waits.end(), [&](const auto& one) { return contains(one, told); }) == capture);
  }

  // A server that prints nothing.
  Room room("two");
  room.capture_consoles = true;
  room.restart_engine();
  room.server().serial()->on_text = nullptr;
  room.rack->log().on_event([&](const sim::RackEvent& event) {
    if (event.what == "power on") room.world.loop().after(base::seconds(1), [&] { room.server().hang(); });
  });
  REQUIRE(room.inspect().is_failed());
  CHECK(contains(room.last.error.message, "; its console shows nothing"));
}
