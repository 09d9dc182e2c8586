// An image cache in virtual time, for tests: a server of images, and a manager whose disk may be full.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "crypto/hash.h"
#include "image/block_map.h"
#include "metal/boot/image_cache.h"
#include "net/http.h"
#include "sys/sim/sim.h"

namespace metal::test {

using base::Result;

// `used` blocks of 256 KiB with noise, and as many of zeros behind each.
inline std::string disk_of(uint32_t seed, size_t used) {
  constexpr size_t block = 256u << 10;
  std::string out(used * 2 * block, '\0');
  for (size_t i = 0; i < used; ++i) {
    for (size_t at = 0; at < block; ++at) {
      seed = seed * 1664525 + 1013904223;
      out[i * 2 * block + at] = static_cast<char>(seed >> 24);
    }
  }
  return out;
}

// A disk that may have little space left.
class SmallDisk : public sys::Disk {
 public:
  explicit SmallDisk(sys::Disk& disk) : disk_(disk) {}
  Result<std::string> read(const std::string& path, size_t bytes_max) override { return disk_.read(path, bytes_max); }
  Result<void> write(const std::string& path, std::string_view bytes, unsigned mode) override {
    TRY(take(path, bytes.size()));
    return disk_.write(path, bytes, mode);
  }
  Result<void> append(const std::string& path, std::string_view bytes) override { return disk_.append(path, bytes); }
  Result<std::unique_ptr<sys::File>> open(const std::string& path, bool create) override;
  Result<void> make_directories(const std::string& path, unsigned mode) override {
    return disk_.make_directories(path, mode);
  }
  Result<void> remove(const std::string& path) override { return disk_.remove(path); }
  bool exists(const std::string& path) override { return disk_.exists(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return disk_.list(path); }

  Result<void> take(const std::string& path, uint64_t bytes) {
    if (bytes > space) return base::internal("writing " + path + ": No space left on device");
    space -= bytes;
    written += bytes;
    return {};
  }
  uint64_t space = UINT64_MAX;
  uint64_t written = 0, opened = 0;  // bytes, files

 private:
  sys::Disk& disk_;
};

class SmallDiskFile : public sys::File {
 public:
  SmallDiskFile(SmallDisk& disk, std::unique_ptr<sys::File> file, std::string path)
      : disk_(disk), file_(std::move(file)), path_(std::move(path)) {}
  Result<std::string> read_at(uint64_t offset, size_t bytes) override { return file_->read_at(offset, bytes); }
  Result<void> write_at(uint64_t offset, std::string_view bytes) override {
    TRY(disk_.take(path_, bytes.size()));
    return file_->write_at(offset, bytes);
  }
  Result<void> zero(uint64_t offset, uint64_t bytes) override { return file_->zero(offset, bytes); }
  Result<void> sync() override { return file_->sync(); }
  uint64_t size() const override { return file_->size(); }
  Result<void> resize(uint64_t bytes) override { return file_->resize(bytes); }

 private:
  SmallDisk& disk_;
  std::unique_ptr<sys::File> file_;
  std::string path_;
};

inline Result<std::unique_ptr<sys::File>> SmallDisk::open(const std::string& path, bool create) {
  auto file = TRY(disk_.open(path, create));
  ++opened;
  return std::unique_ptr<sys::File>(std::make_unique<SmallDiskFile>(*this, std::move(file), path));
}

// A manager with a cache, and a server of images.
struct Place {
  explicit Place(uint64_t seed, uint64_t bytes_max = 1u << 30)
      : world(seed), web(world.process("images", "i")), bytes_max_(bytes_max) {
    net::ServerOptions options;
    options.listen = {{"images", 80}};
    options.tls = false;
    server = std::make_unique<net::HttpServer>(web.loop, web.net, options, [this](net::Exchange& exchange) {
      ++requests;
      exchange.respond(net::Response::text(200, files[exchange.request().target]));
    });
    REQUIRE(server->start());
    start();
  }
  ~Place() {
    manager->loop.shut();
    web.loop.shut();
  }
  std::shared_ptr<ImageCache> make_cache() {
    metal::ImageCacheOptions options;
    options.directory = "/cache";
    options.bytes_max = bytes_max_;
    auto made = std::make_shared<ImageCache>(*manager, manager->net, options);
    REQUIRE(made->start());
    return made;
  }
  void start() {
    process = &world.process("manager", "m");
    disk = std::make_unique<SmallDisk>(process->disk);
    manager = std::make_unique<sys::Sys>(
        sys::Sys{process->loop, process->random, process->keys, process->net, *disk, process->offload});
    cache = make_cache();
  }
  void kill() {
    world.kill(*process);
    cache.reset();
  }
  // What `count` hosts get that ask at the same time.
  std::vector<Result<ImageCache::Hold>> get(const std::string& name, int count = 1, const std::string& sum = "",
                                            const std::string& format = "raw") {
    const metal::ImageDigest digest{"sha256", sum.empty() ? base::hex(crypto::sha256(files["/" + name])) : sum};
    std::vector<Result<ImageCache::Hold>> out;
    for (int i = 0; i < count; ++i) {
      sys::spawn(manager->loop, "host", [&, digest, format] {
        out.push_back(
            cache->get("http://images/" + name, digest, format, [&](const auto& text) { said.insert(text); }));
      });
    }
    REQUIRE(world.loop().run_until([&] { return static_cast<int>(out.size()) == count; }));
    return out;
  }
  bool still_good(const ImageCache::Image& image) {
    std::optional<bool> out;
    sys::spawn(manager->loop, "host", [&] { out = cache->still_good(image); });
    REQUIRE(world.loop().run_until([&] { return out.has_value(); }));
    return *out;
  }
  // The disk behind what is served, each block checked.
  std::string served(const ImageCache::Image& image) {
    const auto artefact = cache->artefact(image.key).value();
    const std::string bytes = metal::read_body(manager->disk, artefact, 0, artefact.body.size).value();
    const auto content = image::block_map_content(1u << 30, image.sha256);
    std::string out(image.disk_bytes, '\0');
    const image::Sink sink = [&](uint64_t offset, std::string_view stored) -> Result<void> {
      std::string block(content->unpacked_bytes(offset), '\0');
      TRY(content->unpack(offset, stored, block.data()));
      out.replace(offset, block.size(), block);
      return {};
    };
    content->feed(bytes);
    while (content->step(sink).value()) {
    }
    REQUIRE(content->finish(sink));
    return out;
  }

  sys::SimWorld world;
  sys::Sys& web;
  sys::Sys* process = nullptr;
  std::unique_ptr<SmallDisk> disk;
  std::unique_ptr<sys::Sys> manager;  // the process, with that disk
  uint64_t bytes_max_;
  std::unique_ptr<net::HttpServer> server;
  std::map<std::string, std::string> files;
  std::set<std::string> said;
  int requests = 0;
  std::shared_ptr<ImageCache> cache;
};

}  // namespace metal::test
