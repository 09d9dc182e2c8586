// Reads and writes of any offset and length on top of aligned ones, past the page cache (O_DIRECT): what is not aligned
// is read first. Several threads may use one at the same time. Private to src/sys.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sys/real/descriptor.h"
#include "sys/sys.h"

namespace sys {

class DirectIo {
 public:
  static constexpr size_t alignment = 4096;  // of buffers, offsets and sizes, for any disk

  // `bytes`: the size, beyond which nothing is read or written.
  DirectIo(Descriptor file, std::string name, uint64_t bytes);
  ~DirectIo();

  Result<std::string> read_at(uint64_t offset, size_t bytes);
  Result<bool> holds(uint64_t offset, std::string_view bytes);
  // Bytes that are aligned in memory and on the disk are not copied. Errors: too_large (behind the end).
  Result<void> write_at(uint64_t offset, std::string_view bytes);
  // Calls `aligned` for the whole blocks between, and writes zeros before and behind them.
  Result<void> zero(uint64_t offset, uint64_t bytes, const std::function<Result<void>(uint64_t, uint64_t)>& aligned);
  Result<void> sync();

  int number() const { return file_.number(); }
  const std::string& name() const { return name_; }
  uint64_t size() const { return bytes_; }

 private:
  class Buffer;
  class Lease;
  using Part = std::function<void(const char* bytes, size_t count)>;
  Result<void> read_parts(uint64_t offset, size_t bytes, const Part& part);
  Result<void> write_piece(uint64_t from, size_t span, size_t skip, std::string_view bytes);
  Result<size_t> read_aligned(char* buffer, uint64_t from, size_t bytes);
  Result<void> write_aligned(const char* buffer, uint64_t from, size_t bytes);

  Descriptor file_;
  std::string name_;
  uint64_t bytes_;
  std::mutex mutex_;    // of spare_
  std::mutex partial_;  // of blocks that are read, changed and written
  std::vector<std::unique_ptr<Buffer>> spare_;
};

}  // namespace sys
