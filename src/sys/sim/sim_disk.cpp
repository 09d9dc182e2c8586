#include "sys/sim/sim_disk.h"

#include <algorithm>

#include "base/text.h"

namespace sys {

namespace {

constexpr uint64_t page_bytes = SimFile::page_bytes;

// "/a//b/./c" and "a/b/c" to "/a/b/c": one root for absolute and relative paths.
std::string normal_form(const std::string& path) {
  std::vector<std::string> parts;
  for (const std::string_view part : base::split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else {
      parts.emplace_back(part);
    }
  }
  return "/" + base::join(parts, "/");
}

std::string parent_of(const std::string& normal) {
  const size_t slash = normal.rfind('/');
  return slash == 0 ? "/" : normal.substr(0, slash);
}

std::string below(const std::string& directory) { return directory == "/" ? "/" : directory + "/"; }

class OpenSimFile : public File {
 public:
  OpenSimFile(std::shared_ptr<SimFile> file, std::shared_ptr<bool> dead)
      : file_(std::move(file)), dead_(std::move(dead)) {}
  Result<std::string> read_at(uint64_t offset, size_t bytes) override {
    if (*dead_) return base::cancelled();
    return file_->read(offset, bytes);
  }
  Result<void> write_at(uint64_t offset, std::string_view bytes) override {
    if (*dead_) return base::cancelled();
    file_->write(offset, bytes);
    return {};
  }
  Result<void> zero(uint64_t offset, uint64_t bytes) override {
    if (*dead_) return base::cancelled();
    file_->zero(offset, bytes);
    return {};
  }
  Result<void> sync() override {
    if (*dead_) return base::cancelled();
    file_->sync();
    return {};
  }
  uint64_t size() const override { return file_->size; }
  Result<void> resize(uint64_t bytes) override {
    if (*dead_) return base::cancelled();
    file_->resize(bytes);
    return {};
  }

