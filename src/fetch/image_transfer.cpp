#include "fetch/image_transfer.h"

#include <algorithm>
#include <iterator>

#include "image/block_map.h"
#include "image/format.h"
#include "image/qcow2.h"

namespace fetch {

using base::Code;
using base::Error;
using base::Result;

namespace {

// So much is looked at before anything is decided; small images are whole in it, tables included.
constexpr size_t head_bytes_wanted = 1u << 20;

// What a compressed file is of, from its first bytes.
Result<image::Format> inner_format(image::Format outer, const std::string& head) {
  auto content = outer == image::Format::gzip ? image::gzip_content(UINT64_MAX) : image::zstd_content(UINT64_MAX);
  content->feed(head);
  std::string start;
  const image::Sink sink = [&](uint64_t, std::string_view bytes) -> Result<void> {
    start.append(bytes.substr(0, image::probe_bytes - std::min(start.size(), image::probe_bytes)));
    return {};
  };
  while (start.size() < image::probe_bytes && TRY(content->step(sink))) {
  }
  if (start.empty()) (void)content->finish(sink);  // small, or begun only: what there is
  return image::detect(start);
}

}  // namespace

ImageTransfer::ImageTransfer(sys::Sys& sys, std::shared_ptr<sys::File> disk, DiskAccess access, uint64_t room,
                             crypto::Digest digest, std::string expected, std::string declared,
                             std::function<void(const ImageProgress&)> progress)
    : room_(room),
      pipeline_(std::make_shared<ImagePipeline>(sys, std::move(disk), access, std::move(digest))),
      expected_(std::move(expected)),
      declared_(std::move(declared)),
      progress_(std::move(progress)) {}

Result<void> ImageTransfer::run(ImageSource& source) {
  auto done = pass(source);
  if (!done && started_) pipeline_->abandon();
  return done;
}

Result<void> ImageTransfer::pass(ImageSource& source) {
  TRY(source.stream([&](std::string_view piece) { return take(source, piece); },
                    [this] { return started_ ? pipeline_->place() : std::span<char>(); }));
  if (!started_) TRY(begin(source));
  sum_ = TRY(pipeline_->finish());
  if (pipeline_->packed()) sum_ = expected_;
  return {};
}

Result<void> ImageTransfer::take(ImageSource& source, std::string_view piece) {
  if (!started_) return have_head(source, piece) ? begin(source) : Result<void>();
  TRY(pipeline_->push(piece));
  progress_({source.position(), source.bytes_total()});
  return {};
}

// Whether the head is complete with this piece.
bool ImageTransfer::have_head(const ImageSource& source, std::string_view piece) {
  head_.append(piece);
  const bool whole = source.bytes_total() != 0 && source.position() == source.bytes_total();
  return whole || head_.size() >= head_bytes_wanted;
}

Result<void> ImageTransfer::look(ImageSource& source) {
  bool seen = false;
  const auto head = [&](std::string_view piece) -> Result<void> {
    if (!have_head(source, piece)) return {};
    TRY(content_of(source));
    seen = true;
    return base::cancelled();  // the rest is for run()
  };
  const auto streamed = source.stream(head, {});
  if (seen) return {};
  TRY(streamed);
  TRY(content_of(source));
  return {};
}

Result<void> ImageTransfer::begin(ImageSource& source) {
  auto content = TRY(content_of(source));
  started_ = true;
  pipeline_->start(std::move(content), room_);
  TRY(pipeline_->push(std::exchange(head_, {})));
  progress_({source.position(), source.bytes_total()});
  return {};
}

Result<std::unique_ptr<image::Content>> ImageTransfer::content_of(ImageSource& source) {
  using image::Format;
  const Format outer = TRY(image::detect(std::string_view(head_).substr(0, image::probe_bytes)));
  const bool compressed = outer == Format::gzip || outer == Format::zstd;
  const Format inner = compressed ? TRY(inner_format(outer, head_)) : outer;
  TRY(image::check_declared(outer, inner, declared_));
  format_ = image::name_of(inner);
  if (outer == Format::gzip) return image::gzip_content(room_);
  if (outer == Format::zstd) return image::zstd_content(room_);
  if (outer == Format::block_map) return image::block_map_content(room_, expected_);
  if (outer == Format::qcow2) return qcow2(source);
  if (source.bytes_total() > room_) {
    return Error{Code::too_large, "the image is larger than the disk has room for", base::Layer::none,
                 "choose a larger disk in spec.rootDeviceHints, or a smaller image"};
  }
  return image::raw_content(room_);
}

Result<std::unique_ptr<image::Content>> ImageTransfer::qcow2(ImageSource& source) {
  const uint64_t total = source.bytes_total() == 0 ? head_.size() : source.bytes_total();
  if (total < source.position()) return base::internal("the image is larger than its server said");
  // Tables that are in the head already are not asked for again.
  const auto read = [&](const std::vector<image::FileRange>& ranges) -> Result<std::vector<std::string>> {
    std::vector<std::string> out;
    std::vector<image::FileRange> remote;
    for (const auto& range : ranges) {
      if (range.offset + range.bytes > head_.size()) {
        remote.push_back(range);
      } else {
        out.push_back(head_.substr(static_cast<size_t>(range.offset), range.bytes));
      }
    }
    auto more = TRY(source.read(remote));
    std::move(more.begin(), more.end(), std::back_inserter(out));
    return out;
  };
  return image::qcow2_content(TRY(image::read_qcow2_map(read, total, room_)));
}

}  // namespace fetch
