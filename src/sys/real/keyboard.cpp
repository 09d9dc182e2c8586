#include "sys/real/keyboard.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "sys/real/watched.h"

namespace sys {

namespace {

constexpr size_t piece_bytes = 4096;

// A terminal and a pipe are waited for; files and devices such as /dev/null have what they have.
bool has_to_be_waited_for(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return false;
  return S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || isatty(descriptor) == 1;
}

class StdinKeyboard : public Keyboard {
 public:
  StdinKeyboard(EpollDriver& driver, Loop& loop) : terminal_(isatty(STDIN_FILENO) == 1) {
    // A duplicate: closing it must not take stdin away.
    Descriptor copy(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    if (copy && has_to_be_waited_for(STDIN_FILENO)) watched_.emplace(driver, loop, std::move(copy));
    if (!terminal_ || tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    cfmakeraw(&raw);
    changed_ = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
  }
  ~StdinKeyboard() override {
    if (changed_) tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  }
  bool is_terminal() const override { return terminal_; }

  Result<std::string> read() override {
    // Not made non-blocking, which others that share the terminal would feel: asked first instead.
    while (watched_) {
      pollfd asked{STDIN_FILENO, POLLIN, 0};
      if (poll(&asked, 1, 0) > 0) break;
      TRY(watched_->wait_readable(no_limit));
    }
    std::string bytes(piece_bytes, '\0');
    const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (got < 0 && errno != EIO) return system_error(errno, "reading the keyboard");  // EIO: the terminal is gone
    bytes.resize(got > 0 ? size_t(got) : 0);
    return bytes;
  }

 private:
  bool terminal_, changed_ = false;
  termios before_{};
  std::optional<Watched> watched_;
};

}  // namespace

std::unique_ptr<Keyboard> open_keyboard(EpollDriver& driver, Loop& loop) {
  return std::make_unique<StdinKeyboard>(driver, loop);
}

}  // namespace sys
