// The manager's own client against the rack's Redfish front, in virtual time.
#include <doctest/doctest.h>

#include "sim/bmc/redfish_room.h"

namespace {

using Room = sim::RedfishRoom;
using sim::bmc_host;
using sim::iso;
using sim::sessions_path;
using sim::system_path;

}  // namespace

TEST_CASE("Redfish: connect tells the inventory and close gives the session back") {
  for (const bool tls : {true, false}) {
    CAPTURE(tls);
    sim::RedfishFrontOptions options;
    options.tls = tls;
    Room room(1, options);
    room.run([&] {
      auto bmc = room.bmc();
      auto system = bmc->connect();
      REQUIRE_MESSAGE(system.ok(), system.error().text());
      CHECK(system->manufacturer == "Ingot");
      CHECK(system->model == "Simulated Server");
      CHECK(system->serial == "SN-0001");
      CHECK(system->uuid == room.server.identity_.uuid);
      CHECK(system->bios_version == "1.0.0");
      CHECK(system->bmc_version == "2.14");
      CHECK(system->system_path == system_path);
      CHECK(system->power == metal::PowerState::off);
      CHECK(room.front.sessions() == 1);
      bmc->close();
      CHECK(room.front.sessions() == 0);
    });
  }
}

TEST_CASE("Redfish: the System has the id that the address names, and another id is not found") {
  sim::RedfishFrontOptions options;
  options.system_id = "System.Embedded.1";
  Room room(1, options);
  room.run([&] {
    CHECK(room.bmc("admin", "rack-secret-01", "/redfish/v1/Systems/System.Embedded.1")->power().ok());
    CHECK(room.bmc()->connect()->system_path == "/redfish/v1/Systems/System.Embedded.1");
    auto other = room.bmc("admin", "rack-secret-01", "/redfish/v1/Systems/2")->power();
    REQUIRE_FALSE(other.ok());
    CHECK(other.error().code == base::Code::not_found);
    CHECK(other.error().message.find("System.Embedded.1") != std::string::npos);
  });
}

TEST_CASE("Redfish: power actions are idempotent and share one session") {
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    using A = metal::PowerAction;
    CHECK(bmc->set_power(A::off).ok());
    CHECK(bmc->set_power(A::soft_off).ok());
    CHECK(room.server.actions_.empty());
    CHECK(bmc->set_power(A::reset).error().code == base::Code::unsupported);
    CHECK(bmc->set_power(A::on).ok());
    CHECK(bmc->set_power(A::on).ok());
    CHECK(*bmc->power() == metal::PowerState::on);
    CHECK(bmc->set_power(A::reset).ok());
    CHECK(bmc->set_power(A::cycle).ok());
    CHECK(bmc->set_power(A::soft_off).ok());
    CHECK(*bmc->power() == metal::PowerState::off);
    using S = sim::ServerPowerAction;
    CHECK(room.server.actions_ == std::vector{S::on, S::force_restart, S::power_cycle, S::graceful_shutdown});
    CHECK(room.front.sessions() == 1);
  });
}

TEST_CASE("Redfish: a one-time boot device is used once, a persistent one stays") {
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    const auto boot = [&](metal::PowerAction action) { REQUIRE(bmc->set_power(action).ok()); };
    REQUIRE(bmc->set_boot(metal::BootDevice::cd, false, true).ok());
    boot(metal::PowerAction::on);
    boot(metal::PowerAction::cycle);
    REQUIRE(bmc->set_boot(metal::BootDevice::disk, true, false).ok());
    boot(metal::PowerAction::cycle);
    boot(metal::PowerAction::reset);
    REQUIRE(bmc->set_boot(metal::BootDevice::uefi_http, false, true, iso).ok());
    boot(metal::PowerAction::cycle);
    REQUIRE(bmc->set_boot(metal::BootDevice::uefi_http, true, true, iso).ok());
    REQUIRE(bmc->set_boot(metal::BootDevice::pxe, true, true).ok());  // takes the address away again
    boot(metal::PowerAction::cycle);
    using T = sim::BootTarget;
    using E = sim::BootEnabled;
    CHECK(room.server.boots_ == std::vector<sim::BootOverride>{{T::cd, E::once, true, ""},
                                                               {T::none, E::disabled, true, ""},
                                                               {T::disk, E::continuous, false, ""},
                                                               {T::disk, E::continuous, false, ""},
                                                               {T::uefi_http, E::once, true, iso},
                                                               {T::pxe, E::continuous, true, ""}});
  });
}

