#include "metal/boot/image_cache.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "base/text.h"
#include "crypto/hash.h"
#include "image/block_map.h"
#include "net/http.h"
#include "sys/sim/sim.h"

namespace {

using base::Code;
using base::Result;
using metal::ImageCache;

// `used` blocks of 256 KiB with noise, and as many of zeros behind each.
std::string disk_of(uint32_t seed, size_t used) {
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

struct Place {
  explicit Place(uint64_t seed, uint64_t bytes_max = 1u << 30)
      : world(seed), web(world.process("images", "i")), manager(world.process("manager", "m")), bytes_max_(bytes_max) {
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
    manager.loop.shut();
    web.loop.shut();
  }
  void start() {
    metal::ImageCacheOptions options;
    options.directory = "/cache";
    options.bytes_max = bytes_max_;
    cache = std::make_shared<ImageCache>(manager, manager.net, options);
    REQUIRE(cache->start());
  }
  // What `count` hosts get that ask at the same time.
  std::vector<Result<ImageCache::Hold>> get(const std::string& name, int count = 1, const std::string& sum = "") {
    const metal::ImageDigest digest{"sha256", sum.empty() ? base::hex(crypto::sha256(files["/" + name])) : sum};
    std::vector<Result<ImageCache::Hold>> out;
    for (int i = 0; i < count; ++i) {
      sys::spawn(manager.loop, "host", [&, digest] {
        out.push_back(cache->get("http://images/" + name, digest, "raw", [&](const auto& text) { said.insert(text); }));
      });
    }
    REQUIRE(world.loop().run_until([&] { return static_cast<int>(out.size()) == count; }));
    return out;
  }
  // The disk behind what is served, each block checked.
  std::string served(const ImageCache::Image& image) {
    const auto artefact = cache->artefact(image.key).value();
    const std::string bytes = metal::read_body(manager.disk, artefact, 0, artefact.body.size).value();
    CHECK(base::hex(crypto::sha256(bytes)) == image.sha256);
    const auto content = image::block_map_content(1u << 30);
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
  sys::Sys &web, &manager;
  uint64_t bytes_max_;
  std::unique_ptr<net::HttpServer> server;
  std::map<std::string, std::string> files;
  std::set<std::string> said;
  int requests = 0;
  std::shared_ptr<ImageCache> cache;
};

}  // namespace

TEST_CASE("hosts that want the same image wait for one download, and a restart finds it") {
  Place place(1);
  place.files["/a"] = disk_of(1, 20) + "the end";
  auto got = place.get("a", 5);
  for (const auto& one : got) REQUIRE_MESSAGE(one, one.error().text());
  CHECK(place.requests == 1);
  CHECK(place.cache->downloads == 1);
  CHECK(place.said.count("downloading the image") == 1);
  CHECK(place.said.size() > 2);
  const auto image = **got[4];
  CHECK((place.served(image) == place.files["/a"]));
  CHECK(image.blocks_bytes < (20u << 18) + (1u << 18));  // zeros are not kept
  CHECK(place.get("a")[0].value()->sha256 == image.sha256);
  CHECK(place.requests == 1);

  REQUIRE(place.manager.disk.write("/cache/" + std::string(32, 'f') + ".blocks", "left over"));
  REQUIRE(place.manager.disk.write("/cache/notes.txt", "somebody's"));
  place.start();
  CHECK((place.served(*place.get("a")[0].value()) == place.files["/a"]));
  CHECK(place.requests == 1);
  CHECK_FALSE(place.manager.disk.exists("/cache/" + std::string(32, 'f') + ".blocks"));
  CHECK(place.manager.disk.exists("/cache/notes.txt"));
  CHECK_FALSE(place.cache->artefact("unknown"));
}

TEST_CASE("an image that does not fit its checksum is nobody's, and is tried again") {
  Place place(2);
  place.files["/a"] = disk_of(1, 3);
  const auto got = place.get("a", 3, std::string(64, 'a'));
  for (const auto& one : got) {
    REQUIRE_FALSE(one);
    CHECK(one.error().code == Code::corrupt);
    CHECK(one.error().message.find("expected aaaa") != std::string::npos);
  }
  CHECK(place.manager.disk.list("/cache").value().empty());
  CHECK(place.get("a")[0]);
  CHECK(place.requests == 2);
}

TEST_CASE("the least recently used image leaves when there is no room, but not while a host reads it") {
  Place place(3, 3u << 20);
  for (const uint32_t i : {1u, 2u, 3u}) place.files["/" + std::to_string(i)] = disk_of(i, 5);  // 1.25 MiB each
  std::string first_key;
  {
    const auto first = place.get("1")[0].value();
    first_key = first->key;
    REQUIRE(place.get("2")[0]);
    REQUIRE(place.get("3")[0]);  // the second has to go: the first is held
    CHECK(place.cache->artefact(first_key));
    CHECK(place.cache->bytes() <= 3u << 20);
    const auto third = place.get("3")[0].value();
    const auto none = place.get("2")[0];
    REQUIRE_FALSE(none);
    CHECK(none.error().message.find("no room") != std::string::npos);
  }
  REQUIRE(place.get("2")[0]);
  CHECK_FALSE(place.cache->artefact(first_key));
  place.files["/4"] = disk_of(4, 20);
  const auto huge = place.get("4")[0];
  REQUIRE_FALSE(huge);
  CHECK(huge.error().code == Code::too_large);
}
