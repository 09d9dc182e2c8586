// RAID volumes and Secure Boot: the manager's driver against the rack's Redfish front, in virtual time.
#include <doctest/doctest.h>

#include "sim/bmc/redfish_room.h"

namespace {

using Room = sim::RedfishRoom;

std::vector<metal::BmcStorage> storage_of(metal::Bmc& bmc) {
  auto all = bmc.storage();
  REQUIRE_MESSAGE(all.ok(), all.error().text());
  return *all;
}

metal::VolumeOrder mirror(const metal::BmcStorage& on) {
  metal::VolumeOrder order{.storage = on.path, .volumes = on.volumes, .level = "1", .name = "system"};
  order.bytes = int64_t{100} << 30;
  order.drives = {on.drives[0].path, on.drives[2].path};
  return order;
}

}  // namespace

TEST_CASE("Redfish: RAID volumes are read, made and deleted, as tasks of the BMC") {
  Room room;
  room.server.add_raid(room.rack.loop, 4).drives[3].healthy = false;
  room.run([&] {
    auto bmc = room.bmc();
    auto all = storage_of(*bmc);
    REQUIRE(all.size() == 1);
    CHECK(all[0].id == "RAID");
    CHECK(all[0].levels->size() == 7);
    REQUIRE(all[0].drives.size() == 4);
    CHECK(all[0].drives[0].media == "SSD");
    CHECK(all[0].drives[0].serial == "D0000");
    CHECK(all[0].drives[0].usable);
    CHECK_FALSE(all[0].drives[3].usable);
    CHECK(all[0].present.empty());

    const auto made = bmc->create_volume(mirror(all[0]));
    REQUIRE_MESSAGE(made.ok(), made.error().text());
    CHECK_FALSE(made->on_reset);
    CHECK(bmc->task(made->task)->state == metal::BmcTask::State::running);
    CHECK(storage_of(*bmc)[0].present.empty());
    // A controller does one thing at a time.
    CHECK(bmc->create_volume(mirror(all[0])).error().code == base::Code::unavailable);
    room.wait(base::seconds(21));
    CHECK(bmc->task(made->task)->state == metal::BmcTask::State::completed);
    const auto volumes = storage_of(*bmc)[0].present;
    REQUIRE(volumes.size() == 1);
    CHECK(volumes[0].level == "1");
    CHECK(volumes[0].name == "system");
    CHECK(volumes[0].bytes == int64_t{100} << 30);
    CHECK(volumes[0].drives == mirror(all[0]).drives);
    CHECK(bmc->create_volume(mirror(all[0])).error().code == base::Code::unsupported);  // the drives are taken

    const auto gone = bmc->delete_volume(volumes[0].path);
    REQUIRE(gone.ok());
    room.wait(base::seconds(21));
    CHECK(storage_of(*bmc)[0].present.empty());
    CHECK(bmc->delete_volume(volumes[0].path).ok());  // again: it is gone
    CHECK(room.server.raid()->removals() == 1);
  });
}

TEST_CASE("Redfish: a controller that changes volumes at a restart only says so, and does") {
  Room room;
  room.server.add_raid(room.rack.loop, 4).on_reset = true;
  room.run([&] {
    auto bmc = room.bmc();
    const auto made = bmc->create_volume(mirror(storage_of(*bmc)[0]));
    REQUIRE_MESSAGE(made.ok(), made.error().text());
    CHECK(made->on_reset);
    room.wait(base::minutes(5));
    CHECK(bmc->task(made->task)->name == "Pending");
    CHECK(storage_of(*bmc)[0].present.empty());
    REQUIRE(bmc->set_power(metal::PowerAction::on).ok());
    room.wait(base::seconds(21));
    CHECK(storage_of(*bmc)[0].present.size() == 1);
  });
}

TEST_CASE("Redfish: a server without a RAID controller has no volumes, which is no error") {
  Room room;
  room.run([&] { CHECK(storage_of(*room.bmc()).empty()); });
}

TEST_CASE("Redfish: Secure Boot is switched for the next boot, and whether it stuck is told") {
  using State = metal::SecureBootState;
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    CHECK(*bmc->secure_boot() == State::off);
    REQUIRE(bmc->set_secure_boot(true).ok());
    CHECK(*bmc->secure_boot() == State::coming);
    REQUIRE(bmc->set_power(metal::PowerAction::on).ok());
    CHECK(*bmc->secure_boot() == State::on);
    REQUIRE(bmc->set_secure_boot(false).ok());
    CHECK(*bmc->secure_boot() == State::ending);
    REQUIRE(bmc->set_power(metal::PowerAction::reset).ok());
    CHECK(*bmc->secure_boot() == State::off);
    room.server.keeps_secure_boot_off_ = true;
    REQUIRE(bmc->set_secure_boot(true).ok());
    REQUIRE(bmc->set_power(metal::PowerAction::reset).ok());
    CHECK(*bmc->secure_boot() == State::coming);
    CHECK(room.ask("PATCH", "/redfish/v1/Systems/1/SecureBoot", R"({"SecureBootEnable":"yes"})").status == 400);
    CHECK(room.ask("PATCH", "/redfish/v1/Systems/1/SecureBoot", R"({"SecureBootCurrentBoot":"Enabled"})").status ==
          400);
  });
}
