// For tests: a manager with the BareMetalHost controller alone, over a disk and a machine that survive its end.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "api/kinds.h"
#include "api/metal3.h"
#include "base/text.h"
#include "control/baremetalhost/baremetalhost.h"
#include "control/baremetalhost/fake_engine.h"
#include "control/bmceventsubscription/bmceventsubscription.h"
#include "control/dataimage/dataimage.h"
#include "control/hostfirmware/hostfirmware.h"
#include "registry/registry.h"
#include "runtime/runtime.h"
#include "sys/sim/sim.h"

namespace control::baremetalhost {

using base::Json;

class HostWorld {
 public:
  // `beside`: the controllers of firmware, media, events and of our own boot images run, too.
  explicit HostWorld(base::Duration commit_delay = base::milliseconds(5), bool beside = false,
                     OutsideImages outside = {})
      : commit_delay_(commit_delay), beside_(beside), outside_(outside) {
    start_manager();
    make("namespaces", R"({"metadata":{"name":"metal"}})");
    add_credentials("secret");
  }
  ~HostWorld() { kill_manager(); }

  void start_manager() {
    auto& sys = world.process("manager", "disk");
    manager_ = std::make_unique<Manager>(sys, disk_, commit_delay_, *this);
    manager_->engine.on_change([this](const std::string& ns, const std::string& name) { look_at(ns, name); });
    manager_->runtime.add(baremetalhost_controller(manager_->engine, outside_));
    if (beside_) {
      manager_->runtime.add(hostfirmware_controller(manager_->engine));
      manager_->runtime.add(dataimage_controller(manager_->engine));
      manager_->runtime.add(bmceventsubscription_controller(manager_->engine));
      metal::BootPlace place;
      place.boot_url = "http://10.0.0.1:6180";
      place.ramdisk_dir = "/ramdisk";
      place.kernel_arguments = "console=ttyS1";
      manager_->runtime.add(preprovisioningimage_controller(place, outside_));
    }
    manager_->runtime.start();
  }
  void kill_manager() {
    if (!manager_) return;
    manager_->runtime.stop();
    world.kill(manager_->sys);
    manager_.reset();
  }
  // Whatever is not durable is lost.
  void crash_manager() {
    kill_manager();
    start_manager();
  }
  void restart_manager() {
    wait_durable();
    crash_manager();
  }
  void wait_durable() {
    REQUIRE(wait_until([&] { return store().durable_revision() == store().revision(); }));
  }

