#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "base/check.h"
#include "image/qcow2.h"

namespace image {

using base::Result;

namespace {

// One compressed cluster. What is left of the bytes behind the data is padding.
class Unpacker {
 public:
  explicit Unpacker(bool zstd) : zstd_(zstd) {}
  ~Unpacker() {
    if (inflater_ready_) inflateEnd(&inflater_);
    ZSTD_freeDCtx(context_);
  }
  Unpacker(const Unpacker&) = delete;

  Result<void> unpack(std::string_view packed, std::string& cluster) {
    return zstd_ ? by_zstd(packed, cluster) : by_deflate(packed, cluster);
  }

 private:
  static base::Error broken() { return base::corrupt("the qcow2 image is broken: a compressed cluster"); }

  Result<void> by_deflate(std::string_view packed, std::string& cluster) {
    if (!inflater_ready_) {
      CHECK_THAT(inflateInit2(&inflater_, -15) == Z_OK, "zlib does not start");  // negative: without a header
      inflater_ready_ = true;
    } else {
      inflateReset(&inflater_);
    }
    inflater_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    inflater_.avail_in = static_cast<uInt>(packed.size());
    inflater_.next_out = reinterpret_cast<Bytef*>(cluster.data());
    inflater_.avail_out = static_cast<uInt>(cluster.size());
    const int status = inflate(&inflater_, Z_FINISH);
    const bool good = status == Z_STREAM_END || status == Z_OK || status == Z_BUF_ERROR;
    if (!good || inflater_.avail_out != 0) return broken();
    return {};
  }

  Result<void> by_zstd(std::string_view packed, std::string& cluster) {
    if (context_ == nullptr) context_ = ZSTD_createDCtx();
    CHECK_THAT(context_ != nullptr, "zstd does not start");
    ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, 24);  // a cluster has at most 2 MiB
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    ZSTD_outBuffer out{cluster.data(), cluster.size(), 0};
    while (out.pos < out.size) {
      const size_t before = in.pos + out.pos;
      const size_t status = ZSTD_decompressStream(context_, &out, &in);
      if (ZSTD_isError(status) || in.pos + out.pos == before) return broken();
    }
    return {};
  }

  bool zstd_;
  bool inflater_ready_ = false;
  z_stream inflater_{};
  ZSTD_DCtx* context_ = nullptr;
};

class Qcow2 : public Content {
 public:
  explicit Qcow2(Qcow2Map map) : map_(std::move(map)), unpacker_(map_.zstd), cluster_(map_.cluster_bytes, '\0') {}

  void feed(std::string_view bytes) override {
    if (!same_) return;
    compare_tables(bytes);
    const uint64_t from = window_from_ + window_.size();
    const uint64_t needed =
        next_ < map_.runs.size() ? std::max(map_.runs[next_].host, window_from_) : from + bytes.size();
    if (window_.empty() && needed > from) {  // between the runs nothing is kept
      const auto skip = static_cast<size_t>(std::min<uint64_t>(needed - from, bytes.size()));
      bytes.remove_prefix(skip);
      window_from_ += skip;
    }
    window_.append(bytes);
  }

  Result<bool> step(const Sink& sink) override {
    if (!same_) return base::corrupt("the qcow2 image has changed while it was read");
    size_t given = 0;
    while (next_ < map_.runs.size() && given < step_bytes) {
      const Qcow2Run& run = map_.runs[next_];
      if (run.host + run.host_bytes > window_from_ + window_.size()) break;
      const auto at = static_cast<size_t>(run.host - window_from_);
      TRY(give(run, std::string_view(window_).substr(at, run.host_bytes), sink));
      given += run.guest_bytes;
      ++next_;
    }
    const bool more = given >= step_bytes;
    if (!more) drop_used();
    return more;
  }

  Result<void> finish(const Sink&) override {
    if (!same_) return base::corrupt("the qcow2 image has changed while it was read");
    if (passed_ != map_.file_bytes || next_ != map_.runs.size()) return base::corrupt("the qcow2 image ends too early");
    return {};
  }
  uint64_t bytes() const override { return map_.disk_bytes; }

 private:
  Result<void> give(const Qcow2Run& run, std::string_view stored, const Sink& sink) {
    if (!run.compressed) return sink(run.guest, stored);
    TRY(unpacker_.unpack(stored, cluster_));
    return sink(run.guest, std::string_view(cluster_).substr(0, run.guest_bytes));
  }

  // Runs may overlap, so the window goes back to where the next one begins.
  void drop_used() {
    const uint64_t end = window_from_ + window_.size();
    const uint64_t keep = next_ < map_.runs.size() ? std::min(map_.runs[next_].host, end) : end;
    if (keep <= window_from_) return;
    window_.erase(0, static_cast<size_t>(keep - window_from_));
    window_from_ = keep;
  }

  void compare_tables(std::string_view bytes) {
    const uint64_t end = passed_ + bytes.size();
    for (size_t i = table_; i < map_.tables.size() && map_.tables[i].offset < end; ++i) {
      const auto& table = map_.tables[i];
      const uint64_t from = std::max(passed_, table.offset);
      const uint64_t to = std::min<uint64_t>(end, table.offset + table.bytes.size());
      if (from < to) {
        const auto span = static_cast<size_t>(to - from);
        same_ = same_ && bytes.substr(static_cast<size_t>(from - passed_), span) ==
                             std::string_view(table.bytes).substr(static_cast<size_t>(from - table.offset), span);
      }
      if (i == table_ && table.offset + table.bytes.size() <= end) ++table_;
    }
    passed_ = end;
  }

  Qcow2Map map_;
  Unpacker unpacker_;
  std::string cluster_;
  std::string window_;        // bytes of the file that runs still need
  uint64_t window_from_ = 0;  // their offset
  uint64_t passed_ = 0;
  size_t next_ = 0, table_ = 0;
  bool same_ = true;
};

}  // namespace

std::unique_ptr<Content> qcow2_content(Qcow2Map map) { return std::make_unique<Qcow2>(std::move(map)); }

}  // namespace image
