// For tests: a metal::Engine over a machine that only keeps a log. It takes every order to the guard with the host's
// stored state, as the real one does, so a reconciler that orders too early or too much shows up in `refused`. The
// machine outlives the engine, as a server outlives the manager.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "metal/guard.h"
#include "metal/port.h"
#include "store/store.h"
#include "sys/sys.h"

namespace control::baremetalhost {

// What a server, its BMC and its agent keep while managers come and go.
struct FakeMachine {
  bool on = false;
  bool holds_system = false;                     // a complete image is on the disk
  std::optional<metal::BootImage> booted_image;  // by the last boot of the agent
  std::string agent_boot;                        // boot id of the agent that runs or is coming up
  std::string password = "secret";               // that the BMC takes
  std::map<std::string, base::Time> work;        // operation id and step -> when it ends; the agent repeats nothing
  // Its BMC: firmware, what it was told for the next restart, the virtual CD, who gets its events.
  std::vector<metal::BiosSetting> bios;
  std::vector<metal::FirmwareComponent> components;
  metal::FirmwareOrder staged;
  std::string media;
  base::Json volumes;  // of its RAID controller
  std::map<std::string, metal::EventSubscription> subscriptions;
  std::vector<std::string> log;  // "wipe", "write URL", "boot agent", "boot disk", "power off"...

  int count(std::string_view what) const {
    int found = 0;
    for (const auto& line : log) found += line.starts_with(what) ? 1 : 0;
    return found;
  }
};

class FakeEngine : public metal::Engine {
 public:
  FakeEngine(sys::Sys& sys, store::Store& store, FakeMachine& machine,
             std::map<std::string, std::deque<base::Error>>& f, std::vector<std::string>& r)
      : sys_(sys), store_(store), machine_(machine), faults(f), refused(r) {
    if (const auto entry = store_.get(api::BareMetalHost::resource, "metal", "host-1")) durable_ = entry;
    subscription_ = store_.subscribe(true, [this](const store::Event& event) {
      if (event.object->key.resource == api::BareMetalHost::resource && event.object->key.name == "host-1") {
        durable_ = event.type == store::EventType::deleted ? nullptr : event.object;
      }
    });
  }
  ~FakeEngine() override { store_.unsubscribe(subscription_); }

  base::Duration work_time = base::seconds(20);

  metal::Progress register_host(const metal::HostAccess& host) override {
    const std::string key = host.bmc_address + host.credentials_version;
    if (registered_ == key) return done_with_power();
    return work("register", key + "#" + std::to_string(host.attempt), base::seconds(2), [this, key, host] {
      if (host.credentials.password != machine_.password) {
        return metal::Progress::failed({base::Code::unauthenticated, "the BMC refused the password", base::Layer::bmc,
                                        "correct username and password in the credentials Secret"});
      }
      registered_ = key;
      return done_with_power();
    });
  }

  metal::Progress inspect(const metal::HostAccess& host, const metal::Operation& operation) override {
    return with_agent("inspect", host, operation, metal::Act::boot_agent, "inspect", [this] {
      machine_.log.push_back("inspected");
      auto details = std::make_shared<api::HardwareDetails>();
      details->system_vendor.serial_number = "SN-1";
      details->ram_mebibytes = 4096;
      details->cpu.arch = "x86_64";
      metal::Progress progress = done_with_power();
      progress.hardware = details;
      return progress;
    });
  }
  metal::Progress clean(const metal::HostAccess& host, const metal::Operation& operation, metal::CleanMode) override {
    return with_agent("clean", host, operation, metal::Act::wipe, "wipe", [this] {
      machine_.holds_system = false;
      return done_with_power();
    });
  }
  metal::Progress provision(const metal::HostAccess& host, const metal::Operation& operation,
                            const metal::ProvisionRequest& request) override {
    request_ = request;
    if (!host.live_iso.empty()) {
      const std::string key = "insert/" + operation.id;
      if (!started(key) && !permitted(metal::Act::boot_agent, host, operation)) return refusal();
      return work("provision", key, work_time, [this, host] {
        machine_.log.push_back("insert " + host.live_iso);
        machine_.media = host.live_iso;
        machine_.agent_boot.clear();
        machine_.on = false;
        return done_with_power();
      });
    }
    if (operation.milestone == metal::Milestone::ordered) {
      if (auto& planned = faults["get ready"]; !planned.empty()) {
        const base::Error error = planned.front();
        planned.pop_front();
        return metal::Progress::failed(error);
      }
      metal::Progress progress = metal::Progress::working("getting ready");
      progress.ready_to_write = true;
      return progress;
    }
    return with_agent("provision", host, operation, metal::Act::write_image, "write " + request.image.url, [this] {
      machine_.holds_system = true;
      return done_with_power();
    });
  }
  metal::Progress boot_disk(const metal::HostAccess& host, const metal::Operation& operation) override {
    const std::string key = "boot_disk/" + operation.id;
    if (!started(key) && !permitted(metal::Act::boot_disk, host, operation)) return refusal();
    return work("boot_disk", key, work_time, [this, host] {
      if (!host.live_iso.empty()) {
        if (!machine_.on) machine_.log.push_back("boot live");
        machine_.on = true;
        return done_with_power();
      }
      // A server that has left its agent is not restarted.
      if (!machine_.on || !machine_.agent_boot.empty()) machine_.log.push_back("boot disk");
      machine_.agent_boot.clear();
      machine_.on = true;
      return done_with_power();
    });
  }

