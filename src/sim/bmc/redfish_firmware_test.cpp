// BIOS settings and firmware updates: the manager's driver against the rack's Redfish front, in virtual time.
#include <doctest/doctest.h>

#include "sim/bmc/redfish_room.h"

namespace {

using base::Json;
using Room = sim::RedfishRoom;

metal::BiosSetting setting(metal::Bmc& bmc, const std::string& name) {
  auto all = bmc.bios();
  REQUIRE_MESSAGE(all.ok(), all.error().text());
  for (auto& one : *all)
    if (one.name == name) return one;
  FAIL("no setting " << name);
  return {};
}

std::string version(metal::Bmc& bmc, const std::string& component) {
  auto all = bmc.firmware_components();
  REQUIRE_MESSAGE(all.ok(), all.error().text());
  for (const auto& one : *all)
    if (one.name == component) return one.version;
  return "none";
}

}  // namespace

TEST_CASE("Redfish: BIOS settings come with what the registry says and change at the next reset") {
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    auto virtualization = setting(*bmc, "ProcVirtualization");
    CHECK(virtualization.value == Json("Enabled"));
    CHECK(virtualization.type == "Enumeration");
    CHECK(virtualization.allowed == std::vector<std::string>{"Enabled", "Disabled"});
    CHECK_FALSE(virtualization.read_only);
    CHECK(setting(*bmc, "SystemModelName").read_only);
    CHECK(setting(*bmc, "AssetTag").unique);
    CHECK(setting(*bmc, "BootRetries").upper == 10);

    // Text, as manifests have it, becomes the registry's type.
    const auto wanted =
        Json::object({{"ProcVirtualization", "Disabled"}, {"BootRetries", "5"}, {"NumLock", "false"}, {"AssetTag", 7}});
    auto changed = bmc->set_bios(wanted);
    REQUIRE_MESSAGE(changed.ok(), changed.error().text());
    CHECK(setting(*bmc, "ProcVirtualization").value == Json("Enabled"));
    CHECK(setting(*bmc, "ProcVirtualization").pending == Json("Disabled"));
    CHECK(setting(*bmc, "BootRetries").pending == Json(5));
    CHECK(setting(*bmc, "NumLock").pending == Json(false));
    CHECK(setting(*bmc, "AssetTag").pending == Json("7"));
    REQUIRE(bmc->set_power(metal::PowerAction::on).ok());
    CHECK(setting(*bmc, "ProcVirtualization").value == Json("Disabled"));
    CHECK_FALSE(setting(*bmc, "ProcVirtualization").pending.has_value());
    CHECK(setting(*bmc, "BootRetries").value == Json(5));

    // A change taken back before the reset leaves nothing pending.
    REQUIRE(bmc->set_bios(Json::object({{"NumLock", true}})).ok());
    REQUIRE(bmc->set_bios(Json::object({{"NumLock", false}})).ok());
    CHECK_FALSE(setting(*bmc, "NumLock").pending.has_value());
  });
}

TEST_CASE("Redfish: BIOS settings that the registry does not allow are refused together, before anything is sent") {
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    const auto wanted = Json::object({{"ProcVirtualization", "Perhaps"},
                                      {"BootRetries", 11},
                                      {"SystemModelName", "X"},
                                      {"NumLock", "maybe"},
                                      {"AssetTag", "fine"},
                                      {"Turbo", "On"}});
    auto refused = bmc->set_bios(wanted);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == base::Code::invalid);
    for (const char* part : {"ProcVirtualization is one of Enabled, Disabled", "BootRetries is at most 10",
                             "SystemModelName can be read only", "NumLock is true or false", "no setting \"Turbo\""})
      CHECK_MESSAGE(refused.error().message.find(part) != std::string::npos, refused.error().message);
    CHECK_FALSE(setting(*bmc, "AssetTag").pending.has_value());
  });
}

TEST_CASE("Redfish: firmware is fetched by the BMC or pushed to it, and its task is followed") {
  Room room;
  room.run([&] {
    using State = metal::BmcTask::State;
    auto bmc = room.bmc();
    CHECK(version(*bmc, "bios") == "1.0.0");
    CHECK(version(*bmc, "bmc") == "2.14");
    auto task = bmc->update_firmware("bios", "https://10.0.0.1/firmware/image-2.1.0.bin");
    REQUIRE_MESSAGE(task.ok(), task.error().text());
    REQUIRE_FALSE(task->empty());
    auto now = bmc->task(*task);
    REQUIRE(now.ok());
    CHECK(now->state == State::running);
    CHECK(now->percent == 50);
    room.wait(base::seconds(31));
    CHECK(bmc->task(*task)->state == State::completed);
    CHECK(version(*bmc, "bios") == "2.1.0");

    const std::string image("binary\0--ingot\r\n\r\n", 18);
    task = bmc->push_firmware("bmc", "image-3.0.bin", image);
    REQUIRE_MESSAGE(task.ok(), task.error().text());
    room.wait(base::seconds(31));
    CHECK(bmc->task(*task)->state == State::completed);
    CHECK(version(*bmc, "bmc") == "3.0");
    CHECK(version(*bmc, "bios") == "2.1.0");

    CHECK(bmc->task("/redfish/v1/TaskService/Tasks/99")->state == State::unknown);
    CHECK(bmc->update_firmware("nic:NIC9", "https://10.0.0.1/x-1.bin").error().code == base::Code::not_found);
    CHECK(bmc->push_firmware("bmc", "a \"name\"-1.bin", image).error().code == base::Code::invalid);
  });
}
