// The bare-metal engine against the rack, in virtual time: the hosts' records in the store stand for the controller.
// What hardware does wrong must end in an answer that says so, and never in a second wipe or a second write.
#include "sim/engine_room.h"

TEST_CASE("engine: registration asks the BMC, and says what is wrong with it") {
  for (const char* name : {"one", "two"}) {
    CAPTURE(name);
    Room room(name);
    room.become("registering");
    const auto registered = [&] { return room.finish([&] { return room.engine->register_host(room.access()); }); };
    REQUIRE_MESSAGE(registered().is_done(), room.last.error.text());
    CHECK(room.last.powered_on == false);
    room.password = "not-it";
    REQUIRE(registered().is_failed());
    CHECK(room.last.error.code == base::Code::unauthenticated);
    CHECK(room.last.error.layer == base::Layer::bmc);
    CHECK(contains(room.last.error.fix, "Secret"));
    room.server().cut_power(base::Duration::zero());
    room.password = "another";
    REQUIRE(registered().is_failed());
    CHECK(contains(room.last.error.fix, "spec.bmc.address"));
    CHECK(room.server().counters().power_ons == 0);
  }
}

TEST_CASE("engine: inspected, wiped, written, booted and switched off, with one boot of the agent") {
  for (const char* name : {"one", "two"}) {
    CAPTURE(name);
    Room room(name);
    room.deploy();
    CHECK(room.hardware->system_vendor.serial_number == room.server().identity().serial);
    CHECK(room.hardware->storage.size() == room.server().spec().disks.size());
    CHECK(room.server().counters().agent_boots == 1);
    CHECK(room.boots_asked == 1);
    CHECK(room.disks().image_writes == 1);
    CHECK(room.disks().metadata_wipes == room.server().spec().disks.size());
    REQUIRE(room.comes([&] { return room.server().state() == "running, not a node"; }));

    // The same question has the same answer, and none of it is done again.
    room.pass(base::hours(1));
    CHECK(room.server().counters().disk_boots == 1);
    room.become("powering off before delete", true, true);
    REQUIRE_MESSAGE(room.power(PowerWish::hard_off).is_done(), room.last.error.text());
    CHECK_FALSE(room.server().powered_on());
    CHECK(room.disks().image_writes == 1);
  }
}

TEST_CASE("engine: asked again after the end, it repeats nothing") {
  Room room("one");
  REQUIRE(room.inspect().is_done());
  REQUIRE(room.clean().is_done());
  const auto wipes = room.disks().metadata_wipes;
  for (int i = 0; i < 3; ++i) {
    CHECK(room.ask_clean().is_done());
    room.pass(base::minutes(10));
  }
  CHECK(room.disks().metadata_wipes == wipes);
  REQUIRE(room.provision().is_done());
  for (int i = 0; i < 3; ++i) {
    CHECK(room.ask_provision().is_done());
    room.pass(base::minutes(10));
  }
  CHECK(room.disks().image_writes_started == 1);
}

TEST_CASE("engine: BMCs that lose, refuse and repeat are worn down; nothing is done twice") {
  for (const char* name : {"one", "two"}) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      CAPTURE(name);
      CAPTURE(seed);
      Room room(name, seed);
      auto& faults = room.server().bmc_faults();
      faults.http_unavailable = faults.http_reset = 0.1;
      faults.datagram_lost = faults.datagram_twice = faults.node_busy = 0.1;
      room.deploy();
      CHECK(room.server().counters().agent_boots == 1);
      CHECK(room.server().counters().disk_boots == 1);
      CHECK(room.disks().image_writes_started == 1);
      CHECK(room.disks().metadata_wipes == room.server().spec().disks.size());
    }
  }
}