  metal::Progress power(const metal::HostAccess& host, metal::PowerWish wish) override {
    if (wish == metal::PowerWish::restart) return restart(host);
    const bool on = wish == metal::PowerWish::on;
    const std::string key = "power/" + std::to_string(static_cast<int>(wish)) + "/" + std::to_string(host.attempt);
    if (!started(key) && on != machine_.on && !permitted(on ? metal::Act::power_on : metal::Act::power_off, host, {})) {
      return refusal();
    }
    metal::Progress progress = work("power", key, base::seconds(5), [this, on, wish] {
      if (machine_.on != on) {
        machine_.log.push_back(on ? "power on" : wish == metal::PowerWish::soft_off ? "power off softly" : "power off");
      }
      machine_.on = on;
      if (!on) machine_.agent_boot.clear();
      return done_with_power();
    });
    if (progress.is_done() || progress.is_failed()) job_.reset();
    return progress;
  }
  metal::Progress read_power(const metal::HostAccess&, base::Duration age_max) override {
    if (read_at_ && sys_.loop.now() - *read_at_ <= age_max && faults["read_power"].empty()) return done_with_power();
    metal::Progress progress = work("read_power", "read power", base::milliseconds(50), [this] {
      read_at_ = sys_.loop.now();
      return done_with_power();
    });
    if (progress.is_done() || progress.is_failed()) job_.reset();
    return progress;
  }

  metal::Progress stage_firmware(const metal::HostAccess& host, const metal::Operation& operation,
                                 const metal::FirmwareOrder& order) override {
    const std::string key = "stage/" + operation.id + order.digest();
    if (!started(key) && !permitted(metal::Act::change_firmware, host, operation)) return refusal();
    return work("stage", key, work_time, [this, order] {
      machine_.log.push_back("stage " + order.settings.dump() +
                             (order.updates.empty() ? "" : " " + order.updates.front().component));
      machine_.staged = order;
      return done_with_power();
    });
  }
  metal::Progress verify_firmware(const metal::HostAccess& host, const metal::Operation& operation,
                                  const metal::FirmwareOrder& order) override {
    const auto end = [this] {
      take_staged();
      machine_.log.push_back("in force");
      metal::Progress progress = done_with_power();
      progress.firmware = facts();
      return progress;
    };
    const std::string name = "verify" + order.digest();
    if (operation.kind == metal::OperationKind::prepare) {
      return with_agent(name, host, operation, metal::Act::boot_agent, name, end);
    }
    const std::string key = name + operation.id;
    if (verified_ && verified_->first == key) return verified_->second;  // stays, whatever else is asked meanwhile
    return work("verify", key, work_time, [this, key, end] {
      verified_ = {key, end()};
      return verified_->second;
    });
  }
  metal::Progress change_raid(const metal::HostAccess& host, const metal::Operation& operation,
                              const metal::RaidOrder& order) override {
    const std::string name = "raid" + order.digest();
    raid_ = order.digest();
    return with_agent(name, host, operation, metal::Act::change_volumes, "volumes " + order.volumes.dump(),
                      [this, order] {
                        machine_.volumes = order.volumes;
                        auto details = std::make_shared<api::HardwareDetails>();
                        details->system_vendor.serial_number = "SN-1";
                        details->ram_mebibytes = 4096;
                        details->cpu.arch = "x86_64";
                        details->storage.resize(1 + order.volumes.size());
                        metal::Progress progress = done_with_power();
                        progress.hardware = details;
                        return progress;
                      });
  }
  metal::Progress aside(const metal::HostAccess&, const metal::SideWork& work) override {
    const std::string key = std::to_string(static_cast<int>(work.kind)) + "/" + work.key;
    if (const auto found = side_results_.find(key); found != side_results_.end()) {
      const metal::Progress result = found->second.second;
      const bool old = sys_.loop.now() - found->second.first > base::minutes(1);
      if (result.is_done() || old) side_results_.erase(found);
      if (work.kind == metal::SideWork::Kind::read_firmware) firmware_read_at_ = sys_.loop.now();
      if (!old) return result;
    }
    if (talking_) return metal::Progress::working("talking");
    talking_ = true;
    sys_.loop.after(base::milliseconds(200), [this, key, work] {
      talking_ = false;
      side_results_[key] = {sys_.loop.now(), converse(work)};
      if (changed_) changed_("metal", "host-1");
    });
    return metal::Progress::working("talking");
  }
  std::optional<base::Time> firmware_read_at(const std::string&) const override { return firmware_read_at_; }
  void forget_firmware(const std::string&) override { firmware_read_at_.reset(); }

