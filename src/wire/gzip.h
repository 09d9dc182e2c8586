// gzip (RFC 1952) of what fits into memory.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace wire {

base::Result<std::string> gzip(std::string_view bytes);
// Errors: invalid (not a whole gzip file), too_large (more than `bytes_max` unpacked).
base::Result<std::string> gunzip(std::string_view packed, size_t bytes_max);

}  // namespace wire