  // ---- what users do ----
  static Json parse(std::string_view text) {
    auto doc = base::parse_json(text);
    REQUIRE_MESSAGE(doc.ok(), text);
    return *doc;
  }
  void make(std::string_view resource, std::string_view text) {
    const auto& kind = *api::management_scheme().by_resource(resource);
    Json doc = parse(text);
    doc.set("apiVersion", kind.api_version(kind.storage_version)).set("kind", kind.kind);
    const auto made = registry().create(kind, std::move(doc));
    REQUIRE_MESSAGE(made.ok(), (made.ok() ? "" : made.error().text()));
  }
  void add_credentials(const std::string& password) {
    Json doc = parse(R"({"metadata":{"name":"bmc","namespace":"metal"},"type":"Opaque"})");
    doc.set("data", credentials(password));
    make("secrets", doc.dump());
  }
  void set_password(const std::string& password) {
    change("secrets", "bmc", [&](Json& doc) { doc.set("data", credentials(password)); });
  }
  // `spec` is merged over a host that can be registered.
  void add_host(std::string_view spec = "{}", std::string_view annotations = "{}") {
    Json doc = parse(R"({"metadata":{"name":"host-1","namespace":"metal"},
      "spec":{"online":true,"bootMACAddress":"52:54:00:00:00:01",
              "bmc":{"address":"redfish-virtualmedia://10.0.0.1/redfish/v1/Systems/1","credentialsName":"bmc"}}})");
    doc.child("metadata").set("annotations", parse(annotations));
    doc.set("spec", base::merge_patch(doc["spec"], parse(spec)));
    make(api::BareMetalHost::resource, doc.dump());
  }
  void change(std::string_view resource, std::string_view name, const std::function<void(Json&)>& edit,
              bool status = false) {
    registry::UpdateOptions options;
    options.subresource = status ? registry::Subresource::status : registry::Subresource::none;
    const auto done = registry().modify(*api::management_scheme().by_resource(resource), "metal", name, options,
                                        [&](const Json& current) -> base::Result<Json> {
                                          Json doc = current;
                                          edit(doc);
                                          return doc;
                                        });
    REQUIRE_MESSAGE(done.ok(), (done.ok() ? "" : done.error().text()));
  }
  void edit(const std::function<void(Json&)>& fn) { change(api::BareMetalHost::resource, "host-1", fn); }
  void patch_spec(std::string_view merge) {
    edit([&](Json& doc) { doc.set("spec", base::merge_patch(doc["spec"], parse(merge))); });
  }
  void annotate(const std::string& key, const std::string& value) {
    edit([&](Json& doc) { doc.child("metadata").child("annotations").set(key, value); });
  }
  void remove_annotation(const std::string& key) {
    edit([&](Json& doc) { doc.child("metadata").child("annotations").erase(key); });
  }
  void set_image(const std::string& name) {
    patch_spec(R"({"image":{"url":"http://images/)" + name +
               R"(","checksum":"http://images/SUMS","checksumType":"sha256",
                 "format":"raw"}})");
  }
  // Past the API's rules, as an older store may hold it.
  void force(const std::function<void(Json&)>& fn) {
    const auto entry = store().get(api::BareMetalHost::resource, "metal", "host-1");
    REQUIRE(entry != nullptr);
    Json doc = entry->doc();
    fn(doc);
    REQUIRE(store().put(entry->key, doc, entry->revision).ok());
  }
  void remove_host() {
    const auto& kind = *api::management_scheme().by_resource(api::BareMetalHost::resource);
    REQUIRE(registry().remove(kind, "metal", "host-1").ok());
  }

  // ---- what they see ----
  registry::Registry& registry() { return manager_->registry; }
  store::Store& store() { return *manager_->store; }
  FakeEngine& engine() { return manager_->engine; }
  Json document(std::string_view resource, std::string_view name) {
    const auto entry = store().get(resource, "metal", name);
    return entry ? entry->doc() : Json();
  }
  Json host() { return document(api::BareMetalHost::resource, "host-1"); }
  bool gone() { return host().is_null(); }
  std::string state() { return host().path("status.provisioning.state").string(); }
  std::string status(std::string_view field) {
    const Json found = host()["status"].path(field);
    return found.is_string() ? found.string() : found.dump();
  }
  // "True Ready: message"; empty when there is no such condition.
  std::string condition(std::string_view type) { return condition_of(host(), type); }
  static std::string condition_of(const Json& doc, std::string_view type) {
    for (const auto& one : doc.path("status.conditions").items()) {
      if (one["type"].string() != type) continue;
      return one["status"].string() + " " + one["reason"].string() + ": " + one["message"].string();
    }
    return {};
  }
  bool has_event(std::string_view reason) {
    for (const auto& entry : store().list("events", "metal")) {
      if (entry->doc()["reason"].string() == reason) return true;
    }
    return false;
  }

  // ---- time ----
  void run_for(base::Duration span) {
    bool over = false;
    world.loop().after(span, [&] { over = true; });
    world.loop().run_until([&] { return over; });
  }
  bool wait_until(const std::function<bool()>& done, base::Duration limit = base::hours(2)) {
    auto over = std::make_shared<bool>(false);
    const auto timer = world.loop().after(limit, [over] { *over = true; });
    world.loop().run_until([&] { return *over || done(); });
    world.loop().cancel(timer);
    return done();
  }
  bool wait_state(const std::string& wanted, base::Duration limit = base::hours(2)) {
    const bool reached = wait_until([&] { return state() == wanted; }, limit);
    if (!reached) MESSAGE("state is ", state(), "; Progressing: ", condition("Progressing"));
    return reached;
  }
  std::string log() const { return base::join(machine.log, ", "); }

  // Plans failures of an operation; the next `times` jobs of it fail.
  void fail(const std::string& operation, int times, base::Layer layer = base::Layer::bmc) {
    for (int i = 0; i < times; ++i) {
      faults[operation].push_back({base::Code::unavailable, operation + " does not work", layer, "repair it"});
    }
  }

  sys::SimWorld world{11};
  FakeMachine machine;
  std::map<std::string, std::deque<base::Error>> faults;
  std::vector<std::string> refused;  // orders that the guard refused, over all managers

 private:
  struct Manager {
    Manager(sys::Sys& s, const std::shared_ptr<store::SimDisk>& disk, base::Duration delay, HostWorld& w)
        : sys(s),
          store(std::move(*store::Store::open(s.loop, store::make_sim_engine(s.loop, disk, delay)))),
          registry(s, *store, api::management_scheme()),
          engine(s, *store, w.machine, w.faults, w.refused),
          runtime(s, registry) {}
    sys::Sys& sys;
    std::unique_ptr<store::Store> store;
    registry::Registry registry;
    FakeEngine engine;
    runtime::Runtime runtime;
  };
  static Json credentials(const std::string& password) {
    return Json::object({{"username", base::base64("admin")}, {"password", base::base64(password)}});
  }

  void look_at(const std::string& ns, const std::string& name) {
    auto& runtime = manager_->runtime;
    runtime.enqueue("baremetalhost", {std::string(api::BareMetalHost::resource), ns, name});
    if (!beside_) return;
    runtime.enqueue("hostfirmware", {std::string(api::BareMetalHost::resource), ns, name});
    runtime.enqueue("dataimage", {std::string(api::DataImage::resource), ns, name});
    for (const auto& entry : store().list(api::BMCEventSubscription::resource, ns)) {
      runtime.enqueue("bmceventsubscription", entry->key);
    }
  }

  base::Duration commit_delay_;
  bool beside_;
  OutsideImages outside_;
  std::shared_ptr<store::SimDisk> disk_ = store::make_sim_disk();
  std::unique_ptr<Manager> manager_;
};

}  // namespace control::baremetalhost
