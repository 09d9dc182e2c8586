// From a URL to the files of the cache, in three steps: the file as it is, checked before anything reads what is in it;
// the disk it is of; the blocks of that disk.
#include <algorithm>
#include <atomic>
#include <functional>
#include <set>

#include "base/text.h"
#include "crypto/hash.h"
#include "fetch/file_source.h"
#include "fetch/image_download.h"
#include "fetch/image_transfer.h"
#include "fetch/off_loop.h"
#include "image/block_map.h"
#include "metal/boot/image_making.h"

namespace metal {

using base::Code;
using base::Error;
using base::Json;
using base::Layer;
using base::Result;

namespace {

constexpr uint64_t disk_bytes_max = uint64_t{16} << 40;  // sparse while it is converted
constexpr uint64_t unpacked_share_max = 8;               // of the cache's size; images seldom pack better
constexpr size_t group_blocks = 16;                      // packed at the same time
constexpr fetch::DiskAccess access{.blocks = true, .piece_bytes = 1u << 20, .lanes = 2};

// Says of every error that it is our own disk's.
template <class T>
Result<T> told(Result<T> done) {
  if (done || done.error().code == Code::cancelled || !done.error().fix.empty()) return done;
  return Error(std::move(done).error())
      .context("the image cache")
      .at(Layer::controller)
      .with_fix("look at the disk of --image-cache: is it full, is it well?");
}

// A file of the cache while it is made: it does not grow without end.
class WorkFile : public sys::File {
 public:
  WorkFile(std::unique_ptr<sys::File> file, uint64_t bytes_max) : file_(std::move(file)), bytes_max_(bytes_max) {}
  Result<std::string> read_at(uint64_t offset, size_t bytes) override { return told(file_->read_at(offset, bytes)); }
  Result<void> write_at(uint64_t offset, std::string_view bytes) override {
    if ((written_ += bytes.size()) > bytes_max_) {
      return Error{Code::too_large, "the image is larger than the whole image cache", Layer::controller,
                   "raise --image-cache-size"};
    }
    return told(file_->write_at(offset, bytes));
  }
  Result<void> zero(uint64_t offset, uint64_t bytes) override { return told(file_->zero(offset, bytes)); }
  Result<void> sync() override { return told(file_->sync()); }
  uint64_t size() const override { return file_->size(); }
  Result<void> resize(uint64_t bytes) override { return told(file_->resize(bytes)); }

 private:
  std::unique_ptr<sys::File> file_;
  uint64_t bytes_max_;
  std::atomic<uint64_t> written_ = 0;  // by several workers
};

std::string percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? std::string() : ", " + std::to_string(part * 100 / whole) + " %";
}

}  // namespace

Result<std::shared_ptr<sys::File>> ImageCache::fresh(const std::string& path, uint64_t bytes_max) {
  TRY(told(sys_.disk.remove(path)));
  auto file = TRY(told(sys_.disk.open(path, true)));
  return std::shared_ptr<sys::File>(std::make_shared<WorkFile>(std::move(file), bytes_max));
}

Result<ImageCache::Image> ImageCache::produce(Making& making, const Source& source) {
  const std::string file_path = path(source.key, ".part"), disk_path = path(source.key, ".disk");
  uint64_t bytes = 0;
  const auto file = TRY(download(making, source, file_path, bytes));
  auto made = unpack(making, source, file, bytes, disk_path);
  (void)sys_.disk.remove(file_path);
  (void)sys_.disk.remove(disk_path);
  return made;
}

// The file as the server has it; right when this returns.
Result<std::shared_ptr<sys::File>> ImageCache::download(Making& making, const Source& source, const std::string& to,
                                                        uint64_t& bytes) {
  const auto from = TRY(fetch::ImageDownload::make(sys_.loop, site_, source.url, options_.roots_pem));
  const std::shared_ptr<sys::File> file = TRY(fresh(to, options_.bytes_max));
  const auto stages =
      std::make_shared<fetch::ImagePipeline>(sys_, file, access, TRY(crypto::Digest::make(source.digest.algorithm)));
  stages->start(image::raw_content(disk_bytes_max), disk_bytes_max);
  const auto take = [&](std::string_view piece) -> Result<void> {
    TRY(stages->push(piece));
    making.say("downloading the image" + percent(from->position(), from->bytes_total()));
    return {};
  };
  const auto run = [&]() -> Result<std::string> {
    TRY(from->stream(take));
    return stages->finish();
  };
  auto sum = run();
  if (!sum) {
    stages->abandon();
    return std::move(sum).error().context("image " + source.url);
  }
  if (*sum != source.digest.value) {
    return Error{
        Code::corrupt,
        "image " + source.url + " has " + source.digest.algorithm + " " + *sum + ", expected " + source.digest.value,
        Layer::agent, "check image.checksum, or the image on the server; nothing was written to a disk"};
  }
  bytes = stages->disk_bytes();
  TRY(file->write_at(0, std::string_view(stages->first_block())
                            .substr(0, static_cast<size_t>(std::min<uint64_t>(bytes, stages->first_block().size())))));
  if (file->size() < bytes) TRY(file->resize(bytes));
  return file;
}

