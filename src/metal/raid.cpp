#include "metal/raid.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <set>

#include "base/text.h"
#include "crypto/hash.h"

namespace metal {

using base::Code;
using base::Error;
using base::Json;
using base::Layer;
using base::Result;

namespace {

constexpr int64_t gibibyte = int64_t{1} << 30;

struct Wanted {
  size_t index = 0;
  std::string level, name, controller;
  std::optional<bool> rotational;
  int64_t count = 0, bytes = 0;
  std::vector<std::string> disks;
};

// Drives that a level needs, in what steps more can be added, and how many of them do not add to the size.
struct Geometry {
  std::string_view level;
  int64_t least, step;
};
constexpr Geometry geometries[] = {{"0", 1, 1},   {"1", 2, 2},   {"5", 3, 1},  {"6", 4, 1},
                                   {"1+0", 4, 2}, {"5+0", 6, 2}, {"6+0", 8, 2}};

const Geometry* geometry_of(const std::string& level) {
  for (const auto& one : geometries)
    if (one.level == level) return &one;
  return nullptr;
}

int64_t capacity(const std::string& level, const std::vector<const BmcDrive*>& drives) {
  if (drives.empty()) return 0;
  int64_t least = drives[0]->bytes;
  for (const auto* drive : drives) least = std::min(least, drive->bytes);
  const auto n = int64_t(drives.size());
  const int64_t parts = level == "0"     ? n
                        : level == "1"   ? 1
                        : level == "5"   ? n - 1
                        : level == "1+0" ? n / 2
                        : level == "6+0" ? n - 4
                                         : n - 2;  // 6, and 5+0 of two spans
  return parts * least;
}

Wanted read_wanted(const Json& entry, size_t index) {
  Wanted out{.index = index, .level = entry["level"].string(), .name = entry["name"].string()};
  out.controller = entry["controller"].string();
  if (entry["rotational"].is_bool()) out.rotational = entry["rotational"].boolean();
  out.count = entry["numberOfPhysicalDisks"].integer();
  out.bytes = entry["sizeGibibytes"].integer() * gibibyte;
  for (const auto& disk : entry["physicalDisks"].items()) out.disks.push_back(disk.string());
  if (out.count == 0) out.count = int64_t(out.disks.size());
  return out;
}

std::string text_of(const Wanted& wanted) {
  return "hardwareRAIDVolumes[" + std::to_string(wanted.index) + "] (level " + wanted.level + ")";
}

Error cannot(const Wanted& wanted, const std::string& why) {
  return Error{Code::invalid, text_of(wanted) + ": " + why, Layer::bmc, "correct spec.raid; no volume was changed"};
}

bool is_called(const BmcStorage& storage, const std::string& name) {
  return storage.id == name || storage.path == name ||
         std::find(storage.names.begin(), storage.names.end(), name) != storage.names.end();
}

bool is_called(const BmcDrive& drive, const std::string& name) {
  return drive.id == name || drive.name == name || drive.path == name ||
         (!drive.serial.empty() && drive.serial == name);
}

const BmcDrive* drive_at(const BmcStorage& storage, const std::string& path) {
  for (const auto& drive : storage.drives)
    if (drive.path == path) return &drive;
  return nullptr;
}

bool is_kind(const BmcDrive& drive, const Wanted& wanted) {
  return !wanted.rotational || (drive.media == "HDD") == *wanted.rotational;
}

bool fits(const BmcStorage& storage, const BmcVolume& volume, const Wanted& wanted, bool names) {
  if (volume.level != wanted.level) return false;
  if (names && !wanted.name.empty() && volume.name != wanted.name) return false;
  if (!wanted.controller.empty() && !is_called(storage, wanted.controller)) return false;
  if (wanted.count > 0 && int64_t(volume.drives.size()) != wanted.count) return false;
  std::vector<const BmcDrive*> drives;
  for (const auto& path : volume.drives) {
    const auto* drive = drive_at(storage, path);
    if (!drive || !is_kind(*drive, wanted)) return false;
    const auto named = [&](const std::string& name) { return is_called(*drive, name); };
    if (!wanted.disks.empty() && std::none_of(wanted.disks.begin(), wanted.disks.end(), named)) return false;
    drives.push_back(drive);
  }
  // Controllers round to their stripes, and keep some for themselves.
  if (wanted.bytes > 0) return std::abs(volume.bytes - wanted.bytes) < gibibyte;
  return volume.bytes >= capacity(wanted.level, drives) / 10 * 9;
}

struct Present {
  const BmcStorage* storage;
  const BmcVolume* volume;
};

// Which wanted volume is there already: as many as possible, each for another one (Kuhn's algorithm).
std::vector<int> match(const std::vector<Wanted>& wanted, const std::vector<Present>& present, bool names) {
  std::vector<int> of_present(present.size(), -1);
  std::vector<char> tried;
  const std::function<bool(size_t)> place = [&](size_t w) {
    for (size_t p = 0; p < present.size(); ++p) {
      if (tried[p] != 0 || !fits(*present[p].storage, *present[p].volume, wanted[w], names)) continue;
      tried[p] = 1;
      if (of_present[p] < 0 || place(size_t(of_present[p]))) {
        of_present[p] = int(w);
        return true;
      }
    }
    return false;
  };
  for (size_t w = 0; w < wanted.size(); ++w) {
    tried.assign(present.size(), 0);
    place(w);
  }
  return of_present;
}

// Drives for one new volume; they are taken from `free`.
Result<VolumeOrder> assign(const Wanted& wanted, const BmcStorage& storage, std::set<std::string>& free) {
  const Geometry& shape = *geometry_of(wanted.level);
  if (storage.levels &&
      std::find(storage.levels->begin(), storage.levels->end(), wanted.level) == storage.levels->end())
    return cannot(wanted, "controller " + storage.id + " makes levels " + base::join(*storage.levels, ", ") + " only");
  std::vector<const BmcDrive*> chosen;
  for (const auto& name : wanted.disks) {
    const auto drive = std::find_if(storage.drives.begin(), storage.drives.end(),
                                    [&](const BmcDrive& one) { return is_called(one, name); });
    if (drive == storage.drives.end()) return cannot(wanted, "controller " + storage.id + " has no disk " + name);
    if (!drive->usable) return cannot(wanted, "disk " + name + " is not healthy, or a spare");
    if (!free.contains(drive->path)) return cannot(wanted, "disk " + name + " belongs to another volume");
    if (!is_kind(*drive, wanted)) return cannot(wanted, "disk " + name + " is " + drive->media);
    chosen.push_back(&*drive);
  }
  if (wanted.disks.empty()) {
    // Of one kind of media; the first that has enough.
    std::string why = "controller " + storage.id + " has too few free disks of that kind";
    std::set<std::string> kinds;
    for (const auto& drive : storage.drives) kinds.insert(drive.media);
    for (const auto& kind : kinds) {
      std::vector<const BmcDrive*> group;
      for (const auto& drive : storage.drives)
        if (drive.media == kind && drive.usable && free.contains(drive.path) && is_kind(drive, wanted))
          group.push_back(&drive);
      // As large as possible means all there are; with a size, the fewest that reach it.
      const auto all = int64_t(group.size());
      int64_t n = wanted.count > 0 ? wanted.count : shape.least;
      if (wanted.count == 0 && wanted.bytes == 0 && wanted.level != "1" && all >= n) n = all - (all - n) % shape.step;
      const auto some = [&] { return std::vector(group.begin(), group.begin() + n); };
      const auto too_small = [&] {
        const int64_t room = capacity(wanted.level, some());
        return room > 0 && room < wanted.bytes;
      };
      while (wanted.count == 0 && wanted.level != "1" && n <= all && too_small()) n += shape.step;
      if (n > all) continue;
      chosen = some();
      break;
    }
    if (chosen.empty()) return cannot(wanted, why);
  }
  const auto n = int64_t(chosen.size());
  if (n < shape.least || (n - shape.least) % shape.step != 0)
    return cannot(wanted, std::to_string(n) + " disks do not make this level");
  const int64_t room = capacity(wanted.level, chosen);
  if (room > 0 && wanted.bytes > room)
    return cannot(wanted, "its disks hold only " + std::to_string(room / gibibyte) + " GiB");
  VolumeOrder order{.storage = storage.path, .volumes = storage.volumes, .level = wanted.level, .name = wanted.name};
  order.bytes = wanted.bytes;
  for (const auto* drive : chosen) {
    order.drives.push_back(drive->path);
    free.erase(drive->path);
  }
  return order;
}

Result<VolumeOrder> assign_somewhere(const Wanted& wanted, const std::vector<BmcStorage>& storages,
                                     std::set<std::string>& free) {
  std::optional<Error> why;
  for (const auto& storage : storages) {
    if (!wanted.controller.empty() && !is_called(storage, wanted.controller)) continue;
    auto order = assign(wanted, storage, free);
    if (order) return order;
    if (!why) why = std::move(order).error();
  }
  if (why) return *why;
  return cannot(wanted, wanted.controller.empty() ? "the server has no RAID controller"
                                                  : "there is no RAID controller " + wanted.controller);
}

// The order in which disks are given out: those that are particular first.
int freedom(const Wanted& wanted) {
  if (!wanted.disks.empty()) return 0;
  if (wanted.count > 0 || wanted.level == "1") return 1;
  return wanted.bytes > 0 ? 2 : 3;
}

Result<RaidPlan> plan(const std::vector<BmcStorage>& storages, const std::vector<Wanted>& wanted, bool names,
                      bool keep) {
  std::vector<Present> present;
  std::set<std::string> free;
  for (const auto& storage : storages) {
    for (const auto& volume : storage.present) present.push_back({&storage, &volume});
    for (const auto& drive : storage.drives) free.insert(drive.path);
  }
  std::vector<int> kept(present.size(), -1);
  if (keep) kept = match(wanted, present, names);
  RaidPlan out;
  std::set<size_t> there;
  for (size_t p = 0; p < present.size(); ++p) {
    if (kept[p] < 0) {
      out.remove.push_back({present[p].storage->path, *present[p].volume});
      continue;
    }
    there.insert(size_t(kept[p]));
    for (const auto& path : present[p].volume->drives) free.erase(path);
  }
  for (size_t w = 0; w < wanted.size(); ++w)
    if (!there.contains(w)) out.create.push_back(TRY(assign_somewhere(wanted[w], storages, free)));
  return out;
}

}  // namespace

std::string raid_digest(const Json& hardware_volumes) {
  return base::hex(crypto::sha256(hardware_volumes.dump()).substr(0, 8));
}

std::string RaidOrder::digest() const { return raid_digest(volumes); }

std::string RaidPlan::text() const {
  std::vector<std::string> parts;
  for (const auto& one : remove) {
    const auto& name = one.volume.name.empty() ? one.volume.path : one.volume.name;
    parts.push_back("delete volume " + base::quoted(name) + " (level " + one.volume.level + ")");
  }
  for (const auto& one : create) {
    parts.push_back("create a volume of level " + one.level + " on " + std::to_string(one.drives.size()) + " disks");
  }
  return base::join(parts, "; ");
}

Result<RaidPlan> plan_raid(const std::vector<BmcStorage>& present, const Json& wanted_list, bool names) {
  std::vector<Wanted> wanted;
  for (const auto& entry : wanted_list.items()) {
    wanted.push_back(read_wanted(entry, wanted.size()));
    if (!geometry_of(wanted.back().level))
      return cannot(wanted.back(), "Redfish controllers make no volumes of this level");
  }
  std::stable_sort(wanted.begin(), wanted.end(),
                   [](const Wanted& a, const Wanted& b) { return freedom(a) < freedom(b); });
  // What stays may hold the disks that another volume is asked to be on.
  auto sparing = plan(present, wanted, names, true);
  return sparing ? sparing : plan(present, wanted, names, false);
}

Result<void> check_same_server(const std::string& bmc_serial, const std::vector<std::string>& bmc_macs,
                               const Inventory& agent) {
  const bool serial = !bmc_serial.empty() && base::equals_ignore_case(bmc_serial, agent.system_serial);
  const bool shared = std::any_of(bmc_macs.begin(), bmc_macs.end(), [&](const auto& mac) {
    return std::find(agent.macs.begin(), agent.macs.end(), mac) != agent.macs.end();
  });
  if (serial || shared) return {};
  if (bmc_macs.empty() && (bmc_serial.empty() || agent.system_serial.empty())) {
    return Error{Code::conflict,
                 "nothing shows that the BMC belongs to the server of the agent (it tells no MAC address, and one of "
                 "the two no serial number): no RAID volume is touched",
                 Layer::bmc,
                 "clear spec.raid and set the RAID up by other means, or let the BMC tell its serial number"};
  }
  return Error{Code::conflict,
               "the BMC (serial number " + bmc_serial + ") belongs to another server than the agent's (" +
                   agent.system_serial + "): no RAID volume is touched",
               Layer::controller, "correct spec.bmc.address or spec.bootMACAddress: they belong to different servers"};
}

}  // namespace metal
