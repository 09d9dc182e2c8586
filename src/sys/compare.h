// A file that can say whether it holds certain bytes without handing them out. File's users ask by dynamic_cast.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace sys {

class Comparable {
 public:
  virtual ~Comparable() = default;
  virtual base::Result<bool> holds(uint64_t offset, std::string_view bytes) = 0;
};

}  // namespace sys
