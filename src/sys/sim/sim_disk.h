// A disk in memory with the semantics of a real one: whole-file writes are durable, appended and randomly written bytes
// only after sync(). Private to src/sys.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "sys/log_files.h"
#include "sys/sys.h"

namespace sys {

// A sparse file: absent pages are zeros.
struct SimFile {
  static constexpr size_t page_bytes = 4096;
  uint64_t size = 0;
  std::map<uint64_t, std::string> pages;
  // What a crash may bring back: the durable size and each page changed since the last sync as it was before.
  uint64_t durable_size = 0;
  std::map<uint64_t, std::optional<std::string>> before;
  bool ever_synced = false;

  std::string read(uint64_t offset, size_t bytes) const;
  void write(uint64_t offset, std::string_view bytes);
  void zero(uint64_t offset, uint64_t bytes);
  void resize(uint64_t bytes);
  void sync();
  void crash(Random& random);  // each unsynced page and the size survive or not

 private:
  void remember(uint64_t page);
};

// The platter: survives the processes that use it.
struct SimPlatter {
  std::map<std::string, std::shared_ptr<SimFile>> files;
  std::set<std::string> directories;
  void crash(Random& random);
};

class SimDisk : public Disk, public LogFiles {
 public:
  explicit SimDisk(std::shared_ptr<SimPlatter> platter)
      : platter_(std::move(platter)), dead_(std::make_shared<bool>(false)) {}
  void kill() { *dead_ = true; }  // every later call returns cancelled

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
  Result<std::string> place(const std::string& path) const;      // the normal form, unless the process is dead
  Result<std::string> new_place(const std::string& path) const;  // where a file may be made
  bool is_directory(const std::string& normal) const;
  std::shared_ptr<SimPlatter> platter_;
  std::shared_ptr<bool> dead_;
};

}  // namespace sys
