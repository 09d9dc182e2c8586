#include "sim/bmc/raid_controller.h"

#include <algorithm>
#include <array>

namespace sim {

namespace {

struct Shape {
  std::string_view type;
  size_t least;
  size_t lost;  // drives that do not add to the size; 0 with halves
  bool halves;
};
constexpr std::array<Shape, 7> shapes{{{"RAID0", 1, 0, false},
                                       {"RAID1", 2, 0, true},
                                       {"RAID5", 3, 1, false},
                                       {"RAID6", 4, 2, false},
                                       {"RAID10", 4, 0, true},
                                       {"RAID50", 6, 2, false},
                                       {"RAID60", 8, 4, false}}};

}  // namespace

void RaidController::settle() {
  for (auto& [id, job] : jobs_) {
    if (job.state != RaidJob::State::running || loop_.now() < job.end) continue;
    job.state = RaidJob::State::done;
    if (job.remove.empty()) {
      volumes_.push_back(job.create);
      if (on_change) on_change(job.create, true);
      continue;
    }
    const auto gone =
        std::find_if(volumes_.begin(), volumes_.end(), [&](const RaidVolume& one) { return one.id == job.remove; });
    if (gone == volumes_.end()) continue;
    const RaidVolume volume = *gone;
    volumes_.erase(gone);
    ++removals_;
    if (on_change) on_change(volume, false);
  }
}

const std::vector<RaidVolume>& RaidController::volumes() {
  settle();
  return volumes_;
}

const std::map<std::string, RaidJob>& RaidController::jobs() {
  settle();
  return jobs_;
}

base::Result<std::string> RaidController::begin(RaidJob job) {
  for (const auto& [id, other] : jobs_)
    if (other.state != RaidJob::State::done) return base::conflict("job " + id + " is under way on this controller");
  job.state = on_reset ? RaidJob::State::waiting : RaidJob::State::running;
  job.end = loop_.now() + job_takes;
  const std::string id = "RAID-" + std::to_string(jobs_.size() + 1);
  jobs_[id] = std::move(job);
  if (!on_reset) settle_after_work();
  return id;
}

void RaidController::settle_after_work() {
  loop_.after(job_takes, [this, alive = std::weak_ptr(alive_)] {
    if (alive.lock()) settle();
  });
}

base::Result<std::string> RaidController::create(RaidVolume volume) {
  settle();
  const auto shape =
      std::find_if(shapes.begin(), shapes.end(), [&](const Shape& one) { return one.type == volume.type; });
  if (shape == shapes.end() || std::find(types.begin(), types.end(), volume.type) == types.end())
    return base::invalid("this controller makes no " + volume.type);
  const size_t n = volume.drives.size();
  if (n < shape->least || (shape->halves && n % 2 != 0)) return base::invalid("too few drives, or an odd number");
  uint64_t least = ~uint64_t{0};
  for (const auto& id : volume.drives) {
    const auto drive = std::find_if(drives.begin(), drives.end(), [&](const RaidDrive& one) { return one.id == id; });
    if (drive == drives.end() || !drive->healthy) return base::invalid("drive " + id + " cannot be used");
    for (const auto& other : volumes_)
      if (std::find(other.drives.begin(), other.drives.end(), id) != other.drives.end())
        return base::invalid("drive " + id + " belongs to volume " + other.id);
    least = std::min(least, drive->bytes);
  }
  const uint64_t room = shape->halves ? n / 2 * least : (n - shape->lost) * least;
  if (volume.bytes > room) return base::invalid("the volume is too large for its drives");
  if (volume.bytes == 0) volume.bytes = room;
  volume.bytes = volume.bytes / (64u << 10) * (64u << 10);  // whole stripes
  volume.id = "Volume." + std::to_string(++made_);
  if (volume.name.empty()) volume.name = "Virtual Disk " + std::to_string(made_);
  return begin({.create = std::move(volume)});
}

base::Result<std::string> RaidController::remove(const std::string& id) {
  settle();
  for (const auto& one : volumes_)
    if (one.id == id) return begin({.remove = id});
  return base::not_found("there is no volume " + id);
}

void RaidController::booted() {
  settle();
  for (auto& [id, job] : jobs_) {
    if (job.state != RaidJob::State::waiting) continue;
    job.state = RaidJob::State::running;
    job.end = loop_.now() + job_takes;
    settle_after_work();
  }
}

}  // namespace sim
