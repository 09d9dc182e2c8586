// cpio archives in the "newc" form that Linux unpacks as initramfs (kernel documentation: initramfs buffer format).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace wire {

class CpioWriter {
 public:
  // Parent folders are made when they are missing. The same calls give the same bytes. `path` without leading slash.
  void add_file(const std::string& path, std::string_view bytes, unsigned mode = 0644);
  void add_link(const std::string& path, std::string_view target);
  void add_directory(const std::string& path);
  std::string finish();  // the archive, with its trailer

 private:
  void add(const std::string& path, std::string_view bytes, unsigned mode);
  void add_parents(const std::string& path);
  std::string out_;
  std::string directories_ = "\n";  // lines, those that are there
  uint32_t next_inode_ = 1;
};

}  // namespace wire
