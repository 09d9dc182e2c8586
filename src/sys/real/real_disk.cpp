#include "sys/real/real_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "sys/real/descriptor.h"

namespace sys {

namespace {

Result<Descriptor> open_file(const std::string& path, int flags, unsigned mode = 0644) {
  for (;;) {
    Descriptor file(::open(path.c_str(), flags | O_CLOEXEC, mode));
    if (file) return file;
    if (errno != EINTR) return system_error(errno, path);
  }
}

Result<void> write_all(const Descriptor& file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file.number(), bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return system_error(errno, "writing " + path);
    if (count > 0) bytes.remove_prefix(size_t(count));
  }
  return {};
}

Result<void> sync_file(const Descriptor& file, const std::string& path) {
  if (fsync(file.number()) != 0) return system_error(errno, "syncing " + path);
  return {};
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Makes names in a directory durable.
Result<void> sync_directory(const std::string& path) {
  const Descriptor directory = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
  return sync_file(directory, path);
}

class RealFile : public File, public HasDescriptor {
 public:
  RealFile(Descriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  Result<std::string> read_at(uint64_t offset, size_t bytes) override {
    std::string made(bytes, '\0');
    size_t done = 0;
    while (done < bytes) {
      const ssize_t count = pread(file_.number(), made.data() + done, bytes - done, off_t(offset + done));
      if (count == 0) break;
      if (count < 0 && errno != EINTR) return system_error(errno, "reading " + path_);
      if (count > 0) done += size_t(count);
    }
    made.resize(done);
    return made;
  }

  Result<void> write_at(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = pwrite(file_.number(), bytes.data(), bytes.size(), off_t(offset));
      if (count < 0 && errno != EINTR) return system_error(errno, "writing " + path_);
      if (count <= 0) continue;
      offset += uint64_t(count);
      bytes.remove_prefix(size_t(count));
    }
    return {};
  }

  Result<void> zero(uint64_t offset, uint64_t bytes) override {
    if (bytes == 0) return {};
    if (offset + bytes > size()) TRY(resize(offset + bytes));
    const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (fallocate(file_.number(), mode, off_t(offset), off_t(bytes)) == 0) return {};
    if (errno != EOPNOTSUPP && errno != ENOSYS) return system_error(errno, "zeroing " + path_);
    const std::string zeros(size_t(std::min<uint64_t>(bytes, 1u << 20)), '\0');
    for (uint64_t done = 0; done < bytes; done += zeros.size()) {
      TRY(write_at(offset + done,
                   std::string_view(zeros).substr(0, size_t(std::min<uint64_t>(zeros.size(), bytes - done)))));
    }
    return {};
  }
  int number() const override { return file_.number(); }
  Result<void> sync() override { return sync_file(file_, path_); }
  uint64_t size() const override {
    struct stat about {};
    return fstat(file_.number(), &about) == 0 ? uint64_t(about.st_size) : 0;
  }
  Result<void> resize(uint64_t bytes) override {
    if (ftruncate(file_.number(), off_t(bytes)) != 0) return system_error(errno, "resizing " + path_);
    return {};
  }

 private:
  Descriptor file_;
  std::string path_;
};

}  // namespace

Result<std::string> RealDisk::read(const std::string& path, size_t bytes_max) {
  RealFile file(TRY(open_file(path, O_RDONLY)), path);
  const auto too_large = [&path, bytes_max] {
    return Error{base::Code::too_large, path + " is larger than " + std::to_string(bytes_max) + " bytes"};
  };
  if (file.size() > bytes_max) return too_large();
  // Files such as those in /proc say 0 and hold more, and a file may grow while it is read.
  constexpr size_t step_bytes = 64 * 1024;
  std::string all;
  for (;;) {
    const std::string more = TRY(file.read_at(all.size(), std::max(step_bytes, size_t(file.size()))));
    if (more.empty()) return all;
    all += more;
    if (all.size() > bytes_max) return too_large();
  }
}

Result<void> RealDisk::write(const std::string& path, std::string_view bytes, unsigned mode) {
  const std::string temporary = path + ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(++written_);
  auto written = [&]() -> Result<void> {
    const Descriptor file = TRY(open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
    if (fchmod(file.number(), mode) != 0) return system_error(errno, path);  // whatever the umask says
    TRY(write_all(file, bytes, path));
    TRY(sync_file(file, path));
    if (std::rename(temporary.c_str(), path.c_str()) != 0) return system_error(errno, "writing " + path);
    return sync_directory(parent_of(path));
  }();
  if (!written) ::unlink(temporary.c_str());
  return written;
}

Result<void> RealDisk::append(const std::string& path, std::string_view bytes) {
  const Descriptor file = TRY(open_file(path, O_WRONLY | O_CREAT | O_APPEND));
  return write_all(file, bytes, path);
}

Result<void> RealDisk::append_line(const std::string& path, std::string_view bytes, unsigned mode) {
  const Descriptor file = TRY(open_file(path, O_WRONLY | O_CREAT | O_APPEND, mode));
  return write_all(file, bytes, path);
}

Result<void> RealDisk::rename(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return system_error(errno, "renaming " + from);
  return sync_directory(parent_of(to));
}

Result<std::unique_ptr<File>> RealDisk::open(const std::string& path, bool create) {
  Descriptor file = TRY(open_file(path, create ? O_RDWR | O_CREAT : O_RDWR));
  return std::unique_ptr<File>(std::make_unique<RealFile>(std::move(file), path));
}

Result<void> RealDisk::make_directories(const std::string& path, unsigned mode) {
  size_t end = 0;
  while (end != std::string::npos) {
    end = path.find('/', end + 1);
    const std::string each = path.substr(0, end);
    if (mkdir(each.c_str(), mode) == 0) {
      TRY(sync_directory(parent_of(each)));
    } else if (errno != EEXIST) {
      return system_error(errno, "making directory " + each);
    }
  }
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return base::invalid(path + " is a file, not a directory");
  return {};
}

Result<void> RealDisk::remove(const std::string& path) {
  std::error_code problem;
  std::filesystem::remove_all(path, problem);
  if (problem) return system_error(problem.value(), "removing " + path);
  return {};
}

bool RealDisk::exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

Result<std::vector<std::string>> RealDisk::list(const std::string& path) {
  std::error_code problem;
  std::vector<std::string> names;
  std::filesystem::directory_iterator entry(path, problem);
  while (!problem && entry != std::filesystem::directory_iterator()) {
    names.push_back(entry->path().filename().string());
    entry.increment(problem);
  }
  if (problem) return system_error(problem.value(), path);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace sys
