#include "sim/paced_file.h"

#include <algorithm>

#include "agent/disk_layout.h"
#include "sys/fiber.h"

namespace sim {

using base::Result;

namespace {
constexpr uint64_t page_bytes = 4096;           // what a disk writes as a whole or not at all
constexpr uint64_t cache_bytes_max = 2u << 20;  // larger pieces are on the disk when the call returns
constexpr size_t transfer_bytes = 256u << 10;   // of an image: the power may go between two
constexpr base::Duration seek = base::milliseconds(50);
}  // namespace

PacedFile::PacedFile(std::unique_ptr<sys::File> file, Owner owner) : file_(std::move(file)), owner_(std::move(owner)) {
  const auto whole = owner_.site.pace.pick(owner_.site.durations.image_write, owner_.random);
  time_per_image_byte_ = whole / static_cast<int64_t>(owner_.site.image_bytes);
}

PacedFile::~PacedFile() {
  if (owner_.loop.is_shut()) lose_cache();
  if (!head_cleared_ || image_started_) return;
  ++owner_.counters.metadata_wipes;
  owner_.site.log.add(owner_.server, "disk metadata erased", owner_.device);
}

Result<void> PacedFile::work(base::Duration takes) {
  owner_.work.add(owner_.loop.now(), takes);
  return sys::sleep(owner_.loop, takes);
}

Result<std::string> PacedFile::read_at(uint64_t offset, size_t bytes) { return file_->read_at(offset, bytes); }

Result<void> PacedFile::take_writes() const {
  if (owner_.broken.count(owner_.device) == 0) return {};
  return base::unavailable("input/output error on " + owner_.device);
}

Result<void> PacedFile::remember(uint64_t offset, uint64_t bytes) {
  if (bytes > cache_bytes_max) return {};
  for (uint64_t at = offset; at < offset + bytes;) {
    const uint64_t part = std::min(page_bytes - at % page_bytes, offset + bytes - at);
    cached_.push_back({at, TRY(file_->read_at(at, part))});
    at += part;
  }
  return {};
}

void PacedFile::lose_cache() {
  for (auto piece = cached_.rbegin(); piece != cached_.rend(); ++piece) {
    if (owner_.random.below(2) == 0) (void)file_->write_at(piece->offset, piece->before);
  }
}

Result<void> PacedFile::write_image(uint64_t offset, std::string_view bytes) {
  if (!image_started_) {
    image_started_ = true;
    ++owner_.counters.image_writes_started;
    owner_.site.log.add(owner_.server, "image write started", owner_.device);
  }
  const bool boots = offset == 0;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, transfer_bytes);
    TRY(work(time_per_image_byte_ * static_cast<int64_t>(part.size())));
    TRY(take_writes());
    TRY(remember(offset, part.size()));
    TRY(file_->write_at(offset, part));
    offset += part.size();
    bytes.remove_prefix(part.size());
  }
  if (boots) {
    ++owner_.counters.image_writes;
    owner_.site.log.add(owner_.server, "image written", owner_.device);
  }
  return {};
}

Result<void> PacedFile::write_at(uint64_t offset, std::string_view bytes) {
  if (offset < agent::record_offset(size())) return write_image(offset, bytes);
  if (offset >= agent::config_drive_offset(size())) owner_.site.log.add(owner_.server, "config drive written");
  TRY(work(seek));
  TRY(take_writes());
  TRY(remember(offset, bytes.size()));
  return file_->write_at(offset, bytes);
}

Result<void> PacedFile::zero(uint64_t offset, uint64_t bytes) {
  if (offset == 0) {
    owner_.site.log.add(owner_.server, "disk erase started", owner_.device);
    TRY(work(owner_.site.pace.pick(owner_.site.durations.metadata_erase, owner_.random)));
  }
  TRY(take_writes());
  head_cleared_ = head_cleared_ || offset == 0;
  TRY(remember(offset, bytes));
  return file_->zero(offset, bytes);
}

Result<void> PacedFile::sync() {
  TRY(take_writes());
  TRY(file_->sync());
  cached_.clear();
  return {};
}

uint64_t PacedFile::size() const { return file_->size(); }
Result<void> PacedFile::resize(uint64_t) { return base::invalid("a disk has a fixed size"); }

}  // namespace sim
