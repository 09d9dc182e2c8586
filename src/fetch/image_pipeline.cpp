#include "fetch/image_pipeline.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "base/text.h"
#include "fetch/off_loop.h"
#include "sys/compare.h"

namespace fetch {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

constexpr size_t batches_max = 8;  // of a piece each, waiting before a stage; as many are in its hands
constexpr size_t pieces_of_step = 4;
constexpr int steps_of_zeros = 64;  // of image::step_bytes each, for the time of which nothing is passed on
constexpr uint64_t block_bytes = 64u << 10;
constexpr uint64_t zero_step_bytes = uint64_t{256} << 20;

bool is_zero(std::string_view bytes) {
  static const std::array<char, 4096> zeros{};
  size_t part = 0;
  for (; !bytes.empty(); bytes.remove_prefix(part)) {
    part = std::min(bytes.size(), zeros.size());
    if (std::memcmp(bytes.data(), zeros.data(), part) != 0) return false;
  }
  return true;
}

bool is_inside(std::string_view part, std::string_view whole) {
  const std::less_equal<> ordered;
  return ordered(whole.data(), part.data()) && ordered(part.data() + part.size(), whole.data() + whole.size());
}

// Writes and reads it back: past every cache of ours when the disk was opened so.
Result<void> write_and_verify(sys::File& disk, uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return {};
  TRY(disk.write_at(offset, bytes));
  auto* const comparable = dynamic_cast<sys::Comparable*>(&disk);
  const bool same =
      comparable ? TRY(comparable->holds(offset, bytes)) : TRY(disk.read_at(offset, bytes.size())) == bytes;
  if (same) return {};
  return Error{Code::unavailable,
               "the disk gave back something else than was written at byte " + std::to_string(offset), Layer::none,
               "replace the disk, or its cable or controller"};
}

}  // namespace

ImagePipeline::ImagePipeline(sys::Sys& sys, std::shared_ptr<sys::File> disk, DiskAccess access, crypto::Digest digest)
    : sys_(sys),
      disk_(std::move(disk)),
      access_(access),
      hash_(sys, std::move(digest), batches_max),
      to_unpack_(sys.loop, batches_max),
      to_write_(sys.loop, access.pieces_ahead),
      pool_(std::make_shared<BytePool>(access.piece_bytes)),
      first_block_(held_back_bytes, '\0') {}

void ImagePipeline::start(std::unique_ptr<image::Content> content, uint64_t limit) {
  content_ = std::move(content);
  limit_ = limit;
  spawn("image content", &ImagePipeline::unpack);
  for (int i = 0; i < access_.lanes; ++i) spawn("image write", &ImagePipeline::write);
}

void ImagePipeline::spawn(const char* name, Result<void> (ImagePipeline::*stage)()) {
  stages_.push_back(sys::spawn(sys_.loop, name, [self = shared_from_this(), stage] {
    auto done = (self.get()->*stage)();
    if (!done) self->fail(std::move(done).error());
  }));
}

void ImagePipeline::fail(Error error) {
  if (!error_) error_ = std::move(error);
  hash_.stop();
  to_unpack_.stop();
  to_write_.stop();
}

std::span<char> ImagePipeline::place() {
  if (batch_.room() == 0) batch_ = pool_->take();
  return batch_.free();
}

Result<void> ImagePipeline::push(std::string_view bytes) {
  while (!bytes.empty()) {
    if (batch_.room() == 0) batch_ = pool_->take();
    const size_t part = std::min(bytes.size(), batch_.room());
    batch_.append(bytes.substr(0, part));
    bytes.remove_prefix(part);
    if (batch_.room() == 0) TRY(send_batch());
  }
  return {};
}

Result<void> ImagePipeline::send_batch() {
  const auto batch = std::make_shared<const BytePool::Buffer>(std::exchange(batch_, {}));
  auto sent = packed() ? Result<void>() : hash_.push(batch);
  if (sent) sent = to_unpack_.push(batch);
  if (!sent && error_) return *error_;
  return sent;
}

Result<std::string> ImagePipeline::finish() {
  if (!batch_.view().empty()) TRY(send_batch());
  to_unpack_.close();
  for (auto& stage : stages_) TRY(stage.join());
  if (error_) return *error_;
  return base::hex(TRY(hash_.finish()));
}

