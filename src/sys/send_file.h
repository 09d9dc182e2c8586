// A stream that can take bytes out of a file without anybody seeing them. Stream's users ask by dynamic_cast.
#pragma once

#include "sys/sys.h"

namespace sys {

class SendsFiles {
 public:
  virtual ~SendsFiles() = default;
  virtual bool takes(const File& file) const = 0;  // it must be one of the kernel's
  // As Stream::write(), of a file that it takes. Errors: unavailable, also when the file ends before.
  virtual base::Result<void> send_file(File& file, uint64_t offset, uint64_t bytes, base::Duration limit) = 0;
};

}  // namespace sys
