#include "wire/tar.h"

#include <algorithm>
#include <cstdio>

namespace wire {

using base::Result;

namespace {

constexpr size_t block = 512;
constexpr size_t checksum_at = 148, checksum_bytes = 8;

// Of the header, whose own place counts as blanks.
unsigned checksum(std::string_view header) {
  unsigned sum = 0;
  for (size_t i = 0; i < block; ++i) {
    const bool own = i >= checksum_at && i < checksum_at + checksum_bytes;
    sum += own ? unsigned{' '} : unsigned{static_cast<unsigned char>(header[i])};
  }
  return sum;
}

uint64_t octal(std::string_view field) {
  uint64_t out = 0;
  for (const char c : field) {
    if (c == ' ') continue;
    if (c < '0' || c > '7') break;
    out = out * 8 + static_cast<uint64_t>(c - '0');
  }
  return out;
}

std::string_view text(std::string_view field) { return field.substr(0, std::min(field.find('\0'), field.size())); }

}  // namespace

std::string build_tar(const std::vector<TarFile>& files) {
  std::string out;
  for (const auto& file : files) {
    std::string header(block, '\0');
    header.replace(0, std::min<size_t>(file.path.size(), 100), file.path.substr(0, 100));
    header.replace(100, 7, "0000600");
    header.replace(108, 7, "0000000");
    header.replace(116, 7, "0000000");
    char number[16];
    std::snprintf(number, sizeof number, "%011llo", static_cast<unsigned long long>(file.bytes.size()));
    header.replace(124, 11, number);
    header.replace(136, 11, "00000000000");
    header[156] = '0';
    header.replace(257, 8, std::string_view("ustar\00000", 8));
    std::snprintf(number, sizeof number, "%06o", checksum(header));
    header.replace(checksum_at, 6, number);
    header[checksum_at + 7] = ' ';
    out += header + file.bytes;
    out.resize((out.size() + block - 1) / block * block);
  }
  return out + std::string(2 * block, '\0');
}

Result<std::vector<TarFile>> read_tar(std::string_view archive, size_t files_max) {
  std::vector<TarFile> out;
  while (archive.size() >= block && out.size() < files_max) {
    const std::string_view header = archive.substr(0, block);
    if (header.find_first_not_of('\0') == std::string_view::npos) break;
    if (octal(header.substr(checksum_at, checksum_bytes)) != checksum(header)) {
      return base::Error{base::Code::corrupt, "it is not a tar archive"};
    }
    const uint64_t size = octal(header.substr(124, 12));
    archive.remove_prefix(block);
    const auto held = static_cast<size_t>(std::min<uint64_t>(size, archive.size()));
    if (header[156] == '0' || header[156] == '\0') {
      std::string path(text(header.substr(0, 100)));
      if (header.substr(257, 5) == "ustar" && header[345] != '\0') {
        path = std::string(text(header.substr(345, 155))) + "/" + path;
      }
      out.push_back({std::move(path), std::string(archive.substr(0, held))});
    }
    const uint64_t padded = (uint64_t{held} + block - 1) / block * block;
    archive.remove_prefix(static_cast<size_t>(std::min<uint64_t>(padded, archive.size())));
  }
  return out;
}

}  // namespace wire