Result<ImageCache::Image> ImageCache::unpack(Making& making, const Source& source,
                                             const std::shared_ptr<sys::File>& file, uint64_t bytes,
                                             const std::string& to) {
  const auto disk = TRY(fresh(to, options_.bytes_max * unpacked_share_max));
  // The text is kept alive by `making`, which outlives this call.
  const auto progress = [&making](const fetch::ImageProgress& at) {
    making.say("unpacking the image" + percent(at.bytes, at.bytes_total));
  };
  fetch::FileSource from(sys_, file, bytes);
  fetch::ImageTransfer transfer(sys_, disk, access, disk_bytes_max, TRY(crypto::Digest::make(source.digest.algorithm)),
                                source.digest.value, source.format, progress);
  TRY(transfer.run(from).context("image " + source.url));
  if (transfer.sum() != source.digest.value) {
    return told(Result<Image>(base::corrupt("what was read back is not what was downloaded")));
  }
  auto& pipeline = transfer.pipeline();
  TRY(disk->write_at(0, pipeline.first_block()));
  if (disk->size() < pipeline.disk_bytes()) TRY(disk->resize(pipeline.disk_bytes()));
  auto used = pipeline.used();
  return convert(making, source, disk, pipeline.disk_bytes(), used);
}

// Reads the used blocks of a disk, packs many at a time and stores them in order.
Result<ImageCache::Image> ImageCache::convert(Making& making, const Source& source,
                                              const std::shared_ptr<sys::File>& from, uint64_t disk_bytes,
                                              const std::vector<std::pair<uint64_t, uint64_t>>& used) {
  image::BlockMap map;
  map.disk_bytes = disk_bytes;
  std::set<uint32_t> numbers;
  for (const auto& [first, end] : used) {
    for (uint64_t n = first / map.block_bytes; n * map.block_bytes < end; ++n) numbers.insert(static_cast<uint32_t>(n));
  }
  const std::shared_ptr<sys::File> to = TRY(fresh(path(source.key, ".blocks"), options_.bytes_max));
  const auto digest = std::make_shared<crypto::Digest>(TRY(crypto::Digest::make("sha256")));
  uint64_t stored = 0;
  size_t done = 0;
  for (auto next = numbers.begin(); next != numbers.end();) {
    std::vector<uint32_t> group;
    while (group.size() < group_blocks && next != numbers.end()) group.push_back(*next++);
    auto packed = std::make_shared<std::vector<std::optional<Result<std::optional<image::PackedBlock>>>>>(group.size());
    auto left = std::make_shared<size_t>(group.size());
    TRY(sys::await<void>(sys_.loop, [&](std::function<void(Result<void>)> all) {
      for (size_t i = 0; i < group.size(); ++i) {
        const uint64_t offset = uint64_t{group[i]} * map.block_bytes;
        const auto bytes = static_cast<size_t>(std::min<uint64_t>(map.block_bytes, disk_bytes - offset));
        const auto work = [packed, from, i, offset, bytes, number = group[i]] {
          auto block = from->read_at(offset, bytes);
          if (!block) {
            (*packed)[i].emplace(block.error());
          } else {
            block->resize(bytes, '\0');
            (*packed)[i].emplace(image::pack_block(number, *block));
          }
        };
        sys_.offload.run(work, [left, all] {
          if (--*left == 0) all(Result<void>());
        });
      }
    }));
    auto piece = std::make_shared<std::string>();
    for (auto& one : *packed) {
      auto block = TRY(std::move(*one));
      if (!block) continue;
      map.entries.push_back(block->entry);
      piece->append(block->stored);
    }
    if (stored + piece->size() > options_.bytes_max) {
      return Error{Code::too_large, "image " + source.url + " is larger than the whole image cache", Layer::controller,
                   "raise --image-cache-size"};
    }
    TRY(fetch::off_loop<void>(sys_, [to, piece, stored, digest] {
      digest->update(*piece);
      return to->write_at(stored, *piece);
    }));
    stored += piece->size();
    done += group.size();
    making.say("converting the image, " + std::to_string(done * 100 / numbers.size()) + " %");
  }
  const std::string head = TRY(map.dump());
  Image out;
  out.key = source.key;
  out.map_bytes = head.size();
  out.blocks_bytes = stored;
  out.disk_bytes = disk_bytes;
  TRY(make_room(out.map_bytes + out.blocks_bytes));
  TRY(to->sync());
  out.sha256 = base::hex(crypto::sha256(head));
  out.blocks_sha256 = base::hex(digest->finish());
  TRY(check_owner());
  TRY(told(sys_.disk.write(path(out.key, ".map"), head, 0600)));
  Json about = Json::object({{"url", source.url}, {"format", source.format}, {"mapSHA256", out.sha256}});
  about.set("blocksSHA256", out.blocks_sha256);
  about.set("checksum", source.digest.algorithm + ":" + source.digest.value);
  about.set("mapBytes", static_cast<int64_t>(out.map_bytes)).set("blocksBytes", static_cast<int64_t>(stored));
  about.set("diskBytes", static_cast<int64_t>(disk_bytes));
  TRY(told(sys_.disk.write(path(out.key, ".json"), about.dump(), 0600)));
  return out;
}

}  // namespace metal
