// The worker threads behind Offload. The only threads besides the loop's. Private to src/sys.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "sys/sys.h"

namespace sys {

class Workers : public Offload {
 public:
  explicit Workers(Loop& loop);
  ~Workers() override;  // waits for work that runs; what is queued is dropped
  void run(std::function<void()> work, std::function<void()> done) override;

 private:
  struct Job {
    std::function<void()> work, done;
  };
  void serve();

  Loop& loop_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sys
