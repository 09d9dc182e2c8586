// What a server's RAID controllers have and can make, as its BMC tells (Redfish Storage, Drive and Volume schemas).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace metal {

struct BmcDrive {
  std::string path, id, name, serial;
  int64_t bytes = 0;   // 0: not told
  std::string media;   // HDD or SSD; empty: not told
  bool usable = true;  // there, healthy and no hot spare
};

struct BmcVolume {
  std::string path, name;
  std::string level;  // as BareMetalHost has it: "1+0"; the BMC's own word where there is no such level
  int64_t bytes = 0;
  std::vector<std::string> drives;  // paths
};

// One controller that can make volumes.
struct BmcStorage {
  std::string path, id;
  std::vector<std::string> names;                  // by which people may call it, besides the id
  std::optional<std::vector<std::string>> levels;  // that it can make; nullopt: not told
  std::string volumes;                             // path of the collection
  std::vector<BmcDrive> drives;
  std::vector<BmcVolume> present;
};

struct VolumeOrder {
  std::string storage, volumes;  // paths of the controller and of its collection
  std::string level, name;       // name may be empty
  int64_t bytes = 0;             // 0: as large as possible
  std::vector<std::string> drives;
};

// What became of an order to change volumes.
struct VolumeChange {
  std::string task;       // to ask for; empty: it is done, or nothing tells
  bool on_reset = false;  // begins with the server's next restart
};

// "1+0" for RAID10; empty when BareMetalHost knows no such level, and the other way around.
std::string raid_level_of(const std::string& redfish_type);
std::string redfish_type_of(const std::string& level);

}  // namespace metal
