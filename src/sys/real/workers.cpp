#include "sys/real/workers.h"

#include <pthread.h>

#include <algorithm>
#include <csignal>

namespace sys {

namespace {
// Some of them wait for disks.
constexpr unsigned waiting = 4;
constexpr unsigned threads_min = 6;
constexpr unsigned threads_max = 10;
}  // namespace

Workers::Workers(Loop& loop) : loop_(loop) {
  // Signals are the main thread's business; threads inherit the mask they are made under.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const unsigned count = std::clamp(std::thread::hardware_concurrency() + waiting, threads_min, threads_max);
  for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this] { serve(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::run(std::function<void()> work, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({std::move(work), std::move(done)});
  }
  arrived_.notify_one();
}

void Workers::serve() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job.work();
    // What the work owns dies on the loop's thread, where it was made.
    loop_.post_from_any_thread([done = std::move(job.done), work = std::move(job.work)] { done(); });
  }
}

}  // namespace sys
