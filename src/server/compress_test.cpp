#include <zlib.h>

#include "server/test_server.h"

namespace server {
namespace {

std::string gunzip(const std::string& packed, size_t size) {
  std::string out(size, '\0');
  z_stream stream = {};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  CHECK(stream.total_out == size);
  inflateEnd(&stream);
  return out;
}

TEST_CASE("list: large answers are compressed for clients that take it") {
  Place at;
  for (int i = 0; i < 100; ++i) at.note("n" + std::to_string(i), R"(,"text":")" + std::string(2000, 'x') + '"');
  const auto get = [&](const std::string& target, const std::string& encoding) {
    return at.send({.method = "GET", .target = target, .headers = {{"Accept-Encoding", encoding}}});
  };
  const auto plain = at.get(notes);
  for (const std::string encoding : {"gzip", "deflate, GZIP;q=0.5", "gzip ;q=1"}) {
    const auto packed = get(notes, encoding);
    CHECK(packed.headers.get("Content-Encoding") == "gzip");
    CHECK(packed.headers.get("Vary") == "Accept-Encoding");
    CHECK(packed.body.size() < plain.body.size() / 10);
    CHECK(gunzip(packed.body, plain.body.size()) == plain.body);
  }
  for (const std::string encoding : {"", "identity", "gzip;q=0", "gzip; q=0.0", "br"}) {
    const auto same = get(notes, encoding);
    CHECK_FALSE(same.headers.has("Content-Encoding"));
    CHECK(same.body == plain.body);
  }
  CHECK_FALSE(get(notes + "/n1", "gzip").headers.has("Content-Encoding"));  // small
}

}  // namespace
}  // namespace server
