// Keys to look at, each once at a time in order of arrival, some per round of the loop; those that fail come back
// later.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "store/store.h"

namespace registry {

class WorkQueue {
 public:
  // `work` looks at one key; an error other than conflict is logged under `name`, and each brings the key back after
  // 1 s, doubling to 5 min.
  WorkQueue(sys::Loop& loop, std::string name, std::function<base::Result<void>(const store::Key&)> work);
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  void add(const store::Key& key);

 private:
  void schedule();
  void run_some();
  void retry(const store::Key& key);

  sys::Loop& loop_;
  std::string name_;
  std::function<base::Result<void>(const store::Key&)> work_;
  std::deque<store::Key> ready_;
  std::set<store::Key> queued_;
  struct Failed {
    base::Duration delay;
    sys::TimerId timer;
  };
  std::map<store::Key, Failed> failed_;
  bool scheduled_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace registry
