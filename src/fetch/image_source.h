// Where the bytes of an image file come from.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "image/qcow2.h"

namespace fetch {

class ImageSource {
 public:
  virtual ~ImageSource() = default;
  using Take = std::function<base::Result<void>(std::string_view)>;
  // Memory that the next bytes should be in when they are given, a hint (net::BodyPlace).
  using Place = std::function<std::span<char>()>;
  // Gives every byte of the file to `take`, once and in order; `take` may park, and its errors end the stream as they
  // are.
  virtual base::Result<void> stream(const Take& take, const Place& place) = 0;
  // Parts of the file, ascending; also while stream() is in `take`.
  virtual base::Result<std::vector<std::string>> read(const std::vector<image::FileRange>& ranges) = 0;
  virtual uint64_t position() const = 0;     // bytes given by now
  virtual uint64_t bytes_total() const = 0;  // 0 while unknown
};

}  // namespace fetch
