// A RAID controller of a simulated server: its drives, the volumes on them, and jobs that need their time or a restart
// of the server. It belongs to the server: what a BMC forgets, it keeps.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/sys.h"

namespace sim {

struct RaidDrive {
  std::string id;  // "Disk.0"
  std::string model = "Ingot SSD 960", serial;
  uint64_t bytes = 960'197'124'096;
  bool rotational = false;
  bool healthy = true;
};

struct RaidVolume {
  std::string id, name;
  std::string type;  // RAID1...: as the Volume schema has it
  uint64_t bytes = 0;
  std::vector<std::string> drives;  // ids
};

struct RaidJob {
  enum class State : unsigned char { waiting, running, done };
  State state = State::running;
  base::Time end{};
  std::string remove;  // id of the volume that goes
  RaidVolume create;   // the one that comes, when `remove` is empty
};

class RaidController {
 public:
  explicit RaidController(sys::Loop& loop) : loop_(loop) {}

  std::vector<RaidDrive> drives;
  std::vector<std::string> types = {"RAID0", "RAID1", "RAID5", "RAID6", "RAID10", "RAID50", "RAID60"};
  bool on_reset = false;  // changes wait for the server's next restart
  base::Duration job_takes = base::seconds(20);
  std::function<void(const RaidVolume&, bool made)> on_change;  // a volume has come or gone

  const std::vector<RaidVolume>& volumes();
  const std::map<std::string, RaidJob>& jobs();  // by id
  // Both return the job's id. Errors: conflict (a job is under way), invalid (drives or level that do not fit),
  // not_found. `bytes` 0: as large as possible.
  base::Result<std::string> create(RaidVolume volume);
  base::Result<std::string> remove(const std::string& id);
  void booted();  // what waited for a restart goes on
  int removals() const { return removals_; }

 private:
  base::Result<std::string> begin(RaidJob job);
  void settle();
  void settle_after_work();

  sys::Loop& loop_;
  std::vector<RaidVolume> volumes_;
  std::map<std::string, RaidJob> jobs_;
  int made_ = 0, removals_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sim
