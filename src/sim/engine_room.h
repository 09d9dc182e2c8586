// For tests of the bare-metal engine against the rack, in virtual time: the hosts' records in the store stand for the
// controller.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "api/metal3.h"
#include "base/text.h"
#include "metal/engine.h"
#include "net/http.h"
#include "sim/rack_room.h"
#include "sys/fiber.h"

namespace {

using metal::Milestone;
using metal::Operation;
using metal::OperationKind;
using metal::PowerWish;
using metal::Progress;

// The record of a host at one moment.
struct Record {
  std::string state;
  Operation operation;
  bool online = true, deleting = false, paused = false, reboot = false;
};

class Room : public RackRoom {
 public:
  explicit Room(std::string host, uint64_t seed = 1, base::Duration commit_delay = base::milliseconds(2))
      : RackRoom(seed), host_(std::move(host)), commit_delay_(commit_delay) {
    start_engine();
  }
  ~Room() {
    kill_engine();
    world.loop().shut();
  }

  void start_engine() {
    manager_ = &world.process(manager_host, "manager");
    store = *store::Store::open(manager_->loop, store::make_sim_engine(manager_->loop, disk_, commit_delay_));
    metal::EngineOptions options;
    options.endpoint.provisioning_listen = {manager_host, 6385};
    options.endpoint.boot_listen = {manager_host, 6180};
    options.endpoint.ca_key_pem = ca_key;
    options.endpoint.ca_certificate_pem = ca;
    options.boot_secret = std::string(32, 'k');
    if (image_cache) options.image_cache.directory = "/cache";
    if (capture_consoles) options.console_log_dir = "consoles";
    options.dhcp = *metal::parse_dhcp_range("172.22.0.100-172.22.0.250/24");
    options.dhcp->listen = {manager_host, 67};
    engine = metal::make_engine(*manager_, manager_->net, *store, options);
    const auto started = engine->start();
    REQUIRE_MESSAGE(started.ok(), started.error().text());
  }
  sys::Disk& disk() { return manager_->disk; }
  void kill_engine() {
    world.kill(*manager_);
    engine.reset();
    store.reset();
  }
  void restart_engine() {
    kill_engine();
    start_engine();
  }

  // ---- what the controller does: record first, then ask ----
  void write(const Record& record) {
    api::BareMetalHost host;
    host.meta.name = host_;
    host.meta.ns = "metal";
    host.meta.uid = "uid-1";
    if (record.deleting) host.meta.deletion = world.loop().now();
    if (record.paused) host.meta.annotations["baremetalhost.metal3.io/paused"] = "";
    if (record.reboot) host.meta.annotations["reboot.metal3.io"] = "";
    host.spec.online = record.online;
    host.spec.boot_mac_address = server().spec().identity.nics[0].mac;
    host.status.provisioning.state = record.state;
    host.status.hardware = hardware;
    record.operation.write(host.status.conditions, world.loop().now());
    const store::Key key{std::string(api::BareMetalHost::resource), "metal", host_};
    const auto known = store->get(key);
    REQUIRE(store->put(key, meta::encode(host), known ? known->revision : 0).ok());
    record_ = record;
  }
  void order(const std::string& state, OperationKind kind, Milestone milestone = Milestone::ordered) {
    Record next = record_;
    next.state = state;
    next.operation.kind = kind;
    next.operation.id = "op-" + std::to_string(++orders_);
    next.operation.milestone = milestone;
    write(next);
  }
  void reached(Milestone milestone) {
    Record next = record_;
    next.operation.milestone = milestone;
    write(next);
  }
  void become(const std::string& state, bool online = true, bool deleting = false) {
    write({.state = state, .operation = {}, .online = online, .deleting = deleting});
  }
  void pause() {
    Record next = record_;
    next.paused = true;
    write(next);
  }
  metal::HostAccess access() {
    const auto address = host_ == "one" ? "redfish-virtualmedia+https://192.168.1.21/redfish/v1/Systems/System.1"
                                        : "ipmi://192.168.1.22";
    metal::HostAccess out;
    out.uid = "uid-1";
    out.ns = "metal";
    out.name = host_;
    out.bmc_address = address;
    out.credentials = {"admin", password};
    out.credentials_version = password;
    out.verify_certificate = false;
    out.boot_mac = server().spec().identity.nics[0].mac;
    out.live_iso = live_iso;
    if (!foreign_iso.empty()) out.boot_image = metal::BootImage{.iso_url = foreign_iso};
    return out;
  }