TEST_CASE("engine: a BMC that is gone fails the work in time, with the BMC named, and the next try works") {
  Room room("one");
  room.server().cut_power(base::hours(1));
  REQUIRE(room.clean().is_failed());
  CHECK(room.last.error.layer == base::Layer::bmc);
  CHECK(room.disks().metadata_wipes == 0);
  room.pass(base::hours(2));
  REQUIRE_MESSAGE(room.clean().is_done(), room.last.error.text());
}

TEST_CASE("engine: an image that does not fit its checksum is never booted") {
  Room room("one");
  REQUIRE(room.inspect().is_done());
  REQUIRE(room.clean().is_done());
  room.rack->images().corrupt("/node.qcow2", true);
  REQUIRE(room.provision().is_failed());
  CHECK(room.last.error.layer == base::Layer::agent);
  CHECK(contains(room.last.error.message, "sha256"));
  CHECK(room.disks().image_writes == 0);
  // Without the milestone the guard lets nobody boot it.
  REQUIRE(room.boot_disk().is_failed());
  CHECK(contains(room.last.error.message, "no complete image"));
  CHECK(room.server().boot_override().target != sim::BootTarget::disk);
  room.pass(base::hours(1));
  CHECK(room.server().counters().disk_boots == 0);
  CHECK(room.server().counters().resets == 0);

  room.rack->images().corrupt("/node.qcow2", false);
  REQUIRE_MESSAGE(room.provision().is_done(), room.last.error.text());
  CHECK(room.disks().image_writes == 1);
}

TEST_CASE("engine: an image that cannot be had or has no room is noticed before the disk is touched") {
  for (const bool large : {false, true}) {
    CAPTURE(large);
    Room room("one");
    REQUIRE(room.inspect().is_done());
    REQUIRE(room.clean().is_done());
    if (large) {
      room.rack->images().make_large("/node.qcow2", uint64_t{1} << 40);
    } else {
      room.checksum = std::string(64, 'a');
      room.world.set_unreachable("images.example.com", true);
    }
    REQUIRE(room.provision().is_failed());
    CHECK(room.last.error.layer == base::Layer::agent);
    CHECK(room.record().operation.milestone == Milestone::ordered);
    CHECK(room.rack->log().count("disk erase started") == 2);  // the cleaning
    CHECK(room.disks().image_writes_started == 0);
  }
}

TEST_CASE("engine: an agent that goes silent in the middle of the write is replaced by a new boot") {
  Room room("one");
  REQUIRE(room.inspect().is_done());
  REQUIRE(room.clean().is_done());
  room.order("provisioning", OperationKind::provision, Milestone::writing);
  REQUIRE(room.ask_provision().is_failed() == false);
  REQUIRE(room.comes([&] { return room.disks().image_writes_started == 1; }));
  room.server().cut_power(base::minutes(1));
  REQUIRE(room.finish([&] { return room.ask_provision(); }).is_failed());
  CHECK(room.last.error.layer == base::Layer::agent);
  CHECK(contains(room.last.error.message, "stopped answering"));
  REQUIRE(room.boot_disk().is_failed());  // half an image
  REQUIRE_MESSAGE(room.provision().is_done(), room.last.error.text());
  CHECK(room.boots_asked == 2);
  CHECK(room.server().counters().agent_boots == 2);
  CHECK(room.disks().image_writes == 1);
  room.reached(Milestone::written);
  REQUIRE(room.boot_disk().is_done());
  CHECK(room.comes([&] { return room.server().counters().disk_boots == 1; }));
}