void ImagePipeline::abandon() {
  fail(base::cancelled());
  for (auto& stage : stages_) {
    if (!stage.join()) return;  // we are being stopped as well
  }
}

Result<void> ImagePipeline::unpack() {
  for (;;) {
    // The batches go along: what was fed must stay for as long as a step may look at it.
    const auto now = std::make_shared<Unpacking>();
    now->batches = TRY(to_unpack_.pop_all());
    if (now->batches.empty()) break;
    while (!now->done()) {
      auto pieces = TRY(off_loop<Pieces>(sys_, [self = shared_from_this(), now] { return self->step(*now); }));
      TRY(pass_on(std::move(pieces)));
    }
  }
  auto last = TRY(off_loop<Pieces>(sys_, [self = shared_from_this()] { return self->last_step(); }));
  TRY(pass_on(std::move(last)));
  to_write_.close();
  return {};
}

Result<void> ImagePipeline::pass_on(Pieces pieces) {
  for (auto& piece : pieces) TRY(to_write_.push(std::make_shared<Piece>(std::move(piece))));
  return {};
}

// On a worker, as the next two.
image::Sink ImagePipeline::sink_into(Pieces& pieces, const Unpacking& now) {
  return [this, &pieces, &now](uint64_t offset, std::string_view bytes) -> Result<void> {
    const Batch whose = owner(bytes, now);
    content_->packed() ? keep_packed(pieces, offset, bytes, whose) : keep(pieces, offset, bytes, whose);
    return {};
  };
}

// Whose memory bytes are in that a step gave; null: they will not stay there.
ImagePipeline::Batch ImagePipeline::owner(std::string_view bytes, const Unpacking& now) const {
  if (now.fed != 0 && is_inside(bytes, now.batches[now.fed - 1]->view())) return now.batches[now.fed - 1];
  if (step_room_ && is_inside(bytes, {step_room_->free().data(), step_room_->room()})) return step_room_;
  return nullptr;
}

Result<ImagePipeline::Pieces> ImagePipeline::step(Unpacking& now) {
  Pieces out;
  const image::Sink sink = sink_into(out, now);
  for (int steps = 0; !now.done() && out.size() < pieces_of_step && steps < steps_of_zeros; ++steps) {
    if (!now.more) content_->feed(now.batches[now.fed++]->view());
    if (!step_room_ && access_.piece_bytes >= image::step_bytes) {
      step_room_ = std::make_shared<BytePool::Buffer>(pool_->take());
      content_->put_into(step_room_->free().data());
    }
    now.more = TRY(content_->step(sink));
    if (step_room_.use_count() > 1) step_room_.reset();  // it is the pieces' now
  }
  return out;
}

Result<ImagePipeline::Pieces> ImagePipeline::last_step() {
  Pieces out;
  TRY(content_->finish(sink_into(out, {})));
  return out;
}

// Leaves out whole blocks of zeros and joins what follows on another.
void ImagePipeline::keep(Pieces& pieces, uint64_t offset, std::string_view bytes, const Batch& owner) const {
  while (!bytes.empty()) {
    const auto part = static_cast<size_t>(std::min<uint64_t>(bytes.size(), block_bytes - offset % block_bytes));
    const std::string_view block = bytes.substr(0, part);
    if (!is_zero(block)) keep_block(pieces, offset, block, owner);
    offset += part;
    bytes.remove_prefix(part);
  }
}

void ImagePipeline::keep_block(Pieces& pieces, uint64_t offset, std::string_view block, const Batch& owner) const {
  const bool follows = !pieces.empty() && pieces.back().end() == offset;
  if (owner) {
    const bool joins = follows && pieces.back().bytes.data() + pieces.back().bytes.size() == block.data();
    if (!joins) pieces.push_back({offset, 0, {block.data(), 0}});
    pieces.back().hold(owner);
    pieces.back().bytes = {pieces.back().bytes.data(), pieces.back().bytes.size() + block.size()};
  } else {
    if (!follows || pieces.back().own.room() < block.size()) pieces.push_back({offset, 0, {}, {}, pool_->take()});
    pieces.back().own.append(block);
    pieces.back().bytes = pieces.back().own.view();
  }
  pieces.back().size += block.size();
}

