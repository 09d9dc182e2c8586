#include "wire/iso9660.h"

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

constexpr size_t sector = 2048;
constexpr size_t image_bytes_max = 128u << 20;
constexpr size_t name_bytes_max = 100;
constexpr uint64_t file_bytes_max = uint64_t{4} << 30;
constexpr uint32_t first_data_sector = 18;  // 16 system sectors, primary descriptor, terminator
constexpr size_t depth_max = 8;
constexpr size_t entries_max = 10'000;

struct Node {
  std::string name;        // as the user knows it
  std::string identifier;  // as ECMA-119 wants it: META_DATA.JSON;1
  std::string bytes, source;
  bool directory = false;
  std::vector<std::unique_ptr<Node>> children;  // sorted by identifier when laid out
  Node* parent = nullptr;
  uint32_t extent = 0;
  uint32_t size = 0;
  uint16_t path_number = 0;
};

uint32_t sectors_of(size_t bytes) { return static_cast<uint32_t>((bytes + sector - 1) / sector); }

void put_be(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = bytes; i-- > 0;) out += static_cast<char>((value >> (8 * i)) & 0xff);
}
// Both-endian numbers, 7.2.3 and 7.3.3.
void put_both(std::string& out, uint64_t value, size_t bytes) {
  append_le(out, value, bytes);
  put_be(out, value, bytes);
}
void put_padded(std::string& out, std::string_view text, size_t width, char fill = ' ') {
  out += text.substr(0, width);
  out.append(width - std::min(width, text.size()), fill);
}

std::string identifier_of(std::string_view name, bool directory) {
  std::string out;
  for (const char c : base::upper(name)) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c == '.' && !directory);
    out += plain ? c : '_';
  }
  // One dot at most: the last one separates the extension.
  if (const auto last = out.rfind('.'); last != std::string::npos) {
    std::replace(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(last), '.', '_');
  } else if (!directory) {
    out += '.';
  }
  if (out.size() > 30) out.erase(0, out.size() - 30);
  return directory ? out : out + ";1";
}

// System use area (SUSP 1.12): what makes names and modes what they are on Unix.
std::string rock_ridge(const Node& node, std::string_view shown_name, bool root_dot) {
  std::string out;
  if (root_dot) {
    out += std::string("SP\x07\x01\xbe\xef\x00", 7);
    out += std::string("ER\x12\x01\x0a\x00\x00\x01", 8) + "RRIP_1991A";
  }
  out += std::string("PX\x24\x01", 4);
  put_both(out, node.directory ? 0040555 : 0100444, 4);
  put_both(out, node.directory ? 2 : 1, 4);  // links
  put_both(out, 0, 4);                       // user
  put_both(out, 0, 4);                       // group
  if (!shown_name.empty()) {
    out += "NM";
    out += static_cast<char>(5 + shown_name.size());
    out += '\x01';
    out += '\0';
    out += shown_name;
  }
  return out;
}

// Directory record, 9.1. `identifier` is "\0" for the directory itself and "\1" for its parent.
std::string record(const Node& node, std::string_view identifier, std::string_view shown_name, bool root_dot) {
  std::string out;
  out += '\0';  // length, set below
  out += '\0';  // extended attributes
  put_both(out, node.extent, 4);
  put_both(out, node.size, 4);
  out += std::string("\x7e\x01\x01\x00\x00\x00\x00", 7);  // 2026-01-01: fixed, so that images are reproducible
  out += node.directory ? '\x02' : '\0';
  out += '\0';
  out += '\0';
  put_both(out, 1, 2);
  out += static_cast<char>(identifier.size());
  out += identifier;
  if (identifier.size() % 2 == 0) out += '\0';
  out += rock_ridge(node, shown_name, root_dot);
  if (out.size() % 2 != 0) out += '\0';
  out[0] = static_cast<char>(out.size());
  return out;
}

