#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "sys/real/epoll_driver.h"
#include "sys/real/key_stock.h"
#include "sys/real/keyboard.h"
#include "sys/real/machine.h"
#include "sys/real/programs.h"
#include "sys/real/real.h"
#include "sys/real/real_disk.h"
#include "sys/real/real_net.h"
#include "sys/real/watched.h"
#include "sys/real/workers.h"

namespace sys {

namespace {

class OsRandom : public Random {
 public:
  uint64_t next() override {
    if (used_ == buffer_.size()) refill();
    return buffer_[used_++];
  }

 private:
  void refill() {
    // Up to 256 bytes come whole and uninterrupted (getrandom(2)).
    const ssize_t count = getrandom(buffer_.data(), sizeof buffer_, 0);
    CHECK_THAT(count == ssize_t(sizeof buffer_), "the kernel gives no random bytes");
    used_ = 0;
  }
  std::array<uint64_t, 32> buffer_{};
  size_t used_ = 32;
};

// A connection is a descriptor, and shells give 1024 where the system would allow many more.
void allow_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

struct RealSystem::State {
  State()
      : loop(driver),
        workers(loop),
        net(driver, loop, workers),
        programs(driver, loop),
        machine(driver, loop),
        sys{loop, random, keys, net, disk, workers} {
    allow_descriptors();
    std::signal(SIGPIPE, SIG_IGN);  // a closed connection is an error of write, not the end of the program
    std::signal(SIGXFSZ, SIG_IGN);  // and so is a file that may not grow any more
  }
  ~State() { loop.shut(); }

  EpollDriver driver;
  Loop loop;
  Workers workers;
  OsRandom random;
  KeyStock keys{workers};
  RealNet net;
  RealPrograms programs;
  RealMachine machine;
  RealDisk disk;
  Sys sys;
  std::function<void()> on_stop;
};

RealSystem::RealSystem() : state_(std::make_unique<State>()) {}
RealSystem::~RealSystem() = default;
Sys& RealSystem::sys() { return state_->sys; }
void RealSystem::prepare_keys(size_t count) { state_->keys.prepare(count); }
size_t RealSystem::keys_ready() const { return state_->keys.ready(); }
Machine& RealSystem::machine() { return state_->machine; }
std::unique_ptr<Keyboard> RealSystem::keyboard() { return open_keyboard(state_->driver, state_->loop); }
Programs& RealSystem::programs() { return state_->programs; }

void RealSystem::on_stop_signal(std::function<void()> fn) {
  const bool waiting = state_->on_stop != nullptr;
  state_->on_stop = std::move(fn);
  if (waiting) return;
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  Descriptor signals(signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC));
  CHECK_THAT(bool(signals), "the kernel gives no signal descriptor");
  auto watched = std::make_shared<Watched>(state_->driver, state_->loop, std::move(signals));
  spawn(state_->loop, "stop signal", [watched, stop, state = state_.get()] {
    signalfd_siginfo received{};
    while (::read(watched->number(), &received, sizeof received) != ssize_t(sizeof received)) {
      if (!watched->wait_readable(no_limit)) return;
    }
    watched->close();
    pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);  // the next one takes its default effect: the end
    const auto call = state->on_stop;
    call();
  });
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace sys
