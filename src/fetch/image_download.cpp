#include "fetch/image_download.h"

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "base/text.h"
#include "net/redirect.h"
#include "sys/fiber.h"

namespace fetch {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

constexpr base::Duration idle_limit = base::minutes(2);
constexpr int failures_max = 8;  // in a row, without a single byte
constexpr base::Duration pause_max = base::seconds(30);

bool passing(const Error& error) { return error.code == Code::unavailable || error.code == Code::timeout; }

base::Duration pause_after(int failures) {
  return std::min<base::Duration>(pause_max, base::seconds(int64_t{1} << std::min(failures - 1, 6)));
}

struct ContentRange {
  uint64_t first = 0;
  std::optional<uint64_t> total;
};

// "bytes 0-499/1234", "bytes 0-499/*"
std::optional<ContentRange> content_range(const std::string& field) {
  constexpr std::string_view unit = "bytes ";
  const size_t dash = field.find('-');
  const size_t slash = field.find('/');
  if (!field.starts_with(unit) || dash == std::string::npos || slash == std::string::npos || slash < dash) {
    return std::nullopt;
  }
  const auto first = base::parse_uint(std::string_view(field).substr(unit.size(), dash - unit.size()));
  if (!first) return std::nullopt;
  return ContentRange{*first, base::parse_uint(std::string_view(field).substr(slash + 1))};
}

std::string range_field(uint64_t first, std::optional<uint64_t> last) {
  return "bytes=" + std::to_string(first) + "-" + (last ? std::to_string(*last) : std::string());
}

}  // namespace

ImageDownload::ImageDownload(sys::Loop& loop, sys::Net& net, net::Url url, std::string roots_pem)
    : loop_(loop),
      net_(net),
      url_(std::move(url)),
      roots_pem_(std::move(roots_pem)),
      text_(net::Redirects(url_).text()) {}

Result<std::unique_ptr<ImageDownload>> ImageDownload::make(sys::Loop& loop, sys::Net& net, const std::string& text,
                                                           const std::string& roots_pem) {
  const net::Url url = TRY(net::Url::parse(text).context("image URL"));
  if (url.scheme != "http" && url.scheme != "https") {
    return Error{Code::invalid, "image URL scheme " + base::quoted(url.scheme) + " is not http or https"};
  }
  return std::unique_ptr<ImageDownload>(new ImageDownload(loop, net, url, roots_pem));
}

net::HttpClient& ImageDownload::client(const net::Url& url) {
  net::ClientOptions options;
  options.server = url.address();
  options.tls = url.scheme == "https";
  options.tls_options.ca_pem = roots_pem_;
  options.user_agent = "ingot";
  return clients_.try_emplace(url.scheme + " " + url.address().text(), loop_, net_, std::move(options)).first->second;
}

// The answer of the server that really has the file.
Result<net::Response> ImageDownload::get(net::Request request, const net::BodySink& sink, const Place& place) {
  net::Redirects way(url_);
  for (;;) {
    way.address(request);
    text_ = way.text();
    std::optional<net::Response> moved;
    std::optional<Error> refused;
    const net::BodySink follow = [&](const net::Response& head, std::string_view piece) {
      if (!moved && !refused) {
        auto next = way.follow(head);
        if (!next) {
          refused = std::move(next).error();
        } else if (*next) {
          moved = net::Response{head.status, head.headers, {}};
        }
      }
      return !moved && !refused && sink(head, piece);  // what a redirect says besides is for people
    };
    const auto answer = client(way.at()).stream(request, idle_limit, follow, place);
    if (refused) return *refused;
    if (moved) continue;
    if (!answer || !TRY(way.follow(*answer))) return answer;
  }
}

Error ImageDownload::changed() {
  changed_ = true;
  return Error{Code::unavailable, "image " + text_ + " changed on its server while it was downloaded", Layer::none,
               "publish images under names of their own instead of replacing them"};
}

Error ImageDownload::refused(int status) const {
  return Error{Code::unavailable, "GET " + text_ + " answered " + std::to_string(status), Layer::none,
               "check image.url of the machine template and that hosts can reach it"};
}

// The answer to the first request: how many bytes of its body are to be passed over (none).
Result<uint64_t> ImageDownload::first_look(const net::Response& head) {
  if (head.status != 200) return refused(head.status);
  total_ = base::parse_uint(head.headers.get("Content-Length")).value_or(0);
  etag_ = head.headers.get("ETag");
  started_ = true;
  return 0;
}

// The same for any request: the body must be of the same file, from our position or from its start.
Result<uint64_t> ImageDownload::begin(const net::Response& head) {
  if (!started_) return first_look(head);
  if (head.status != 200 && head.status != 206) return head.status == 416 ? changed() : refused(head.status);
  const std::string& tag = head.headers.get("ETag");
  if (!etag_.empty() && !tag.empty() && tag != etag_) return changed();
  if (head.status == 200) {
    const auto bytes = base::parse_uint(head.headers.get("Content-Length"));
    if (total_ != 0 && bytes && *bytes != total_) return changed();
    return position_;
  }
  const auto range = content_range(head.headers.get("Content-Range"));
  if (!range || range->first != position_) {
    return Error{Code::internal, "GET " + text_ + " answered another range than was asked for"};
  }
  if (total_ != 0 && range->total && *range->total != total_) return changed();
  return 0;
}

