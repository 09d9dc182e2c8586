// Writing images to a simulated disk from a small server that can do ranges, or not, and loses connections.
#include "agent/image_writer.h"

#include <doctest/doctest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

#include "agent/disk_layout.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "image/block_map.h"
#include "net/http.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace {

using base::Code;
using base::Result;

constexpr uint64_t disk_bytes = 256u << 20;

// Used and unused parts, with the mark that firmware looks for.
std::string disk_content(size_t bytes) {
  std::string out(bytes, '\0');
  uint32_t state = 12345;
  for (size_t at = 0; at < bytes; ++at) {
    state = state * 1664525 + 1013904223;
    if (at / (256u << 10) % 3 != 1) out[at] = static_cast<char>(state >> 24);
  }
  if (bytes > 512) out.replace(510, 2, "\x55\xaa");
  return out;
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1));
  return out;
}

void put(std::string& bytes, size_t at, uint64_t value, size_t count) {
  for (size_t i = 0; i < count; ++i) bytes[at + i] = static_cast<char>(value >> (8 * (count - 1 - i)));
}

// A qcow2 image of this disk in clusters of 64 KiB whose tables lie behind the data, where a reader sees them last.
std::string qcow2(const std::string& disk) {
  constexpr size_t cluster = 64u << 10;
  std::string out(cluster, '\0'), l2(cluster, '\0');
  for (size_t at = 0; at < disk.size(); at += cluster) {
    const std::string part = disk.substr(at, cluster);
    if (part.find_first_not_of('\0') == std::string::npos) continue;
    put(l2, at / cluster * 8, out.size(), 8);
    out += part;
    out.resize((out.size() + cluster - 1) / cluster * cluster, '\0');
  }
  std::string l1(cluster, '\0');
  put(l1, 0, out.size() + cluster, 8);
  out.replace(0, 4, "QFI\xfb", 4);
  put(out, 4, 2, 4), put(out, 20, 16, 4), put(out, 24, disk.size(), 8), put(out, 36, 1, 4), put(out, 40, out.size(), 8);
  return out + l1 + l2;
}

// Counts what reaches the disk, and does not keep every bit when told so.
class WatchedDisk : public sys::File {
 public:
  explicit WatchedDisk(std::unique_ptr<sys::File> file) : file_(std::move(file)) {}
  Result<std::string> read_at(uint64_t offset, size_t bytes) override { return file_->read_at(offset, bytes); }
  Result<void> write_at(uint64_t offset, std::string_view bytes) override {
    written += bytes.size();
    std::string kept(bytes);
    if (bad_at >= offset && bad_at < offset + bytes.size()) kept[static_cast<size_t>(bad_at - offset)] ^= 1;
    return file_->write_at(offset, kept);
  }
  Result<void> zero(uint64_t offset, uint64_t bytes) override { return file_->zero(offset, bytes); }
  Result<void> sync() override { return file_->sync(); }
  uint64_t size() const override { return file_->size(); }
  Result<void> resize(uint64_t) override { return base::invalid("a disk"); }

  uint64_t written = 0, bad_at = UINT64_MAX;

 private:
  std::unique_ptr<sys::File> file_;
};

struct Bench {
  explicit Bench(uint64_t seed) : world(seed), images(world.process("images", "i")), machine(world.process("m", "m")) {
    net::ServerOptions options;
    options.listen = {{"images", 80}};
    options.tls = false;
    server = std::make_unique<net::HttpServer>(images.loop, images.net, options,
                                               [this](net::Exchange& exchange) { answer(exchange); });
    REQUIRE(server->start());
    auto opened = machine.disk.open("sda", true).value();
    REQUIRE(opened->resize(disk_bytes));
    // What another system left behind must not shine through.
    REQUIRE(opened->write_at(0, std::string(8u << 20, '\xee')));
    disk = std::make_shared<WatchedDisk>(std::move(opened));
  }
  ~Bench() {
    machine.loop.shut();
    images.loop.shut();
  }