  bool agent_alive(const std::string&, const std::string& boot_id) const override {
    return !boot_id.empty() && machine_.on && machine_.agent_boot == boot_id;
  }
  void release_agent(const std::string&) override { machine_.agent_boot.clear(); }
  void abort(const std::string&) override { job_.reset(); }
  void forget(const std::string&) override {
    job_.reset();
    registered_.clear();
    read_at_.reset();
    forgotten += 1;
  }
  void on_change(std::function<void(const std::string&, const std::string&)> callback) override {
    changed_ = std::move(callback);
  }

  int forgotten = 0;
  const std::optional<metal::ProvisionRequest>& request() const { return request_; }

 private:
  struct Job {
    std::string key;
    base::Time ends;
    std::function<metal::Progress()> end;
    std::optional<metal::Progress> result = std::nullopt;
  };

  std::shared_ptr<const metal::FirmwareFacts> facts() const {
    auto out = std::make_shared<metal::FirmwareFacts>();
    out->vendor = "Acme";
    out->bios = machine_.bios;
    out->components = machine_.components;
    return out;
  }
  void take_staged() {
    for (auto& setting : machine_.bios) {
      if (machine_.staged.settings.has(setting.name)) setting.value = machine_.staged.settings[setting.name];
    }
    for (const auto& update : machine_.staged.updates) {
      for (auto& component : machine_.components) {
        if (component.name == update.component) component.version = update.url.substr(update.url.rfind('/') + 1);
      }
    }
    machine_.staged = {};
  }
  metal::Progress converse(const metal::SideWork& work) {
    auto& planned = faults["aside"];
    if (work.kind != metal::SideWork::Kind::read_firmware && !planned.empty()) {
      const base::Error error = planned.front();
      planned.pop_front();
      return metal::Progress::failed(error);
    }
    metal::Progress progress = metal::Progress::done();
    switch (work.kind) {
      case metal::SideWork::Kind::read_firmware:
        progress.firmware = facts();
        break;
      case metal::SideWork::Kind::attach_media:
      case metal::SideWork::Kind::eject_media:
      case metal::SideWork::Kind::detach_live_iso:
        machine_.media = work.url;
        machine_.log.push_back(work.url.empty() ? "eject" : "attach " + work.url);
        break;
      case metal::SideWork::Kind::subscribe:
        progress.subscription = "sub-" + std::to_string(machine_.subscriptions.size() + 1);
        machine_.subscriptions[progress.subscription] = work.subscription;
        break;
      case metal::SideWork::Kind::unsubscribe:
        machine_.subscriptions.erase(work.id);
        break;
    }
    return progress;
  }

  metal::Progress restart(const metal::HostAccess& host) {
    const std::string key = "restart/" + std::to_string(host.attempt);
    if (!started(key) && !permitted(metal::Act::restart, host, {})) return refusal();
    metal::Progress progress = work("power", key, base::seconds(5), [this] {
      machine_.log.push_back("restart");
      return done_with_power();
    });
    if (progress.is_done() || progress.is_failed()) job_.reset();
    return progress;
  }
  bool started(const std::string& key) const { return job_ && job_->key == key; }
  metal::Progress done_with_power() const {
    metal::Progress progress = metal::Progress::done();
    progress.powered_on = machine_.on;
    return progress;
  }
  metal::Progress refusal() {
    return metal::Progress::failed(base::conflict(refused.back()).at(base::Layer::controller));
  }

