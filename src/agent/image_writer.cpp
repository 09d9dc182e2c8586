#include "agent/image_writer.h"

#include <algorithm>

#include "agent/disk_layout.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "net/http.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;

namespace {

constexpr size_t chunk_bytes = 64u << 10;

// Collects pieces into chunks, hashes them in order and writes all but the first block.
class Writer {
 public:
  Writer(sys::File& disk, crypto::Digest digest) : disk_(disk), digest_(std::move(digest)) {}

  Result<void> take(std::string_view piece) {
    while (!piece.empty()) {
      const size_t part = std::min(piece.size(), chunk_bytes - chunk_.size());
      chunk_.append(piece.substr(0, part));
      piece.remove_prefix(part);
      if (chunk_.size() == chunk_bytes) TRY(flush());
    }
    return {};
  }
  Result<void> flush() {
    if (chunk_.empty()) return {};
    if (written_ + chunk_.size() > record_offset(disk_.size())) {
      return Error{Code::too_large, "the image is larger than the disk has room for", Layer::agent};
    }
    digest_.update(chunk_);
    size_t from = 0;
    if (written_ == 0) {
      from = std::min<size_t>(chunk_.size(), record_bytes);
      first_block_ = chunk_.substr(0, from);
    }
    if (from < chunk_.size()) TRY(disk_.write_at(written_ + from, std::string_view(chunk_).substr(from)));
    written_ += chunk_.size();
    chunk_.clear();
    return {};
  }
  Result<void> make_bootable() {
    TRY(disk_.write_at(0, first_block_));
    return disk_.sync();
  }
  std::string sum() { return base::hex(digest_.finish()); }
  uint64_t written() const { return written_; }
  std::string& first_block() { return first_block_; }

 private:
  sys::File& disk_;
  crypto::Digest digest_;
  std::string chunk_, first_block_;
  uint64_t written_ = 0;
};

// The disk with its first block, which is still held back in memory.
class HeldBackDisk : public sys::File {
 public:
  HeldBackDisk(sys::File& disk, std::string& head) : disk_(disk), head_(head) {}
  Result<std::string> read_at(uint64_t offset, size_t bytes) override {
    std::string out = TRY(disk_.read_at(offset, bytes));
    if (offset < head_.size()) {
      const size_t span = std::min<size_t>(head_.size() - offset, out.size());
      out.replace(0, span, head_, offset, span);
    }
    return out;
  }
  Result<void> write_at(uint64_t offset, std::string_view bytes) override {
    if (offset < head_.size()) {
      const size_t span = std::min<size_t>(head_.size() - offset, bytes.size());
      head_.replace(offset, span, bytes.substr(0, span));
      bytes.remove_prefix(span);
      offset += span;
    }
    return bytes.empty() ? Result<void>() : disk_.write_at(offset, bytes);
  }
  Result<void> zero(uint64_t offset, uint64_t bytes) override {
    if (offset < head_.size()) return write_at(offset, std::string(bytes, '\0'));
    return disk_.zero(offset, bytes);
  }
  Result<void> sync() override { return disk_.sync(); }
  uint64_t size() const override { return disk_.size(); }
  Result<void> resize(uint64_t bytes) override { return disk_.resize(bytes); }

 private:
  sys::File& disk_;
  std::string& head_;
};

std::string detect_format(std::string_view first_block) {
  if (first_block.substr(0, 4) == std::string_view("QFI\xfb", 4)) return "qcow2";
  return "raw";
}

Result<net::ClientOptions> options_for(const net::Url& url, const std::string& roots_pem) {
  if (url.scheme != "http" && url.scheme != "https") {
    return Error{Code::invalid, "image URL scheme " + base::quoted(url.scheme) + " is not http or https", Layer::agent};
  }
  net::ClientOptions options;
  options.server = url.address();
  options.tls = url.scheme == "https";
  options.tls_options.ca_pem = roots_pem;
  options.user_agent = "ingot-agent";
  return options;
}

Result<void> download(net::HttpClient& client, const ImageOrder& order, const net::Url& url, Writer& writer,
                      const std::function<void(const ImageProgress&)>& progress) {
  net::Request request;
  request.target = url.target();
  request.headers.set("Accept-Encoding", "identity");
  std::optional<Error> failed;
  int status = 0;
  uint64_t expected = 0;
  auto answer = client.stream(request, base::minutes(2), [&](const net::Response& head, std::string_view piece) {
    status = head.status;
    if (status != 200) return false;
    expected = base::parse_uint(head.headers.get("Content-Length")).value_or(0);
    if (auto took = writer.take(piece); !took) {
      failed = took.error();
      return false;
    }
    progress({writer.written(), expected});
    return true;
  });
  if (failed) return std::move(*failed).at(Layer::agent);
  if (status == 0 && answer) status = answer->status;
  if (status != 0 && status != 200) {
    return Error{Code::unavailable, "GET " + order.url + " answered " + std::to_string(status), Layer::agent,
                 "check image.url of the machine template and that hosts can reach it"};
  }
  if (!answer) {
    base::Error error = std::move(answer).error().context("GET " + order.url).at(Layer::agent);
    if (error.fix.empty()) error.fix = "check image.url, and that hosts resolve and reach its server";
    return error;
  }
  return writer.flush();
}

}  // namespace

Result<void> write_image(sys::Sys& sys, const ImageOrder& order, const std::string& roots_pem, sys::File& disk,
                         const std::function<void(const ImageProgress&)>& progress,
                         const std::function<Result<void>(sys::File&)>& complete) {
  const net::Url url = TRY(net::Url::parse(order.url).context("image URL"));
  if (order.hash_value.empty()) {
    return Error{Code::invalid, "the order has no checksum, so nothing is written", Layer::agent};
  }
  if (disk.size() < disk_bytes_min) {
    return Error{Code::invalid, "the disk is too small for an image and a config drive", Layer::agent};
  }
  Writer writer(disk, TRY(crypto::Digest::make(order.hash_algorithm)));
  TRY(erase_metadata(disk));  // whatever happens next, the old system does not boot any more

  net::HttpClient client(sys.loop, sys.net, TRY(options_for(url, roots_pem)));
  TRY(download(client, order, url, writer, progress));

  const std::string sum = writer.sum();
  if (sum != order.hash_value) {
    return Error{Code::corrupt,
                 "image " + order.url + " has " + order.hash_algorithm + " " + sum + ", expected " + order.hash_value,
                 Layer::agent, "check image.checksum, or the image on the server; the disk was left unbootable"};
  }
  const std::string found = detect_format(writer.first_block());
  if (!order.format.empty() && order.format != found) {
    return Error{Code::invalid, "image " + order.url + " is " + found + ", but " + order.format + " was declared",
                 Layer::agent, "set image.format of the machine template to " + found};
  }
  Json record = Json::object({{"format", found}, {"bytes", writer.written()}, {"image", order.id}});
  record.set("checksum", order.hash_algorithm + ":" + sum);
  TRY(write_install_record(disk, record));
  HeldBackDisk whole(disk, writer.first_block());
  TRY(complete(whole));
  TRY(disk.sync());
  return writer.make_bootable();
}

}  // namespace agent
