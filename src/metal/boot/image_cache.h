// The manager's store of images: each is downloaded once, checked once and converted once into a block map
// (image/block_map.h), from which any number of hosts are served. Off unless a directory is given.
//
//   DIRECTORY/KEY.map    the map        DIRECTORY/KEY.blocks  the stored blocks
//   DIRECTORY/KEY.json   what it is, written last: without it the others are debris and are removed at the start
//   DIRECTORY/KEY.part   the file as it is downloaded    DIRECTORY/KEY.disk  the disk it is of; while the image is made
//   DIRECTORY/.owner     the manager that uses it: the one that started last
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "metal/boot/artefact.h"
#include "metal/boot/checksum.h"
#include "metal/boot/image_cache_options.h"
#include "sys/fiber.h"

namespace metal {

class ImageCache : public std::enable_shared_from_this<ImageCache> {
 public:
  struct Image {
    std::string key;     // of the path it is served under
    std::string sha256;  // of the map, which has the digests of all blocks
    std::string blocks_sha256;
    uint64_t map_bytes = 0, blocks_bytes = 0, disk_bytes = 0;
    uint64_t used_at = 0;  // a counter, for the order of use
  };
  // While a host holds one, the image stays.
  using Hold = std::shared_ptr<const Image>;

  // `site` is the network of image servers. Both must outlive the cache's fibers.
  ImageCache(sys::Sys& sys, sys::Net& site, ImageCacheOptions options);
  // Finds what is there. Errors: those of the directory.
  base::Result<void> start();

  void stop();  // ends the work that is under way
  // Begins to make an image that is not there: get() will want it.
  void begin(const std::string& url, const ImageDigest& digest, const std::string& format);
  // The image, made first where it is not there; callers that want the same one wait for the same work. `at` is told
  // what is waited for ("downloading the image, 42 %") whenever that changes. Errors: those of the download; corrupt
  // (checksum), too_large (more than bytes_max).
  base::Result<Hold> get(const std::string& url, const ImageDigest& digest, const std::string& format,
                         const std::function<void(const std::string&)>& at);
  // Reads an image that a host complained about again, and drops it when it is damaged or gone (false).
  bool still_good(const Image& image);
  // What is served under a key. Errors: not_found.
  base::Result<Artefact> artefact(const std::string& key);

  uint64_t bytes() const;
  uint64_t downloads = 0;  // begun since the start

 private:
  struct Making;
  struct Source;
  static Source source_of(const std::string& url, const ImageDigest& digest, const std::string& format);
  std::shared_ptr<Making> making_of(const Source& source);
  void make(const std::shared_ptr<Making>& making, const Source& source);
  base::Result<Image> produce(Making& making, const Source& source);
  base::Result<std::shared_ptr<sys::File>> download(Making& making, const Source& source, const std::string& to,
                                                    uint64_t& bytes);
  base::Result<Image> unpack(Making& making, const Source& source, const std::shared_ptr<sys::File>& file,
                             uint64_t bytes, const std::string& to);
  base::Result<std::shared_ptr<sys::File>> fresh(const std::string& path, uint64_t bytes_max);
  base::Result<Image> convert(Making& making, const Source& source, const std::shared_ptr<sys::File>& from,
                              uint64_t disk_bytes, const std::vector<std::pair<uint64_t, uint64_t>>& used);
  base::Result<std::string> digest_of(const std::shared_ptr<sys::File>& blocks);
  base::Result<void> make_room(uint64_t bytes);
  base::Result<void> check_owner();
  void forget(const std::string& key);
  void remove_files(const std::string& key);
  std::string path(const std::string& key, const char* suffix) const;

  sys::Sys& sys_;
  sys::Net& site_;
  ImageCacheOptions options_;
  std::map<std::string, std::shared_ptr<Image>> images_;
  std::map<std::string, std::shared_ptr<Making>> making_;
  std::string owner_;  // what the directory's .owner says while it is ours
  uint64_t uses_ = 0;
};

}  // namespace metal
