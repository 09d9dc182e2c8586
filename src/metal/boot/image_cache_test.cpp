#include <doctest/doctest.h>

#include "metal/boot/test_image_cache.h"

using base::Code;
using metal::test::disk_of;
using metal::test::Place;

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

  REQUIRE(place.manager->disk.write("/cache/" + std::string(32, 'f') + ".blocks", "left over"));
  REQUIRE(place.manager->disk.write("/cache/notes.txt", "somebody's"));
  place.kill();
  place.start();
  CHECK((place.served(*place.get("a")[0].value()) == place.files["/a"]));
  CHECK(place.requests == 1);
  CHECK_FALSE(place.manager->disk.exists("/cache/" + std::string(32, 'f') + ".blocks"));
  CHECK(place.manager->disk.exists("/cache/notes.txt"));
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
  CHECK(place.manager->disk.list("/cache").value() == std::vector<std::string>{".owner"});
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
