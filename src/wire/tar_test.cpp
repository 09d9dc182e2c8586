#include "wire/tar.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "wire/gzip.h"

namespace wire {

TEST_CASE("tar: what is built is read again, whatever its length") {
  const std::vector<TarFile> files = {{"agent.log", std::string(513, 'a')}, {"empty", ""}, {"kernel.log", "k"}};
  const std::string archive = build_tar(files);
  CHECK(archive.size() % 512 == 0);
  const auto found = read_tar(archive, 10);
  REQUIRE(found.ok());
  REQUIRE(found->size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK((*found)[i].path == files[i].path);
    CHECK((*found)[i].bytes == files[i].bytes);
  }
  CHECK(read_tar(archive, 2)->size() == 2);
  CHECK(read_tar(archive.substr(0, 600), 10)->at(0).bytes == std::string(88, 'a'));
  CHECK_FALSE(read_tar(std::string(512, 'x'), 10).ok());
}

TEST_CASE("tar: an archive of GNU tar, with a folder in it") {
  // tar --format=gnu --owner=0 --group=0 --mtime=@0 -c, gzip -9n: a folder "logs" with one file "journal" ("hello\n").
  const auto bytes = base::unbase64(
      "H4sIAAAAAAACA+3RQQqDMBBA0Vl7itygUZJ4HhelIkMHYnL/2i4t6CqC8N9mBmZ2X+21PqQtvxlj/M3Nfv7vvQ+pFxflAnUtU3ZO"
      "slk5+ju735R++y9W83vSlv1TCAf9067/4OMgztO/ufmpap0AAAAAAAAAAAAAAAAAuKEPce3IOAAoAAA=");
  REQUIRE(bytes.has_value());
  const auto found = read_tar(gunzip(*bytes, 1 << 20).value(), 10);
  REQUIRE(found.ok());
  REQUIRE(found->size() == 1);
  CHECK(found->at(0).path == "logs/journal");
  CHECK(found->at(0).bytes == "hello\n");
}

TEST_CASE("gzip: there and back; what is too large or cut off is refused") {
  const std::string text(100'000, 'z');
  const std::string packed = gzip(text).value();
  CHECK(packed.size() < 1000);
  CHECK(gunzip(packed, text.size()).value() == text);
  CHECK(gunzip(packed, 99'999).error().code == base::Code::too_large);
  CHECK(gunzip(packed.substr(0, packed.size() - 9), text.size()).error().code == base::Code::invalid);
}

}  // namespace wire
