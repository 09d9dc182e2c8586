// Events of a BMC: the manager's driver against the rack's Redfish front, in virtual time.
#include <doctest/doctest.h>

#include "metal/engine.h"
#include "sim/bmc/redfish_room.h"

namespace {

using Room = sim::RedfishRoom;
using base::Json;

}  // namespace

TEST_CASE("Redfish: a BMC's stream of events is read until it is lost, and told to be lost") {
  Room room;
  room.run([&] {
    std::vector<metal::BmcEvent> seen;
    bool begun = false, over = false;
    sys::spawn(room.manager.loop, "watch", [&] {
      auto bmc = room.bmc();
      const auto ended = bmc->watch_events(base::minutes(5), [&](const std::vector<metal::BmcEvent>& events) {
        begun = true;
        seen.insert(seen.end(), events.begin(), events.end());
        return true;
      });
      over = true;
      if (!ended) CHECK(ended.error().code == base::Code::unavailable);
    });
    room.wait(base::seconds(2));
    CHECK(begun);
    CHECK(seen.empty());
    CHECK(room.front.event_streams() == 1);
    auto bmc = room.bmc();
    REQUIRE(bmc->set_power(metal::PowerAction::on).ok());
    room.front.power_changed();
    room.wait(base::seconds(1));
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].message_id == "PowerStateChanged");
    CHECK(seen[0].origin == sim::system_path);
    room.wait(base::hours(2));  // kept open by comments
    CHECK_FALSE(over);
    room.front.restart_losing_sessions();
    room.wait(base::seconds(10));
    CHECK(over);
  });
}

TEST_CASE("Redfish: events are pushed to subscribers, again when the first time fails") {
  Room room;
  int refused = 1;
  std::vector<Json> got;
  net::ServerOptions options;
  options.listen = {{"10.0.0.1", 8080}};
  options.tls = false;
  net::HttpServer listener(room.manager.loop, room.manager.net, options, [&](net::Exchange& exchange) {
    if (refused-- > 0) return exchange.respond({.status = 503});
    CHECK(exchange.request().headers.get("X-Secret") == "word");
    got.push_back(*base::parse_json(exchange.request().body));
    exchange.respond({.status = 204});
  });
  REQUIRE(listener.start().ok());
  room.run([&] {
    auto bmc = room.bmc();
    const auto id = bmc->subscribe({"http://10.0.0.1:8080/events", "host-1", {{"X-Secret", "word"}}});
    REQUIRE_MESSAGE(id.ok(), id.error().text());
    CHECK(*bmc->subscribe({"http://10.0.0.1:8080/events", "host-1", {{"X-Secret", "word"}}}) == *id);
    room.front.power_changed();
    room.wait(base::seconds(5));
    CHECK(got.empty());
    room.wait(base::seconds(40));
    REQUIRE(got.size() == 1);
    CHECK(got[0]["Context"].string() == "host-1");
    CHECK(metal::read_events(got[0].dump())[0].message_id == "PowerStateChanged");
    REQUIRE(bmc->unsubscribe(*id).ok());
    REQUIRE(bmc->unsubscribe(*id).ok());
    room.front.power_changed();
    room.wait(base::minutes(5));
    CHECK(got.size() == 1);
    const auto poor = bmc->subscribe({"nonsense", "", {}});
    REQUIRE_FALSE(poor.ok());
    CHECK(poor.error().text().find("takes no subscription for nonsense") != std::string::npos);
    CHECK(poor.error().text().find("next: ") != std::string::npos);
  });
}

