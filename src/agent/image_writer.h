// Streams an image onto a disk while hashing it. The first block is held back until the checksum has matched, so a
// broken download never leaves a disk that firmware would boot.
#pragma once

#include <functional>
#include <string>

#include "agent/hardware.h"

namespace agent {

struct ImageOrder {
  std::string id, url;
  std::string hash_algorithm;  // md5, sha1, sha256 or sha512
  std::string hash_value;      // lower-case hex
  std::string format;          // raw or qcow2, as declared; must agree with what arrives
};

struct ImageProgress {
  uint64_t bytes = 0, bytes_total = 0;  // total is 0 while unknown
};

// Errors: invalid (bad order, format differs), corrupt (checksum; the message has both sums), unavailable, timeout,
// too_large, cancelled; all of layer agent.
//
// `complete` is called when the image is there and right, before firmware would boot it: with the disk as it will be.
Result<void> write_image(sys::Sys& sys, const ImageOrder& order, const std::string& roots_pem, sys::File& disk,
                         const std::function<void(const ImageProgress&)>& progress,
                         const std::function<Result<void>(sys::File&)>& complete);

}  // namespace agent
