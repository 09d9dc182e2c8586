// Streams an image onto a disk: raw (also compressed by gzip or zstd) as it is, qcow2 as the disk it describes. The
// first block is held back until the checksum of the downloaded file has matched and everything else is on the disk, so
// a broken download never leaves a disk that firmware would boot. Only blocks that are not zero are sent to the disk,
// and each is read back.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/hardware.h"
#include "fetch/image_transfer.h"

namespace agent {

struct ImageOrder {
  std::string id, url;
  std::string hash_algorithm;  // md5, sha1, sha256 or sha512, of the file as it is downloaded
  std::string hash_value;      // lower-case hex
  std::string format;          // raw or qcow2, as declared; must agree with what arrives; empty: either;
                               // "block map": hash_value is of the map (image/block_map.h)
};

using fetch::DiskAccess;
using fetch::ImageProgress;

// Whether the image can be had, is of the declared kind and has room on the disk; its checksum nobody knows yet. The
// disk is not touched. Errors as those of write_image.
Result<void> look_at_image(sys::Sys& sys, const ImageOrder& order, const std::string& roots_pem,
                           const std::shared_ptr<sys::File>& disk, DiskAccess access);

// Errors: invalid (bad order, format differs), unsupported (format), corrupt (checksum; the message has both sums),
// unavailable (also a disk that does not keep what it is given), timeout, too_large, cancelled; all of layer agent.
//
// `complete` is called when the image is there and right, before firmware would boot it: with the disk as it will be.
Result<void> write_image(sys::Sys& sys, const ImageOrder& order, const std::string& roots_pem,
                         const std::shared_ptr<sys::File>& disk, DiskAccess access,
                         const std::function<void(const ImageProgress&)>& progress,
                         const std::function<Result<void>(sys::File&)>& complete);

}  // namespace agent
