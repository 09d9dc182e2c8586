#include <algorithm>

#include "base/hash.h"
#include "base/text.h"
#include "sys/sim/key_pool.h"
#include "sys/sim/segment.h"
#include "sys/sim/sim.h"
#include "sys/sim/sim_disk.h"
#include "sys/sim/sim_driver.h"

namespace sys {

namespace {

// Work and its completion take their turns on the loop.
class SimOffload : public Offload {
 public:
  explicit SimOffload(Loop& loop) : loop_(loop) {}
  void run(std::function<void()> work, std::function<void()> done) override {
    loop_.post([&loop = loop_, work = std::move(work), done = std::move(done)] {
      work();
      loop.post(done);
    });
  }

 private:
  Loop& loop_;
};

struct Process {
  Process(Loop& whole, std::shared_ptr<Segment> segment, std::shared_ptr<SimPlatter> on, const std::string& host,
          uint64_t seed, KeySource& keys)
      : loop(whole),
        random(seed),
        net(std::move(segment), host, false),
        platter(std::move(on)),
        disk(platter),
        offload(loop),
        sys{loop, random, keys, net, disk, offload} {}
  Loop loop;
  SeededRandom random;
  SegmentNet net;
  std::shared_ptr<SimPlatter> platter;
  SimDisk disk;
  SimOffload offload;
  Sys sys;
  bool killed = false;
};

}  // namespace

struct SimWorld::State {
  State(uint64_t given_seed, Time start)
      : seed(given_seed),
        driver(start),
        loop(driver),
        random(given_seed),
        disk_random(given_seed ^ base::fnv1a("disk")),
        net_random(given_seed ^ base::fnv1a("network")),
        segment(std::make_shared<Segment>(loop, net_random, nullptr, &faults)) {}

  uint64_t seed;
  SimDriver driver;
  Loop loop;
  SeededRandom random;
  SeededRandom disk_random;
  SeededRandom net_random;
  NetFaults faults;
  KeyPool keys;
  std::shared_ptr<Segment> segment;
  std::map<std::string, std::shared_ptr<SimPlatter>> platters;
  std::map<std::string, uint64_t> starts;
  std::vector<std::unique_ptr<Process>> processes;
};

SimWorld::SimWorld(uint64_t seed, base::Time start) : state_(std::make_unique<State>(seed, start)) {}

SimWorld::~SimWorld() {
  for (auto& process : state_->processes) {
    process->net.kill();
    process->disk.kill();
    process->loop.shut();
  }
  state_->loop.shut();
}

Loop& SimWorld::loop() { return state_->loop; }
Random& SimWorld::random() { return state_->random; }
NetFaults& SimWorld::faults() { return state_->faults; }

void SimWorld::set_unreachable(const std::string& host, bool unreachable) {
  state_->segment->set_unreachable(host, unreachable);
}

Sys& SimWorld::process(const std::string& host, const std::string& disk) {
  auto& platter = state_->platters[disk];
  if (!platter) platter = std::make_shared<SimPlatter>();
  const std::string name = host + " " + disk;
  const uint64_t start = state_->starts[name]++;
  const uint64_t seed = state_->seed ^ base::fnv1a(name + " " + std::to_string(start));
  state_->processes.push_back(
      std::make_unique<Process>(state_->loop, state_->segment, platter, host, seed, state_->keys));
  return state_->processes.back()->sys;
}

void SimWorld::kill(Sys& sys) {
  const auto found = std::find_if(state_->processes.begin(), state_->processes.end(),
                                  [&sys](const auto& process) { return &process->sys == &sys; });
  CHECK_THAT(found != state_->processes.end(), "not a process of this world");
  Process& process = **found;
  if (std::exchange(process.killed, true)) return;
  process.net.kill();
  process.disk.kill();
  process.loop.shut();
  process.platter->crash(state_->disk_random);
}

}  // namespace sys
