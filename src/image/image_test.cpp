// The images in test/data/images were made with qemu-img from the disk that disk() below makes again.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "base/text.h"
#include "crypto/hash.h"
#include "image/block_map.h"
#include "image/qcow2.h"

using base::Code;
using base::Result;
using image::Content;
using image::Format;

namespace {

std::string disk() {
  std::string out(1024 * 1024 + 1536, '\0');
  for (const size_t block : {0, 1, 5, 75, 76, 200, 255, 256}) {
    for (size_t i = 0; i < 4096 && block * 4096 + i < out.size(); ++i) {
      out[block * 4096 + i] = static_cast<char>(block * 7 + i / 16 * 13 + 1);
    }
  }
  return out;
}

std::string file(const std::string& name) {
  std::ifstream in("test/data/images/" + name, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(std::string& bytes, size_t at, uint64_t value, size_t count) {
  for (size_t i = 0; i < count; ++i) bytes[at + i] = static_cast<char>(value >> (8 * (count - 1 - i)));
}

image::ReadRanges reader(const std::string& bytes) {
  return [&bytes](const std::vector<image::FileRange>& ranges) -> Result<std::vector<std::string>> {
    std::vector<std::string> out;
    for (const auto& range : ranges) out.push_back(bytes.substr(static_cast<size_t>(range.offset), range.bytes));
    return out;
  };
}

Result<image::Qcow2Map> map_of(const std::string& bytes, uint64_t room = 1u << 30) {
  return image::read_qcow2_map(reader(bytes), bytes.size(), room);
}

// What the content says, on a disk of zeros; `given` counts bytes.
Result<std::string> all_of(Content& content, const std::string& bytes, size_t piece, uint64_t* given = nullptr) {
  std::string out;
  const image::Sink sink = [&](uint64_t offset, std::string_view part) -> Result<void> {
    if (out.size() < offset + part.size()) out.resize(offset + part.size(), '\0');
    out.replace(offset, part.size(), part);
    if (given) *given += part.size();
    return {};
  };
  for (size_t at = 0; at < bytes.size(); at += piece) {
    content.feed(std::string_view(bytes).substr(at, piece));
    while (TRY(content.step(sink))) {
    }
  }
  TRY(content.finish(sink));
  out.resize(std::max<size_t>(out.size(), content.bytes()), '\0');
  return out;
}

}  // namespace

TEST_CASE("qcow2 images of both versions and both compressions give the disk they were made from") {
  const std::string wanted = disk();
  REQUIRE(base::hex(crypto::sha256(wanted)) == "118bf4dfd15672c8f39f6ef6a8970900ef922e831eceffb55b38d44bb2d7948a");
  for (const char* name : {"plain_v2.qcow2", "plain_v3.qcow2", "zlib_v3.qcow2", "zstd_v3.qcow2"}) {
    for (const size_t piece : {1u << 20, 4096u, 1000u, 1u}) {
      CAPTURE(name);
      CAPTURE(piece);
      const std::string bytes = file(name);
      auto map = map_of(bytes);
      REQUIRE(map);
      uint64_t given = 0;
      const auto content = image::qcow2_content(std::move(*map));
      CHECK(content->bytes() == wanted.size());
      const auto found = all_of(*content, bytes, piece, &given);
      REQUIRE(found);
      CHECK((*found == wanted));
      CHECK(given < 80'000);  // only what is used
    }
  }
}

TEST_CASE("qcow2 images that reach outside themselves or are not understood are refused") {
  struct Case {
    const char* what;
    std::function<void(std::string&)> spoil;
    const char* says;
  };
  const Case cases[] = {
      {"backing file", [](auto& b) { put(b, 8, 400, 8), put(b, 16, 11, 4); }, "backing file"},
      {"backing file name without a place", [](auto& b) { put(b, 16, 11, 4); }, "backing file"},
      {"encryption", [](auto& b) { put(b, 32, 2, 4); }, "encrypted"},
      {"external data", [](auto& b) { put(b, 72, 4, 8); }, "another file"},
      {"extended L2", [](auto& b) { put(b, 72, 16, 8); }, "extended L2"},
      {"unknown feature", [](auto& b) { put(b, 72, 1u << 5, 8); }, "not known"},
      {"marked corrupt", [](auto& b) { put(b, 72, 2, 8); }, "corrupt"},
      {"unknown compression", [](auto& b) { put(b, 72, 8, 8), put(b, 104, 9, 1); }, "compressed in a way"},
      {"version 4", [](auto& b) { put(b, 4, 4, 4); }, "version 4"},
      {"cluster size", [](auto& b) { put(b, 20, 40, 4); }, "cluster size"},
      {"disk size", [](auto& b) { put(b, 24, uint64_t{1} << 62, 8); }, "room"},
      {"short L1", [](auto& b) { put(b, 36, 1, 4), put(b, 24, uint64_t{1} << 29, 8); }, "L1"},
      {"L1 outside", [](auto& b) { put(b, 40, uint64_t{1} << 40, 8); }, "end of the file"},
      {"L1 crooked", [](auto& b) { put(b, 40, 100, 8); }, "begin with a cluster"},
      {"data file name",
       [](auto& b) {
         put(b, static_cast<size_t>(b[103]), 0x44415441, 4), put(b, static_cast<size_t>(b[103]) + 4, 3, 4);
       },
       "external data"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.what);
    std::string bytes = file("zlib_v3.qcow2");
    one.spoil(bytes);
    const auto map = map_of(bytes);
    REQUIRE_FALSE(map);
    CHECK_MESSAGE(map.error().message.find(one.says) != std::string::npos, map.error().message);
  }
  CHECK_FALSE(map_of("QFI\xfb"));
  CHECK_FALSE(map_of(""));
}

TEST_CASE("a qcow2 image whose tables change between the two looks is noticed") {
  const std::string bytes = file("plain_v2.qcow2");
  auto map = map_of(bytes);
  REQUIRE(map);
  REQUIRE(map->tables.size() >= 3);
  for (const auto& table : map->tables) {
    std::string other = bytes;
    other[static_cast<size_t>(table.offset) + 7] ^= 1;
    const auto content = image::qcow2_content(*map);
    const auto found = all_of(*content, other, 1000);
    REQUIRE_FALSE(found);
    CHECK(found.error().code == Code::corrupt);
  }
  const auto content = image::qcow2_content(*map);
  CHECK_FALSE(all_of(*content, bytes.substr(0, bytes.size() - 4096), 1000));
}

TEST_CASE("broken compressed clusters are an error") {
  std::string bytes = file("zlib_v3.qcow2");
  auto map = map_of(bytes);
  REQUIRE(map);
  const auto run = std::find_if(map->runs.begin(), map->runs.end(), [](const auto& r) { return r.compressed; });
  REQUIRE(run != map->runs.end());
  bytes.replace(static_cast<size_t>(run->host), 8, 8, '\xff');
  const auto content = image::qcow2_content(*map);
  const auto found = all_of(*content, bytes, 4096);
  REQUIRE_FALSE(found);
  CHECK(found.error().code == Code::corrupt);
}

TEST_CASE("gzip and zstd files are taken in any pieces, with several members or frames, up to a limit") {
  const std::string text = "hello hello hello";
  const std::string gzip = std::string(
      "\037\213\010\000\000\000\000\000\000\003\313\110\315\311\311\127\310\100\220\000\200\210\371\345\021\000\000"
      "\000",
      28);
  const std::string zstd = std::string(
      "\050\265\057\375\004\130\145\000\000\060\150\145\154\154\157\040\001\000\061\112\021\242\355\036\014", 25);
  for (const size_t piece : {1u, 3u, 1000u}) {
    CHECK(*all_of(*image::gzip_content(1000), gzip, piece) == text);
    CHECK(*all_of(*image::gzip_content(1000), gzip + gzip, piece) == text + text);
    CHECK(*all_of(*image::zstd_content(1000), zstd, piece) == text);
    CHECK(*all_of(*image::zstd_content(1000), zstd + zstd, piece) == text + text);
    CHECK(*all_of(*image::raw_content(1000), text, piece) == text);
    CHECK(all_of(*image::gzip_content(16), gzip, piece).error().code == Code::too_large);
    CHECK(all_of(*image::zstd_content(16), zstd, piece).error().code == Code::too_large);
    CHECK(all_of(*image::raw_content(16), text, piece).error().code == Code::too_large);
    CHECK(all_of(*image::gzip_content(1000), gzip.substr(0, gzip.size() - 2), piece).error().code == Code::corrupt);
    CHECK(all_of(*image::zstd_content(1000), zstd.substr(0, zstd.size() - 2), piece).error().code == Code::corrupt);
  }
  std::string spoiled = gzip;
  spoiled[spoiled.size() - 6] ^= 1;  // in its CRC
  CHECK(all_of(*image::gzip_content(1000), spoiled, 1000).error().code == Code::corrupt);
  CHECK(all_of(*image::gzip_content(1000), gzip + "junk", 1000).error().code == Code::corrupt);
}

TEST_CASE("a block map has the used blocks of a disk, and every one is checked") {
  std::string wanted = disk() + std::string(3u << 20, '\0') + "the end";
  image::BlockMap map;
  map.disk_bytes = wanted.size();
  std::string stored;
  for (uint32_t i = 0; uint64_t{i} * map.block_bytes < wanted.size(); ++i) {
    auto block = image::pack_block(i, std::string_view(wanted).substr(size_t{i} * map.block_bytes, map.block_bytes));
    if (!block) continue;
    map.entries.push_back(block->entry);
    stored += block->stored;
  }
  CHECK(map.entries.size() == 5);
  const std::string bytes = *map.dump() + stored;
  CHECK(*image::detect(bytes) == Format::block_map);
  const std::string sum = base::hex(crypto::sha256(*map.dump()));
  int given = 0;
  const auto read = [&](const std::string& from, size_t piece, uint64_t limit,
                        const std::string& expected = "") -> Result<std::string> {
    const auto content = image::block_map_content(limit, expected);
    std::string out;
    const image::Sink sink = [&](uint64_t offset, std::string_view part) -> Result<void> {
      ++given;
      std::string block(content->unpacked_bytes(offset), '\0');
      TRY(content->unpack(offset, part, block.data()));
      if (out.size() < offset + block.size()) out.resize(offset + block.size(), '\0');
      out.replace(offset, block.size(), block);
      return {};
    };
    for (size_t at = 0; at < from.size(); at += piece) {
      content->feed(std::string_view(from).substr(at, piece));
      while (TRY(content->step(sink))) {
      }
    }
    TRY(content->finish(sink));
    return out;
  };
  for (const size_t piece : {1u, 1000u, 1u << 20}) CHECK((*read(bytes, piece, 1u << 30) == wanted));
  CHECK(read(bytes, 1000, 1u << 20).error().code == Code::too_large);
  CHECK(read(bytes.substr(0, bytes.size() - 1), 1000, 1u << 30).error().code == Code::corrupt);
  CHECK(read(bytes + "x", 1000, 1u << 30).error().code == Code::corrupt);
  CHECK((*read(bytes, 1000, 1u << 30, sum) == wanted));
  given = 0;
  CHECK(read(bytes, 1000, 1u << 30, std::string(64, 'a')).error().code == Code::corrupt);
  CHECK(given == 0);                              // nothing of a map that nobody vouches for
  for (const size_t at : {9u, 33u, 50u, 120u}) {  // version, number, digest, digest
    std::string other = bytes;
    other[at] ^= 1;
    CHECK_FALSE(read(other, 1000, 1u << 30));
  }
}

TEST_CASE("a format is what exactly one signature says") {
  const auto at = [](size_t offset, const std::string& mark, std::string in = std::string(65536, '\0')) {
    return in.replace(offset, mark.size(), mark);
  };
  CHECK(*image::detect("") == Format::raw);
  CHECK(*image::detect(at(510, "\x55\xaa")) == Format::raw);
  CHECK(*image::detect(at(512, "EFI PART")) == Format::gpt);
  CHECK(*image::detect(at(4096, "EFI PART")) == Format::gpt);
  CHECK(*image::detect(at(32769, "CD001")) == Format::iso);
  CHECK(*image::detect(file("zlib_v3.qcow2")) == Format::qcow2);
  CHECK(*image::detect("\x1f\x8b\x08") == Format::gzip);
  CHECK(*image::detect("\x28\xb5\x2f\xfd") == Format::zstd);
  for (const char* twice : {"QFI\xfb", "\x1f\x8b\x08", "KDMV"}) {
    const auto found = image::detect(at(512, "EFI PART", at(0, twice)));
    REQUIRE_FALSE(found);
    CHECK(found.error().message.find("and gpt at once") != std::string::npos);
  }
  CHECK_FALSE(image::detect(at(32769, "CD001", at(512, "EFI PART"))));
  for (const char* foreign : {"KDMV", "vhdxfile", "LUKS\xba\xbe", "BZh"}) {
    CHECK(image::detect(at(0, foreign)).error().code == Code::unsupported);
  }
}

TEST_CASE("what was declared must be what was found") {
  const auto fits = [](Format outer, Format inner, const char* declared) {
    return image::check_declared(outer, inner, declared).ok();
  };
  CHECK(fits(Format::raw, Format::raw, "raw"));
  CHECK(fits(Format::gpt, Format::gpt, "raw"));
  CHECK(fits(Format::gpt, Format::gpt, "gpt"));
  CHECK(fits(Format::qcow2, Format::qcow2, "qcow2"));
  CHECK(fits(Format::zstd, Format::gpt, "raw"));
  CHECK(fits(Format::gzip, Format::raw, ""));
  CHECK_FALSE(fits(Format::qcow2, Format::qcow2, "raw"));
  CHECK_FALSE(fits(Format::raw, Format::raw, "qcow2"));
  CHECK_FALSE(fits(Format::raw, Format::raw, "gpt"));
  CHECK_FALSE(fits(Format::zstd, Format::qcow2, "qcow2"));
  CHECK_FALSE(fits(Format::gzip, Format::zstd, "raw"));
  CHECK_FALSE(fits(Format::iso, Format::iso, ""));
}
