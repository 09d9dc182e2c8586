// The manager's IPMI client against the rack's IPMI front, in virtual time.
#include <doctest/doctest.h>

#include "metal/bmc/ipmi_session.h"
#include "sim/bmc/ipmi_room.h"
#include "wire/ipmi_bytes.h"

namespace {

using Room = sim::IpmiRoom;
using sim::ipmi_host;

}  // namespace

TEST_CASE("IPMI: connect tells the identity and leaves no session behind") {
  for (const bool suite_17 : {true, false}) {
    CAPTURE(suite_17);
    sim::IpmiFrontOptions options;
    options.suite_17 = suite_17;
    Room room(1, options);
    room.run([&] {
      auto bmc = room.bmc();
      auto system = bmc->connect();
      REQUIRE_MESSAGE(system.ok(), system.error().text());
      CHECK(system->manufacturer == "Ingot");
      CHECK(system->model == "Simulated Server");
      CHECK(system->serial == "SN-0001");
      CHECK(system->uuid == room.server.identity_.uuid);
      CHECK(system->bmc_version == "2.14");
      CHECK(system->power == metal::PowerState::off);
      CHECK_FALSE(bmc->has_virtual_media());
      CHECK(room.front.sessions() == 1);
      bmc->close();
      CHECK(room.front.sessions() == 0);
    });
  }
}

TEST_CASE("IPMI: power actions are idempotent") {
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    using A = metal::PowerAction;
    CHECK(bmc->set_power(A::off).ok());
    CHECK(bmc->set_power(A::soft_off).ok());
    CHECK(room.server.actions_.empty());
    auto reset = bmc->set_power(A::reset);
    REQUIRE_FALSE(reset.ok());
    CHECK(reset.error().code == base::Code::unsupported);
    CHECK(bmc->set_power(A::on).ok());
    CHECK(bmc->set_power(A::on).ok());
    CHECK(*bmc->power() == metal::PowerState::on);
    CHECK(bmc->set_power(A::reset).ok());
    CHECK(bmc->set_power(A::cycle).ok());
    CHECK(bmc->set_power(A::off).ok());
    CHECK(*bmc->power() == metal::PowerState::off);
    using S = sim::ServerPowerAction;
    CHECK(room.server.actions_ == std::vector{S::on, S::force_restart, S::power_cycle, S::force_off});
    CHECK(room.front.sessions() == 1);  // all in one session
  });
}

TEST_CASE("IPMI: a one-time boot device is used once, a persistent one stays") {
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    REQUIRE(bmc->set_boot(metal::BootDevice::pxe, false, true).ok());
    REQUIRE(bmc->set_power(metal::PowerAction::on).ok());
    REQUIRE(bmc->set_power(metal::PowerAction::cycle).ok());
    REQUIRE(bmc->set_boot(metal::BootDevice::disk, true, false).ok());
    REQUIRE(bmc->set_power(metal::PowerAction::cycle).ok());
    REQUIRE(bmc->set_power(metal::PowerAction::cycle).ok());
    const auto& boots = room.server.boots_;
    REQUIRE(boots.size() == 4);
    CHECK(boots[0] == sim::BootOverride{sim::BootTarget::pxe, sim::BootEnabled::once, true, ""});
    CHECK(boots[1].target == sim::BootTarget::none);
    CHECK(boots[2] == sim::BootOverride{sim::BootTarget::disk, sim::BootEnabled::continuous, false, ""});
    CHECK(boots[3].target == sim::BootTarget::disk);
    CHECK(bmc->set_boot(metal::BootDevice::uefi_http, false, true).error().code == base::Code::unsupported);
    CHECK(bmc->insert_media("http://m/x.iso").error().code == base::Code::unsupported);
  });
}

TEST_CASE("IPMI: boot flags outlive 60 s because the client asks for it, and not otherwise") {
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    REQUIRE(bmc->set_boot(metal::BootDevice::pxe, false, true).ok());
    REQUIRE(sys::sleep(room.manager.loop, base::seconds(90)).ok());
    CHECK(room.server.boot_override().target == sim::BootTarget::pxe);
    bmc->close();
    room.front.restart_losing_sessions();  // the parameter returns to its default
    REQUIRE(room.front.start().ok());
    metal::IpmiSession raw(room.manager, room.manager.net, *metal::parse_bmc_address(ipmi_host),
                           {"admin", "rack-secret-01"}, {});
    REQUIRE(raw.data_of(wire::ipmi::command::set_boot_options, std::string("\x05\xA0\x04\x00\x00\x00", 6)).ok());
    CHECK(room.server.boot_override().target == sim::BootTarget::pxe);
    REQUIRE(sys::sleep(room.manager.loop, base::seconds(61)).ok());
    CHECK(room.server.boot_override().target == sim::BootTarget::none);
    raw.close();
  });
}

