#include "wire/cpio.h"

#include <cstdio>

namespace wire {

void CpioWriter::add(const std::string& path, std::string_view bytes, unsigned mode) {
  char head[111];
  // magic, inode, mode, uid, gid, links, time, size, device major and minor, rdev major and minor, name size, check
  std::snprintf(head, sizeof head, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", next_inode_++, mode,
                0u, 0u, 1u, 0u, static_cast<unsigned>(bytes.size()), 0u, 0u, 0u, 0u,
                static_cast<unsigned>(path.size() + 1), 0u);
  const auto pad = [this] { out_.append((4 - out_.size() % 4) % 4, '\0'); };
  out_ += head;
  out_ += path;
  out_ += '\0';
  pad();
  out_ += bytes;
  pad();
}

void CpioWriter::add_parents(const std::string& path) {
  if (const size_t slash = path.rfind('/'); slash != std::string::npos) add_directory(path.substr(0, slash));
}

void CpioWriter::add_directory(const std::string& path) {
  const std::string line = path + "\n";
  if (directories_.find("\n" + line) != std::string::npos) return;
  add_parents(path);
  directories_ += line;
  add(path, "", 0040755);
}

void CpioWriter::add_file(const std::string& path, std::string_view bytes, unsigned mode) {
  add_parents(path);
  add(path, bytes, 0100000 | mode);
}

void CpioWriter::add_link(const std::string& path, std::string_view target) {
  add_parents(path);
  add(path, target, 0120777);
}

std::string CpioWriter::finish() {
  add("TRAILER!!!", "", 0);
  return std::move(out_);
}

}  // namespace wire