  void answer(net::Exchange& exchange) {
    const std::string& range = exchange.request().headers.get("Range");
    requests.push_back(range);
    if (after_answer) after_answer();
    net::Headers headers;
    if (!etag.empty()) headers.set("ETag", etag);
    size_t from = 0, to = file.size();
    const std::string& condition = exchange.request().headers.get("If-Range");
    const bool partial = ranges && !range.empty() && (condition.empty() || condition == etag);
    if (partial) {
      const size_t dash = range.find('-');
      from = static_cast<size_t>(base::parse_uint(range.substr(6, dash - 6)).value());
      if (dash + 1 < range.size()) to = static_cast<size_t>(base::parse_uint(range.substr(dash + 1)).value()) + 1;
      headers.set("Content-Range",
                  "bytes " + std::to_string(from) + "-" + std::to_string(to - 1) + "/" + std::to_string(file.size()));
    }
    headers.set("Content-Length", std::to_string(to - from));
    if (!exchange.start(partial ? 206 : 200, headers)) return;
    const size_t stop = std::min(to, from + answer_bytes_max);  // ends in the middle: the connection is lost
    for (; from < stop; from += std::min<size_t>(stop - from, 60'000)) {
      if (!exchange.write(std::string_view(file).substr(from, std::min<size_t>(stop - from, 60'000)))) return;
    }
  }

  Result<void> write(const std::string& format, std::string sum = "") {
    agent::ImageOrder order{"id", "http://images/img", "sha256", sum, format};
    if (sum.empty()) order.hash_value = base::hex(crypto::sha256(file));
    std::optional<Result<void>> out;
    sys::spawn(machine.loop, "write", [&] {
      out = agent::write_image(
          machine, order, "", disk, access, [&](const agent::ImageProgress& at) { progress = at; },
          [](sys::File&) { return Result<void>(); });
    });
    REQUIRE(world.loop().run_until([&] { return out.has_value(); }));
    return *out;
  }
  bool holds(const std::string& content) { return disk->read_at(0, content.size()).value() == content; }
  bool bootable() { return !agent::boot_sector_format(*disk).value().empty(); }

  sys::SimWorld world;
  sys::Sys &images, &machine;
  std::unique_ptr<net::HttpServer> server;
  std::shared_ptr<WatchedDisk> disk;
  agent::DiskAccess access;
  agent::ImageProgress progress;
  std::string file, etag;
  bool ranges = true;
  size_t answer_bytes_max = 1u << 30;
  std::vector<std::string> requests;
  std::function<void()> after_answer;
};

}  // namespace

TEST_CASE("raw, gzip, zstd and qcow2 images become the disk they are of, and only used blocks are written") {
  const std::string content = disk_content((3u << 20) + 1536);
  const struct {
    const char* declared;
    std::string file;
  } cases[] = {
      {"raw", content}, {"raw", gzip(content)}, {"raw", zstd(content)}, {"qcow2", qcow2(content)}, {"", zstd(content)}};
  for (const auto& one : cases) {
    for (const bool real : {false, true}) {  // as a simulated disk and as a real one are used
      Bench bench(1);
      if (real) bench.access = fetch::fast_disk;
      bench.file = one.file;
      const auto done = bench.write(one.declared);
      REQUIRE_MESSAGE(done, done.error().text());
      CHECK(bench.holds(content));
      CHECK(bench.bootable());
      CHECK(bench.disk->written < content.size() * 3 / 4);
      CHECK(bench.progress.bytes == one.file.size());
      CHECK(bench.progress.bytes_total == one.file.size());
      const auto record = agent::read_install_record(*bench.disk).value();
      CHECK(record["bytes"].integer() == static_cast<int64_t>(content.size()));
    }
  }
}

TEST_CASE("qcow2 images that qemu-img made are read") {
  for (const char* name : {"plain_v2.qcow2", "plain_v3.qcow2", "zlib_v3.qcow2", "zstd_v3.qcow2"}) {
    Bench bench(2);
    std::ifstream in(std::string("test/data/images/") + name, std::ios::binary);
    bench.file.assign(std::istreambuf_iterator<char>(in), {});
    const auto done = bench.write("qcow2");
    REQUIRE_MESSAGE(done, done.error().text());
    const std::string disk = bench.disk->read_at(0, 1024 * 1024 + 1536).value();
    CHECK(base::hex(crypto::sha256(disk)) == "118bf4dfd15672c8f39f6ef6a8970900ef922e831eceffb55b38d44bb2d7948a");
    CHECK(bench.requests.size() == 1);  // small: all of it was in the first look
  }
}

TEST_CASE("a lost connection is taken up where it was, with and without ranges") {
  const std::string content = disk_content(6u << 20);
  for (const bool ranges : {true, false}) {
    for (const char* etag : {"", "\"one\"", "W/\"weak\""}) {
      for (const std::string& file : {content, qcow2(content), zstd(content)}) {
        Bench bench(3);
        bench.file = file;
        bench.ranges = ranges;
        bench.etag = etag;
        // Without ranges every answer starts again, so it must get further each time.
        bench.answer_bytes_max = ranges ? 900'000 : 1'000'000;
        if (!ranges) bench.after_answer = [&] { bench.answer_bytes_max += 700'000; };
        const auto done = bench.write("");
        REQUIRE_MESSAGE(done, done.error().text());
        CHECK(bench.holds(content));
        CHECK(bench.bootable());
        CHECK(bench.requests.size() > 3);
        CHECK(bench.requests[0].empty());
        CHECK(bench.requests.back().starts_with("bytes="));
      }
    }
  }
}

TEST_CASE("an image that changes meanwhile, or whose server stays away, ends in an error and no bootable disk") {
  const std::string content = disk_content(3u << 20);
  {
    Bench bench(4);
    bench.file = content;
    bench.etag = "\"one\"";
    bench.answer_bytes_max = 1'500'000;
    bench.after_answer = [&] {
      if (bench.requests.size() == 2) bench.etag = "\"two\"";
    };
    const auto done = bench.write("raw");
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Code::unavailable);
    CHECK(done.error().message.find("changed") != std::string::npos);
    CHECK_FALSE(bench.bootable());
  }
  {
    Bench bench(5);
    bench.file = content;
    bench.answer_bytes_max = 1'500'000;
    bench.after_answer = [&] {
      if (bench.requests.size() == 2) bench.answer_bytes_max = 0;
    };
    const auto done = bench.write("raw");
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Code::unavailable);
    CHECK(bench.requests.size() < 20);
    CHECK_FALSE(bench.bootable());
  }
}

TEST_CASE("wrong sum, wrong format, too large, broken or hostile images never leave a bootable disk") {
  const std::string content = disk_content(2u << 20);
  std::string backed = qcow2(content);
  put(backed, 8, 1000, 8), put(backed, 16, 11, 4);
  std::string elsewhere = qcow2(content);  // version 3 with an external data file
  put(elsewhere, 4, 3, 4), put(elsewhere, 72, 4, 8), put(elsewhere, 100, 104, 4);
  std::string astray = qcow2(content);
  put(astray, 40, uint64_t{1} << 40, 8);
  std::string cut = zstd(content);
  cut.resize(cut.size() / 2);
  std::string huge = qcow2(content);
  put(huge, 24, disk_bytes, 8);
  const struct {
    const char* what;
    std::string file, declared, sum;
    Code code;
    const char* says;
  } cases[] = {
      {"sum", content, "raw", std::string(64, 'a'), Code::corrupt, "expected aaaa"},
      {"sum of qcow2", qcow2(content), "qcow2", std::string(64, 'a'), Code::corrupt, "expected aaaa"},
      {"declared raw", qcow2(content), "raw", "", Code::invalid, "is qcow2, but raw"},
      {"declared qcow2", content, "qcow2", "", Code::invalid, "is raw, but qcow2"},
      {"declared qcow2, compressed", gzip(content), "qcow2", "", Code::invalid, "is raw in gzip, but qcow2"},
      {"compressed qcow2", gzip(qcow2(content)), "qcow2", "", Code::unsupported, "qcow2 in gzip"},
      {"backing file", backed, "qcow2", "", Code::unsupported, "backing file"},
      {"backing file, wrong sum", backed, "qcow2", std::string(64, 'a'), Code::unsupported, "backing file"},
      {"data file, wrong sum", elsewhere, "qcow2", std::string(64, 'a'), Code::unsupported, "another file"},
      {"tables outside the file, wrong sum", astray, "qcow2", std::string(64, 'a'), Code::corrupt, "L1 table"},
      {"half a zstd file", cut, "raw", "", Code::corrupt, "in the middle"},
      {"disk of qcow2 too large", huge, "qcow2", "", Code::too_large, "room"},
      {"bomb", zstd(std::string(disk_bytes, '\0')), "raw", "", Code::too_large, "room"},
      {"vmdk", "KDMV" + std::string(1000, 'x'), "", "", Code::unsupported, "vmdk"},
      {"nothing", "", "raw", std::string(64, 'a'), Code::corrupt, "expected aaaa"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.what);
    Bench bench(6);
    bench.file = one.file;
    const auto done = bench.write(one.declared, one.sum);
    REQUIRE_FALSE(done);
    CHECK_MESSAGE(done.error().code == one.code, done.error().text());
    CHECK_MESSAGE(done.error().message.find(one.says) != std::string::npos, done.error().text());
    CHECK(done.error().layer == base::Layer::agent);
    CHECK_FALSE(bench.bootable());
  }
}

TEST_CASE("a block map is written when its map is the one of the order, and each block the one of the map") {
  const std::string content = disk_content((3u << 20) + 1536);
  image::BlockMap map;
  map.disk_bytes = content.size();
  std::string stored;
  for (uint32_t i = 0; uint64_t{i} * map.block_bytes < content.size(); ++i) {
    const auto packed =
        image::pack_block(i, std::string_view(content).substr(size_t{i} * map.block_bytes, map.block_bytes));
    if (!packed) continue;
    map.entries.push_back(packed->entry);
    stored += packed->stored;
  }
  const std::string head = map.dump().value(), sum = base::hex(crypto::sha256(head));
  for (const bool real : {false, true}) {
    Bench bench(8);
    if (real) bench.access = fetch::fast_disk;
    bench.file = head + stored;
    const auto done = bench.write("block map", sum);
    REQUIRE_MESSAGE(done, done.error().text());
    CHECK(bench.holds(content));
    CHECK(bench.bootable());
    CHECK(bench.disk->written < content.size() * 3 / 4);
  }
  std::string bad_block = head + stored;
  bad_block[head.size() + stored.size() / 2] ^= 1;
  const std::string whole = base::hex(crypto::sha256(head + stored));
  const struct {
    std::string file, declared, sum;
    Code code;
  } cases[] = {
      {head + stored, "block map", std::string(64, 'a'), Code::corrupt},
      {head + stored, "block map", whole, Code::corrupt},
      {bad_block, "block map", sum, Code::corrupt},
      {head + stored + "x", "block map", sum, Code::corrupt},
      {head, "block map", sum, Code::corrupt},
      {head + stored, "raw", whole, Code::invalid},
      {head + stored, "", whole, Code::invalid},
      {content, "block map", "", Code::invalid},
  };
  for (const auto& one : cases) {
    CAPTURE(one.declared);
    CAPTURE(one.sum);
    Bench bench(9);
    bench.file = one.file;
    const auto done = bench.write(one.declared, one.sum);
    REQUIRE_FALSE(done);
    CHECK_MESSAGE(done.error().code == one.code, done.error().text());
    CHECK_FALSE(bench.bootable());
  }
}

TEST_CASE("a disk that does not keep what it is given is noticed") {
  const std::string content = disk_content(2u << 20);
  for (const uint64_t bad : {uint64_t{100}, uint64_t{1'000'000}, uint64_t{1'700'000}}) {
    Bench bench(7);
    bench.file = content;
    bench.disk->bad_at = bad;
    const auto done = bench.write("raw");
    REQUIRE_FALSE(done);
    CHECK(done.error().message.find("gave back") != std::string::npos);
    CHECK_FALSE(bench.bootable());
  }
}
