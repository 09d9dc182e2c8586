#include "sim/paced_file.h"

#include "agent/disk_layout.h"
#include "sys/fiber.h"

namespace sim {

using base::Result;

PacedFile::PacedFile(std::unique_ptr<sys::File> file, Owner owner) : file_(std::move(file)), owner_(std::move(owner)) {
  const auto whole = owner_.site.pace.pick(owner_.site.durations.image_write, owner_.random);
  time_per_image_byte_ = whole / static_cast<int64_t>(owner_.site.image_bytes);
}

PacedFile::~PacedFile() {
  if (!head_cleared_ || image_started_) return;
  ++owner_.counters.metadata_wipes;
  owner_.site.log.add(owner_.server, "disk metadata erased", owner_.device);
}

Result<void> PacedFile::work(base::Duration takes) {
  owner_.work.add(owner_.loop.now(), takes);
  return sys::sleep(owner_.loop, takes);
}

Result<std::string> PacedFile::read_at(uint64_t offset, size_t bytes) { return file_->read_at(offset, bytes); }

Result<void> PacedFile::write_at(uint64_t offset, std::string_view bytes) {
  const bool image = offset < agent::record_offset(size());
  if (image && !image_started_) {
    image_started_ = true;
    ++owner_.counters.image_writes_started;
    owner_.site.log.add(owner_.server, "image write started", owner_.device);
  }
  if (image) TRY(work(time_per_image_byte_ * static_cast<int64_t>(bytes.size())));
  TRY(file_->write_at(offset, bytes));
  if (image && offset == 0) {
    ++owner_.counters.image_writes;
    owner_.site.log.add(owner_.server, "image written", owner_.device);
  }
  return {};
}

Result<void> PacedFile::zero(uint64_t offset, uint64_t bytes) {
  if (offset == 0) {
    owner_.site.log.add(owner_.server, "disk erase started", owner_.device);
    TRY(work(owner_.site.pace.pick(owner_.site.durations.metadata_erase, owner_.random)));
    head_cleared_ = true;
  }
  return file_->zero(offset, bytes);
}

Result<void> PacedFile::sync() { return file_->sync(); }
uint64_t PacedFile::size() const { return file_->size(); }
Result<void> PacedFile::resize(uint64_t) { return base::invalid("a disk has a fixed size"); }

}  // namespace sim