TEST_CASE("IPMI: wrong password, unknown user and too little privilege are told apart") {
  Room room;
  room.run([&] {
    auto wrong = room.bmc("admin", "guess")->power();
    REQUIRE_FALSE(wrong.ok());
    CHECK(wrong.error().code == base::Code::unauthenticated);
    CHECK(wrong.error().layer == base::Layer::bmc);
    CHECK(wrong.error().message.find("ipmi://192.168.1.12: wrong password for user \"admin\"") == 0);
    CHECK(wrong.error().message.find("guess") == std::string::npos);

    auto unknown = room.bmc("root", "calvin")->power();
    REQUIRE_FALSE(unknown.ok());
    CHECK(unknown.error().code == base::Code::unauthenticated);
    CHECK(unknown.error().message.find("no such user \"root\"") != std::string::npos);

    auto viewer = room.bmc("viewer", "view-secret")->power();
    REQUIRE_FALSE(viewer.ok());
    CHECK(viewer.error().code == base::Code::forbidden);
    CHECK(viewer.error().message.find("ADMINISTRATOR") != std::string::npos);

    auto reader = room.bmc("viewer", "view-secret", "?privilegelevel=USER");
    CHECK(reader->power().ok());
    auto on = reader->set_power(metal::PowerAction::on);
    REQUIRE_FALSE(on.ok());
    CHECK(on.error().code == base::Code::forbidden);
    CHECK(room.bmc("operator", "op-secret", "?privilegelevel=OPERATOR")->set_power(metal::PowerAction::on).ok());
  });
}

TEST_CASE("IPMI: an unreachable BMC is a timeout that names address and port") {
  Room room;
  room.run([&] {
    room.front.stop();
    const auto started = room.world.loop().now();
    auto power = room.bmc()->power();
    REQUIRE_FALSE(power.ok());
    CHECK(power.error().code == base::Code::timeout);
    CHECK(power.error().layer == base::Layer::bmc);
    CHECK(power.error().message.find("ipmi://192.168.1.12: no answer to Get Channel Authentication Capabilities on UDP "
                                     "port 623 after 6 tries") == 0);
    CHECK(power.error().fix.find("spec.bmc.address") != std::string::npos);
    const auto spent = room.world.loop().now() - started;
    CHECK(spent > base::seconds(10));
    CHECK(spent < base::seconds(60));
  });
}

TEST_CASE("IPMI: a restart of the BMC loses the session and the client opens another") {
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    REQUIRE(bmc->power().ok());
    room.front.restart_losing_sessions();
    REQUIRE(room.front.start().ok());
    auto power = bmc->set_power(metal::PowerAction::on);
    REQUIRE_MESSAGE(power.ok(), power.error().text());
    CHECK(room.server.actions_.size() == 1);
    CHECK(room.front.sessions() == 1);
    // An idle session that the BMC dropped costs no waiting.
    REQUIRE(sys::sleep(room.manager.loop, base::minutes(5)).ok());
    CHECK(room.front.sessions() == 0);
    const auto started = room.world.loop().now();
    REQUIRE(bmc->power().ok());
    CHECK(room.world.loop().now() - started < base::seconds(1));
  });
}

TEST_CASE("IPMI: when all sessions are taken the client waits for one") {
  Room room;
  room.run([&] {
    std::vector<std::unique_ptr<metal::Bmc>> holders;
    for (int i = 0; i < 4; ++i) {
      holders.push_back(room.bmc());
      REQUIRE(holders.back()->power().ok());
    }
    auto refused = room.bmc()->power();
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == base::Code::unavailable);
    CHECK(refused.error().message.find("all sessions of the BMC are in use") != std::string::npos);
    room.manager.loop.after(base::seconds(4),
                            [&] { sys::spawn(room.manager.loop, "close", [&] { holders[0]->close(); }); });
    CHECK(room.bmc()->power().ok());
  });
}

TEST_CASE("IPMI: lost and doubled datagrams and a busy BMC never act twice nor fail") {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Room room(seed);
    room.front.faults().datagram_lost = 0.15;
    room.front.faults().datagram_twice = 0.15;
    room.front.faults().node_busy = 0.1;
    room.run([&] {
      auto bmc = room.bmc();
      auto on = bmc->set_power(metal::PowerAction::on);
      REQUIRE_MESSAGE(on.ok(), on.error().text());
      auto boot = bmc->set_boot(metal::BootDevice::pxe, false, true);
      REQUIRE_MESSAGE(boot.ok(), boot.error().text());
      auto reset = bmc->set_power(metal::PowerAction::reset);
      REQUIRE_MESSAGE(reset.ok(), reset.error().text());
      auto state = bmc->power();
      REQUIRE(state.ok());
      CHECK(*state == metal::PowerState::on);
      bmc->close();
    });
    CHECK(room.server.actions_.size() == 2);
    REQUIRE(room.server.boots_.size() == 2);
    CHECK(room.server.boots_[1].target == sim::BootTarget::pxe);
  }
}

TEST_CASE("IPMI: the front takes any datagrams and still works") {
  Room room(7);
  room.run([&] {
    auto socket = room.manager.net.open_udp({}, {ipmi_host, 623});
    REQUIRE(socket.ok());
    auto& random = room.world.random();
    for (int i = 0; i < 3000; ++i) {
      std::string bytes = random.bytes(random.below(100));
      if (bytes.size() > 6 && random.below(4) != 0) bytes.replace(0, 4, "\x06\x00\xFF\x07", 4);
      if (bytes.size() > 6 && random.below(2) != 0) {
        bytes[4] = char(random.below(2) == 0 ? 0x06 : 0x00);
        bytes[5] = char(random.below(2) == 0 ? 0x10 + random.below(6) : random.below(256));
        if (bytes.size() > 15) {
          bytes.replace(6, 8, std::string(8, '\0'));
          bytes[14] = char(bytes.size() - 16);
          bytes[15] = 0;
        }
      }
      REQUIRE((*socket)->send({ipmi_host, 623}, bytes).ok());
      if (i % 100 == 0) REQUIRE(sys::sleep(room.manager.loop, base::milliseconds(50)).ok());
    }
    CHECK(room.bmc()->set_power(metal::PowerAction::on).ok());
  });
}
