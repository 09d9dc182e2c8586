#include "sys/real/descriptor.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace sys {

void Descriptor::close() {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

namespace {
base::Code code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return base::Code::not_found;
    case EEXIST:
    case EADDRINUSE:
      return base::Code::already_exists;
    case EACCES:
    case EPERM:
    case EROFS:
      return base::Code::forbidden;
    case ETIMEDOUT:
      return base::Code::timeout;
    case EINVAL:
    case EISDIR:
    case ENAMETOOLONG:
    case EADDRNOTAVAIL:
      return base::Code::invalid;
    case EFBIG:
    case EMSGSIZE:
      return base::Code::too_large;
    default:
      return base::Code::unavailable;
  }
}
}  // namespace

base::Error system_error(int number, const std::string& what) {
  return {code_of(number), what + ": " + std::error_code(number, std::generic_category()).message()};
}

}  // namespace sys
