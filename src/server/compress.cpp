#include "server/compress.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace server {
namespace {

constexpr size_t body_bytes_min = 128u << 10;
constexpr int gzip_window = 15 + 16;  // zlib's way to ask for the gzip format
constexpr int memory_level = 8;       // zlib's default
constexpr size_t room_bytes_min = 32u << 10;

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

}  // namespace

bool takes_gzip(const net::Request& request) { return takes_gzip(request.headers.get("Accept-Encoding")); }

std::string gzip(const std::function<std::string_view()>& next) {
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, gzip_window, memory_level, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out;
  for (bool more = true; more;) {
    const std::string_view piece = next();
    more = !piece.empty();
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream.avail_in = static_cast<uInt>(piece.size());
    do {
      if (out.size() - stream.total_out < room_bytes_min) out.resize(out.size() * 3 / 2 + 2 * room_bytes_min);
      stream.next_out = reinterpret_cast<Bytef*>(out.data()) + stream.total_out;
      stream.avail_out = static_cast<uInt>(std::min<size_t>(out.size() - stream.total_out, UINT32_MAX));
      deflate(&stream, more ? Z_NO_FLUSH : Z_FINISH);
    } while (stream.avail_out == 0);
  }
  out.resize(stream.total_out);
  return deflateEnd(&stream) == Z_OK ? out : std::string();
}

void set_packed(net::Response& response) {
  response.headers.set("Content-Encoding", "gzip");
  response.headers.add("Vary", "Accept-Encoding");
}

void compress(Api& api, const net::Request& request, net::Response& response) {
  if (response.body.size() < body_bytes_min || response.body.size() > UINT32_MAX) return;
  if (response.headers.has("Content-Encoding") || !takes_gzip(request.headers.get("Accept-Encoding"))) return;
  struct Work {
    std::string plain, packed;
  };
  const auto work = std::make_shared<Work>();  // outlives a fiber that is cancelled
  work->plain = std::move(response.body);
  const auto done = sys::await<bool>(api.sys.loop, [&](std::function<void(Result<bool>)> finished) {
    const auto next = [work, given = false]() mutable {
      return std::exchange(given, true) ? std::string_view() : std::string_view(work->plain);
    };
    api.sys.offload.run([work, next] { work->packed = gzip(next); }, [finished] { finished(true); });
  });
  if (!done) return;  // cancelled: nobody waits for the answer
  if (work->packed.empty()) {
    response.body = std::move(work->plain);
    return;
  }
  response.body = std::move(work->packed);
  set_packed(response);
}

}  // namespace server
