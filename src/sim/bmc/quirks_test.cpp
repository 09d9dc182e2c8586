// Every profile of a misbehaving BMC against the manager's own driver: a machine is registered, booted from an image
// and from its disk, and left clean; and every row of the driver's table is shown by some profile.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "metal/bmc/redfish_client.h"
#include "sim/bmc/ipmi_room.h"
#include "sim/bmc/misbehaviour.h"
#include "sim/bmc/redfish_room.h"

namespace {

using sim::BmcProfile;
using sim::BootTarget;
using sim::iso;
using Room = sim::RedfishRoom;

constexpr const char* second_iso = "https://10.0.0.1:6443/boot/server-1-again.iso";

sim::RedfishFrontOptions with_profile(const BmcProfile& profile) {
  sim::RedfishFrontOptions options;
  options.profile = profile;
  options.tls = false;  // not what is tested
  return options;
}

// As jobs do: what is unavailable now is tried again a little later. Only a BMC that restarts may need that.
void must(Room& room, const BmcProfile& profile, const std::string& what,
          const std::function<base::Result<void>()>& step) {
  base::Result<void> done;
  const int tries = profile.restarts_after > 0 ? 3 : 1;
  for (int i = 0; i < tries; ++i) {
    if (i > 0) room.wait(base::seconds(20));
    if (done = step(); done) return;
  }
  FAIL(profile.name << ": " << what << ": " << done.error().text());
}

void use_machine(Room& room, const BmcProfile& profile, metal::Bmc& bmc) {
  const auto step = [&](const std::string& what, const std::function<base::Result<void>()>& act) {
    must(room, profile, what, act);
  };
  step("register", [&]() -> base::Result<void> {
    auto system = bmc.connect();
    if (!system) return std::move(system).error();
    CHECK(system->system_path == sim::system_path);
    return {};
  });
  step("insert", [&] { return bmc.insert_media(iso); });
  CHECK(room.server.media().image == iso);
  CHECK(room.server.media().inserted);
  step("boot from CD", [&] { return bmc.set_boot(metal::BootDevice::cd, false, true); });
  room.wait(base::seconds(30));
  step("power on", [&] { return bmc.set_power(metal::PowerAction::on); });
  CHECK(room.server.powered_on());
  REQUIRE_FALSE(room.server.boots_.empty());
  CHECK(room.server.boots_.back().target == BootTarget::cd);
  CHECK(room.server.boots_.back().uefi);
  step("insert another", [&] { return bmc.insert_media(second_iso); });
  CHECK(room.server.media().image == second_iso);
  step("power off", [&] { return bmc.set_power(metal::PowerAction::off); });
  CHECK_FALSE(room.server.powered_on());
  step("eject", [&] { return bmc.eject_media(); });
  CHECK_FALSE(room.server.media().inserted);
  step("boot from disk", [&] { return bmc.set_boot(metal::BootDevice::disk, true, true); });
  step("power on again", [&] { return bmc.set_power(metal::PowerAction::on); });
  CHECK(room.server.powered_on());
  const auto expected = profile.manufacturer == "Lenovo" ? BootTarget::none : BootTarget::disk;
  CHECK(room.server.boots_.back().target == expected);
  CHECK(room.server.boots_.size() == 2);
  step("insert once more", [&] { return bmc.insert_media(iso); });
  step("eject once more", [&] { return bmc.eject_media(); });
  step("power off at the end", [&] { return bmc.set_power(metal::PowerAction::off); });
}

void use_by_ipmi(sim::IpmiRoom& room, metal::Bmc& bmc) {
  const auto step = [](const base::Result<void>& done) { REQUIRE_MESSAGE(done.ok(), done.error().text()); };
  const auto system = bmc.connect();
  REQUIRE_MESSAGE(system.ok(), system.error().text());
  step(bmc.set_power(metal::PowerAction::off));
  step(bmc.set_boot(metal::BootDevice::pxe, false, true));
  step(bmc.set_power(metal::PowerAction::on));
  step(bmc.set_boot(metal::BootDevice::disk, true, true));
  step(bmc.set_power(metal::PowerAction::cycle));
  step(bmc.set_power(metal::PowerAction::off));
  REQUIRE(room.server.boots_.size() == 2);
  CHECK(room.server.boots_[0].target == BootTarget::pxe);
  CHECK(room.server.boots_[1].target == BootTarget::disk);
  CHECK(room.server.boots_[1].enabled == sim::BootEnabled::continuous);
  CHECK(room.server.boots_[1].uefi);
}

bool holds(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

TEST_CASE("BMC quirks: every profile can be used, and every row of the table is shown by one") {
  // Seen to by how answers are read, so that the driver never learns of them; and those that need another operation.
  std::set<std::string> seen{"object-as-list",  "trailing-slash", "off-when-off-refused",
                             "password-change", "no-apply-time",  "licence-needed"};
  for (const auto& profile : sim::bmc_profiles()) {
    CAPTURE(profile.name);
    std::vector<std::string> found;
    if (sim::speaks_ipmi(profile)) {
      sim::IpmiFrontOptions options;
      options.profile = profile;
      sim::IpmiRoom room(1, options);
      room.run([&] {
        auto bmc = room.bmc();
        use_by_ipmi(room, *bmc);
        found = bmc->quirks();
        bmc->close();
      });
      CHECK(room.front.sessions() == 0);
    } else {
      Room room(1, with_profile(profile));
      room.run([&] {
        auto bmc = room.bmc();
        use_machine(room, profile, *bmc);
        found = bmc->quirks();
        bmc->close();
        // A BMC that forgets sessions early leaves the real front with those.
        if (profile.session_uses == 0) CHECK(room.front.sessions() == 0);
      });
    }
    if (!profile.quirk.empty()) CHECK_MESSAGE(holds(found, profile.quirk), base::join(found, " "));
    seen.insert(found.begin(), found.end());
  }
  for (const auto& row : metal::quirk_table()) {
    CAPTURE(row.name);
    CHECK(seen.contains(std::string(row.name)));
    CHECK(&metal::row_of(row.quirk) == &row);
    for (const auto text : {row.seen_at, row.behaviour, row.remedy}) CHECK_FALSE(text.empty());
  }
}

TEST_CASE("BMC quirks: a BMC that keeps to the standard shows none that costs anything") {
  Room room;
  room.run([&] {
    auto bmc = room.bmc();
    use_machine(room, {}, *bmc);
    CHECK(base::join(bmc->quirks(), " ") == "");
  });
}

TEST_CASE("BMC quirks: a factory password is said to be one, at once and without a lockout") {
  BmcProfile profile;
  profile.password_change = true;
  Room room(1, with_profile(profile));
  room.run([&] {
    auto bmc = room.bmc();
    const auto before = room.manager.loop.now();
    auto power = bmc->power();
    REQUIRE_FALSE(power.ok());
    CHECK(power.error().code == base::Code::forbidden);
    CHECK(power.error().fix.find("factory password") != std::string::npos);
    CHECK(room.manager.loop.now() - before < base::seconds(1));
    CHECK(holds(bmc->quirks(), "password-change"));
  });
}

TEST_CASE("BMC quirks: a driver that has found one does not walk into it again") {
  BmcProfile profile;
  profile.insert_needs = {"TransferProtocolType", "TransferMethod"};
  profile.etags = BmcProfile::Etags::refused;
  Room room(1, with_profile(profile));
  room.run([&] {
    auto bmc = room.bmc();
    REQUIRE(bmc->insert_media(iso).ok());
    REQUIRE(bmc->set_boot(metal::BootDevice::cd, true, true).ok());
    REQUIRE(bmc->eject_media().ok());
    const int before = room.front.requests();
    REQUIRE(bmc->insert_media(iso).ok());
    CHECK(room.front.requests() - before == 4);  // System, collection, drive, action
  });
}

TEST_CASE("BMC quirks: vendors are told apart by name, model and firmware") {
  using metal::BmcFacts;
  using metal::Quirk;
  const auto holds_for = [](Quirk quirk, const BmcFacts& facts) { return matches(metal::row_of(quirk), facts); };
  CHECK(holds_for(Quirk::whole_boot_override, {"AMI", "", ""}));
  CHECK_FALSE(holds_for(Quirk::whole_boot_override, {"Miami Computers", "", ""}));
  CHECK(holds_for(Quirk::whole_boot_override, {" Super Micro Computer, Inc. ", "", ""}));
  CHECK(holds_for(Quirk::plain_cd, {"Supermicro", "ARS-111GL-NHR", ""}));
  CHECK_FALSE(holds_for(Quirk::plain_cd, {"Supermicro", "SYS-1", ""}));
  CHECK(holds_for(Quirk::slow_between_changes, {"Dell Inc.", "", "5.10.50.00"}));
  CHECK_FALSE(holds_for(Quirk::slow_between_changes, {"Dell Inc.", "", "1.20.25.00"}));  // iDRAC10 counts from 1 again
  CHECK_FALSE(holds_for(Quirk::slow_between_changes, {"Dell Inc.", "", "7.00"}));
  CHECK_FALSE(holds_for(Quirk::slow_between_changes, {"HPE", "", "5.10"}));
}

TEST_CASE("BMC quirks: packed answers are unpacked within a limit, and damage is noticed") {
  const std::string text(10'000, 'x');
  const auto packed = sim::packed(text);
  CHECK(metal::gunzip(packed, 10'000) == text);
  CHECK(metal::gunzip(packed, 9'999) == std::nullopt);
  CHECK(metal::gunzip(packed.substr(0, packed.size() - 1), 10'000) == std::nullopt);
  CHECK(metal::gunzip("no gzip", 100) == std::nullopt);
  CHECK(metal::gunzip("", 100) == std::nullopt);
}
