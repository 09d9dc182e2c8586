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
#include "base/large_memory.h"

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
      if (bytes_) pool_->give(bytes_);
    }
    // The bytes may lie in free(), and need not be copied where they are at its start.
    void append(std::string_view bytes) {
      char* const place = grow(bytes.size());
      if (place != bytes.data()) std::memmove(place, bytes.data(), bytes.size());
    }
    // Where the next `count` bytes of the content are to be put.
    char* grow(size_t count) {
      CHECK_THAT(count <= room(), "a buffer has a size");
      char* const place = bytes_ + end_;
      end_ += count;
      return place;
    }
    std::span<char> free() { return {bytes_ + end_, room()}; }
    size_t room() const { return bytes_ ? pool_->buffer_bytes_ - end_ : 0; }
    std::string_view view() const { return {bytes_, end_}; }

   private:
    friend class BytePool;
    std::shared_ptr<BytePool> pool_;
    char* bytes_ = nullptr;
    size_t end_ = 0;
  };

  // Empty, with room for buffer_bytes. Any thread.
  Buffer take() {
    Buffer out;
    out.pool_ = shared_from_this();
    const std::lock_guard lock(mutex_);
    if (spare_.empty()) grow();
    out.bytes_ = spare_.back();
    spare_.pop_back();
    return out;
  }

 private:
  static constexpr size_t alignment = 4096;
  struct Free {
    void operator()(char* bytes) const { ::operator delete (bytes, std::align_val_t{alignment}); }
  };
  void give(char* bytes) {
    const std::lock_guard lock(mutex_);
    spare_.push_back(bytes);
  }
  // Large buffers share large pages; small ones come one by one.
  void grow() {
    const size_t count = base::large_page_bytes / buffer_bytes_;
    if ((count != 1 && count != 2) || base::large_page_bytes % buffer_bytes_ != 0) {
      small_.emplace_back(static_cast<char*>(::operator new (buffer_bytes_, std::align_val_t{alignment})));
      return spare_.push_back(small_.back().get());
    }
    large_.push_back(base::large_memory(base::large_page_bytes));
    for (size_t i = count; i-- > 0;) spare_.push_back(large_.back().get() + i * buffer_bytes_);
  }

  size_t buffer_bytes_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<char, Free>> small_;
  std::vector<base::LargeMemory> large_;
  std::vector<char*> spare_;  // of these
};

}  // namespace fetch