TEST_CASE("Redfish: an image is inserted, replaced and ejected") {
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    REQUIRE(bmc->eject_media().ok());  // nothing there
    REQUIRE(bmc->insert_media(iso).ok());
    CHECK(room.server.media() == sim::VirtualMedia{iso, true, true});
    REQUIRE(bmc->insert_media(iso).ok());
    REQUIRE(bmc->insert_media("http://10.0.0.1/other.iso").ok());
    CHECK(room.server.media().image == "http://10.0.0.1/other.iso");
    REQUIRE(bmc->eject_media().ok());
    CHECK(room.server.media() == sim::VirtualMedia{});
    auto foreign = bmc->insert_media("nfs://10.0.0.1/export/x.iso");
    REQUIRE_FALSE(foreign.ok());
    CHECK(foreign.error().code == base::Code::unsupported);
    CHECK(foreign.error().message.find("Image") != std::string::npos);
  });
}

TEST_CASE("Redfish: wrong password, unknown user and too little privilege are told apart") {
  Room room;
  room.run([&] {
    for (const auto& [user, password] : {std::pair{"admin", "guess"}, std::pair{"root", "calvin"}}) {
      CAPTURE(user);
      auto wrong = room.bmc(user, password)->power();
      REQUIRE_FALSE(wrong.ok());
      CHECK(wrong.error().code == base::Code::unauthenticated);
      CHECK(wrong.error().layer == base::Layer::bmc);
      CHECK(wrong.error().message.find("wrong user name or password") != std::string::npos);
      CHECK(wrong.error().message.find(password) == std::string::npos);
    }
    auto viewer = room.bmc("viewer", "view-secret");
    CHECK(viewer->power().ok());
    CHECK(viewer->set_power(metal::PowerAction::on).error().code == base::Code::forbidden);
    CHECK(viewer->set_boot(metal::BootDevice::pxe, false, true).error().code == base::Code::forbidden);
    CHECK(viewer->insert_media(iso).error().code == base::Code::forbidden);
    CHECK(room.server.actions_.empty());
    CHECK(room.server.media() == sim::VirtualMedia{});
    CHECK(room.bmc("operator", "op-secret")->set_power(metal::PowerAction::on).ok());
  });
}

TEST_CASE("Redfish: an idle session ends, a used one does not, and a restart ends all") {
  sim::RedfishFrontOptions options;
  options.session_idle_limit = base::minutes(5);
  Room room(1, options);
  room.run([&] {
    auto bmc = room.bmc();
    for (int i = 0; i < 4; ++i) {
      REQUIRE(bmc->power().ok());
      room.wait(base::minutes(4));
    }
    CHECK(room.front.sessions() == 1);
    room.wait(base::minutes(2));
    CHECK(room.front.sessions() == 0);
    REQUIRE(bmc->set_power(metal::PowerAction::on).ok());  // the client makes another
    CHECK(room.front.sessions() == 1);
    room.front.restart_losing_sessions();
    CHECK(room.front.sessions() == 0);
    CHECK_FALSE(room.bmc()->power().ok());
    REQUIRE(room.front.start().ok());
    auto off = bmc->set_power(metal::PowerAction::off);
    REQUIRE_MESSAGE(off.ok(), off.error().text());
    CHECK(room.front.sessions() == 1);
    CHECK(room.server.actions_.size() == 2);
  });
}