std::string directory_bytes(const Node& directory) {
  std::string out;
  const auto append = [&](const std::string& entry) {
    const size_t room = sector - out.size() % sector;
    if (entry.size() > room) out.append(room, '\0');  // a record never crosses a sector, 6.8.1.1
    out += entry;
  };
  append(record(directory, std::string_view("\0", 1), {}, directory.parent == nullptr));
  append(record(directory.parent ? *directory.parent : directory, std::string_view("\1", 1), {}, false));
  for (const auto& child : directory.children) append(record(*child, child->identifier, child->name, false));
  out.append((sector - out.size() % sector) % sector, '\0');
  return out;
}

Result<void> insert(Node& root, const IsoFile& file) {
  const auto parts = base::split(file.path, '/');
  if (parts.size() > depth_max) return base::invalid("ISO path is too deep: " + base::quoted(file.path));
  Node* at = &root;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string_view part = parts[i];
    const bool last = i + 1 == parts.size();
    const bool printable = std::all_of(part.begin(), part.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (part.empty() || part == "." || part == ".." || part.size() > name_bytes_max || !printable) {
      return base::invalid("bad ISO path " + base::quoted(file.path));
    }
    const std::string identifier = identifier_of(part, !last);
    Node* found = nullptr;
    for (const auto& child : at->children) {
      if (child->identifier == identifier || child->name == part) found = child.get();
    }
    if (found && (last || !found->directory || found->name != part)) {
      return base::invalid("ISO path " + base::quoted(file.path) + " clashes with another");
    }
    if (!found) {
      auto node = std::make_unique<Node>();
      node->name = part;
      node->identifier = identifier;
      node->directory = !last;
      node->parent = at;
      if (last) {
        node->bytes = file.bytes;
        node->source = file.source;
        node->size = static_cast<uint32_t>(file.source.empty() ? file.bytes.size() : file.source_bytes);
      }
      found = node.get();
      at->children.push_back(std::move(node));
    }
    at = found;
  }
  return {};
}

// Breadth first, as the path table wants it.
std::vector<Node*> directories_of(Node& root) {
  std::vector<Node*> out = {&root};
  for (size_t i = 0; i < out.size(); ++i) {
    auto& children = out[i]->children;
    std::sort(children.begin(), children.end(), [](auto& a, auto& b) { return a->identifier < b->identifier; });
    for (const auto& child : children) {
      if (child->directory) out.push_back(child.get());
    }
  }
  return out;
}

std::string path_table(const std::vector<Node*>& directories, bool big_endian) {
  std::string out;
  for (const Node* directory : directories) {
    const std::string identifier = directory->parent ? directory->identifier : std::string(1, '\0');
    const uint16_t parent = directory->parent ? directory->parent->path_number : uint16_t{1};
    out += static_cast<char>(identifier.size());
    out += '\0';
    if (big_endian) {
      put_be(out, directory->extent, 4);
      put_be(out, parent, 2);
    } else {
      append_le(out, directory->extent, 4);
      append_le(out, parent, 2);
    }
    out += identifier;
    if (identifier.size() % 2 != 0) out += '\0';
  }
  return out;
}

std::string primary_descriptor(const Node& root, std::string_view volume_id, uint32_t sectors, uint32_t table_bytes,
                               uint32_t table_le, uint32_t table_be) {
  constexpr std::string_view never = "0000000000000000";
  std::string out = std::string("\x01") + "CD001" + '\x01' + '\0';
  put_padded(out, "", 32);
  put_padded(out, volume_id, 32);
  out.append(8, '\0');
  put_both(out, sectors, 4);
  out.append(32, '\0');
  put_both(out, 1, 2);
  put_both(out, 1, 2);
  put_both(out, sector, 2);
  put_both(out, table_bytes, 4);
  append_le(out, table_le, 4);
  append_le(out, 0, 4);
  put_be(out, table_be, 4);
  put_be(out, 0, 4);
  std::string dot = record(root, std::string_view("\0", 1), {}, false).substr(0, 34);
  dot[0] = 34;  // the root record in the descriptor has no system use area, 8.4.18
  out += dot;
  for (const size_t width : {128, 128, 128, 128, 37, 37, 37}) put_padded(out, "", width);
  for (int i = 0; i < 4; ++i) {
    out += never;
    out += '\0';
  }
  out += '\x01';
  out.resize(sector, '\0');
  return out;
}

}  // namespace

