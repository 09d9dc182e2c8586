#include <algorithm>
#include <limits>

#include "base/text.h"
#include "image/qcow2.h"

namespace image {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

constexpr size_t header_bytes = 112;  // up to and including the compression type with its padding
constexpr uint32_t cluster_bits_min = 9, cluster_bits_max = 21;
constexpr uint32_t run_bytes_max = 1u << 20;  // a run is kept in memory until all of it has come
constexpr uint64_t offset_mask = 0x00fffffffffffe00u;
constexpr uint64_t compressed_mark = uint64_t{1} << 62;
constexpr uint64_t zero_mark = 1;
enum Incompatible : uint64_t { dirty = 1, corrupt_mark = 2, external_data = 4, compression_type = 8, extended_l2 = 16 };

uint64_t big_endian(std::string_view bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

Error refuse(const std::string& what) {
  return Error{Code::unsupported, "the qcow2 image " + what, Layer::none,
               "convert it to a plain qcow2 or raw image (qemu-img convert)"};
}
Error broken(const std::string& what) { return base::corrupt("the qcow2 image is broken: " + what); }

struct Header {
  uint32_t version = 0, cluster_bits = 0, l1_entries = 0;
  uint64_t disk_bytes = 0, l1_offset = 0;
  uint32_t header_length = 72;
  bool zstd = false;
  uint64_t cluster() const { return uint64_t{1} << cluster_bits; }
  uint64_t entries_per_l2() const { return cluster() / 8; }
};

Result<void> read_features(std::string_view head, Header& out) {
  const uint64_t incompatible = big_endian(head, 72, 8);
  if (incompatible & external_data) return refuse("has its data in another file");
  if (incompatible & corrupt_mark) return broken("it is marked as corrupt");
  if (incompatible & extended_l2) return refuse("has extended L2 entries");
  if (incompatible & ~uint64_t{dirty | compression_type}) {
    return refuse("needs features that are not known here (bits " + base::hex(head.substr(72, 8)) + ")");
  }
  out.header_length = static_cast<uint32_t>(big_endian(head, 100, 4));
  if (out.header_length < 104 || out.header_length > out.cluster()) return broken("its header length");
  if (incompatible & compression_type) {
    const uint64_t type = out.header_length > 104 ? big_endian(head, 104, 1) : 0;
    if (type > 1) return refuse("is compressed in a way that is not known here");
    out.zstd = type == 1;
  }
  return {};
}

Result<Header> read_header(std::string_view head) {
  if (head.size() < header_bytes || head.substr(0, 4) != std::string_view("QFI\xfb", 4)) {
    return base::invalid("this is not a qcow2 image");
  }
  Header out;
  out.version = static_cast<uint32_t>(big_endian(head, 4, 4));
  if (out.version != 2 && out.version != 3) return refuse("has version " + std::to_string(out.version));
  if (big_endian(head, 8, 8) != 0 || big_endian(head, 16, 4) != 0) return refuse("has a backing file");
  out.cluster_bits = static_cast<uint32_t>(big_endian(head, 20, 4));
  if (out.cluster_bits < cluster_bits_min || out.cluster_bits > cluster_bits_max) return broken("its cluster size");
  out.disk_bytes = big_endian(head, 24, 8);
  if (big_endian(head, 32, 4) != 0) return refuse("is encrypted");
  out.l1_entries = static_cast<uint32_t>(big_endian(head, 36, 4));
  out.l1_offset = big_endian(head, 40, 8);
  if (out.version == 3) TRY(read_features(head, out));
  return out;
}

// Extensions lie between header and the end of the first cluster (of which the first 64 KiB are looked at).
Result<void> check_extensions(std::string_view cluster, const Header& header) {
  constexpr uint64_t end_mark = 0, external_data_name = 0x44415441, encryption = 0x0537be77;
  size_t at = header.header_length;
  while (at + 8 <= cluster.size()) {
    const uint64_t type = big_endian(cluster, at, 4);
    const uint64_t bytes = big_endian(cluster, at + 4, 4);
    if (type == end_mark) return {};
    if (type == external_data_name) return refuse("names an external data file");
    if (type == encryption) return refuse("is encrypted");
    if (bytes > cluster.size() - at - 8) return broken("a header extension is longer than its cluster");
    at += 8 + static_cast<size_t>((bytes + 7) / 8 * 8);
  }
  return {};
}

class MapReader {
 public:
  MapReader(const ReadRanges& read, uint64_t file_bytes) : read_(read) { map_.file_bytes = file_bytes; }

  Result<Qcow2Map> run(uint64_t disk_bytes_max) {
    TRY(read_head());
    if (header_.disk_bytes > disk_bytes_max) {
      return Error{Code::too_large,
                   "the qcow2 image is of a disk of " + std::to_string(header_.disk_bytes) +
                       " bytes, and there is room for " + std::to_string(disk_bytes_max),
                   Layer::none};
    }
    map_.disk_bytes = header_.disk_bytes;
    map_.cluster_bytes = static_cast<uint32_t>(header_.cluster());
    map_.zstd = header_.zstd;
    TRY(read_tables());
    finish_map();
    return std::move(map_);
  }

 private:
  Result<std::string> read_one(FileRange range) {
    auto all = TRY(read_({range}));
    if (all.size() != 1 || all[0].size() != range.bytes) return base::internal("a range was not read whole");
    return std::move(all[0]);
  }

  Result<void> read_head() {
    const auto some = static_cast<size_t>(std::min<uint64_t>(map_.file_bytes, probe_bytes));
    std::string head = TRY(read_one({0, some}));
    if (head.size() < header_bytes) head.resize(header_bytes, '\0');
    header_ = TRY(read_header(head));
    head.resize(static_cast<size_t>(std::min<uint64_t>(some, header_.cluster())));
    TRY(check_extensions(head, header_));
    map_.tables.push_back({0, std::move(head)});
    return {};
  }

  Result<void> check_place(uint64_t offset, uint64_t bytes, const char* what) const {
    if (offset % header_.cluster() != 0) return broken(std::string(what) + " does not begin with a cluster");
    if (offset > map_.file_bytes || bytes > map_.file_bytes - offset) {
      return broken(std::string(what) + " lies behind the end of the file");
    }
    return {};
  }

  Result<void> count(uint64_t bytes) {
    table_bytes_ += bytes;
    if (table_bytes_ <= qcow2_table_bytes_max) return {};
    return Error{Code::too_large, "the tables of the qcow2 image are too large", Layer::none,
                 "convert it with larger clusters, or use a raw image"};
  }

  Result<void> read_tables() {
    const uint64_t clusters = header_.disk_bytes / header_.cluster() + (header_.disk_bytes % header_.cluster() != 0);
    const uint64_t l1_used = (clusters + header_.entries_per_l2() - 1) / header_.entries_per_l2();
    if (header_.l1_entries < l1_used) return broken("the L1 table is too short for its disk");
    if (l1_used == 0) return {};
    TRY(count(l1_used * 8));
    TRY(check_place(header_.l1_offset, l1_used * 8, "the L1 table"));
    std::string l1 = TRY(read_one({header_.l1_offset, static_cast<size_t>(l1_used * 8)}));
    std::vector<std::pair<uint64_t, uint64_t>> wanted;  // offset of a table, its number in L1
    for (uint64_t i = 0; i < l1_used; ++i) {
      const uint64_t offset = big_endian(l1, i * 8, 8) & offset_mask;
      if (offset == 0) continue;
      TRY(count(header_.cluster()));
      TRY(check_place(offset, header_.cluster(), "an L2 table"));
      wanted.emplace_back(offset, i);
    }
    map_.tables.push_back({header_.l1_offset, std::move(l1)});
    std::sort(wanted.begin(), wanted.end());
    std::vector<FileRange> ranges;
    for (const auto& [offset, number] : wanted) {
      if (!ranges.empty() && ranges.back().offset == offset) return broken("an L2 table is used twice");
      ranges.push_back({offset, static_cast<size_t>(header_.cluster())});
    }
    if (ranges.empty()) return {};
    auto tables = TRY(read_(ranges));
    if (tables.size() != ranges.size()) return base::internal("a range was not read");
    for (size_t i = 0; i < tables.size(); ++i) {
      if (tables[i].size() != ranges[i].bytes) return base::internal("a range was not read whole");
      TRY(take_l2(tables[i], wanted[i].second));
      map_.tables.push_back({ranges[i].offset, std::move(tables[i])});
    }
    return {};
  }

  Result<void> take_l2(std::string_view table, uint64_t number) {
    const uint64_t first = number * header_.entries_per_l2();
    for (uint64_t i = 0; i < header_.entries_per_l2(); ++i) {
      const uint64_t entry = big_endian(table, i * 8, 8);
      const uint64_t guest = (first + i) << header_.cluster_bits;
      if (guest >= header_.disk_bytes) break;
      if (entry & compressed_mark) {
        TRY(take_compressed(entry, guest));
      } else if (!(header_.version == 3 && (entry & zero_mark))) {
        TRY(take_plain(entry & offset_mask, guest));
      }
    }
    return {};
  }

  uint32_t guest_bytes(uint64_t guest) const {
    return static_cast<uint32_t>(std::min(header_.cluster(), header_.disk_bytes - guest));
  }

  Result<void> take_plain(uint64_t host, uint64_t guest) {
    if (host == 0) return {};
    const uint32_t bytes = guest_bytes(guest);
    TRY(check_place(host, bytes, "a cluster"));
    if (!map_.runs.empty()) {
      auto& last = map_.runs.back();
      const bool follows =
          !last.compressed && last.host + last.host_bytes == host && last.guest + last.guest_bytes == guest;
      if (follows && last.host_bytes + bytes <= run_bytes_max) {
        last.host_bytes += bytes;
        last.guest_bytes += bytes;
        return {};
      }
    }
    map_.runs.push_back({host, guest, bytes, bytes, false});
    return {};
  }

  Result<void> take_compressed(uint64_t entry, uint64_t guest) {
    const uint32_t count_shift = 62 - (header_.cluster_bits - 8);
    const uint64_t host = entry & ((uint64_t{1} << count_shift) - 1);
    const uint64_t sectors = (entry & (compressed_mark - 1)) >> count_shift;
    uint64_t bytes = (sectors + 1) * 512 - host % 512;
    if (host == 0 || host >= map_.file_bytes) return broken("a compressed cluster lies outside the file");
    bytes = std::min(bytes, map_.file_bytes - host);  // the last sector need not be whole
    map_.runs.push_back({host, guest, static_cast<uint32_t>(bytes), guest_bytes(guest), true});
    return {};
  }

  void finish_map() {
    std::sort(map_.runs.begin(), map_.runs.end(), [](const Qcow2Run& a, const Qcow2Run& b) {
      return a.host != b.host ? a.host < b.host : a.guest < b.guest;
    });
    std::sort(map_.tables.begin(), map_.tables.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  }

  const ReadRanges& read_;
  Header header_;
  Qcow2Map map_;
  uint64_t table_bytes_ = 0;
};

}  // namespace

Result<Qcow2Map> read_qcow2_map(const ReadRanges& read, uint64_t file_bytes, uint64_t disk_bytes_max) {
  return MapReader(read, file_bytes).run(disk_bytes_max);
}

}  // namespace image
