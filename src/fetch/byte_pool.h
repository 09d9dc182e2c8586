// Buffers of one size that go round in a pipeline: memory that is touched once, aligned so that disks take it as it is.
#pragma once

#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"

namespace fetch {

class BytePool : public std::enable_shared_from_this<BytePool> {
 public:
  explicit BytePool(size_t buffer_bytes) : buffer_bytes_(buffer_bytes) {}

  class Buffer {
   public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept { *this = std::move(other); }
    Buffer& operator=(Buffer&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(bytes_, other.bytes_);
      std::swap(end_, other.end_);
      return *this;
    }
    ~Buffer() {
      if (bytes_) pool_->give(std::move(bytes_));
    }
    // The bytes may lie in free(), and need not be copied where they are at its start.
    void append(std::string_view bytes) {
      char* const place = grow(bytes.size());
      if (place != bytes.data()) std::memmove(place, bytes.data(), bytes.size());
    }
    // Where the next `count` bytes of the content are to be put.
    char* grow(size_t count) {
      CHECK_THAT(count <= room(), "a buffer has a size");
      char* const place = bytes_.get() + end_;
      end_ += count;
      return place;
    }
    std::span<char> free() { return {bytes_.get() + end_, room()}; }
    size_t room() const { return bytes_ ? pool_->buffer_bytes_ - end_ : 0; }
    std::string_view view() const { return {bytes_.get(), end_}; }

   private:
    friend class BytePool;
    struct Free {
      void operator()(char* bytes) const { ::operator delete (bytes, std::align_val_t{alignment}); }
    };
    using Memory = std::unique_ptr<char, Free>;
    std::shared_ptr<BytePool> pool_;
    Memory bytes_;
    size_t end_ = 0;
  };

  // Empty, with room for buffer_bytes. Any thread.
  Buffer take() {
    Buffer out;
    out.pool_ = shared_from_this();
    const std::lock_guard lock(mutex_);
    if (spare_.empty()) {
      out.bytes_.reset(static_cast<char*>(::operator new (buffer_bytes_, std::align_val_t{alignment})));
    } else {
      out.bytes_ = std::move(spare_.back());
      spare_.pop_back();
    }
    return out;
  }

 private:
  static constexpr size_t alignment = 4096;
  void give(Buffer::Memory bytes) {
    const std::lock_guard lock(mutex_);
    spare_.push_back(std::move(bytes));
  }

  size_t buffer_bytes_;
  std::mutex mutex_;
  std::vector<Buffer::Memory> spare_;
};

}  // namespace fetch