Result<void> ImageDownload::attempt(const Take& take, const Place& place) {
  net::Request request;
  request.headers.set("Accept-Encoding", "identity");
  if (started_) {
    request.headers.set("Range", range_field(position_, std::nullopt));
    if (!etag_.empty() && !etag_.starts_with("W/")) request.headers.set("If-Range", etag_);
  }
  std::optional<Error> failed;
  std::optional<uint64_t> skip;
  const net::BodySink sink = [&](const net::Response& head, std::string_view piece) {
    const auto taken = [&]() -> Result<void> {
      if (!skip) skip = TRY(begin(head));
      const auto known = static_cast<size_t>(std::min<uint64_t>(*skip, piece.size()));
      *skip -= known;
      piece.remove_prefix(known);
      if (piece.empty()) return {};
      position_ += piece.size();
      return take(piece);
    }();
    if (!taken) failed = taken.error();
    return taken.ok();
  };
  const auto answer = get(std::move(request), sink, place);
  if (failed) return *failed;
  if (!answer) return Error(answer.error()).context("GET " + text_);
  if (!skip) TRY(begin(*answer));  // an answer without a body
  if (total_ != 0 && position_ < total_) return base::unavailable("GET " + text_ + " ended too early");
  return {};
}

Result<void> ImageDownload::stream(const Take& take, const Place& place) {
  bool ours = false;  // the error is the taker's
  const auto watched = [&](std::string_view piece) -> Result<void> {
    auto taken = take(piece);
    ours = !taken;
    return taken;
  };
  for (int failures = 0;;) {
    const uint64_t before = position_;
    const auto done = attempt(watched, place);
    if (done) return {};
    Error error = done.error();
    const bool whole_file_was_there = total_ != 0 && position_ == total_;
    if (!ours && whole_file_was_there && passing(error)) return {};
    failures = position_ > before ? 1 : failures + 1;
    if (ours || !started_ || !passing(error) || changed_ || failures > failures_max) {
      if (error.fix.empty()) error.fix = "check image.url, and that hosts resolve and reach its server";
      return error;
    }
    base::log::info("image download goes on after a lost connection",
                    {{"url", text_}, {"byte", std::to_string(position_)}, {"error", error.text()}});
    TRY(sys::sleep(loop_, pause_after(failures)));
  }
}

// Reads at least the first range that `out` does not have yet; all that are left from a server without ranges.
Result<void> ImageDownload::read_some(const std::vector<image::FileRange>& ranges, std::vector<std::string>& out) {
  const image::FileRange wanted = ranges[out.size()];
  net::Request request;
  request.headers.set("Accept-Encoding", "identity");
  request.headers.set("Range", range_field(wanted.offset, wanted.offset + wanted.bytes - 1));
  std::string current;
  std::optional<Error> failed;
  std::optional<uint64_t> at;  // in the file
  const auto answer = get(std::move(request), [&](const net::Response& head, std::string_view piece) {
    if (!at) {
      const std::string& tag = head.headers.get("ETag");
      const auto range = content_range(head.headers.get("Content-Range"));
      if (head.status != 200 && (head.status != 206 || !range || range->first != wanted.offset)) {
        failed = refused(head.status);
      } else if (!etag_.empty() && !tag.empty() && tag != etag_) {
        failed = changed();
      }
      if (failed) return false;
      at = head.status == 200 ? 0 : wanted.offset;
    }
    while (out.size() < ranges.size()) {
      const auto& range = ranges[out.size()];
      const uint64_t next = range.offset + current.size();
      if (next >= *at + piece.size() || next < *at) break;
      const auto from = static_cast<size_t>(next - *at);
      const size_t part = std::min(piece.size() - from, range.bytes - current.size());
      current.append(piece.substr(from, part));
      if (current.size() < range.bytes) break;
      out.push_back(std::move(current));
      current.clear();
    }
    *at += piece.size();
    return out.size() < ranges.size();
  });
  if (failed) return *failed;
  if (!answer && answer.error().code == Code::cancelled && out.size() == ranges.size()) return {};  // we had enough
  if (!answer) return Error(answer.error()).context("GET " + text_);
  return {};
}

Result<std::vector<std::string>> ImageDownload::read(const std::vector<image::FileRange>& ranges) {
  std::vector<std::string> out;
  for (int failures = 0; out.size() < ranges.size();) {
    if (ranges[out.size()].bytes == 0) {
      out.emplace_back();
      continue;
    }
    const size_t before = out.size();
    auto some = read_some(ranges, out);
    if (out.size() > before) failures = 0;
    if (some && out.size() == before) some = base::unavailable("GET " + text_ + " ended too early");
    if (some) continue;
    if (!passing(some.error()) || changed_ || ++failures > failures_max) {
      return Error(some.error());
    }
    TRY(sys::sleep(loop_, pause_after(failures)));
  }
  return out;
}

}  // namespace fetch