TEST_CASE("engine: a manager that dies at any minute of the work finds it again: one boot, one wipe, one write") {
  for (int minutes = 0; minutes <= 9; ++minutes) {
    CAPTURE(minutes);
    Room room("one", 5);
    bool killed = false;
    const auto start = room.world.loop().now();
    const auto mortal = [&](const std::function<Progress()>& ask) {
      return room.finish([&] {
        if (!killed && room.world.loop().now() - start >= base::minutes(minutes) &&
            !room.record().operation.boot_id.empty()) {
          killed = true;
          room.restart_engine();
        }
        return ask();
      });
    };
    room.order("preparing", OperationKind::prepare);
    REQUIRE_MESSAGE(mortal([&] { return room.ask_clean(); }).is_done(), room.last.error.text());
    room.order("provisioning", OperationKind::provision);
    REQUIRE_MESSAGE(mortal([&] { return room.ask_provision(); }).is_done(), room.last.error.text());
    room.reached(Milestone::written);
    REQUIRE_MESSAGE(mortal([&] { return room.engine->boot_disk(room.access(), room.record().operation); }).is_done(),
                    room.last.error.text());
    CHECK(room.comes([&] { return room.server().counters().disk_boots == 1; }));
    CHECK(killed);
    CHECK(room.disks().image_writes_started == 1);
    CHECK(room.disks().metadata_wipes == room.server().spec().disks.size());
  }
}

TEST_CASE("engine: nothing is touched before the order is durable") {
  Room room("one", 1, base::minutes(20));
  room.order("preparing", OperationKind::prepare);
  CHECK(room.ask_clean().needs_boot);
  Record ordered = room.record();
  ordered.operation.boot_id = "boot-1";
  room.write(ordered);
  const auto early = [&] {
    (void)room.ask_clean();
    return room.server().counters().power_ons > 0 || room.server().media().inserted;
  };
  const auto written = room.world.loop().now();
  REQUIRE(room.comes(early, base::hours(2)));
  CHECK(room.world.loop().now() - written >= base::minutes(20));
}

TEST_CASE("engine: a host that is paused, gone or in another state while its agent boots is not wiped") {
  const std::pair<const char*, std::function<void(Room&)>> changes[] = {
      {"paused", [](Room& room) { room.pause(); }},
      {"another state", [](Room& room) { room.become("available"); }},
      {"another order", [](Room& room) { room.order("provisioning", OperationKind::provision); }},
      {"gone",
       [](Room& room) {
         const auto entry = room.store->get(api::BareMetalHost::resource, "metal", "one");
         REQUIRE(room.store->remove(entry->key, entry->revision).ok());
       }},
  };
  for (const auto& [what, change] : changes) {
    CAPTURE(what);
    Room room("one");
    room.order("preparing", OperationKind::prepare);
    Operation mine;
    const auto ask = [&] {
      return room.engine->clean(room.access(), mine.id.empty() ? room.record().operation : mine,
                                metal::CleanMode::metadata);
    };
    CHECK(ask().needs_boot);
    Record ordered = room.record();
    ordered.operation.boot_id = "boot-1";
    room.write(ordered);
    mine = ordered.operation;
    (void)ask();
    REQUIRE(room.comes([&] { return room.server().powered_on(); }));
    change(room);
    REQUIRE(room.finish(ask).is_failed());
    CHECK(contains(room.last.error.message, "refused to"));
    room.pass(base::hours(1));
    CHECK(room.disks().metadata_wipes == 0);
  }
}

TEST_CASE("engine: an agent at hand is given no order that no longer stands") {
  const std::pair<const char*, std::function<void(Room&)>> changes[] = {
      {"paused", [](Room& room) { room.pause(); }},
      {"another state", [](Room& room) { room.become("available"); }},
      {"another server",
       [](Room& room) {
         room.hardware->system_vendor.serial_number = "SOMEBODY-ELSE";
         room.write(room.record());
       }},
  };
  for (const auto& [what, change] : changes) {
    for (const bool write : {false, true}) {
      CAPTURE(what);
      CAPTURE(write);
      Room room("one");
      REQUIRE(room.inspect().is_done());
      room.order(write ? "provisioning" : "preparing", write ? OperationKind::provision : OperationKind::prepare,
                 write ? Milestone::writing : Milestone::ordered);
      const Operation mine = room.record().operation;
      change(room);
      const auto answer = room.finish([&] {
        return write ? room.ask_provision(mine) : room.engine->clean(room.access(), mine, metal::CleanMode::metadata);
      });
      REQUIRE(answer.is_failed());
      CHECK(answer.error.code == base::Code::conflict);
      CHECK(room.disks().metadata_wipes == 0);
      CHECK(room.disks().image_writes_started == 0);
    }
  }
}

