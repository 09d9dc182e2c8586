// Files of the operating system. Private to src/sys.
#pragma once

#include "sys/log_files.h"
#include "sys/sys.h"

namespace sys {

class RealDisk : public Disk, public LogFiles {
 public:
  Result<std::string> read(const std::string& path, size_t bytes_max) override;
  Result<void> write(const std::string& path, std::string_view bytes, unsigned mode) override;
  Result<void> append(const std::string& path, std::string_view bytes) override;
  Result<void> append_line(const std::string& path, std::string_view bytes, unsigned mode) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<std::unique_ptr<File>> open(const std::string& path, bool create) override;
  Result<void> make_directories(const std::string& path, unsigned mode) override;
  Result<void> remove(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;

 private:
  uint64_t written_ = 0;  // names temporary files
};

}  // namespace sys
