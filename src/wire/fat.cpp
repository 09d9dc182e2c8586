#include "wire/fat.h"

#include <algorithm>
#include <map>
#include <memory>

#include "base/text.h"
#include "wire/little_endian.h"

namespace wire {

using base::Code;
using base::Error;
using base::Result;

namespace {

constexpr size_t sector = 512;
constexpr size_t entry_bytes = 32;
constexpr size_t root_entries = 512;
constexpr size_t clusters_min = 4085;  // fewer would be FAT12, section 3.5
constexpr size_t clusters_max = 65524;
constexpr size_t image_bytes_max = 64u << 20;
constexpr uint16_t last_cluster = 0xffff;

struct Node {
  std::string name;  // 11 characters, as stored
  std::string_view bytes;
  bool directory = false;
  std::vector<std::unique_ptr<Node>> children;
  uint16_t cluster = 0;
  size_t clusters = 0;
};

// "BOOTX64.EFI" as "BOOTX64 EFI".
Result<std::string> short_name(std::string_view part) {
  const size_t dot = part.find('.');
  const std::string_view stem = part.substr(0, dot);
  const std::string_view extension = dot == std::string_view::npos ? std::string_view() : part.substr(dot + 1);
  const bool plain = std::all_of(part.begin(), part.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
  if (!plain || stem.empty() || stem.size() > 8 || extension.size() > 3 || extension.find('.') != extension.npos) {
    return base::invalid("not a FAT name: " + base::quoted(part));
  }
  std::string out(11, ' ');
  std::copy(stem.begin(), stem.end(), out.begin());
  std::copy(extension.begin(), extension.end(), out.begin() + 8);
  return out;
}

Result<void> insert(Node& root, const FatFile& file) {
  Node* at = &root;
  const auto parts = base::split(file.path, '/');
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string name = TRY(short_name(parts[i]));
    const bool last = i + 1 == parts.size();
    Node* found = nullptr;
    for (const auto& child : at->children) {
      if (child->name == name) found = child.get();
    }
    if (found && (last || !found->directory)) return base::invalid("twice in the FAT image: " + file.path);
    if (!found) {
      at->children.push_back(std::make_unique<Node>());
      found = at->children.back().get();
      found->name = name;
      found->directory = !last;
      if (last) found->bytes = file.bytes;
    }
    at = found;
  }
  return {};
}

// Depth first; a folder is one cluster.
Result<void> place(Node& node, size_t cluster_bytes, size_t& next) {
  for (const auto& child : node.children) {
    child->clusters = child->directory ? 1 : (child->bytes.size() + cluster_bytes - 1) / cluster_bytes;
    if (child->directory && (child->children.size() + 2) * entry_bytes > cluster_bytes) {
      return Error{Code::too_large, "too many files in one folder of the FAT image"};
    }
    child->cluster = child->clusters == 0 ? uint16_t{0} : static_cast<uint16_t>(next);
    next += child->clusters;
    TRY(place(*child, cluster_bytes, next));
  }
  return {};
}

std::string entry(const std::string& name, const Node& node) {
  std::string out = name;
  out += node.directory ? '\x10' : '\x20';
  out.append(8, '\0');
  append_le(out, 0, 2);       // high half of the cluster: FAT32 only
  append_le(out, 0, 2);       // time
  append_le(out, 0x5c21, 2);  // 2026-01-01, fixed so that images are reproducible
  append_le(out, node.cluster, 2);
  append_le(out, node.directory ? 0 : node.bytes.size(), 4);
  return out;
}

std::string folder_bytes(const Node& folder, const Node* parent) {
  std::string out;
  if (parent) {
    out += entry(".          ", folder);
    out += entry("..         ", *parent);
  }
  for (const auto& child : folder.children) out += entry(child->name, *child);
  return out;
}

void write_tree(const Node& folder, size_t data_at, size_t cluster_bytes, std::string& image,
                std::vector<uint16_t>& table) {
  for (const auto& child : folder.children) {
    const size_t at = data_at + (child->cluster - size_t{2}) * cluster_bytes;
    if (child->directory) {
      image.replace(at, (child->children.size() + 2) * entry_bytes, folder_bytes(*child, &folder));
    } else if (child->clusters > 0) {
      image.replace(at, child->bytes.size(), child->bytes);
    }
    for (size_t i = 0; i < child->clusters; ++i) {
      const bool last = i + 1 == child->clusters;
      table[child->cluster + i] = last ? last_cluster : static_cast<uint16_t>(child->cluster + i + 1);
    }
    write_tree(*child, data_at, cluster_bytes, image, table);
  }
}

std::string boot_sector(std::string_view label, size_t sectors_per_cluster, size_t sectors, size_t table_sectors) {
  std::string out("\xeb\x3c\x90", 3);
  out += "INGOT   ";
  append_le(out, sector, 2);
  append_le(out, sectors_per_cluster, 1);
  append_le(out, 1, 2);  // reserved: this one
  append_le(out, 2, 1);  // tables
  append_le(out, root_entries, 2);
  append_le(out, sectors < 65536 ? sectors : 0, 2);
  append_le(out, 0xf8, 1);
  append_le(out, table_sectors, 2);
  append_le(out, 32, 2);  // geometry, of no meaning
  append_le(out, 64, 2);
  append_le(out, 0, 4);
  append_le(out, sectors < 65536 ? 0 : sectors, 4);
  append_le(out, 0x80, 1);
  append_le(out, 0, 1);
  append_le(out, 0x29, 1);
  append_le(out, 0x1960746e, 4);  // serial number, fixed
  std::string name(label.substr(0, 11));
  name.resize(11, ' ');
  out += name + "FAT16   ";
  out.resize(510, '\0');
  return out + "\x55\xaa";
}

}  // namespace

Result<std::string> build_fat(std::string_view label, const std::vector<FatFile>& files) {
  Node root;
  root.directory = true;
  size_t total = 0;
  for (const auto& file : files) {
    TRY(insert(root, file));
    total += file.bytes.size();
  }
  if (total > image_bytes_max) return Error{Code::too_large, "the FAT image would be larger than 64 MiB"};
  size_t cluster_bytes = sector;
  while (total / cluster_bytes + 64 > clusters_max) cluster_bytes *= 2;
  size_t next = 2;
  TRY(place(root, cluster_bytes, next));
  const size_t clusters = std::max(next - 2, clusters_min + 16);
  const size_t table_sectors = ((clusters + 2) * 2 + sector - 1) / sector;
  const size_t data_at = (1 + 2 * table_sectors) * sector + root_entries * entry_bytes;
  const size_t sectors = data_at / sector + clusters * (cluster_bytes / sector);

  std::string image = boot_sector(label, cluster_bytes / sector, sectors, table_sectors);
  image.resize(sectors * sector, '\0');
  std::vector<uint16_t> table(table_sectors * sector / 2, 0);
  table[0] = 0xfff8;
  table[1] = last_cluster;
  write_tree(root, data_at, cluster_bytes, image, table);
  std::string table_bytes;
  for (const uint16_t link : table) append_le(table_bytes, link, 2);
  image.replace(sector, table_bytes.size(), table_bytes);
  image.replace(sector + table_bytes.size(), table_bytes.size(), table_bytes);
  const std::string folder = folder_bytes(root, nullptr);
  image.replace(sector + 2 * table_bytes.size(), folder.size(), folder);
  return image;
}

}  // namespace wire