TEST_CASE("engine: an order that is withdrawn while the agent is out of reach is not given when it is back") {
  for (const bool write : {false, true}) {
    CAPTURE(write);
    Room room("one");
    REQUIRE(room.inspect().is_done());
    room.order(write ? "provisioning" : "preparing", write ? OperationKind::provision : OperationKind::prepare,
               write ? Milestone::writing : Milestone::ordered);
    const Operation mine = room.record().operation;
    const auto ask = [&] {
      return write ? room.ask_provision(mine) : room.engine->clean(room.access(), mine, metal::CleanMode::metadata);
    };
    const std::string agent = room.server().spec().site_address;
    room.world.set_unreachable(agent, true);
    (void)ask();
    room.pass(base::seconds(90));
    room.pause();
    room.world.set_unreachable(agent, false);
    REQUIRE(room.finish(ask).is_failed());
    CHECK(room.last.error.code == base::Code::conflict);
    CHECK(room.disks().metadata_wipes == 0);
    CHECK(room.disks().image_writes_started == 0);
  }
}

TEST_CASE("engine: the agent of another machine is not given the order") {
  Room room("one");
  REQUIRE(room.inspect().is_done());
  room.hardware->system_vendor.serial_number = "SOMEBODY-ELSE";
  REQUIRE(room.clean().is_failed());
  CHECK(contains(room.last.error.message, "does not run on the recorded machine"));
  CHECK(room.disks().metadata_wipes == 0);
}

TEST_CASE("engine: power is switched when wished, each time, and only then") {
  for (const char* name : {"one", "two"}) {
    CAPTURE(name);
    Room room(name);
    room.deploy();
    REQUIRE(room.comes([&] { return room.server().state() == "running, not a node"; }));
    REQUIRE(room.power(PowerWish::soft_off).is_failed());  // spec.online is true
    CHECK(contains(room.last.error.message, "refused to power off"));
    CHECK(room.server().powered_on());

    const auto read = [&] {
      return room.finish([&] { return room.engine->read_power(room.access(), base::seconds(30)); });
    };
    room.become("provisioned", false);
    const auto again = [&](PowerWish wish) {
      // The result is learned by a reading, as it happens to whoever reads first.
      auto access = room.access();
      access.attempt = 1;
      (void)room.engine->power(access, wish);
      REQUIRE(room.comes([&] { return room.server().powered_on() == (wish == PowerWish::on); }));
      room.pass(base::seconds(10));
      CHECK(read().powered_on == (wish == PowerWish::on));
    };
    again(PowerWish::hard_off);
    // Somebody presses the button; the old result must not answer the new wish.
    REQUIRE(room.server().power(sim::ServerPowerAction::on).ok());
    REQUIRE(room.comes([&] { return room.server().powered_on(); }));
    again(PowerWish::hard_off);
    room.become("provisioned", true);
    again(PowerWish::on);
  }
}

TEST_CASE("engine: a restart does not go through off, and needs somebody who asked for it") {
  for (const char* name : {"one", "two"}) {
    CAPTURE(name);
    Room room(name);
    room.deploy();
    REQUIRE(room.comes([&] { return room.server().state() == "running, not a node"; }));
    const auto before = room.server().counters();
    REQUIRE(room.power(PowerWish::restart).is_failed());
    CHECK(contains(room.last.error.message, "no reboot is asked for"));
    room.write({.state = "provisioned", .operation = {}, .reboot = true});
    REQUIRE_MESSAGE(room.power(PowerWish::restart).is_done(), room.last.error.text());
    REQUIRE(room.comes([&] { return room.server().counters().disk_boots == before.disk_boots + 1; }));
    CHECK(room.server().counters().resets == before.resets + 1);
    CHECK(room.server().counters().power_offs == before.power_offs);
  }
}