void ImagePipeline::keep_packed(Pieces& pieces, uint64_t offset, std::string_view stored, const Batch& owner) {
  if (!unpack_pool_) {
    unpack_pool_ = std::make_shared<BytePool>(std::max(access_.piece_bytes, content_->unpacked_bytes(0)));
  }
  const size_t bytes = content_->unpacked_bytes(offset);
  const bool joins =
      !pieces.empty() && pieces.back().end() == offset && pieces.back().size + bytes <= access_.piece_bytes;
  if (!joins) pieces.push_back({offset, 0});
  Piece& piece = pieces.back();
  if (owner) {
    piece.stored.push_back(stored);
    piece.hold(owner);
  } else {
    const auto copy = std::make_shared<const std::string>(stored);
    piece.stored.emplace_back(*copy);
    piece.hold(copy);
  }
  piece.size += bytes;
}

Result<void> ImagePipeline::write() {
  for (;;) {
    auto next = TRY(to_write_.pop());
    if (!next) return {};
    const std::shared_ptr<Piece> piece = std::move(*next);
    TRY(record(*piece));
    const auto fill = [self = shared_from_this(), piece] { return self->fill(*piece); };
    const auto put = [disk = disk_, piece] {
      return write_and_verify(*disk, piece->end() - piece->bytes.size(), piece->bytes);
    };
    if (access_.blocks) {
      const std::function<Result<void>()> both = [fill, put] {
        auto filled = fill();
        return filled ? put() : filled;
      };
      TRY(off_loop<void>(sys_, both));
    } else {
      TRY(content_->packed() ? off_loop<void>(sys_, fill) : fill());
      TRY(put());
    }
    written_ += piece->bytes.size();
  }
}

// What is to be remembered of a piece before it is written.
Result<void> ImagePipeline::record(const Piece& piece) {
  if (piece.end() > limit_)
    return Error{Code::too_large, "the image is larger than the disk has room for", Layer::none,
                 "choose a larger disk in spec.rootDeviceHints, or a smaller image"};
  if (!used_.empty() && used_.back().second == piece.offset) {
    used_.back().second = piece.end();
  } else {
    used_.emplace_back(piece.offset, piece.end());
  }
  return {};
}

// Unpacks, and takes the first block out. On a worker, perhaps at the same time as others: pieces do not overlap.
Result<void> ImagePipeline::fill(Piece& piece) {
  if (!piece.stored.empty()) piece.own = unpack_pool_->take();
  uint64_t at = piece.offset;
  for (const auto& stored : piece.stored) {
    const size_t bytes = content_->unpacked_bytes(at);
    TRY(content_->unpack(at, stored, piece.own.grow(bytes)));
    at += bytes;
  }
  if (!piece.stored.empty()) {
    piece.bytes = piece.own.view();
    piece.others.clear();  // their memory is wanted for what comes next
  }
  if (piece.offset >= first_block_.size()) return {};
  const auto held = static_cast<size_t>(std::min<uint64_t>(first_block_.size() - piece.offset, piece.bytes.size()));
  std::memcpy(first_block_.data() + piece.offset, piece.bytes.data(), held);
  piece.bytes.remove_prefix(held);
  return {};
}

Result<void> ImagePipeline::on_disk(std::function<Result<void>()> work) {
  return access_.blocks ? off_loop<void>(sys_, std::move(work)) : work();
}

Result<void> ImagePipeline::zero(uint64_t from, uint64_t to) {
  while (from < to) {
    const uint64_t bytes = std::min(zero_step_bytes, to - from);
    TRY(on_disk([disk = disk_, from, bytes] { return disk->zero(from, bytes); }));
    from += bytes;
  }
  return {};
}

Result<void> ImagePipeline::zero_the_rest() {
  std::sort(used_.begin(), used_.end());
  uint64_t at = first_block_.size();
  for (const auto& [from, to] : used_) {
    TRY(zero(at, from));
    at = std::max(at, to);
  }
  return zero(at, content_->bytes());
}

}  // namespace fetch