 private:
  std::shared_ptr<SimFile> file_;
  std::shared_ptr<bool> dead_;
};

}  // namespace

void SimFile::remember(uint64_t page) {
  if (before.contains(page)) return;
  const auto found = pages.find(page);
  before.emplace(page, found == pages.end() ? std::nullopt : std::optional(found->second));
}

std::string SimFile::read(uint64_t offset, size_t bytes) const {
  if (offset >= size) return {};
  std::string made(size_t(std::min<uint64_t>(bytes, size - offset)), '\0');
  for (size_t done = 0; done < made.size();) {
    const uint64_t page = (offset + done) / page_bytes;
    const size_t within = size_t((offset + done) % page_bytes);
    const size_t count = std::min<size_t>(page_bytes - within, made.size() - done);
    const auto found = pages.find(page);
    if (found != pages.end()) made.replace(done, count, found->second, within, count);
    done += count;
  }
  return made;
}

void SimFile::write(uint64_t offset, std::string_view bytes) {
  size = std::max(size, offset + bytes.size());
  while (!bytes.empty()) {
    const uint64_t page = offset / page_bytes;
    const size_t within = size_t(offset % page_bytes);
    const size_t count = std::min<size_t>(page_bytes - within, bytes.size());
    remember(page);
    std::string& content = pages.try_emplace(page, page_bytes, '\0').first->second;
    content.replace(within, count, bytes.substr(0, count));
    offset += count;
    bytes.remove_prefix(count);
  }
}

void SimFile::zero(uint64_t offset, uint64_t bytes) {
  if (bytes == 0) return;
  const uint64_t end = offset + std::min(bytes, UINT64_MAX - offset);
  size = std::max(size, end);
  auto page = pages.lower_bound(offset / page_bytes);
  while (page != pages.end() && page->first * page_bytes < end) {
    remember(page->first);
    const uint64_t start = page->first * page_bytes;
    const uint64_t from = std::max(offset, start) - start;
    const uint64_t to = std::min(end, start + page_bytes) - start;
    if (from == 0 && to == page_bytes) {
      page = pages.erase(page);
    } else {
      std::fill(page->second.begin() + long(from), page->second.begin() + long(to), '\0');
      ++page;
    }
  }
}

void SimFile::resize(uint64_t bytes) {
  if (bytes < size) zero(bytes, size - bytes);
  size = bytes;
}

void SimFile::sync() {
  before.clear();
  durable_size = size;
  ever_synced = true;
}

void SimFile::crash(Random& random) {
  for (auto& [page, content] : before) {
    if (random.below(2) == 0) continue;
    if (content) {
      pages[page] = std::move(*content);
    } else {
      pages.erase(page);
    }
  }
  if (size != durable_size && random.below(2) == 0) resize(durable_size);
  sync();
}

void SimPlatter::crash(Random& random) {
  for (auto file = files.begin(); file != files.end();) {
    const bool lost = !file->second->ever_synced && random.below(2) == 0;
    // A handle of the dead process must not see, or be seen by, what comes after it.
    auto survivor = std::make_shared<SimFile>(*file->second);
    survivor->crash(random);
    file->second = std::move(survivor);
    file = lost ? files.erase(file) : std::next(file);
  }
}

Result<std::string> SimDisk::place(const std::string& path) const {
  if (*dead_) return base::cancelled();
  return normal_form(path);
}

bool SimDisk::is_directory(const std::string& normal) const {
  return normal == "/" || platter_->directories.contains(normal);
}

Result<std::string> SimDisk::new_place(const std::string& path) const {
  const std::string normal = TRY(place(path));
  if (is_directory(normal)) return base::invalid(path + " is a directory");
  if (!is_directory(parent_of(normal))) return base::not_found("no such directory: " + parent_of(normal));
  return normal;
}

Result<std::string> SimDisk::read(const std::string& path, size_t bytes_max) {
  const auto found = platter_->files.find(TRY(place(path)));
  if (found == platter_->files.end()) return base::not_found("no such file: " + path);
  const SimFile& file = *found->second;
  if (file.size > bytes_max) {
    return Error{base::Code::too_large, path + " is larger than " + std::to_string(bytes_max) + " bytes"};
  }
  return file.read(0, size_t(file.size));
}

Result<void> SimDisk::write(const std::string& path, std::string_view bytes, unsigned) {
  auto file = std::make_shared<SimFile>();
  file->write(0, bytes);
  file->sync();
  platter_->files[TRY(new_place(path))] = std::move(file);
  return {};
}

Result<void> SimDisk::append(const std::string& path, std::string_view bytes) {
  auto& file = platter_->files[TRY(new_place(path))];
  if (!file) file = std::make_shared<SimFile>();
  file->write(file->size, bytes);
  return {};
}

Result<void> SimDisk::append_line(const std::string& path, std::string_view bytes, unsigned) {
  return append(path, bytes);
}

Result<void> SimDisk::rename(const std::string& from, const std::string& to) {
  const auto found = platter_->files.find(TRY(place(from)));
  if (found == platter_->files.end()) return base::not_found("no such file: " + from);
  const std::string target = TRY(new_place(to));
  auto file = std::move(found->second);
  platter_->files.erase(found);
  platter_->files[target] = std::move(file);
  return {};
}

Result<std::unique_ptr<File>> SimDisk::open(const std::string& path, bool create) {
  const std::string normal = TRY(new_place(path));
  auto found = platter_->files.find(normal);
  if (found == platter_->files.end()) {
    if (!create) return base::not_found("no such file: " + path);
    found = platter_->files.emplace(normal, std::make_shared<SimFile>()).first;
  }
  return std::unique_ptr<File>(std::make_unique<OpenSimFile>(found->second, dead_));
}

Result<void> SimDisk::make_directories(const std::string& path, unsigned) {
  std::string normal = TRY(place(path));
  for (std::string each = normal; each != "/"; each = parent_of(each)) {
    if (platter_->files.contains(each)) return base::invalid(each + " is a file, not a directory");
  }
  for (; normal != "/"; normal = parent_of(normal)) platter_->directories.insert(normal);
  return {};
}

Result<void> SimDisk::remove(const std::string& path) {
  const std::string normal = TRY(place(path));
  platter_->files.erase(normal);
  platter_->directories.erase(normal);
  const std::string prefix = below(normal);
  std::erase_if(platter_->files, [&prefix](const auto& file) { return file.first.starts_with(prefix); });
  std::erase_if(platter_->directories, [&prefix](const auto& directory) { return directory.starts_with(prefix); });
  return {};
}

bool SimDisk::exists(const std::string& path) {
  if (*dead_) return false;
  const std::string normal = normal_form(path);
  return is_directory(normal) || platter_->files.contains(normal);
}

Result<std::vector<std::string>> SimDisk::list(const std::string& path) {
  const std::string normal = TRY(place(path));
  if (!is_directory(normal)) return base::not_found("no such directory: " + path);
  std::vector<std::string> names;
  const std::string prefix = below(normal);
  const auto add = [&names, &prefix](const std::string& entry) {
    if (entry.starts_with(prefix) && entry.find('/', prefix.size()) == std::string::npos) {
      names.push_back(entry.substr(prefix.size()));
    }
  };
  for (const auto& [name, file] : platter_->files) add(name);
  for (const auto& directory : platter_->directories) add(directory);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace sys