TEST_CASE("engine: a shutdown that is not followed is insisted on, unless it is no longer wished by then") {
  for (const bool still_wished : {true, false}) {
    CAPTURE(still_wished);
    Room room("one");
    room.deploy();
    REQUIRE(room.comes([&] { return room.server().state() == "running, not a node"; }));
    const auto offs = room.server().counters().power_offs;
    // In POST there is no operating system to ask.
    REQUIRE(room.server().power(sim::ServerPowerAction::force_restart).ok());
    REQUIRE(room.comes([&] { return room.server().counters().resets == 2; }));
    room.become("provisioned", false);
    (void)room.engine->power(room.access(), PowerWish::soft_off);
    room.pass(base::seconds(30));
    CHECK(room.server().powered_on());
    if (!still_wished) room.become("provisioned", true);
    const auto answer = room.power(PowerWish::soft_off);
    CHECK(answer.is_done() == still_wished);
    CHECK(room.server().powered_on() != still_wished);
    CHECK(room.server().counters().power_offs == offs + (still_wished ? 1 : 0));
  }
}

TEST_CASE("engine: with an image cache an image is downloaded once and written from the manager") {
  Room room("one");
  room.image_cache = true;
  room.restart_engine();
  room.deploy();
  CHECK(room.rack->images().downloads() == 1);
  CHECK(room.disks().image_writes == 1);
  // Another time, by a manager that was restarted: the image is still there.
  room.restart_engine();
  room.become("deprovisioning");
  REQUIRE_MESSAGE(room.clean("deprovisioning", OperationKind::deprovision).is_done(), room.last.error.text());
  REQUIRE_MESSAGE(room.provision().is_done(), room.last.error.text());
  CHECK(room.disks().image_writes == 2);
  CHECK(room.rack->images().downloads() == 1);
}

TEST_CASE("engine: a cached image that went bad on the manager's disk is never booted, and is fetched again") {
  Room room("one");
  room.image_cache = true;
  room.restart_engine();
  REQUIRE(room.inspect().is_done());
  REQUIRE(room.clean().is_done());
  REQUIRE_MESSAGE(room.provision().is_done(), room.last.error.text());
  room.become("deprovisioning");
  REQUIRE_MESSAGE(room.clean("deprovisioning", OperationKind::deprovision).is_done(), room.last.error.text());
  const auto names = room.disk().list("/cache").value();
  for (const auto& name : names) {
    if (!name.ends_with(".blocks")) continue;
    const auto file = room.disk().open("/cache/" + name, false).value();
    std::string byte = file->read_at(file->size() / 2, 1).value();
    byte[0] ^= 1;
    REQUIRE(file->write_at(file->size() / 2, byte));
  }
  REQUIRE(room.provision().is_failed());
  CHECK(contains(room.last.error.message, "image cache"));
  CHECK(contains(room.last.error.message, "damaged"));
  CHECK(room.disks().image_writes == 1);
  REQUIRE_MESSAGE(room.provision().is_done(), room.last.error.text());
  CHECK(room.disks().image_writes == 2);
  CHECK(room.rack->images().downloads() == 2);
}

TEST_CASE("engine: an image cache does not hand out what does not fit its checksum") {
  Room room("one");
  room.image_cache = true;
  room.restart_engine();
  REQUIRE(room.inspect().is_done());
  REQUIRE(room.clean().is_done());
  room.rack->images().corrupt("/node.qcow2", true);
  REQUIRE(room.provision().is_failed());
  CHECK(contains(room.last.error.message, "sha256"));
  CHECK(room.disks().image_writes_started == 0);
  room.rack->images().corrupt("/node.qcow2", false);
  REQUIRE_MESSAGE(room.provision().is_done(), room.last.error.text());
}

