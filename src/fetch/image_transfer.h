// One image on its way onto a disk (or a file): downloaded, recognised, hashed, unpacked, written.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "fetch/disk_access.h"
#include "fetch/image_pipeline.h"
#include "fetch/image_source.h"

namespace fetch {

struct ImageProgress {
  uint64_t bytes = 0, bytes_total = 0;  // of the download; total is 0 while unknown
};

class ImageTransfer {
 public:
  // `room`: bytes of the disk that the image may take. `declared`: raw or qcow2, and that is what must arrive; empty:
  // either; "block map": one whose map has the sum `expected`, which is compared before anything else, and the rest of
  // the file is what the map says. For other formats the file is summed up, and the caller compares.
  ImageTransfer(sys::Sys& sys, std::shared_ptr<sys::File> disk, DiskAccess access, uint64_t room, crypto::Digest digest,
                std::string expected, std::string declared, std::function<void(const ImageProgress&)> progress);
  // Everything but the first block and the zeros; nothing is written any more once it returns. The digest is not
  // compared with anything. Errors: those of the source, image::detect, image::check_declared and the disk.
  base::Result<void> run(ImageSource& source);
  // Instead of run(): reads the head of the file and whatever says how large the disk must be; writes nothing. Errors:
  // those of run() that are known by then.
  base::Result<void> look(ImageSource& source);
  const std::string& sum() const { return sum_; }  // of the file, hex
  std::string_view format() const { return format_; }
  ImagePipeline& pipeline() { return *pipeline_; }

 private:
  base::Result<void> pass(ImageSource& source);
  base::Result<void> take(ImageSource& source, std::string_view piece);
  bool have_head(const ImageSource& source, std::string_view piece);
  base::Result<void> begin(ImageSource& source);
  base::Result<std::unique_ptr<image::Content>> content_of(ImageSource& source);
  base::Result<std::unique_ptr<image::Content>> qcow2(ImageSource& source);

  uint64_t room_;
  std::shared_ptr<ImagePipeline> pipeline_;
  std::string expected_, declared_;
  std::function<void(const ImageProgress&)> progress_;
  std::string head_, sum_;
  std::string_view format_;
  bool started_ = false;
};

}  // namespace fetch
