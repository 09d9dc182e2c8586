// An image file that lies on a disk of ours.
#pragma once

#include <memory>

#include "fetch/image_source.h"
#include "sys/sys.h"

namespace fetch {

class FileSource : public ImageSource {
 public:
  FileSource(sys::Sys& sys, std::shared_ptr<sys::File> file, uint64_t bytes)
      : sys_(sys), file_(std::move(file)), bytes_(bytes) {}
  base::Result<void> stream(const Take& take, const Place& place) override;
  base::Result<std::vector<std::string>> read(const std::vector<image::FileRange>& ranges) override;
  uint64_t position() const override { return position_; }
  uint64_t bytes_total() const override { return bytes_; }

 private:
  base::Result<std::string> part(uint64_t offset, size_t bytes);

  sys::Sys& sys_;
  std::shared_ptr<sys::File> file_;
  uint64_t bytes_, position_ = 0;
};

}  // namespace fetch
