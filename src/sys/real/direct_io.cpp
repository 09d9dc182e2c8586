#include "sys/real/direct_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/large_memory.h"
#include "sys/compare.h"
#include "sys/real/real.h"

namespace sys {

using base::Code;

namespace {

constexpr size_t piece_bytes = base::large_page_bytes;

uint64_t round_up(uint64_t value) {
  return (value + DirectIo::alignment - 1) / DirectIo::alignment * DirectIo::alignment;
}

bool is_aligned(const char* bytes) { return reinterpret_cast<uintptr_t>(bytes) % DirectIo::alignment == 0; }

}  // namespace

// Memory that a disk may be read into or written from directly.
class DirectIo::Buffer {
 public:
  char* data() { return bytes_.get(); }

 private:
  base::LargeMemory bytes_ = base::large_memory(piece_bytes);
};

// A buffer for one call.
class DirectIo::Lease {
 public:
  explicit Lease(DirectIo& io) : io_(io) {
    const std::lock_guard lock(io_.mutex_);
    if (io_.spare_.empty()) {
      buffer_ = std::make_unique<Buffer>();
    } else {
      buffer_ = std::move(io_.spare_.back());
      io_.spare_.pop_back();
    }
  }
  ~Lease() {
    const std::lock_guard lock(io_.mutex_);
    io_.spare_.push_back(std::move(buffer_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  char* data() const { return buffer_->data(); }

 private:
  DirectIo& io_;
  std::unique_ptr<Buffer> buffer_;
};

DirectIo::DirectIo(Descriptor file, std::string name, uint64_t bytes)
    : file_(std::move(file)), name_(std::move(name)), bytes_(bytes) {}
DirectIo::~DirectIo() = default;

// Gives what there is, in order; less at the end of the file.
Result<void> DirectIo::read_parts(uint64_t offset, size_t bytes, const Part& part) {
  if (offset >= bytes_) return {};
  const uint64_t end = offset + std::min<uint64_t>(bytes, bytes_ - offset);
  const Lease buffer(*this);
  while (offset < end) {
    const uint64_t from = offset / alignment * alignment;
    const auto span = static_cast<size_t>(std::min<uint64_t>(piece_bytes, round_up(end) - from));
    const size_t got = TRY(read_aligned(buffer.data(), from, span));
    const auto skip = static_cast<size_t>(offset - from);
    if (got <= skip) break;
    const auto use = static_cast<size_t>(std::min<uint64_t>(got - skip, end - offset));
    part(buffer.data() + skip, use);
    offset += use;
  }
  return {};
}

Result<std::string> DirectIo::read_at(uint64_t offset, size_t bytes) {
  std::string out;
  if (offset < bytes_) out.reserve(static_cast<size_t>(std::min<uint64_t>(bytes, bytes_ - offset)));
  TRY(read_parts(offset, bytes, [&out](const char* part, size_t count) { out.append(part, count); }));
  return out;
}

Result<bool> DirectIo::holds(uint64_t offset, std::string_view bytes) {
  bool same = true;
  TRY(read_parts(offset, bytes.size(), [&](const char* part, size_t count) {
    same = same && bytes.substr(0, count) == std::string_view(part, count);
    bytes.remove_prefix(count);
  }));
  return same && bytes.empty();
}

Result<void> DirectIo::write_at(uint64_t offset, std::string_view bytes) {
  if (offset > bytes_ || bytes.size() > bytes_ - offset) {
    return Error{Code::too_large, "writing behind the end of " + name_};
  }
  while (!bytes.empty()) {
    const uint64_t from = offset / alignment * alignment;
    const auto skip = static_cast<size_t>(offset - from);
    const size_t use = std::min(piece_bytes - skip, bytes.size());
    const auto span = static_cast<size_t>(std::min<uint64_t>(round_up(from + skip + use), bytes_) - from);
    TRY(write_piece(from, span, skip, bytes.substr(0, use)));
    bytes.remove_prefix(use);
    offset += use;
  }
  return {};
}

// `bytes` at `skip` of an aligned span, of which the rest stays as it is. Two writers may share such a block.
Result<void> DirectIo::write_piece(uint64_t from, size_t span, size_t skip, std::string_view bytes) {
  const bool partly = skip != 0 || bytes.size() != span;
  if (!partly && is_aligned(bytes.data())) return write_aligned(bytes.data(), from, span);
  const Lease buffer(*this);
  std::unique_lock lock(partial_, std::defer_lock);
  if (partly) {
    lock.lock();
    TRY(read_aligned(buffer.data(), from, span));
  }
  std::memcpy(buffer.data() + skip, bytes.data(), bytes.size());
  return write_aligned(buffer.data(), from, span);
}

Result<void> DirectIo::zero(uint64_t offset, uint64_t bytes,
                            const std::function<Result<void>(uint64_t, uint64_t)>& aligned) {
  const uint64_t first = round_up(offset);
  const uint64_t end = offset + bytes;
  const uint64_t last = end / alignment * alignment;
  if (first >= last) return write_at(offset, std::string(static_cast<size_t>(bytes), '\0'));
  if (first > offset) TRY(write_at(offset, std::string(static_cast<size_t>(first - offset), '\0')));
  TRY(aligned(first, last - first));
  if (end > last) TRY(write_at(last, std::string(static_cast<size_t>(end - last), '\0')));
  return {};
}

Result<void> DirectIo::sync() {
  if (fsync(file_.number()) != 0) return system_error(errno, "syncing " + name_);
  return {};
}

Result<size_t> DirectIo::read_aligned(char* buffer, uint64_t from, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    const ssize_t count = pread(file_.number(), buffer + done, bytes - done, off_t(from + done));
    if (count == 0) break;
    if (count < 0 && errno != EINTR) return system_error(errno, "reading " + name_);
    if (count > 0) done += size_t(count);
  }
  return done;
}

Result<void> DirectIo::write_aligned(const char* buffer, uint64_t from, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    const ssize_t count = pwrite(file_.number(), buffer + done, bytes - done, off_t(from + done));
    if (count < 0 && errno != EINTR) return system_error(errno, "writing " + name_);
    if (count > 0) done += size_t(count);
  }
  return {};
}

namespace {

class DirectFile : public File, public Comparable {
 public:
  explicit DirectFile(std::unique_ptr<DirectIo> io) : io_(std::move(io)) {}
  Result<std::string> read_at(uint64_t offset, size_t bytes) override { return io_->read_at(offset, bytes); }
  Result<void> write_at(uint64_t offset, std::string_view bytes) override { return io_->write_at(offset, bytes); }
  Result<bool> holds(uint64_t offset, std::string_view bytes) override { return io_->holds(offset, bytes); }
  Result<void> zero(uint64_t offset, uint64_t bytes) override {
    return io_->zero(offset, bytes, [this](uint64_t from, uint64_t count) -> Result<void> {
      const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
      if (fallocate(io_->number(), mode, off_t(from), off_t(count)) == 0) return {};
      return system_error(errno, "zeroing " + io_->name());
    });
  }
  Result<void> sync() override { return io_->sync(); }
  uint64_t size() const override { return io_->size(); }
  Result<void> resize(uint64_t) override { return Error{Code::unsupported, io_->name() + " has the size it has"}; }

 private:
  std::unique_ptr<DirectIo> io_;
};

}  // namespace

Result<std::unique_ptr<File>> open_disk_file(const std::string& path, uint64_t bytes) {
  if (bytes % DirectIo::alignment != 0) return base::invalid("a disk has whole blocks");
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0644));
  if (!file) return system_error(errno, path);
  if (ftruncate(file.number(), off_t(bytes)) != 0) return system_error(errno, "resizing " + path);
  auto io = std::make_unique<DirectIo>(std::move(file), path, bytes);
  return std::unique_ptr<File>(std::make_unique<DirectFile>(std::move(io)));
}

}  // namespace sys
