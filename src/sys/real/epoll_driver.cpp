#include "sys/real/epoll_driver.h"

#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

// Of mimalloc, for the programs that are linked with it.
extern "C" [[gnu::weak]] void mi_collect(bool force);

namespace sys {

namespace {
constexpr size_t events_max = 256;
constexpr uint64_t wake_id = 0;
constexpr auto trim_period = base::minutes(1);
}  // namespace

EpollDriver::EpollDriver()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      wall_start_(std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now())),
      steady_start_(std::chrono::steady_clock::now()),
      next_trim_(steady_start_ + trim_period) {
  CHECK_THAT(epoll_ && event_, "the kernel gives no epoll descriptor");
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = wake_id;
  CHECK_THAT(epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, event_.number(), &event) == 0, "epoll refuses an eventfd");
}

Time EpollDriver::now() {
  return wall_start_ + std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - steady_start_);
}

// Bursts leave holes between what stays (thousands of connections that shake hands at once); the allocator keeps them
// until it is told.
void EpollDriver::give_back_memory() {
  const auto present = std::chrono::steady_clock::now();
  if (present < next_trim_) return;
  next_trim_ = present + trim_period;
  if (mi_collect != nullptr) {
    mi_collect(true);
  } else {
    malloc_trim(0);
  }
}

bool EpollDriver::wait_until(Time next_timer, bool have_timer) {
  int wait_ms = -1;
  if (have_timer) {
    const Duration left = next_timer - now();
    const auto whole = std::chrono::ceil<base::milliseconds>(std::max(left, Duration::zero())).count();
    wait_ms = int(std::min<int64_t>(whole, INT_MAX));
  }
  if (wait_ms != 0) give_back_memory();
  std::array<epoll_event, events_max> events;
  const int count = epoll_wait(epoll_.number(), events.data(), int(events.size()), wait_ms);
  CHECK_THAT(count >= 0 || errno == EINTR, "epoll_wait failed");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[size_t(i)];
    if (event.data.u64 == wake_id) {
      uint64_t ignored = 0;
      while (read(event_.number(), &ignored, sizeof ignored) > 0) {
      }
      continue;
    }
    const auto found = watches_.find(event.data.u64);
    if (found == watches_.end()) continue;
    const uint32_t broken = EPOLLERR | EPOLLHUP;
    if ((event.events & (EPOLLIN | EPOLLRDHUP | broken)) != 0) found->second->readable.set();
    if ((event.events & (EPOLLOUT | broken)) != 0) found->second->writable.set();
  }
  return true;
}

void EpollDriver::wake() {
  const uint64_t one = 1;
  const ssize_t written = write(event_.number(), &one, sizeof one);
  (void)written;  // full means a wake-up is under way already
}

void EpollDriver::add(int descriptor, Watch& watch) {
  watch.id = next_id_++;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = watch.id;
  CHECK_THAT(epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, descriptor, &event) == 0, "epoll refuses a descriptor");
  watches_.emplace(watch.id, &watch);
}

void EpollDriver::remove(int descriptor, Watch& watch) {
  epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, descriptor, nullptr);
  watches_.erase(watch.id);
}

}  // namespace sys
