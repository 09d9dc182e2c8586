// What can go wrong with an image cache's disk, its images and its process.
#include <doctest/doctest.h>

#include "metal/boot/test_image_cache.h"

using base::Code;
using metal::test::disk_of;
using metal::test::Place;

namespace {

std::vector<std::string> names(Place& place) { return place.manager->disk.list("/cache").value(); }

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

void put(std::string& bytes, size_t at, uint64_t value, size_t count) {
  for (size_t i = 0; i < count; ++i) bytes[at + i] = static_cast<char>(value >> (8 * (count - 1 - i)));
}

// The head of a qcow2 image that names a backing file.
std::string hostile_qcow2() {
  std::string out(256u << 10, '\0');
  out.replace(0, 4, "QFI\xfb", 4);
  put(out, 4, 3, 4), put(out, 8, 200, 8), put(out, 16, 11, 4), put(out, 20, 16, 4), put(out, 24, 1u << 20, 8);
  out.replace(200, 11, "/etc/shadow");
  return out;
}

}  // namespace

TEST_CASE("image cache: nothing reads an image's structure before its checksum is right") {
  Place place(1);
  place.files["/evil"] = hostile_qcow2();
  const auto unknown = place.get("evil", 1, std::string(64, 'a'), "qcow2")[0];
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Code::corrupt);
  CHECK(contains(unknown.error().message, "expected aaaa"));
  const auto known = place.get("evil", 1, "", "qcow2")[0];
  REQUIRE_FALSE(known);
  CHECK(known.error().code == Code::unsupported);
  CHECK(contains(known.error().message, "backing file"));
  CHECK(names(place) == std::vector<std::string>{".owner"});
}

TEST_CASE("image cache: a full disk is an error that says so, leaves nothing behind, and is over when there is space") {
  uint64_t needed = 0;
  {
    Place place(2);
    place.files["/a"] = disk_of(1, 6);
    const uint64_t before = place.disk->space;
    REQUIRE(place.get("a")[0]);
    needed = before - place.disk->space;
  }
  int failed = 0;
  for (uint64_t space = 0; space < needed; space += needed / 23 + 1) {
    CAPTURE(space);
    Place place(2);
    place.files["/a"] = disk_of(1, 6);
    place.disk->space = space;
    for (const auto& one : place.get("a", 2)) {
      REQUIRE_FALSE(one);
      CHECK(contains(one.error().message, "image cache"));
      CHECK(contains(one.error().message, "No space left"));
      CHECK(contains(one.error().fix, "--image-cache"));
      ++failed;
    }
    CHECK(names(place) == std::vector<std::string>{".owner"});
    place.disk->space = UINT64_MAX;
    const auto got = place.get("a");
    REQUIRE(got[0]);
    CHECK((place.served(**got[0]) == place.files["/a"]));
  }
  CHECK(failed > 20);
}

TEST_CASE("image cache: killed at any moment, it begins again and gives the image") {
  int killed_at_work = 0;
  for (int moment = 0; moment < 24; ++moment) {
    CAPTURE(moment);
    Place place(static_cast<uint64_t>(100 + moment));
    place.files["/a"] = disk_of(1, 12) + "the end";
    const metal::ImageDigest digest{"sha256", base::hex(crypto::sha256(place.files["/a"]))};
    bool done = false;
    sys::spawn(place.manager->loop, "host", [&] {
      (void)place.cache->get("http://images/a", digest, "raw", [](const std::string&) {});
      done = true;
    });
    // By what has been seen on the disk, so that every step is hit whatever it takes.
    int steps = 0;
    size_t seen = 0;
    REQUIRE(place.world.loop().run_until([&] {
      const size_t now = place.disk->opened + place.disk->written;
      if (now != seen) ++steps, seen = now;
      return done || steps > moment * 2;
    }));
    if (!done) ++killed_at_work;
    place.kill();
    place.start();
    const auto got = place.get("a");
    REQUIRE(got[0]);
    CHECK((place.served(**got[0]) == place.files["/a"]));
    CHECK(names(place).size() == 4);  // the owner, and three files of one image
  }
  CHECK(killed_at_work > 12);
}

