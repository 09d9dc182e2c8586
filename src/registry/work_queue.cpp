#include "registry/work_queue.h"

#include <algorithm>

#include "base/log.h"

namespace registry {
namespace {

constexpr int keys_per_round = 100;
constexpr base::Duration delay_min = base::seconds(1), delay_max = base::minutes(5);

}  // namespace

WorkQueue::WorkQueue(sys::Loop& loop, std::string name, std::function<base::Result<void>(const store::Key&)> work)
    : loop_(loop), name_(std::move(name)), work_(std::move(work)) {}

WorkQueue::~WorkQueue() {
  *alive_ = false;
  for (const auto& [key, failed] : failed_) loop_.cancel(failed.timer);
}

void WorkQueue::add(const store::Key& key) {
  if (!queued_.insert(key).second) return;
  ready_.push_back(key);
  schedule();
}

void WorkQueue::schedule() {
  if (scheduled_ || ready_.empty()) return;
  scheduled_ = true;
  loop_.post([this, alive = alive_] {
    if (!*alive) return;
    scheduled_ = false;
    run_some();
  });
}

void WorkQueue::run_some() {
  for (int i = 0; i < keys_per_round && !ready_.empty(); ++i) {
    const store::Key key = std::move(ready_.front());
    ready_.pop_front();
    queued_.erase(key);
    const auto done = work_(key);
    if (!done) {
      if (done.error().code != base::Code::conflict) {
        base::log::warn("housekeeping will try again",
                        {{"part", name_}, {"object", key.text()}, {"error", done.error().text()}});
      }
      retry(key);
    } else if (const auto failed = failed_.find(key); failed != failed_.end()) {
      loop_.cancel(failed->second.timer);
      failed_.erase(failed);
    }
  }
  schedule();
}

void WorkQueue::retry(const store::Key& key) {
  auto& failed = failed_.try_emplace(key, Failed{delay_min / 2, 0}).first->second;
  loop_.cancel(failed.timer);
  failed.delay = std::min(failed.delay * 2, delay_max);
  failed.timer = loop_.after(failed.delay, [this, alive = alive_, key] {
    if (*alive) add(key);  // a timer that is due already cannot be cancelled
  });
}

}  // namespace registry
