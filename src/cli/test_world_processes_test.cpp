// Named so that it is built into the tests only: several managers over one etcd.
#include <doctest/doctest.h>

#include <algorithm>

#include "cli/test_world.h"
#include "etcd/layout.h"
#include "remote/fence.h"
#include "sys/fiber.h"

namespace cli::test {

namespace {

constexpr const char* key_file = "00000001 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
constexpr const char* own_hosts = "192.168.99.";

// Tells whenever something is sent to anything but the other processes and the user.
class WatchedNet : public sys::Net {
 public:
  WatchedNet(sys::Net& below, std::function<void()> sent)
      : below_(below), outside_(remote::make_fenced_net(below, [sent = std::move(sent)]() -> Result<void> {
          sent();
          return {};
        })) {}
  Result<std::unique_ptr<sys::Stream>> connect(const sys::Address& to, base::Duration limit) override {
    return way_to(to).connect(to, limit);
  }
  Result<std::unique_ptr<sys::Listener>> listen(const sys::Address& at) override { return below_.listen(at); }
  Result<std::unique_ptr<sys::Datagram>> open_udp(const sys::Address& at, const sys::Address& toward) override {
    return outside_->open_udp(at, toward);
  }
  Result<std::unique_ptr<sys::Stream>> start_tls(std::unique_ptr<sys::Stream> stream, const sys::TlsClient& options,
                                                 base::Duration limit) override {
    auto& way = way_to(stream->peer());
    return way.start_tls(std::move(stream), options, limit);
  }
  Result<std::unique_ptr<sys::Stream>> accept_tls(std::unique_ptr<sys::Stream> stream, const sys::TlsServer& options,
                                                  base::Duration limit) override {
    return below_.accept_tls(std::move(stream), options, limit);
  }

 private:
  sys::Net& way_to(const sys::Address& to) { return to.host.starts_with(own_hosts) ? below_ : *outside_; }
  sys::Net& below_;
  std::unique_ptr<sys::Net> outside_;
};

}  // namespace

void World::make_processes(size_t count) {
  etcd_ = std::make_unique<etcd::SimEtcd>(loop(), sim_.random());
  etcd_->on_commit([this](const auto& events) { committed(events); });
  for (size_t i = 0; i < count; ++i) {
    auto& process = processes_.emplace_back();
    process.name = std::string(1, static_cast<char>('a' + i));
    process.host = own_hosts + std::to_string(11 + i);
  }
}

// What is in etcd would be found by a process that starts now.
void World::committed(const std::vector<etcd::WatchEvent>& events) {
  static const etcd::Layout layout("/ingot");
  static const auto no_key = store::Sealer::parse(key_file);
  for (const auto& event : events) {
    const auto& item = event.item;
    if (item.key == layout.leader) {
      const auto leader = event.removed ? Result<etcd::Leader>(etcd::Leader()) : etcd::decode_leader(item.value);
      REQUIRE_MESSAGE(leader.ok(), leader.error().text());
      if (holder_.empty() && !leader->url.empty()) ++terms_;
      holder_ = leader->url;
    }
    const auto key = layout.object_of(item.key);
    if (!key) continue;
    if (event.removed) {
      invariants_->on_durable({.revision = 0, .key = *key, .previous_revision = 0, .create_revision = 0, .doc = {}});
    } else if (!etcd::sealed_with(item.value)) {  // the invariants are about no Secrets
      const auto record = etcd::decode_object(*key, item.value, *no_key);
      REQUIRE_MESSAGE(record.ok(), record.error().text());
      invariants_->on_durable(*record);
    }
  }
}

void World::acts(const std::string& name, const std::string& url) {
  if (holder_ == url || !trespass_.empty()) return;
  trespass_ = base::rfc3339(loop().now()) + ": process " + name + " acts outside, and " +
              (holder_.empty() ? "nobody" : holder_) + " leads\n";
}

void World::start_process(Process& process) {
  REQUIRE(!process.manager);
  process.sys = &sim_.process(process.host, process.name);
  process.net = std::make_unique<WatchedNet>(process.sys->net,
                                             [this, name = process.name, url = process.url()] { acts(name, url); });
  auto& on = *process.sys;
  process.seen.reset(new sys::Sys{on.loop, on.random, on.keys, *process.net, on.disk, on.offload});
  REQUIRE(on.disk.write("store.key", key_file, 0600).ok());
  ManagerOptions options = working_options(process.host, "192.168.99.100");
  options.replicated.emplace();
  options.replicated->key_file = "store.key";
  options.replicated->url = process.url();
  options.replicated->connect = [this, name = process.name](sys::Sys& sys) -> Result<std::shared_ptr<etcd::Api>> {
    return etcd_->client(sys.loop, name);
  };
  const auto problem = try_manager(process.manager, *process.seen, std::move(options));
  process.up = problem.empty();
  if (process.up) return;
  INFO(problem);
  kill_process(process);
  at(base::seconds(1), [this, &process] {
    if (!process.manager) start_process(process);
  });
}

void World::kill_process(Process& process) {
  process.up = false;
  sim_.kill(*process.sys);
  process.manager.reset();
  process.seen.reset();
  process.sys = nullptr;
  last_.reset();
}

void World::stop_process(Process& process) {
  bool over = false;
  auto fiber = sys::spawn(process.sys->loop, "stop", [&] {
    process.manager->stop();
    over = true;
  });
  process.up = false;
  sim_.loop().run_until([&] { return over; });
  kill_process(process);
}

World::Process* World::leader() {
  for (auto& process : processes_) {
    if (process.up && process.manager->leads()) return &process;
  }
  return nullptr;
}

World::Process* World::any_process() {
  std::vector<Process*> up;
  for (auto& process : processes_) {
    if (process.up) up.push_back(&process);
  }
  return up.empty() ? nullptr : up[sim_.random().below(up.size())];
}

Manager* World::server() {
  if (!etcd_) return (stock_ ? api_ : manager_).get();
  const auto* leads = leader();
  if (leads) return leads->manager.get();
  const auto found = std::find_if(processes_.begin(), processes_.end(), [](const auto& one) { return one.up; });
  return found == processes_.end() ? nullptr : found->manager.get();
}

void World::at(base::Duration delay, std::function<void()> fn) {
  loop().after(delay, [this, fn = std::move(fn)] { due_.push_back(fn); });
}

}  // namespace cli::test
