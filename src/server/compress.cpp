#include "server/compress.h"

#include <zlib.h>

#include "base/text.h"

namespace server {
namespace {

constexpr size_t body_bytes_min = 128u << 10;
constexpr int gzip_window = 15 + 16;  // zlib's way to ask for the gzip format
constexpr int memory_level = 8;       // zlib's default

// RFC 9110 12.5.3, as far as it matters: named, and not with q=0.
bool takes_gzip(std::string_view accepted) {
  for (std::string_view part : base::split(accepted, ',')) {
    part = base::trim(part);
    const size_t end = part.find_first_of("; ");
    if (!base::equals_ignore_case(part.substr(0, end), "gzip")) continue;
    if (end == std::string_view::npos) return true;
    const size_t q = part.find("q=", end);
    return q == std::string_view::npos || part.substr(q + 2).find_first_not_of("0.") != std::string_view::npos;
  }
  return false;
}

// Empty when it cannot be done.
std::string gzip(const std::string& plain) {
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, gzip_window, memory_level, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out(deflateBound(&stream, plain.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(whole ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace

void compress(Api& api, const net::Request& request, net::Response& response) {
  if (response.body.size() < body_bytes_min || response.body.size() > UINT32_MAX) return;
  if (response.headers.has("Content-Encoding") || !takes_gzip(request.headers.get("Accept-Encoding"))) return;
  struct Work {
    std::string plain, packed;
  };
  const auto work = std::make_shared<Work>();  // outlives a fiber that is cancelled
  work->plain = std::move(response.body);
  const auto done = sys::await<bool>(api.sys.loop, [&](std::function<void(Result<bool>)> finished) {
    api.sys.offload.run([work] { work->packed = gzip(work->plain); }, [finished] { finished(true); });
  });
  if (!done) return;  // cancelled: nobody waits for the answer
  if (work->packed.empty()) {
    response.body = std::move(work->plain);
    return;
  }
  response.body = std::move(work->packed);
  response.headers.set("Content-Encoding", "gzip");
  response.headers.add("Vary", "Accept-Encoding");
}

}  // namespace server
