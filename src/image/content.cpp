#include "image/content.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "base/check.h"

namespace image {

using base::Code;
using base::Error;
using base::Result;

namespace {

// The largest window a frame may ask for: memory that a stranger's file makes us use.
constexpr int window_log_max = 27;

class InOrder : public Content {
 public:
  explicit InOrder(uint64_t limit) : limit_(limit) {}
  void feed(std::string_view bytes) override { in_ = bytes; }
  uint64_t bytes() const override { return given_; }

 protected:
  Result<void> give(std::string_view bytes, const Sink& sink) {
    if (bytes.empty()) return {};
    if (bytes.size() > limit_ - given_) {
      return Error{Code::too_large, "the image is larger than " + std::to_string(limit_) + " bytes, the room there is"};
    }
    TRY(sink(given_, bytes));
    given_ += bytes.size();
    return {};
  }
  std::string_view in_;

 private:
  uint64_t limit_;
  uint64_t given_ = 0;
};

class Raw : public InOrder {
 public:
  using InOrder::InOrder;
  Result<bool> step(const Sink& sink) override {
    const size_t part = std::min(in_.size(), step_bytes);
    TRY(give(in_.substr(0, part), sink));
    in_.remove_prefix(part);
    return !in_.empty();
  }
  Result<void> finish(const Sink&) override { return {}; }
};

class Gzip : public InOrder {
 public:
  explicit Gzip(uint64_t limit) : InOrder(limit), out_(step_bytes, '\0') {
    CHECK_THAT(inflateInit2(&stream_, 15 + 16) == Z_OK, "zlib does not start");  // 16: a gzip header
  }
  ~Gzip() override { inflateEnd(&stream_); }
  Result<bool> step(const Sink& sink) override {
    size_t filled = 0;
    // What fits no more waits in zlib's window, so a full buffer means that there may be more.
    while (filled < out_.size() && (!in_.empty() || pending_)) {
      if (ended_) {
        if (inflateReset(&stream_) != Z_OK) return base::corrupt("gzip: cannot begin another member");
        ended_ = false;
      }
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in_.data()));
      stream_.avail_in = static_cast<uInt>(in_.size());
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data() + filled);
      stream_.avail_out = static_cast<uInt>(out_.size() - filled);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      in_.remove_prefix(in_.size() - stream_.avail_in);
      filled = out_.size() - stream_.avail_out;
      pending_ = status == Z_OK && stream_.avail_out == 0;
      if (status == Z_STREAM_END) ended_ = true;
      if (status == Z_BUF_ERROR) break;
      if (status != Z_OK && status != Z_STREAM_END) {
        return base::corrupt(std::string("gzip: ") + (stream_.msg ? stream_.msg : "broken"));
      }
    }
    TRY(give(std::string_view(out_).substr(0, filled), sink));
    return !in_.empty() || pending_;
  }
  Result<void> finish(const Sink&) override {
    if (!ended_) return base::corrupt("gzip: the file ends in the middle");
    return {};
  }

 private:
  z_stream stream_{};
  std::string out_;
  bool ended_ = false, pending_ = false;
};

class Zstd : public InOrder {
 public:
  explicit Zstd(uint64_t limit) : InOrder(limit), context_(ZSTD_createDCtx()), out_(step_bytes, '\0') {
    CHECK_THAT(context_ != nullptr, "zstd does not start");
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, window_log_max);
  }
  ~Zstd() override { ZSTD_freeDCtx(context_); }
  Result<bool> step(const Sink& sink) override {
    ZSTD_outBuffer out{out_.data(), out_.size(), 0};
    while (out.pos < out.size && (!in_.empty() || pending_)) {
      ZSTD_inBuffer in{in_.data(), in_.size(), 0};
      const size_t status = ZSTD_decompressStream(context_, &out, &in);
      if (ZSTD_isError(status)) return base::corrupt(std::string("zstd: ") + ZSTD_getErrorName(status));
      const bool stuck = in.pos == 0 && out.pos < out.size;
      in_.remove_prefix(in.pos);
      between_ = status == 0;
      pending_ = !between_ && out.pos == out.size;
      if (stuck && in_.empty()) break;
    }
    TRY(give(std::string_view(out_).substr(0, out.pos), sink));
    return !in_.empty() || pending_;
  }
  Result<void> finish(const Sink&) override {
    if (!between_) return base::corrupt("zstd: the file ends in the middle");
    return {};
  }

 private:
  ZSTD_DCtx* context_;
  std::string out_;
  bool between_ = false, pending_ = false;
};

}  // namespace

std::unique_ptr<Content> raw_content(uint64_t limit) { return std::make_unique<Raw>(limit); }
std::unique_ptr<Content> gzip_content(uint64_t limit) { return std::make_unique<Gzip>(limit); }
std::unique_ptr<Content> zstd_content(uint64_t limit) { return std::make_unique<Zstd>(limit); }

}  // namespace image
