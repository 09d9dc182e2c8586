#include "sim/bmc/instant_server.h"

namespace sim {

InstantServer::InstantServer(std::string name) {
  identity_.name = std::move(name);
  identity_.serial = "SN-0001";
  identity_.sku = "SKU-0001";
  identity_.uuid = "4c4c4544-0042-3010-8054-b4c04f563132";
  identity_.bmc_mac = "52:54:00:99:00:01";
  identity_.nics = {{"NIC1", "52:54:00:12:01:01", 25'000, true}, {"NIC2", "52:54:00:12:01:02", 25'000, false}};
  accounts_ = {{"admin", "rack-secret-01", BmcRole::administrator},
               {"operator", "op-secret", BmcRole::operator_},
               {"viewer", "view-secret", BmcRole::read_only}};
}

base::Result<void> InstantServer::power(ServerPowerAction action) {
  actions_.push_back(action);
  const auto boot = [&] {
    on_ = true;
    boots_.push_back(take_for_boot(override_));
    secure_boot_.in_force = secure_boot_.enabled && !keeps_secure_boot_off_;
  };
  switch (action) {
    case ServerPowerAction::on:
      boot();
      return {};
    case ServerPowerAction::force_off:
    case ServerPowerAction::graceful_shutdown:
      on_ = false;
      return {};
    case ServerPowerAction::force_restart:
    case ServerPowerAction::graceful_restart:
    case ServerPowerAction::power_cycle:
      if (!on_) return base::conflict("the server is off");
      boot();
      return {};
    case ServerPowerAction::nmi:
      return {};
  }
  return {};
}

RaidController& InstantServer::add_raid(sys::Loop& loop, size_t drives) {
  raid_ = std::make_unique<RaidController>(loop);
  for (size_t i = 0; i < drives; ++i)
    raid_->drives.push_back({.id = "Disk." + std::to_string(i), .serial = "D000" + std::to_string(i)});
  return *raid_;
}

base::Result<void> InstantServer::insert_media(const std::string& url, bool write_protected) {
  if (url.rfind("http://", 0) != 0 && url.rfind("https://", 0) != 0)
    return base::invalid("only http and https images can be inserted");
  media_ = {url, true, write_protected};
  return {};
}

}  // namespace sim
