#include "image/content.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

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

// Gives whole steps, so that what is written of them begins and ends where disks like it.
class Unpacked : public InOrder {
 public:
  using InOrder::InOrder;
  void put_into(char* place) override {
    if (filled_ == 0) place_ = place;
  }
  Result<void> finish(const Sink& sink) override {
    TRY(give_filled(sink));
    return check_end();
  }

 protected:
  virtual Result<void> check_end() const = 0;
  char* out() {
    if (place_ == nullptr) {
      own_.resize(step_bytes);
      place_ = own_.data();
    }
    return place_;
  }
  bool is_full() const { return filled_ == step_bytes; }
  Result<void> give_filled(const Sink& sink) {
    const std::string_view bytes(out(), std::exchange(filled_, 0));
    return give(bytes, sink);
  }
  size_t filled_ = 0;

 private:
  std::string own_;
  char* place_ = nullptr;
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

class Gzip : public Unpacked {
 public:
  explicit Gzip(uint64_t limit) : Unpacked(limit) {
    CHECK_THAT(inflateInit2(&stream_, 15 + 16) == Z_OK, "zlib does not start");  // 16: a gzip header
  }
  ~Gzip() override { inflateEnd(&stream_); }
  Result<bool> step(const Sink& sink) override {
    // What fits no more waits in zlib's window, so a full buffer means that there may be more.
    while (!is_full() && (!in_.empty() || pending_)) {
      if (ended_) {
        if (inflateReset(&stream_) != Z_OK) return base::corrupt("gzip: cannot begin another member");
        ended_ = false;
      }
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in_.data()));
      stream_.avail_in = static_cast<uInt>(in_.size());
      stream_.next_out = reinterpret_cast<Bytef*>(out() + filled_);
      stream_.avail_out = static_cast<uInt>(step_bytes - filled_);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      in_.remove_prefix(in_.size() - stream_.avail_in);
      filled_ = step_bytes - stream_.avail_out;
      pending_ = status == Z_OK && stream_.avail_out == 0;
      if (status == Z_STREAM_END) ended_ = true;
      if (status == Z_BUF_ERROR) break;
      if (status != Z_OK && status != Z_STREAM_END) {
        return base::corrupt(std::string("gzip: ") + (stream_.msg ? stream_.msg : "broken"));
      }
    }
    if (is_full()) TRY(give_filled(sink));
    return !in_.empty() || pending_;
  }

 private:
  Result<void> check_end() const override {
    if (!ended_) return base::corrupt("gzip: the file ends in the middle");
    return {};
  }

  z_stream stream_{};
  bool ended_ = false, pending_ = false;
};

class Zstd : public Unpacked {
 public:
  explicit Zstd(uint64_t limit) : Unpacked(limit), context_(ZSTD_createDCtx()) {
    CHECK_THAT(context_ != nullptr, "zstd does not start");
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, window_log_max);
  }
  ~Zstd() override { ZSTD_freeDCtx(context_); }
  Result<bool> step(const Sink& sink) override {
    ZSTD_outBuffer to{out(), step_bytes, filled_};
    while (to.pos < to.size && (!in_.empty() || pending_)) {
      ZSTD_inBuffer in{in_.data(), in_.size(), 0};
      const size_t status = ZSTD_decompressStream(context_, &to, &in);
      if (ZSTD_isError(status)) return base::corrupt(std::string("zstd: ") + ZSTD_getErrorName(status));
      const bool stuck = in.pos == 0 && to.pos < to.size;
      in_.remove_prefix(in.pos);
      between_ = status == 0;
      pending_ = !between_ && to.pos == to.size;
      if (stuck && in_.empty()) break;
    }
    filled_ = to.pos;
    if (is_full()) TRY(give_filled(sink));
    return !in_.empty() || pending_;
  }

 private:
  Result<void> check_end() const override {
    if (!between_) return base::corrupt("zstd: the file ends in the middle");
    return {};
  }

  ZSTD_DCtx* context_;
  bool between_ = false, pending_ = false;
};

}  // namespace

std::unique_ptr<Content> raw_content(uint64_t limit) { return std::make_unique<Raw>(limit); }
std::unique_ptr<Content> gzip_content(uint64_t limit) { return std::make_unique<Gzip>(limit); }
std::unique_ptr<Content> zstd_content(uint64_t limit) { return std::make_unique<Zstd>(limit); }

}  // namespace image