TEST_CASE("Redfish: the BMC's own reset action takes it away for a while and loses its sessions") {
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    REQUIRE(bmc->power().ok());
    REQUIRE(room.server.power(sim::ServerPowerAction::on).ok());
    const char* target = "/redfish/v1/Managers/1/Actions/Manager.Reset";
    CHECK(room.ask("POST", target, R"({"ResetType":"Nmi"})").status == 400);
    CHECK(room.ask("POST", target, R"({"ResetType":"GracefulRestart"})").status == 204);
    room.wait(base::seconds(5));
    CHECK_FALSE(room.bmc()->power().ok());
    CHECK(room.front.sessions() == 0);
    room.wait(base::minutes(1));
    CHECK(*bmc->power() == metal::PowerState::on);  // the server did not notice
  });
}

TEST_CASE("Redfish: without a free session the client goes on with Basic") {
  sim::RedfishFrontOptions options;
  options.sessions_max = 2;
  Room room(1, options);
  room.run([&] {
    auto first = room.bmc(), second = room.bmc();
    REQUIRE(first->power().ok());
    REQUIRE(second->power().ok());
    const auto full = room.send({"POST",
                                 sessions_path,
                                 {{"Content-Type", "application/json"}},
                                 R"({"UserName":"admin","Password":"rack-secret-01"})"});
    CHECK(full.status == 503);
    CHECK(full.body.find("Base.1.18.SessionLimitExceeded") != std::string::npos);
    CHECK(room.bmc()->power().ok());
    CHECK(room.front.sessions() == 2);
    first->close();
    auto third = room.bmc();
    CHECK(third->power().ok());
    CHECK(room.front.sessions() == 2);
  });
}

TEST_CASE("Redfish: the certificate is self-signed, so only a client that does not verify gets in") {
  Room room;
  room.run([&] {
    net::ClientOptions options;
    options.server = {bmc_host, 443};
    net::HttpClient strict(room.manager.loop, room.manager.net, options);
    auto refused = strict.send({"GET", "/redfish/v1/"});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == base::Code::unauthenticated);

    auto address = metal::parse_bmc_address(std::string("redfish://") + bmc_host);
    auto bmc = metal::make_bmc(room.manager, room.manager.net, *address, {"admin", "rack-secret-01"}, true);
    REQUIRE(bmc.ok());
    auto power = (*bmc)->power();
    REQUIRE_FALSE(power.ok());
    CHECK(power.error().code == base::Code::unauthenticated);
    CHECK(power.error().fix.find("disableCertificateVerification") != std::string::npos);
  });
}

TEST_CASE("Redfish: a busy BMC and lost answers delay the client, and never act on a restart twice") {
  size_t unanswered_resets = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Room room(seed);
    room.front.faults().http_unavailable = 0.1;
    room.front.faults().http_reset = 0.1;
    room.run([&] {
      auto bmc = room.bmc();
      const auto insisting = [](const std::function<base::Result<void>()>& step) {
        base::Result<void> done;
        for (int i = 0; i < 5; ++i)
          if (done = step(); done) break;
        REQUIRE_MESSAGE(done.ok(), done.error().text());
      };
      insisting([&] { return bmc->insert_media(iso); });
      insisting([&] { return bmc->set_boot(metal::BootDevice::cd, false, true); });
      insisting([&] { return bmc->set_power(metal::PowerAction::on); });
      CHECK(room.server.actions_.size() == 1);
      if (!bmc->set_power(metal::PowerAction::reset)) ++unanswered_resets;
      CHECK(room.server.actions_.size() <= 2);
      insisting([&] { return bmc->eject_media(); });
      bmc->close();
    });
    REQUIRE_FALSE(room.server.boots_.empty());
    CHECK(room.server.boots_[0].target == sim::BootTarget::cd);
    CHECK(room.server.media() == sim::VirtualMedia{});
  }
  CHECK(unanswered_resets > 0);  // else the faults were none
}

TEST_CASE("Redfish: an unreachable BMC is an error that names address and port") {
  Room room;
  room.run([&] {
    room.front.stop();
    auto power = room.bmc()->power();
    REQUIRE_FALSE(power.ok());
    CHECK(power.error().layer == base::Layer::bmc);
    CHECK(power.error().message.find("192.168.1.11:443") != std::string::npos);
    CHECK(power.error().fix.find("spec.bmc.address") != std::string::npos);
  });
}