const IsoFile* IsoImage::find(std::string_view path) const {
  for (const auto& file : files) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

namespace {

struct Layout {
  std::vector<Node*> directories;
  uint32_t table_bytes = 0, table_le = 0, table_be = 0, catalog = 0, sectors = 0;
};

// Gives every folder and file its place. `first`: the first sector after the descriptors.
Layout lay_out(Node& root, uint32_t first, bool bootable) {
  Layout out;
  out.directories = directories_of(root);
  for (size_t i = 0; i < out.directories.size(); ++i) {
    out.directories[i]->path_number = static_cast<uint16_t>(i + 1);
    out.directories[i]->size = static_cast<uint32_t>(directory_bytes(*out.directories[i]).size());
  }
  out.table_bytes = static_cast<uint32_t>(path_table(out.directories, false).size());
  out.table_le = first;
  out.table_be = out.table_le + sectors_of(out.table_bytes);
  uint32_t next = out.table_be + sectors_of(out.table_bytes);
  if (bootable) out.catalog = next++;
  for (Node* directory : out.directories) {
    directory->extent = next;
    next += sectors_of(directory->size);
  }
  for (Node* directory : out.directories) {
    for (const auto& child : directory->children) {
      if (child->directory) continue;
      child->extent = next;
      next += sectors_of(child->size);
    }
  }
  out.sectors = next;
  return out;
}

Node* find_node(Node& root, std::string_view path) {
  Node* at = &root;
  for (const auto part : base::split(path, '/')) {
    Node* found = nullptr;
    for (const auto& child : at->children) {
      if (child->name == part) found = child.get();
    }
    if (!found) return nullptr;
    at = found;
  }
  return at->directory ? nullptr : at;
}

// The boot record descriptor, El Torito figure 7.
std::string boot_record(uint32_t catalog) {
  std::string out = std::string(1, '\0') + "CD001" + '\x01';
  out += "EL TORITO SPECIFICATION";
  out.resize(71, '\0');
  append_le(out, catalog, 4);
  out.resize(sector, '\0');
  return out;
}

// No emulation, the image at its sector. `units`: of 512 bytes, that are loaded.
void put_boot_entry(std::string& out, const Node& image, uint32_t units) {
  out += std::string("\x88\x00\x00\x00\x00\x00", 6);
  append_le(out, units, 2);
  append_le(out, image.extent, 4);
  out.append(20, '\0');
}

// El Torito 2: a validation entry for the platform of the default entry, then that. UEFI's comes behind a BIOS one, in
// a section of its own; firmware of either kind takes the entry of its platform.
std::string boot_catalog(const Node* bios, const Node* uefi) {
  std::string out(1, '\x01');
  out += bios ? '\x00' : '\xef';
  out.resize(28, '\0');
  out += std::string("\x00\x00\x55\xaa", 4);
  uint16_t sum = 0;
  for (size_t i = 0; i < out.size(); i += 2) sum = static_cast<uint16_t>(sum + load_le(out, i, 2));
  const auto check = static_cast<uint16_t>(0x10000 - sum);
  out[28] = static_cast<char>(check & 0xff);
  out[29] = static_cast<char>(check >> 8);
  if (bios) put_boot_entry(out, *bios, 4);  // it loads the rest of itself
  if (bios && uefi) {
    out += std::string("\x91\xef\x01\x00", 4);  // the last section, for UEFI, of one entry
    out.append(28, '\0');
  }
  // An image that is larger than can be said is loaded whole by UEFI firmware.
  if (uefi) put_boot_entry(out, *uefi, std::min<uint32_t>((uefi->size + 511) / 512, 0xffff));
  out.resize(sector, '\0');
  return out;
}

// ISOLINUX's boot information table: where the volume descriptor and it itself lie, its size and sum.
Result<void> tell_where_it_lies(Node& bios) {
  constexpr size_t table = 8, code = 64;
  if (bios.bytes.size() < 2048) return base::invalid(bios.name + " is no ISOLINUX, or its bytes are elsewhere");
  uint32_t sum = 0;
  for (size_t at = code; at < bios.bytes.size(); at += 4) {
    sum += static_cast<uint32_t>(load_le(bios.bytes, at, std::min<size_t>(4, bios.bytes.size() - at)));
  }
  std::string told;
  for (const uint32_t value : {16u, bios.extent, bios.size, sum}) append_le(told, value, 4);
  told.resize(code - table, '\0');
  bios.bytes.replace(table, told.size(), told);
  return {};
}

void add_piece(IsoPlan& plan, uint32_t at_sector, std::string bytes) {
  const uint64_t size = bytes.size();
  plan.pieces.push_back({uint64_t{at_sector} * sector, size, std::move(bytes), {}});
}

// Null where nothing is wanted.
Result<Node*> boot_file(Node& root, std::string_view path) {
  if (path.empty()) return static_cast<Node*>(nullptr);
  Node* const found = find_node(root, path);
  if (!found) return base::invalid("the ISO image has no file " + std::string(path) + " to boot from");
  return found;
}

Result<IsoPlan> make_plan(std::string_view volume_id, const std::vector<IsoFile>& files, const IsoBoot& boot) {
  if (volume_id.size() > 32) return base::invalid("ISO volume id is longer than 32 characters");
  Node root;
  root.directory = true;
  for (const auto& file : files) {
    if (file.source_bytes >= file_bytes_max) return Error{Code::too_large, "a file of the ISO image is over 4 GiB"};
    TRY(insert(root, file));
  }
  Node* const bios = TRY(boot_file(root, boot.bios));
  Node* const uefi = TRY(boot_file(root, boot.uefi));
  const bool bootable = bios || uefi;
  const Layout layout = lay_out(root, bootable ? first_data_sector + 1 : first_data_sector, bootable);
  IsoPlan plan;
  plan.size = uint64_t{layout.sectors} * sector;
  add_piece(plan, 16,
            primary_descriptor(root, volume_id, layout.sectors, layout.table_bytes, layout.table_le, layout.table_be));
  if (bootable) add_piece(plan, 17, boot_record(layout.catalog));
  add_piece(plan, bootable ? 18 : 17, std::string("\xff") + "CD001" + '\x01');
  add_piece(plan, layout.table_le, path_table(layout.directories, false));
  add_piece(plan, layout.table_be, path_table(layout.directories, true));
  if (bios) TRY(tell_where_it_lies(*bios));
  if (bootable) add_piece(plan, layout.catalog, boot_catalog(bios, uefi));
  for (const Node* directory : layout.directories) add_piece(plan, directory->extent, directory_bytes(*directory));
  for (const Node* directory : layout.directories) {
    for (const auto& child : directory->children) {
      if (child->directory || child->size == 0) continue;
      plan.pieces.push_back({uint64_t{child->extent} * sector, child->size, child->bytes, child->source});
    }
  }
  return plan;
}

}  // namespace

Result<IsoPlan> plan_iso(std::string_view volume_id, const std::vector<IsoFile>& files, const IsoBoot& boot) {
  return make_plan(volume_id, files, boot);
}

Result<std::string> build_iso(std::string_view volume_id, const std::vector<IsoFile>& files) {
  size_t total = 0;
  for (const auto& file : files) {
    total += file.bytes.size() + sector;
    if (total > image_bytes_max) return Error{Code::too_large, "ISO image would be larger than 128 MiB"};
    if (!file.source.empty()) return base::invalid("the bytes of " + file.path + " are elsewhere");
  }
  const IsoPlan plan = TRY(make_plan(volume_id, files, {}));
  std::string out(plan.size, '\0');
  for (const auto& piece : plan.pieces) out.replace(piece.offset, piece.size, piece.bytes);
  return out;
}

// ---- reading -----------------------------------------------------------------------------------------------------

namespace {

class Reader {
 public:
  explicit Reader(std::string_view image) : image_(image) {}

  Result<IsoImage> read() {
    for (size_t at = 16;; ++at) {
      const auto descriptor = TRY(slice(at * sector, sector));
      if (descriptor.substr(1, 5) != "CD001") return base::corrupt("not an ISO 9660 image");
      const auto type = static_cast<unsigned char>(descriptor[0]);
      if (type == 255) return base::corrupt("the ISO image has no primary volume descriptor");
      if (type != 1) continue;
      out_.volume_id = base::trim(descriptor.substr(40, 32));
      TRY(directory(static_cast<uint32_t>(load_le(descriptor, 156 + 2, 4)),
                    static_cast<uint32_t>(load_le(descriptor, 156 + 10, 4)), "", 0));
      return std::move(out_);
    }
  }

 private:
  Result<std::string_view> slice(size_t from, size_t bytes) const {
    if (from > image_.size() || bytes > image_.size() - from) {
      return base::corrupt("the ISO image ends before sector " + std::to_string((from + bytes) / sector));
    }
    return image_.substr(from, bytes);
  }

  // The Rock Ridge name of a record's system use area; empty without one.
  static std::string name_in(std::string_view area) {
    std::string name;
    while (area.size() >= 4) {
      const auto length = static_cast<unsigned char>(area[2]);
      if (length < 4 || length > area.size()) break;
      if (area.substr(0, 2) == "NM" && length > 5) name += area.substr(5, length - 5u);
      area.remove_prefix(length);
    }
    return name;
  }

  static std::string plain_name(std::string_view identifier) {
    std::string name = base::lower(identifier.substr(0, identifier.find(';')));
    if (!name.empty() && name.back() == '.') name.pop_back();
    return name;
  }

  Result<void> directory(uint32_t extent, uint32_t size, const std::string& prefix, size_t depth) {
    if (depth > depth_max) return base::corrupt("the ISO image's directories are nested too deeply");
    const auto bytes = TRY(slice(size_t{extent} * sector, size));
    size_t at = 0;
    while (at < bytes.size()) {
      const auto length = static_cast<unsigned char>(bytes[at]);
      if (length == 0) {  // the rest of this sector is empty
        at = (at / sector + 1) * sector;
        continue;
      }
      if (length < 34 || length > bytes.size() - at) return base::corrupt("a directory record of the ISO is broken");
      TRY(entry(bytes.substr(at, length), prefix, depth));
      at += length;
    }
    return {};
  }

  Result<void> entry(std::string_view record, const std::string& prefix, size_t depth) {
    if (++entries_ > entries_max) return base::corrupt("the ISO image has too many entries");
    const auto name_length = static_cast<unsigned char>(record[32]);
    if (name_length == 0 || 33u + name_length > record.size()) return base::corrupt("an ISO record has no name");
    const auto identifier = record.substr(33, name_length);
    if (identifier == std::string_view("\0", 1) || identifier == std::string_view("\1", 1)) return {};
    const size_t area = 33u + name_length + (name_length % 2 == 0 ? 1u : 0u);
    std::string name = area < record.size() ? name_in(record.substr(area)) : std::string();
    if (name.empty()) name = plain_name(identifier);
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos) {
      return base::corrupt("an ISO record has the name " + base::quoted(name));
    }
    const uint32_t extent = static_cast<uint32_t>(load_le(record, 2, 4));
    const uint32_t size = static_cast<uint32_t>(load_le(record, 10, 4));
    if (static_cast<unsigned char>(record[25]) & 2) return directory(extent, size, prefix + name + "/", depth + 1);
    const auto bytes = TRY(slice(size_t{extent} * sector, size));
    total_ += bytes.size();
    // Files may share extents, so a small image could name itself many times over.
    if (total_ > image_.size()) return base::corrupt("the files of the ISO image overlap");
    out_.files.push_back({prefix + name, std::string(bytes)});
    return {};
  }

  std::string_view image_;
  IsoImage out_;
  size_t entries_ = 0, total_ = 0;
};

}  // namespace

Result<IsoImage> read_iso(std::string_view image) { return Reader(image).read(); }

}  // namespace wire
