#include "wire/iso9660.h"

#include <doctest/doctest.h>

#include <random>

using wire::IsoFile;

TEST_CASE("an ISO image holds what was put in") {
  const std::vector<IsoFile> files = {
      {"parameters.txt", "boot_method=vmedia\n"},
      {"openstack/latest/meta_data.json", std::string(5000, 'm')},
      {"openstack/latest/user_data", ""},
      {"ca.crt", "-----BEGIN"},
  };
  const auto image = wire::build_iso("config-2", files);
  REQUIRE(image.ok());
  CHECK(image->size() % 2048 == 0);
  const auto read = wire::read_iso(*image);
  REQUIRE(read.ok());
  CHECK(read->volume_id == "config-2");
  CHECK(read->files.size() == files.size());
  for (const auto& file : files) {
    const auto* found = read->find(file.path);
    REQUIRE_MESSAGE(found, file.path);
    CHECK(found->bytes == file.bytes);
  }
  CHECK(*wire::build_iso("config-2", files) == *image);
}

TEST_CASE("many files in one directory span sectors") {
  std::vector<IsoFile> files;
  for (int i = 0; i < 200; ++i) files.push_back({"some-directory/file-" + std::to_string(i), std::to_string(i)});
  const auto image = wire::build_iso("V", files);
  REQUIRE(image.ok());
  const auto read = wire::read_iso(*image);
  REQUIRE(read.ok());
  CHECK(read->files.size() == 200);
  CHECK(read->find("some-directory/file-150")->bytes == "150");
}

TEST_CASE("bad paths are refused") {
  for (const char* path : {"", "/a", "a//b", "../x", "a/./b", "a\nb", "a b"}) {
    CHECK_MESSAGE(!wire::build_iso("V", {{path, ""}}).ok(), path);
  }
  CHECK_FALSE(wire::build_iso("V", {{"a", ""}, {"a", ""}}).ok());
  CHECK_FALSE(wire::build_iso("V", {{"a", ""}, {"A", ""}}).ok());
  CHECK_FALSE(wire::build_iso("V", {{"a", ""}, {"a/b", ""}}).ok());
  CHECK_FALSE(wire::build_iso(std::string(33, 'x'), {}).ok());
}

TEST_CASE("broken images give an error, never more") {
  const auto image = wire::build_iso("V", {{"d/e/f.txt", "hello"}, {"g", std::string(3000, 'g')}});
  REQUIRE(image.ok());
  CHECK_FALSE(wire::read_iso("").ok());
  CHECK_FALSE(wire::read_iso(image->substr(0, 40'000)).ok());
  const unsigned seed = 20260101;
  CAPTURE(seed);
  std::mt19937 random(seed);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = *image;
    for (unsigned i = 0; i < 1 + random() % 4; ++i) {
      const size_t at = 16 * 2048 + random() % (bytes.size() - 16 * 2048);
      bytes[at] = static_cast<char>(random());
    }
    if (random() % 8 == 0) bytes.resize(random() % bytes.size());
    const auto read = wire::read_iso(bytes);
    if (!read) ++refused;
    if (read) CHECK(read->files.size() < 10);
  }
  CHECK(refused > 0);
}
