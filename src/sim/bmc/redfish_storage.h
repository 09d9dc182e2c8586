// The Storage resources of a simulated BMC: its server's RAID controller with drives, volumes and jobs, and the disks
// that hang on the server directly.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "sim/bmc/redfish_changes.h"
#include "sim/bmc/server_controls.h"

namespace sim {

class RedfishStorage {
 public:
  // `server` must outlive this.
  RedfishStorage(ServerControls& server, std::string system_path);
  const std::string& path() const { return path_; }
  const std::string& volumes_path() const { return volumes_; }
  // What is at a path below path(); null: nothing.
  base::Json find(const std::string& path) const;
  bool is_volume(const std::string& path) const;
  std::vector<std::string> tasks() const;
  base::Json task(const std::string& id) const;  // null: not one of these

  RedfishProblem create(const base::Json& body, std::string& task);
  RedfishProblem remove(const std::string& path, std::string& task);

 private:
  base::Json collection() const;
  base::Json controller() const;
  base::Json drive(const RaidDrive& drive) const;
  base::Json volumes() const;
  base::Json volume(const RaidVolume& volume) const;

  ServerControls& server_;
  std::string path_, raid_, volumes_;
};

}  // namespace sim