TEST_CASE("engine: a live ISO is booted at every start and writes nothing; it goes when the server is given back") {
  const std::string iso = "http://images.example.com/live.iso";
  Room room("one");
  room.become("available");
  room.live_iso = iso;
  const auto power = [&](PowerWish wish) { return room.power(wish).is_done(); };
  REQUIRE_MESSAGE(room.provision().is_done(), room.last.error.text());
  CHECK_FALSE(room.server().powered_on());
  room.reached(Milestone::written);
  REQUIRE_MESSAGE(room.boot_disk().is_done(), room.last.error.text());
  REQUIRE(room.comes([&] { return room.server().state() == "running a live system"; }));
  CHECK(room.server().counters().live_boots == 1);

  // Its own restarts and those of the user end up in it again, even when the medium was lost meanwhile.
  room.become("provisioned", false);
  REQUIRE_MESSAGE(power(PowerWish::hard_off), room.last.error.text());
  room.become("provisioned");
  REQUIRE_MESSAGE(power(PowerWish::on), room.last.error.text());
  REQUIRE(room.comes([&] { return room.server().counters().live_boots == 2; }));
  CHECK(room.server().counters().agent_boots == 0);
  CHECK(room.disks().image_writes == 0);
  CHECK(room.disks().metadata_wipes == 0);

  room.live_iso.clear();
  REQUIRE_MESSAGE(room.clean("deprovisioning", OperationKind::deprovision).is_done(), room.last.error.text());
  metal::SideWork work;
  work.kind = metal::SideWork::Kind::detach_live_iso;
  work.key = "k";
  REQUIRE(room.finish([&] { return room.engine->aside(room.access(), work); }).is_done());
  CHECK_FALSE(room.server().media().inserted);
}

TEST_CASE("engine: a live ISO on a server without virtual media fails before anything is written") {
  Room room("two");
  room.become("available");
  room.live_iso = "http://images.example.com/live.iso";
  REQUIRE(room.provision().is_failed());
  CHECK(contains(room.last.error.text(), "virtual media"));
  CHECK(room.disks().image_writes == 0);
}

TEST_CASE(
    "engine: an ISO image made elsewhere is booted as it is, and the first lookup after power-on gets the token") {
  Room room("one");
  room.foreign_iso = "http://images.example.com/agent.iso";
  auto& host = room.world.process("172.22.0.9", "host");
  struct Seen {
    int status = 0;
    std::string token;
    bool on = false;
    std::string medium;
  };
  std::vector<Seen> seen;
  sys::spawn(host.loop, "agent", [&] {
    net::ClientOptions options;
    options.server = {manager_host, 6385};
    options.tls_options.verify = false;
    net::HttpClient client(host.loop, host.net, options);
    for (;;) {
      net::Request request;
      request.target = "/v1/lookup?addresses=" + room.server().spec().identity.nics[0].mac;
      if (const auto answer = client.send(std::move(request))) {
        const auto doc = base::parse_json(answer->body);
        seen.push_back({answer->status, doc ? doc->path("config.agent_token").string() : "", room.server().powered_on(),
                        room.server().media().image});
      }
      if (!sys::sleep(host.loop, base::seconds(1))) return;
    }
  });
  room.pass(base::seconds(10));
  REQUIRE(room.inspect().is_failed());
  CHECK(contains(room.last.error.message, "sends no heartbeat"));
  int given = 0;
  for (const Seen& one : seen) {
    if (one.token.size() != 43) continue;
    ++given;
    CHECK(one.on);
    CHECK(one.medium == room.foreign_iso);
  }
  CHECK(given == 1);
  CHECK(room.server().counters().agent_boots == 0);
  CHECK(room.engine->refused().lookup_again > 0);
  room.pass(base::seconds(10));
  CHECK(seen.back().status == 404);  // the boot is over
  room.world.kill(host);
}
