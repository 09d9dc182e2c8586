#include "metal/boot/image_cache.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "fetch/image_transfer.h"
#include "fetch/off_loop.h"
#include "image/block_map.h"

namespace metal {

using base::Code;
using base::Error;
using base::Json;
using base::Layer;
using base::Result;

namespace {

constexpr uint64_t disk_bytes_max = uint64_t{16} << 40;  // sparse while it is converted
constexpr size_t group_blocks = 16;                      // packed at the same time
constexpr size_t digest_step_bytes = 4u << 20;

}  // namespace

// Where an image comes from.
struct ImageCache::Source {
  std::string key, url, format;
  ImageDigest digest;
};

// One image being made, and those who wait for it.
struct ImageCache::Making {
  explicit Making(sys::Loop& loop) : changed(loop) {}
  sys::Signal changed;
  sys::Fiber fiber;
  std::string text = "downloading the image";
  std::optional<Result<Hold>> result;
  void say(std::string what) {
    if (what == text) return;
    text = std::move(what);
    changed.set();
  }
};

ImageCache::ImageCache(sys::Sys& sys, sys::Net& site, ImageCacheOptions options)
    : sys_(sys), site_(site), options_(std::move(options)) {}

std::string ImageCache::path(const std::string& key, const char* suffix) const {
  return options_.directory + "/" + key + suffix;
}

Result<void> ImageCache::start() {
  TRY(sys_.disk.make_directories(options_.directory, 0700));
  std::set<std::string> debris;
  for (const auto& name : TRY(sys_.disk.list(options_.directory))) {
    const size_t dot = name.find('.');
    if (dot == 32) debris.insert(name.substr(0, dot));  // names of ours only
    if (dot != 32 || name.substr(dot) != ".json") continue;
    const std::string key = name.substr(0, dot);
    const auto text = sys_.disk.read(path(key, ".json"));
    const auto doc = text ? base::parse_json(*text) : Result<Json>(text.error());
    if (!doc) continue;
    auto found = std::make_shared<Image>();
    found->key = key;
    found->sha256 = (*doc)["sha256"].string();
    found->map_bytes = static_cast<uint64_t>((*doc)["mapBytes"].integer());
    found->blocks_bytes = static_cast<uint64_t>((*doc)["blocksBytes"].integer());
    found->disk_bytes = static_cast<uint64_t>((*doc)["diskBytes"].integer());
    const auto map = sys_.disk.open(path(key, ".map"), false);
    const auto blocks = sys_.disk.open(path(key, ".blocks"), false);
    if (map && blocks && (*map)->size() == found->map_bytes && (*blocks)->size() == found->blocks_bytes) {
      images_[key] = found;
    }
  }
  for (const auto& key : debris) {
    if (!images_.count(key)) forget(key);
  }
  return make_room(0);
}

uint64_t ImageCache::bytes() const {
  uint64_t sum = 0;
  for (const auto& [key, image] : images_) sum += image->map_bytes + image->blocks_bytes;
  return sum;
}

void ImageCache::forget(const std::string& key) {
  images_.erase(key);
  for (const char* suffix : {".json", ".map", ".blocks", ".disk"}) {
    if (auto gone = sys_.disk.remove(path(key, suffix)); !gone) {
      base::log::warn("a cached image was not removed", {{"key", key}, {"error", gone.error().text()}});
    }
  }
}

// Lets images go until this many more bytes fit; those that a host is reading stay.
Result<void> ImageCache::make_room(uint64_t wanted) {
  while (bytes() + wanted > options_.bytes_max) {
    std::shared_ptr<Image> oldest;
    for (const auto& [key, image] : images_) {
      const bool free = image.use_count() == 1;
      if (free && (!oldest || image->used_at < oldest->used_at)) oldest = image;
    }
    if (!oldest) {
      return Error{Code::too_large,
                   "the image cache has no room: " + std::to_string(bytes()) + " of " +
                       std::to_string(options_.bytes_max) + " bytes are in use",
                   Layer::controller, "raise --image-cache-size"};
    }
    base::log::info("image leaves the cache", {{"key", oldest->key}});
    forget(std::string(oldest->key));
  }
  return {};
}

ImageCache::Source ImageCache::source_of(const std::string& url, const ImageDigest& digest, const std::string& format) {
  const std::string all = url + "\n" + digest.algorithm + "\n" + digest.value + "\n" + format;
  return {base::hex(crypto::sha256(all)).substr(0, 32), url, format, digest};
}

std::shared_ptr<ImageCache::Making> ImageCache::making_of(const Source& source) {
  auto& slot = making_[source.key];
  if (!slot) {
    slot = std::make_shared<Making>(sys_.loop);
    slot->fiber = sys::spawn(sys_.loop, "image cache",
                             [self = shared_from_this(), making = slot, source] { self->make(making, source); });
  }
  return slot;
}

void ImageCache::stop() {
  for (auto& [key, making] : making_) making->fiber.cancel();
}

void ImageCache::begin(const std::string& url, const ImageDigest& digest, const std::string& format) {
  const Source source = source_of(url, digest, format);
  if (!images_.count(source.key)) making_of(source);
}

Result<ImageCache::Hold> ImageCache::get(const std::string& url, const ImageDigest& digest, const std::string& format,
                                         const std::function<void(const std::string&)>& at) {
  const Source source = source_of(url, digest, format);
  if (const auto found = images_.find(source.key); found != images_.end()) {
    found->second->used_at = ++uses_;
    return Hold(found->second);
  }
  const auto making = making_of(source);
  while (!making->result) {
    at(making->text);
    making->changed.clear();
    TRY(making->changed.wait());
  }
  return *making->result;
}

void ImageCache::make(const std::shared_ptr<Making>& making, const Source& source) {
  ++downloads;
  auto made = download(*making, source);
  (void)sys_.disk.remove(path(source.key, ".disk"));
  if (made) {
    auto image = std::make_shared<Image>(std::move(*made));
    image->used_at = ++uses_;
    images_[source.key] = image;
    base::log::info("image is in the cache", {{"url", source.url}, {"bytes", std::to_string(image->blocks_bytes)}});
    making->result = Result<Hold>(Hold(image));
  } else {
    forget(source.key);
    making->result = Result<Hold>(std::move(made).error().at(Layer::agent));
  }
  making_.erase(source.key);  // a failure is tried again by whoever asks next
  making->changed.set();
}

Result<ImageCache::Image> ImageCache::download(Making& making, const Source& source) {
  const auto from = TRY(fetch::ImageDownload::make(sys_.loop, site_, source.url, options_.roots_pem));
  TRY(sys_.disk.remove(path(source.key, ".disk")));
  const std::shared_ptr<sys::File> disk = TRY(sys_.disk.open(path(source.key, ".disk"), true));
  const fetch::DiskAccess access{.blocks = true, .piece_bytes = 1u << 20, .lanes = 2};
  // The text is kept alive by `making`, which outlives this call.
  const auto progress = [&making](const fetch::ImageProgress& at) {
    const std::string percent =
        at.bytes_total == 0 ? "" : ", " + std::to_string(at.bytes * 100 / at.bytes_total) + " %";
    making.say("downloading the image" + percent);
  };
  fetch::ImageTransfer transfer(sys_, disk, access, disk_bytes_max, TRY(crypto::Digest::make(source.digest.algorithm)),
                                source.format, progress);
  TRY(transfer.run(*from).context("image " + source.url));
  if (transfer.sum() != source.digest.value) {
    return Error{Code::corrupt,
                 "image " + source.url + " has " + source.digest.algorithm + " " + transfer.sum() + ", expected " +
                     source.digest.value,
                 Layer::agent, "check image.checksum, or the image on the server; nothing was written to a disk"};
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
  TRY(sys_.disk.remove(path(source.key, ".blocks")));
  const std::shared_ptr<sys::File> to = TRY(sys_.disk.open(path(source.key, ".blocks"), true));
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
    TRY(fetch::off_loop<void>(sys_, [to, piece, stored] { return to->write_at(stored, *piece); }));
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
  out.sha256 = TRY(digest_of(head, to, stored));
  TRY(sys_.disk.write(path(out.key, ".map"), head, 0600));
  Json about = Json::object({{"url", source.url}, {"format", source.format}, {"sha256", out.sha256}});
  about.set("checksum", source.digest.algorithm + ":" + source.digest.value);
  about.set("mapBytes", static_cast<int64_t>(out.map_bytes)).set("blocksBytes", static_cast<int64_t>(stored));
  about.set("diskBytes", static_cast<int64_t>(disk_bytes));
  TRY(sys_.disk.write(path(out.key, ".json"), about.dump(), 0600));
  return out;
}

Result<std::string> ImageCache::digest_of(const std::string& map, const std::shared_ptr<sys::File>& blocks,
                                          uint64_t bytes) {
  auto digest = std::make_shared<crypto::Digest>(TRY(crypto::Digest::make("sha256")));
  digest->update(map);
  for (uint64_t at = 0; at < bytes; at += digest_step_bytes) {
    const std::function<Result<void>()> step = [digest, blocks, at]() -> Result<void> {
      digest->update(TRY(blocks->read_at(at, digest_step_bytes)));
      return {};
    };
    TRY(fetch::off_loop<void>(sys_, step));
  }
  return base::hex(digest->finish());
}

Result<Artefact> ImageCache::artefact(const std::string& key) {
  const auto found = images_.find(key);
  if (found == images_.end()) return base::not_found("no such image");
  Image& image = *found->second;
  image.used_at = ++uses_;
  Artefact out{"application/octet-stream", {}, "\"" + image.sha256 + "\""};
  out.body.size = image.map_bytes + image.blocks_bytes;
  out.body.pieces.push_back({0, image.map_bytes, {}, path(key, ".map")});
  out.body.pieces.push_back({image.map_bytes, image.blocks_bytes, {}, path(key, ".blocks")});
  return out;
}

}  // namespace metal
