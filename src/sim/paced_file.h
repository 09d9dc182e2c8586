// A disk as the operating system on the server sees it: a sparse file behind a device that needs time and counts what
// is done to it. Writing calls park the calling fiber. What was not synced when the power goes is partly lost, in
// pieces, as a disk's cache loses it.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/site.h"
#include "sim/work_time.h"

namespace sim {

// What was done to the disks of one server since the rack was made.
struct DiskCounters {
  uint64_t image_writes_started = 0;  // the first bytes of an image reached the disk
  uint64_t image_writes = 0;          // an image became bootable
  uint64_t metadata_wipes = 0;        // a metadata erase on its own
  uint64_t full_erases = 0;
};

class PacedFile : public sys::File {
 public:
  struct Owner {
    Site& site;
    sys::Loop& loop;  // of the running system; its end ends parked calls
    sys::Random& random;
    DiskCounters& counters;
    WorkTime& work;
    std::string server;
    const std::set<std::string>& broken;  // devices that take no writes
    std::string device;                   // "/dev/nvme0n1"
  };
  PacedFile(std::unique_ptr<sys::File> file, Owner owner);
  ~PacedFile() override;
  base::Result<std::string> read_at(uint64_t offset, size_t bytes) override;
  base::Result<void> write_at(uint64_t offset, std::string_view bytes) override;
  base::Result<void> zero(uint64_t offset, uint64_t bytes) override;
  base::Result<void> sync() override;
  uint64_t size() const override;
  base::Result<void> resize(uint64_t bytes) override;

 private:
  struct Piece {
    uint64_t offset;
    std::string before;
  };
  base::Result<void> work(base::Duration takes);
  base::Result<void> take_writes() const;
  // Keeps what lies there, to be put back if the power goes before the next sync.
  base::Result<void> remember(uint64_t offset, uint64_t bytes);
  void lose_cache();
  base::Result<void> write_image(uint64_t offset, std::string_view bytes);
  std::unique_ptr<sys::File> file_;
  Owner owner_;
  base::Duration time_per_image_byte_;
  bool head_cleared_ = false, image_started_ = false;
  std::vector<Piece> cached_;  // since the last sync, oldest first
};

}  // namespace sim
