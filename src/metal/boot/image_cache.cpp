#include "metal/boot/image_cache.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "fetch/off_loop.h"
#include "metal/boot/image_making.h"

namespace metal {

using base::Code;
using base::Error;
using base::Json;
using base::Layer;
using base::Result;

namespace {

constexpr size_t digest_step_bytes = 4u << 20;
constexpr const char* owner_file = "/.owner";

}  // namespace

ImageCache::ImageCache(sys::Sys& sys, sys::Net& site, ImageCacheOptions options)
    : sys_(sys), site_(site), options_(std::move(options)) {}

std::string ImageCache::path(const std::string& key, const char* suffix) const {
  return options_.directory + "/" + key + suffix;
}

Result<void> ImageCache::start() {
  TRY(sys_.disk.make_directories(options_.directory, 0700));
  owner_ = sys_.random.token(16);
  TRY(sys_.disk.write(options_.directory + owner_file, owner_, 0600));
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
    found->sha256 = (*doc)["mapSHA256"].string();
    found->blocks_sha256 = (*doc)["blocksSHA256"].string();
    found->map_bytes = static_cast<uint64_t>((*doc)["mapBytes"].integer());
    found->blocks_bytes = static_cast<uint64_t>((*doc)["blocksBytes"].integer());
    found->disk_bytes = static_cast<uint64_t>((*doc)["diskBytes"].integer());
    const auto map = sys_.disk.open(path(key, ".map"), false);
    const auto blocks = sys_.disk.open(path(key, ".blocks"), false);
    if (!found->sha256.empty() && map && blocks && (*map)->size() == found->map_bytes &&
        (*blocks)->size() == found->blocks_bytes) {
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

// Files of one directory have one manager that makes and removes them: the one that started last.
Result<void> ImageCache::check_owner() {
  const auto owner = sys_.disk.read(options_.directory + owner_file);
  if (!owner || *owner == owner_) return owner ? Result<void>() : owner.error();
  return Error{Code::conflict, "another manager has taken the image cache's directory " + options_.directory,
               Layer::controller, "give each manager a directory of its own with --image-cache"};
}

void ImageCache::forget(const std::string& key) {
  images_.erase(key);
  if (auto ours = check_owner(); !ours) {
    return base::log::warn("a cached image was not removed", {{"key", key}, {"error", ours.error().text()}});
  }
  remove_files(key);
}

void ImageCache::remove_files(const std::string& key) {
  for (const char* suffix : {".json", ".map", ".blocks", ".disk", ".part"}) {
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
  auto ours = check_owner();
  auto made = ours ? produce(*making, source) : Result<Image>(ours.error());
  if (made) {
    auto image = std::make_shared<Image>(std::move(*made));
    image->used_at = ++uses_;
    images_[source.key] = image;
    base::log::info("image is in the cache", {{"url", source.url}, {"bytes", std::to_string(image->blocks_bytes)}});
    making->result = Result<Hold>(Hold(image));
  } else {
    forget(source.key);
    base::log::warn("an image does not get into the cache", {{"url", source.url}, {"error", made.error().text()}});
    making->result = Result<Hold>(std::move(made).error().at(Layer::agent));
  }
  making_.erase(source.key);  // a failure is tried again by whoever asks next
  making->changed.set();
}

Result<std::string> ImageCache::digest_of(const std::shared_ptr<sys::File>& blocks) {
  auto digest = std::make_shared<crypto::Digest>(TRY(crypto::Digest::make("sha256")));
  for (uint64_t at = 0; at < blocks->size(); at += digest_step_bytes) {
    const std::function<Result<void>()> step = [digest, blocks, at]() -> Result<void> {
      digest->update(TRY(blocks->read_at(at, digest_step_bytes)));
      return {};
    };
    TRY(fetch::off_loop<void>(sys_, step));
  }
  return base::hex(digest->finish());
}

// What is wrong is what is on our disk: whoever asks next has it downloaded again.
bool ImageCache::still_good(const Image& image) {
  const auto found = images_.find(image.key);
  if (found == images_.end() || found->second->sha256 != image.sha256) return false;
  const Hold held = found->second;
  const auto right = [&]() -> Result<bool> {
    const std::string map = TRY(sys_.disk.read(path(image.key, ".map")));
    const std::shared_ptr<sys::File> blocks = TRY(sys_.disk.open(path(image.key, ".blocks"), false));
    return base::hex(crypto::sha256(map)) == image.sha256 && TRY(digest_of(blocks)) == image.blocks_sha256;
  }();
  if (right && *right) return true;
  if (!right && right.error().code == Code::cancelled) return true;  // we are being stopped
  const auto now = images_.find(image.key);
  if (now == images_.end() || now->second != held) return false;  // somebody else saw it meanwhile
  base::log::error("a cached image is damaged and leaves the cache",
                   {{"key", image.key}, {"found", right ? "other bytes" : right.error().text()}});
  forget(std::string(image.key));
  return false;
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
