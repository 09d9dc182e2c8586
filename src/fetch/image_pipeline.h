// From the bytes of an image file to a disk, in stages that work at the same time: hashing, unpacking and looking for
// zeros, writing and reading back. Their work runs on workers; between them are short queues, so the slowest alone
// decides and memory is bounded. A stage takes all that waits for it at once: going to a worker and back costs as much
// as hashing some hundred KiB.
//
// Blocks of zeros are not written; zero_the_rest() makes them zeros afterwards. The first block is kept in memory.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fetch/byte_pool.h"
#include "fetch/channel.h"
#include "fetch/disk_access.h"
#include "fetch/hash_stage.h"
#include "image/content.h"
#include "sys/sys.h"

namespace fetch {

constexpr size_t held_back_bytes = 4096;  // the first block of a disk, without which firmware boots nothing

class ImagePipeline : public std::enable_shared_from_this<ImagePipeline> {
 public:
  ImagePipeline(sys::Sys& sys, std::shared_ptr<sys::File> disk, DiskAccess access, crypto::Digest digest);

  // `limit`: the first byte of the disk that is not the image's.
  void start(std::unique_ptr<image::Content> content, uint64_t limit);
  // Where the next bytes of the file are best put, and then pushed from. Good until the next push.
  std::span<char> place();
  // The next bytes of the file; parks while the stages are behind. Errors: those of any stage.
  base::Result<void> push(std::string_view bytes);
  // After the last byte: waits until everything is hashed, written and read back. Gives the digest, hex;
  // not of packed content, where each block has its own.
  base::Result<std::string> finish();
  // Before finish(), when it will not come to that: nothing is written any more once this returns.
  void abandon();
  // Makes every byte of the image that was not written a zero.
  base::Result<void> zero_the_rest();

  bool packed() const { return content_->packed(); }
  std::string& first_block() { return first_block_; }
  uint64_t disk_bytes() const { return content_->bytes(); }
  uint64_t written() const { return written_; }
  // What was written, as [from, to), after zero_the_rest() in order.
  const std::vector<std::pair<uint64_t, uint64_t>>& used() const { return used_; }

 private:
  using Batch = std::shared_ptr<const BytePool::Buffer>;
  // What is written at once: bytes of the disk, or the stored blocks they are to be unpacked from. They stay where they
  // are for as long as the piece lives.
  struct Piece {
    uint64_t offset = 0, size = 0;
    std::string_view bytes;
    std::vector<std::string_view> stored;             // adjacent blocks
    BytePool::Buffer own;                             // room for bytes that are nowhere else
    std::vector<std::shared_ptr<const void>> others;  // whose bytes they are

    uint64_t end() const { return offset + size; }
    void hold(const std::shared_ptr<const void>& owner) {
      if (others.empty() || others.back() != owner) others.push_back(owner);
    }
  };
  using Pieces = std::vector<Piece>;
  // What the content stage has before it. Used by its fiber and, in between, by the worker it waits for.
  struct Unpacking {
    std::vector<Batch> batches;
    size_t fed = 0;     // of the batches
    bool more = false;  // in what was fed last
    bool done() const { return !more && fed == batches.size(); }
  };

  void spawn(const char* name, base::Result<void> (ImagePipeline::*stage)());
  void fail(base::Error error);
  base::Result<void> send_batch();
  base::Result<void> unpack();
  base::Result<void> pass_on(Pieces pieces);
  base::Result<Pieces> step(Unpacking& now);
  base::Result<Pieces> last_step();
  Batch owner(std::string_view bytes, const Unpacking& now) const;
  image::Sink sink_into(Pieces& pieces, const Unpacking& now);
  void keep(Pieces& pieces, uint64_t offset, std::string_view bytes, const Batch& owner) const;
  void keep_block(Pieces& pieces, uint64_t offset, std::string_view block, const Batch& owner) const;
  void keep_packed(Pieces& pieces, uint64_t offset, std::string_view stored, const Batch& owner);
  base::Result<void> write();
  base::Result<void> record(const Piece& piece);
  base::Result<void> fill(Piece& piece);
  base::Result<void> zero(uint64_t from, uint64_t to);
  base::Result<void> on_disk(std::function<base::Result<void>()> work);

  sys::Sys& sys_;
  std::shared_ptr<sys::File> disk_;
  DiskAccess access_;
  HashStage hash_;
  std::unique_ptr<image::Content> content_;
  uint64_t limit_ = 0;
  Channel<Batch> to_unpack_;
  Channel<std::shared_ptr<Piece>> to_write_;
  std::shared_ptr<BytePool> pool_, unpack_pool_;
  BytePool::Buffer batch_;
  std::shared_ptr<BytePool::Buffer> step_room_;  // for what the content's next steps make
  std::string first_block_;
  std::vector<sys::Fiber> stages_;
  std::optional<base::Error> error_;
  std::vector<std::pair<uint64_t, uint64_t>> used_;  // [from, to) that was written
  uint64_t written_ = 0;
};

}  // namespace fetch
