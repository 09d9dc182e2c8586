// What log files need of a disk beyond sys::Disk: files that nobody else may read, and new names for full ones.
#pragma once

#include <string>

#include "base/result.h"

namespace sys {

class Disk;

class LogFiles {
 public:
  virtual ~LogFiles() = default;
  // `mode` counts when the file is made. Not durable by itself. Callable from any one thread at a time.
  virtual base::Result<void> append_line(const std::string& path, std::string_view bytes, unsigned mode) = 0;
  virtual base::Result<void> rename(const std::string& from, const std::string& to) = 0;  // replaces another file
  // Of the disks of this folder; they live as long as the disk.
  static LogFiles& of(Disk& disk);
};

}  // namespace sys
