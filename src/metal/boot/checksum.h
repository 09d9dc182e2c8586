// The digest an image must have, from what spec.image says: hex, "sha256:hex", or the URL of a sums file.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "metal/port.h"
#include "sys/sys.h"

namespace metal {

struct ImageDigest {
  std::string algorithm;  // md5, sha256 or sha512
  std::string value;      // lower-case hex
  bool operator==(const ImageDigest&) const = default;
};

struct ChecksumRules {
  bool allow_md5 = false;
  std::string roots_pem;  // for https sums files; empty: the system's
  base::Duration limit = base::seconds(60);
};

// Whether `checksum` is a URL that has to be fetched first.
bool is_checksum_url(std::string_view checksum);
// Finds the line of `image_url`'s file name in a sums file: "hex  name", "hex *name" or "SHA256 (name) = hex"; a file
// that holds nothing but one digest fits any image. Errors: not_found.
base::Result<std::string> digest_in_sums(std::string_view sums, std::string_view image_url);
// Checks form and algorithm. Errors: invalid, layer agent.
base::Result<ImageDigest> make_digest(std::string_view hex, std::string_view type, const ChecksumRules& rules);
// The whole way; parks. Errors: invalid, not_found, unavailable, timeout; all name the URL.
base::Result<ImageDigest> resolve_checksum(sys::Loop& loop, sys::Net& net, const ImageRequest& image,
                                           const ChecksumRules& rules);

}  // namespace metal