TEST_CASE(
    "engine: a BMC that streams events is asked rarely, and at once when something happened; without it as ever") {
  Room room;
  REQUIRE(room.front.start().ok());
  auto store = *store::Store::open(
      room.manager.loop, store::make_sim_engine(room.manager.loop, store::make_sim_disk(), base::milliseconds(1)));
  for (const bool watch : {false, true}) {
    CAPTURE(watch);
    metal::EngineOptions options;
    options.boot_secret = std::string(32, 'k');
    options.watch_events = watch;
    auto engine = metal::make_engine(room.manager, room.manager.net, *store, options);
    int changes = 0;
    engine->on_change([&](const std::string&, const std::string&) { ++changes; });
    metal::HostAccess access;
    access.uid = "u";
    access.ns = "metal";
    access.name = "host-1";
    access.bmc_address = std::string("redfish-virtualmedia+https://") + sim::bmc_host;
    access.credentials = {"admin", "rack-secret-01"};
    access.verify_certificate = false;
    const auto pass = [&](base::Duration span) {
      bool over = false;
      room.world.loop().after(span, [&] { over = true; });
      room.world.loop().run_until([&] { return over; });
    };
    const auto ask = [&] { return engine->read_power(access, base::seconds(30)); };
    const auto is_on = [&] {
      metal::Progress got = ask();
      for (int i = 0; i < 60 && !got.is_done() && !got.is_failed(); ++i) {
        pass(base::seconds(1));
        got = ask();
      }
      REQUIRE_MESSAGE(got.is_done(), got.error.text());
      return *got.powered_on;
    };
    // As the controller does, each minute: how often the BMC had to be asked.
    const auto polls = [&](int minutes) {
      int asked = 0;
      for (int i = 0; i < minutes; ++i) {
        pass(base::minutes(1));
        if (!ask().is_done()) ++asked;
      }
      return asked;
    };
    CHECK_FALSE(is_on());
    pass(base::seconds(10));
    CHECK_FALSE(is_on());
    if (!watch) {
      CHECK(polls(5) == 5);
      CHECK(room.front.event_streams() == 0);
      continue;
    }
    CHECK(room.front.event_streams() == 1);
    CHECK(polls(9) == 0);
    CHECK(polls(10) >= 1);

    // What a host shows of its firmware is read again after an event that is about it, and only then.
    metal::SideWork work;
    for (int i = 0; i < 60 && !engine->aside(access, work).is_done(); ++i) pass(base::seconds(1));
    REQUIRE(engine->firmware_read_at("u"));
    pass(base::minutes(1));
    room.front.tell("ResourceEvent.1.3.0.ResourceStatusChangedOK", "/redfish/v1/Chassis/1/Sensors/Fan1");
    pass(base::seconds(2));
    CHECK(engine->firmware_read_at("u"));
    changes = 0;
    room.front.tell("TaskEvent.1.0.3.TaskCompletedOK", "/redfish/v1/TaskService/Tasks/1");
    pass(base::seconds(2));
    CHECK_FALSE(engine->firmware_read_at("u"));
    CHECK(changes > 0);

    CHECK_FALSE(is_on());
    changes = 0;
    REQUIRE(room.server.power(sim::ServerPowerAction::on).ok());  // somebody at the button
    room.front.power_changed();
    pass(base::seconds(2));
    CHECK(changes > 0);
    CHECK(is_on());
    CHECK(polls(5) == 0);

    // A stream that is lost: what happened meanwhile is not missed, and the next stream is begun.
    changes = 0;
    room.front.restart_losing_sessions();
    REQUIRE(room.server.power(sim::ServerPowerAction::force_off).ok());
    REQUIRE(room.front.start().ok());
    pass(base::seconds(2));
    CHECK(changes > 0);
    CHECK_FALSE(is_on());
    CHECK(polls(1) == 1);
    CHECK(polls(3) >= 1);
    CHECK(room.front.event_streams() == 1);
    CHECK_FALSE(is_on());
    CHECK(polls(9) == 0);

    room.front.stop();
    pass(base::minutes(2));
    metal::Progress got = ask();
    for (int i = 0; i < 300 && !got.is_failed(); ++i) {
      pass(base::seconds(1));
      got = ask();
    }
    CHECK(got.is_failed());  // as it does without events
    engine->forget("u");
    pass(base::minutes(1));
  }
  room.world.loop().shut();
}