TEST_CASE("image cache: a block that went bad on the manager's disk is found, removed and fetched again") {
  Place place(3);
  place.files["/a"] = disk_of(1, 4);
  CHECK(place.still_good(*place.get("a")[0].value()));
  for (const char* suffix : {".blocks", ".map"}) {
    CAPTURE(suffix);
    const auto held = place.get("a")[0].value();
    const auto file = place.manager->disk.open("/cache/" + held->key + suffix, false).value();
    std::string byte = file->read_at(file->size() / 2, 1).value();
    byte[0] ^= 1;
    REQUIRE(file->write_at(file->size() / 2, byte));
    CHECK_FALSE(place.still_good(*held));
    CHECK_FALSE(place.still_good(*held));  // it is gone
    CHECK_FALSE(place.cache->artefact(held->key));
    CHECK((place.served(*place.get("a")[0].value()) == place.files["/a"]));
  }
  CHECK(place.requests == 3);
}

TEST_CASE("image cache: an image that leaves while it is read is read to its end, and comes back when it is wanted") {
  Place place(4, 3u << 20);
  place.files["/a"] = disk_of(1, 8);
  place.files["/b"] = disk_of(2, 8);
  const auto key = place.get("a")[0].value()->key;
  const std::string blocks = place.get("a")[0].value()->blocks_sha256;
  const auto artefact = place.cache->artefact(key).value();
  net::ServerOptions options;
  options.listen = {{"manager", 80}};
  options.tls = false;
  net::HttpServer server(place.manager->loop, place.manager->net, options, [&](net::Exchange& exchange) {
    (void)metal::send_artefact(place.manager->disk, artefact, exchange);
  });
  REQUIRE(server.start());
  net::ClientOptions to;
  to.server = {"manager", 80};
  to.tls = false;
  net::HttpClient client(place.web.loop, place.web.net, to);
  std::string got;
  bool ended = false, other = false, gone = false;
  sys::spawn(place.web.loop, "host", [&] {
    const auto answer = client.stream({}, base::minutes(10), [&](const net::Response&, std::string_view piece) {
      got += piece;
      if (got.size() > 300'000 && !gone) {  // in the middle: another image needs the room
        gone = true;
        while (!other) (void)sys::sleep(place.web.loop, base::milliseconds(10));
      }
      return true;
    });
    CHECK(answer);
    ended = true;
  });
  REQUIRE(place.world.loop().run_until([&] { return gone; }));
  REQUIRE(place.get("b")[0]);
  CHECK_FALSE(place.cache->artefact(key));
  CHECK_FALSE(place.manager->disk.exists("/cache/" + key + ".blocks"));
  other = true;
  REQUIRE(place.world.loop().run_until([&] { return ended; }));
  CHECK(got.size() == artefact.body.size);
  CHECK("\"" + base::hex(crypto::sha256(std::string_view(got).substr(0, artefact.body.pieces[0].size))) + "\"" ==
        artefact.etag);
  CHECK(base::hex(crypto::sha256(std::string_view(got).substr(artefact.body.pieces[0].size))) == blocks);
  CHECK((place.served(*place.get("a")[0].value()) == place.files["/a"]));
}

TEST_CASE("image cache: of two managers with one directory the one that started last has it, and the other says so") {
  Place place(5);
  place.files["/a"] = disk_of(1, 3);
  place.files["/b"] = disk_of(2, 3);
  REQUIRE(place.get("a")[0]);
  const auto first = place.cache;
  place.cache = place.make_cache();
  REQUIRE(place.get("b")[0]);
  CHECK((place.served(*place.get("a")[0].value()) == place.files["/a"]));
  CHECK(place.requests == 2);
  const auto second = std::exchange(place.cache, first);
  CHECK((place.served(*place.get("a")[0].value()) == place.files["/a"]));  // what it knows it still serves
  const auto refused = place.get("b")[0];
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::conflict);
  CHECK(contains(refused.error().message, "another manager"));
  CHECK(contains(refused.error().fix, "--image-cache"));
  place.cache = second;
  CHECK((place.served(*place.get("b")[0].value()) == place.files["/b"]));  // and removes nothing of the other's
}

TEST_CASE("image cache: an image without end does not fill the disk") {
  Place place(6, 1u << 20);
  place.files["/a"] = disk_of(1, 40);  // 10 MiB of noise
  const auto got = place.get("a")[0];
  REQUIRE_FALSE(got);
  CHECK(got.error().code == Code::too_large);
  CHECK(contains(got.error().fix, "--image-cache-size"));
  CHECK(place.disk->written < (4u << 20));
  CHECK(names(place) == std::vector<std::string>{".owner"});
}
