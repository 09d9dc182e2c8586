#include <sys/ioctl.h>
#include <unistd.h>

#include "sys/real/real.h"

namespace sys {

bool stdout_is_terminal() { return isatty(STDOUT_FILENO) == 1; }

size_t terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace sys