  // The guard's answer for the present state. The real engine waits until a user's last change is durable; the order
  // itself must be durable when it comes.
  bool permitted(metal::Act act, const metal::HostAccess& host, const metal::Operation& operation) {
    const auto facts_in = [](const store::Ref& entry) {
      const auto decoded = entry ? meta::decode<api::BareMetalHost>(entry->doc()) : base::not_found("no host");
      return decoded ? metal::facts_of(*decoded, true) : metal::HostFacts{};
    };
    metal::HostFacts facts = facts_in(store_.get(api::BareMetalHost::resource, host.ns, host.name));
    const metal::HostFacts durable = facts_in(durable_);
    facts.durable = operation.kind == metal::OperationKind::none ||
                    (durable.state == facts.state && durable.operation == facts.operation);
    facts.boot_mac = "52:54:00:00:00:01";
    facts.hardware.reset();
    metal::Inventory inventory;
    inventory.macs = {facts.boot_mac};
    metal::InventoryDisk disk;
    disk.serial = "D1";
    const auto allowed = metal::allow({act, host.uid, operation, &inventory, &disk, raid_}, facts);
    if (!allowed) refused.push_back(allowed.error().message);
    return allowed.ok();
  }

  metal::Progress with_agent(const std::string& name, const metal::HostAccess& host, const metal::Operation& operation,
                             metal::Act act, const std::string& order, std::function<metal::Progress()> end) {
    const std::string key = name + "/" + operation.id + "/" + operation.boot_id;
    if (started(key)) return work(name, key, {}, nullptr);
    if (operation.boot_id.empty() || !boot(host, operation)) {
      asked_for_ = operation.boot_id;
      metal::Progress progress = metal::Progress::working("ordering a boot of the deploy agent");
      progress.needs_boot = true;
      return progress;
    }
    if (!permitted(act, host, operation)) return refusal();
    if (faults[name].empty()) {
      // The agent knows the commands that it was given, whoever asks.
      const auto [found, fresh] = machine_.work.try_emplace(operation.id + order, sys_.loop.now() + work_time);
      if (fresh && act != metal::Act::boot_agent) machine_.log.push_back(order);
      return work(name, key, std::max(found->second - sys_.loop.now(), base::Duration(base::milliseconds(1))), end);
    }
    return work(name, key, work_time, end);
  }
  // False: another boot id has to be recorded.
  bool boot(const metal::HostAccess& host, const metal::Operation& operation) {
    if (agent_alive(host.uid, operation.boot_id)) return true;
    if (!asked_for_ || *asked_for_ == operation.boot_id) return false;
    asked_for_.reset();
    if (!permitted(metal::Act::boot_agent, host, operation)) return true;
    machine_.log.push_back("boot agent");
    machine_.on = true;
    machine_.agent_boot = operation.boot_id;
    machine_.booted_image = host.boot_image;
    return true;
  }

  metal::Progress work(const std::string& name, const std::string& key, base::Duration time,
                       std::function<metal::Progress()> end) {
    if (!started(key)) {
      job_ = Job{.key = key, .ends = sys_.loop.now() + time, .end = std::move(end)};
      auto& planned = faults[name];
      if (!planned.empty()) {
        job_->end = [error = planned.front()] { return metal::Progress::failed(error); };
        planned.pop_front();
      }
      sys_.loop.after(time, [this, key] {
        if (!started(key) || job_->result) return;
        job_->result = job_->end();
        if (changed_) changed_("metal", "host-1");
      });
    }
    if (job_->result) return *job_->result;
    if (name == "read_power") return metal::Progress::working("");
    metal::Progress progress = metal::Progress::working(name);
    progress.wait = metal::Wait{base::Layer::agent, "busy with " + name, "wait for its end"};
    return progress;
  }

  sys::Sys& sys_;
  store::Store& store_;
  store::Ref durable_;
  store::Subscription subscription_ = 0;
  FakeMachine& machine_;

 public:
  // By operation: register, inspect, clean, provision, boot_disk, power, read_power. Each job takes one.
  std::map<std::string, std::deque<base::Error>>& faults;
  std::vector<std::string>& refused;

 private:
  std::optional<Job> job_;
  std::string raid_;  // digest of what was ordered last
  bool talking_ = false;
  std::map<std::string, std::pair<base::Time, metal::Progress>> side_results_;
  std::optional<base::Time> firmware_read_at_;
  std::optional<std::pair<std::string, metal::Progress>> verified_;
  std::string registered_;
  std::optional<base::Time> read_at_;
  std::optional<std::string> asked_for_;
  std::optional<metal::ProvisionRequest> request_;
  std::function<void(const std::string&, const std::string&)> changed_;
};

}  // namespace control::baremetalhost
