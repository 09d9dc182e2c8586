// A disk of the simulation: what was committed `delay` ago is on it and survives the process; the rest is lost with it.
#include <map>
#include <set>

#include "store/sim_disk.h"

namespace store {

struct SimDisk {
  uint64_t revision = 0;
  std::map<Key, Record> objects;
  std::function<void(const Record&)> observer;
};

namespace {

class SimEngine : public Engine {
 public:
  SimEngine(sys::Loop& loop, std::shared_ptr<SimDisk> disk, base::Duration delay)
      : loop_(loop), disk_(std::move(disk)), delay_(delay) {}
  ~SimEngine() override {
    for (const auto timer : timers_) loop_.cancel(timer);
  }

  Result<Loaded> load() override {
    Loaded loaded{.revision = disk_->revision, .objects = {}, .compacted = 0, .past = {}};
    for (const auto& [key, record] : disk_->objects) loaded.objects.push_back(record);
    return loaded;
  }

  void commit(Record record, std::function<void(Result<void>)> done) override {
    const auto timer = std::make_shared<sys::TimerId>();
    *timer = loop_.after(delay_, [this, timer, record = std::move(record), done = std::move(done)] {
      timers_.erase(*timer);
      disk_->revision = record.revision;
      if (record.doc.empty()) {
        disk_->objects.erase(record.key);
      } else {
        disk_->objects[record.key] = record;
      }
      if (disk_->observer) disk_->observer(record);
      done({});
    });
    timers_.insert(*timer);
  }

 private:
  sys::Loop& loop_;
  std::shared_ptr<SimDisk> disk_;
  base::Duration delay_;
  std::set<sys::TimerId> timers_;
};

}  // namespace

std::shared_ptr<SimDisk> make_sim_disk() { return std::make_shared<SimDisk>(); }

void on_durable(SimDisk& disk, std::function<void(const Record&)> fn) { disk.observer = std::move(fn); }

std::unique_ptr<Engine> make_sim_engine(sys::Loop& loop, std::shared_ptr<SimDisk> disk, base::Duration delay) {
  return std::make_unique<SimEngine>(loop, std::move(disk), delay);
}

}  // namespace store