  // Asks again and again, and records the boots that are asked for, until it is done or failed.
  Progress finish(const std::function<Progress()>& ask, base::Duration limit = base::hours(3)) {
    const base::Time end = world.loop().now() + limit;
    for (;;) {
      last = ask();
      if (last.is_done() || last.is_failed()) return last;
      if (world.loop().now() >= end) {
        FAIL("no end: ", last.step, last.wait ? last.wait->text() : "", "\n", rack->log().text());
      }
      if (last.needs_boot) {
        ++boots_asked;
        record_.operation.boot_id = "boot-" + std::to_string(boots_asked);
        write(record_);
      }
      if (last.ready_to_write) reached(Milestone::writing);
      pass(base::seconds(2));
    }
  }
  Progress inspect() {
    order("inspecting", OperationKind::inspect);
    Progress done = finish([&] { return engine->inspect(access(), record_.operation); });
    if (done.hardware) hardware = *done.hardware;
    return done;
  }
  Progress clean(const std::string& state = "preparing", OperationKind kind = OperationKind::prepare) {
    order(state, kind);
    return finish([&] { return ask_clean(); });
  }
  Progress ask_clean() { return engine->clean(access(), record_.operation, metal::CleanMode::metadata); }
  Progress provision() {
    order("provisioning", OperationKind::provision);
    return finish([&] { return ask_provision(); });
  }
  Progress ask_provision() { return ask_provision(record_.operation); }
  Progress ask_provision(const Operation& operation) {
    metal::ProvisionRequest request;
    request.image = {image_url, checksum, "sha256", "qcow2"};
    request.config_drive.meta_data = Json::object({{"name", host_}, {"local-hostname", host_}});
    return engine->provision(access(), operation, request);
  }
  Progress boot_disk() {
    return finish([&] { return engine->boot_disk(access(), record_.operation); });
  }
  Progress power(PowerWish wish) {
    return finish([&] { return engine->power(access(), wish); });
  }
  // From nothing to the running system.
  void deploy() {
    REQUIRE_MESSAGE(inspect().is_done(), last.error.text());
    REQUIRE_MESSAGE(clean().is_done(), last.error.text());
    REQUIRE_MESSAGE(provision().is_done(), last.error.text());
    reached(Milestone::written);
    REQUIRE_MESSAGE(boot_disk().is_done(), last.error.text());
    become("provisioned");
    REQUIRE_MESSAGE(comes([&] { return server().counters().disk_boots > 0; }), rack->log().text());
  }

  sim::Server& server() { return RackRoom::server(host_); }
  const sim::DiskCounters& disks() { return server().counters().disks; }
  const Record& record() const { return record_; }

 private:
  std::string host_;
  base::Duration commit_delay_;
  std::shared_ptr<store::SimDisk> disk_ = store::make_sim_disk();
  sys::Sys* manager_ = nullptr;
  Record record_;
  int orders_ = 0;

 public:
  std::unique_ptr<store::Store> store;
  std::unique_ptr<metal::StartedEngine> engine;
  std::optional<api::HardwareDetails> hardware;
  std::string password = host_ == "one" ? "first-secret" : "second-secret";
  Progress last;
  int boots_asked = 0;
  bool image_cache = false;       // of the next engine
  bool capture_consoles = false;  // by the next engine
  std::string live_iso;           // of the host
  std::string foreign_iso;        // that its agent boots from
  std::string checksum = std::string(image_url) + ".sha256sum";

  std::string console_log() {
    const auto text = manager_->disk.read("consoles/metal/" + host_ + "/console.log");
    return text ? *text : std::string();
  }
  // What a user is told who opens the console and gives it back.
  base::Result<void> try_console() {
    std::optional<base::Result<void>> done;
    sys::spawn(manager_->loop, "user", [&] {
      const auto host = access();
      const auto bmc = *metal::make_bmc(*manager_, manager_->net, *metal::parse_bmc_address(host.bmc_address),
                                        host.credentials, false);
      const auto console = bmc->open_console(false);
      if (console) (*console)->close();
      bmc->close();
      done = console ? base::Result<void>() : console.error();
    });
    REQUIRE(comes([&] { return done.has_value(); }));
    return *done;
  }
};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace
