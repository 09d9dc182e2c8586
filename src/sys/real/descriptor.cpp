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

base::Error bind_error(int number, const std::string& what) {
  base::Error error = system_error(number, what);
  if (number == EADDRINUSE) error.fix = "stop the other process that listens there, or choose another port";
  if (number == EACCES) error.fix = "use a port from 1024 on, or give the program CAP_NET_BIND_SERVICE";
  if (number == EADDRNOTAVAIL) error.fix = "choose an address that an interface of this machine has, or 0.0.0.0";
  return error;
}

}  // namespace sys
