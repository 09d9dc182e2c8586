// A stream that can put what it reads where the reader wants it.
#pragma once

#include <algorithm>

#include "sys/net.h"

namespace sys {

class ReadsInto {
 public:
  virtual ~ReadsInto() = default;
  // As Stream::read(); 0 is the orderly end.
  virtual base::Result<size_t> read_into(char* place, size_t bytes_max, base::Duration limit) = 0;
};

// The same for any stream, by a copy where it cannot do that itself.
inline base::Result<size_t> read_into(Stream& stream, char* place, size_t bytes_max, base::Duration limit) {
  if (auto* const direct = dynamic_cast<ReadsInto*>(&stream)) return direct->read_into(place, bytes_max, limit);
  const std::string bytes = TRY(stream.read(bytes_max, limit));
  std::copy(bytes.begin(), bytes.end(), place);
  return bytes.size();
}

}  // namespace sys
