// What a disk image says about the disk, taken from the bytes of the image file in order, as they arrive.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/format.h"

namespace image {

// Bytes of the disk. What is never given is zero.
using Sink = std::function<base::Result<void>(uint64_t offset, std::string_view bytes)>;

class Content {
 public:
  virtual ~Content() = default;
  // The next bytes of the file; only when the last step() said that it needs more. The bytes must stay until then.
  virtual void feed(std::string_view bytes) = 0;
  // Memory of step_bytes that the next bytes of the disk may be put into and given from, instead of memory of its own;
  // it must stay until bytes in it were given, which may take several steps.
  virtual void put_into(char* place) { (void)place; }
  // Gives out at most about step_bytes of the disk. True: there is more without feeding. Errors: those of the sink,
  // corrupt, too_large (more than the limit).
  virtual base::Result<bool> step(const Sink& sink) = 0;
  // After the last byte of the file. Errors: corrupt (the file ends too early).
  virtual base::Result<void> finish(const Sink& sink) = 0;
  // Bytes of the disk the image covers, as far as is known by now.
  virtual uint64_t bytes() const = 0;
  // True: step() gives stored blocks, each of which unpack() turns into unpacked_bytes() bytes of the disk. Other
  // threads may do that, also during a step().
  virtual bool packed() const { return false; }
  virtual size_t unpacked_bytes(uint64_t offset) const {
    (void)offset;
    return 0;
  }
  virtual base::Result<void> unpack(uint64_t offset, std::string_view stored, char* out) const {
    (void)offset, (void)stored, (void)out;
    return base::internal("nothing is packed");
  }
};

constexpr size_t step_bytes = 1u << 20;

// The bytes as they are. `limit`: more of them than this are refused with too_large.
std::unique_ptr<Content> raw_content(uint64_t limit);
// RFC 1952 (any number of members) and RFC 8878 (any number of frames, windows up to 128 MiB).
std::unique_ptr<Content> gzip_content(uint64_t limit);
std::unique_ptr<Content> zstd_content(uint64_t limit);

}  // namespace image
