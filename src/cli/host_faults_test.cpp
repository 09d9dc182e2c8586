// Every step of a host's life meets every fault: power, agent, image, disk, BMC. Whatever happens, no half-written disk
// is booted, no disk but the chosen one is written, and the host goes on by itself or says what to do, which then
// helps. One kind of BMC for each cell of the table; INGOT_FAULTS=all tries all of them, INGOT_FAULTS=table prints the
// table.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "agent/disk_layout.h"
#include "cli/test_world.h"

namespace {

using base::Json;
using cli::test::Size;
using cli::test::World;

constexpr const char* hosts = "baremetalhosts.metal3.io";
constexpr const char* hosts_path = "/apis/metal3.io/v1alpha1/namespaces/clusters/baremetalhosts/";
constexpr const char* image_path = "/node.qcow2";
constexpr const char* root_device = "/dev/sda";  // the second one in kernel order
constexpr const char* other_device = "/dev/nvme0n1";
constexpr const char* foreign_serial = "FOREIGN1";
constexpr size_t qcow2_tables = 3 * (64u << 10);     // before the content, as the image server makes it
constexpr base::Duration patience = base::hours(8);  // for a host that goes on by itself

// A moment of the life: `after` the first `event` of the rack in `state`. No event: as soon as the state is seen.
struct Step {
  const char* name;
  const char* state;
  const char* event;
  base::Duration after;
  bool system_is_there = false;  // it is lost with its disk, which is not the host's fault
};
constexpr Step steps[] = {
    {"registering", "registering", "", base::seconds(0)},
    {"inspecting: ordered", "inspecting", "", base::seconds(0)},
    {"inspecting: firmware starts", "inspecting", "power on", base::seconds(60)},
    {"inspecting: ramdisk starts", "inspecting", "ramdisk booted", base::seconds(1)},
    {"inspecting: agent at work", "inspecting", "ramdisk booted", base::seconds(65)},
    {"preparing: ordered", "preparing", "", base::seconds(0)},
    {"cleaning: first disk", "preparing", "disk erase started", base::seconds(1)},
    {"cleaning: second disk", "preparing", "disk metadata erased", base::seconds(1)},
    {"available", "available", "", base::minutes(1)},
    {"provisioning: ordered", "provisioning", "", base::seconds(0)},
    {"image: old system erased", "provisioning", "disk erase started", base::seconds(2)},
    {"image: first bytes", "provisioning", "image write started", base::milliseconds(1)},
    {"image: after 30 s", "provisioning", "image write started", base::seconds(30)},
    {"image: after 90 s", "provisioning", "image write started", base::seconds(90)},
    {"config drive", "provisioning", "config drive written", base::milliseconds(10)},
    {"boot sector", "provisioning", "config drive written", base::milliseconds(300)},
    {"image written", "provisioning", "image written", base::milliseconds(1)},
    {"boot device set", "provisioning", "boot override", base::milliseconds(1), true},
    {"agent restarts the server", "", "agent reboots the server", base::seconds(1), true},
    {"first boot: firmware", "", "agent reboots the server", base::seconds(60), true},
    {"first boot: system", "provisioned", "booted from disk", base::seconds(1), true},
    {"provisioned", "provisioned", "booted from disk", base::minutes(10), true},
    {"deprovisioning: ordered", "deprovisioning", "", base::seconds(0)},
    {"deprovisioning: firmware starts", "deprovisioning", "power on", base::seconds(60)},
    {"deprovisioning: ramdisk starts", "deprovisioning", "ramdisk booted", base::seconds(20)},
    {"deprovisioning: first disk", "deprovisioning", "disk erase started", base::seconds(1)},
    {"deprovisioning: second disk", "deprovisioning", "disk metadata erased", base::seconds(1)},
};

class Life;
struct Fault {
  const char* name;
  void (*strike)(Life&);
  void (*cure)(Life&) = nullptr;  // what a person does when the host says what is wrong; null: it passes by itself
  bool takes_system = false;
};

Json image_spec(bool on) {
  Json image;
  if (on) {
    const std::string url = std::string("http://images.example.com") + image_path;
    image = Json::object({{"url", url}, {"checksum", url + ".sha256sum"}, {"checksumType", "sha256"}});
    image.set("format", "qcow2");
  }
  return Json::object({{"spec", Json::object({{"image", std::move(image)}})}});
}

class Life {
 public:
  Life(const std::string& host, uint64_t seed, const Step* step, const Fault* fault)
      : world(seed, Size{.clusters = {}, .only = host}), host_(host), step_(step), fault_(fault) {
    world.on_event([this](const sim::RackEvent& event) { seen(event); });
    world.on_durable([this](const store::Record& record) { stored(record); });
    content_ = world.rack().images().image(image_path).substr(qcow2_tables);
  }

  void run() {
    world.start_manager();
    create();
    if (!reaches("available")) return;
    world.run_for(base::minutes(5));
    mark(other_device);
    world.patch(hosts_path + host_, image_spec(true));
    if (!reaches("provisioned")) return;
    if (!runs("a running system")) return;
    world.run_for(base::minutes(20));
    if (!runs("a system that runs again")) return;
    world.patch(hosts_path + host_, image_spec(false));
    if (!until([&] { return world.host_state(host_) == "deprovisioning"; }, "deprovisioning")) return;
    if (!reaches("available")) return;
    world.run_for(base::minutes(10));
    until([&] { return world.host_state(host_) == "available" && error_.empty(); }, "available without error");
    if (fault_ && !struck_) wrong_.push_back("the step was never reached");
    check_erases();
    for (const char* device : {root_device, other_device}) {
      auto disk = server().open_disk(device);
      if (!agent::boot_sector_format(**disk)->empty()) wrong_.push_back(std::string(device) + " still boots");
    }
  }

  sim::Server& server() { return *world.rack().server(host_); }
  void annotate(const char* key) {
    world.patch(hosts_path + host_,
                Json::object({{"metadata", Json::object({{"annotations", Json::object({{key, ""}})}})}}));
  }
  // A person has looked at the new disk and wants it.
  void accept_disk() {
    accepted_ = inspected_again_ = true;
    annotate("inspect.metal3.io");
    world.patch(hosts_path + host_, Json::object({{"spec", Json::object({{"rootDeviceHints", hints()}})}}));
  }
  // Puts the server's disk away and another one in its place, with something on it that is somebody's.
  void exchange(const char* device) {
    REQUIRE(server().exchange_disk(device, foreign_serial).ok());
    foreign_ = device;
    mark(device);
  }
  void later(base::Duration delay, std::function<void()> fn) { world.at(delay, std::move(fn)); }

  std::string problems() {
    std::string out;
    for (const auto& one : wrong_) out += one + "; ";
    return out;
  }
  std::string story() {
    std::string out = "\n";
    for (const auto& line : errors_) out += "error: " + line + "\n";
    return out + world.log() + world.trouble();
  }
  const std::vector<std::string>& errors() const { return errors_; }
  World world;

 private:
  std::string mark_of(const char* device) { return std::string("somebody's data on ") + device + std::string(64, '#'); }
  void mark(const char* device) {
    auto disk = server().open_disk(device);
    for (const uint64_t at : {uint64_t{4096}, uint64_t{40} << 20, (*disk)->size() - (1u << 18)}) {
      REQUIRE((*disk)->write_at(at, mark_of(device)).ok());
    }
    marked_.insert(device);
  }
  bool marked(const char* device) {
    auto disk = server().open_disk(device);
    for (const uint64_t at : {uint64_t{4096}, uint64_t{40} << 20, (*disk)->size() - (1u << 18)}) {
      const std::string mark = mark_of(device);
      if (*(*disk)->read_at(at, mark.size()) != mark) return false;
    }
    return true;
  }

  // One host is told its disk by serial number, the others by a name that any disk may have.
  Json hints() {
    if (host_ != "server-rack1-u01") return Json::object({{"deviceName", root_device}});
    const auto& disks = server().spec().disks;
    const auto root = std::find_if(disks.begin(), disks.end(), [](const auto& one) { return one.name == root_device; });
    return Json::object({{"serialNumber", root->serial}});
  }

  void create() {
    for (Json doc : world.host_manifests()) {
      if (doc["kind"].string() == "BareMetalHost") {
        if (step_ == &steps[0]) strike();
        doc.set_path("spec.rootDeviceHints", hints());
      }
      world.apply(doc);
    }
  }

  bool reaches(const char* state) {
    return until([&] { return world.host_state(host_) == state; }, state);
  }

  // What hangs in somebody's system is theirs to see: they ask for a reboot.
  bool runs(const char* what) {
    const auto running = [&] { return server().state() == "running, not a node"; };
    if (!world.run_until(running, base::hours(2)) && server().state() == "hangs") annotate("reboot.metal3.io");
    return until(running, what);
  }

  // The host gets there by itself, or after a person did what the error says.
  bool until(const std::function<bool()>& done, const char* what) {
    const auto stuck = [&] { return error_.find("is given up") != std::string::npos; };
    if (world.run_until([&] { return done() || stuck(); }, patience) && !done()) {
      world.patch(hosts_path + host_, image_spec(false));
      (void)world.run_until([&] { return !stuck(); }, base::hours(1));
      world.patch(hosts_path + host_, image_spec(true));
      (void)world.run_until(done, patience);
    }
    if (done()) return true;
    wrong_.push_back(std::string("never: ") + what);
    return false;
  }

  void stored(const store::Record& record) {
    if (record.key.resource != hosts || record.doc.empty()) return;
    const auto doc = base::parse_json(record.doc);
    if (!doc) return;
    state_ = doc->path("status.provisioning.state").string();
    const std::string error = doc->path("status.errorMessage").string();
    // An inspection that found the new disk has made it the host's own, and a deployed system had all there were.
    if (doc->path("status.hardware.storage").dump().find(foreign_serial) != std::string::npos) accepted_ = true;
    if (state_ == "deprovisioning" && !doc->path("status.provisioning.image.url").string().empty()) accepted_ = true;
    const int64_t failures = doc->path("status.errorCount").integer();
    bool begun = true;  // what is erased again after a failure
    for (const auto& condition : doc->path("status.conditions").items()) {
      if (condition["type"].string() != "Operation" || state_ != "provisioning") continue;
      begun = condition["message"].string().find("milestone=writing") != std::string::npos;
    }
    if (failures > failures_ && begun) ++errors_in_[state_];
    failures_ = failures;
    if (error != error_) note_error(error);
    if (step_ && *step_->event == '\0' && state_ == step_->state) plan();
  }

  void note_error(const std::string& now) {
    error_ = now;
    if (now.empty()) return;
    errors_.push_back(now);
    static const std::set<std::string> layers = {"controller", "BMC", "network boot", "agent", "bootstrap"};
    if (layers.count(now.substr(0, now.find(": "))) == 0) wrong_.push_back("an error without layer: " + now);
    if (now.find("; next: ") == std::string::npos) wrong_.push_back("an error without next step: " + now);
    if (!struck_ || !fault_->cure || cured_) return;
    cured_ = true;  // a person reads it a while later
    world.at(base::minutes(10), [this] { fault_->cure(*this); });
  }

  void strike() {
    if (!fault_ || struck_) return;
    struck_ = true;
    fault_->strike(*this);
  }

  void seen(const sim::RackEvent& event) {
    if (event.subject != host_) return;
    if (event.what == "booted from disk") check_boot(event.detail);
    if (event.what == "image write started" && event.detail != root_device) {
      wrong_.push_back("an image was written to " + event.detail);
    }
    if (event.what == "disk erase started") check_erase(event.detail);
    if (!step_ || event.what != step_->event || (*step_->state != '\0' && state_ != step_->state)) return;
    plan();
  }

  void plan() {
    if (planned_) return;
    planned_ = true;
    world.at(step_->after, [this] { strike(); });
  }

  void check_boot(const std::string& device) {
    auto disk = server().open_disk(device);
    const std::string found = *(*disk)->read_at(0, content_.size());
    const std::string drive = *(*disk)->read_at(agent::config_drive_offset((*disk)->size()) + 32769, 5);
    if (device != root_device) wrong_.push_back("the server booted from " + device);
    if (found != content_) wrong_.push_back("a half-written disk was booted");
    if (drive != "CD001") wrong_.push_back("a disk without its config drive was booted");
  }

  void check_erase(const std::string& device) {
    ++erases_[device];
    if (state_ == "provisioning" && device != root_device) wrong_.push_back(device + " was erased for an image");
    if (foreign_ == device && !accepted_) wrong_.push_back("the exchanged " + device + " was erased");
    marked_.erase(device);
  }

  // One for each order, and again where an order failed.
  void check_erases() {
    const int cleanings = 2 + errors_in_["preparing"] + errors_in_["provisioning"] + errors_in_["deprovisioning"] +
                          (inspected_again_ ? 1 : 0);
    const int writes = 1 + errors_in_["provisioning"];
    for (const auto& [device, count] : erases_) {
      const int most = cleanings + (device == root_device ? writes : 0);
      if (count > most) {
        wrong_.push_back(device + " was erased " + std::to_string(count) + " times, not " + std::to_string(most));
      }
    }
  }

  std::string host_;
  const Step* step_;
  const Fault* fault_;
  std::string content_;  // of the image, as it lies on a disk
  bool planned_ = false, struck_ = false, cured_ = false, accepted_ = false, inspected_again_ = false;
  std::string state_, error_, foreign_;
  std::set<std::string> marked_;
  int64_t failures_ = 0;                           // status.errorCount
  std::map<std::string, int> erases_, errors_in_;  // by device; by state
  std::vector<std::string> wrong_, errors_;
};

constexpr Fault faults[] = {
    {"none", [](Life&) {}},
    {"power cut", [](Life& life) { life.server().cut_power(base::minutes(2)); }},
    {"power cut, starts again",
     [](Life& life) { life.server().cut_power(base::minutes(2), sim::Server::WhenBack::as_before); }},
    {"software hangs", [](Life& life) { life.server().hang(); }},
    {"network lost 30 min",
     [](Life& life) {
       const std::string address = life.server().spec().site_address;
       life.world.sim().set_unreachable(address, true);
       life.later(base::minutes(30), [&life, address] { life.world.sim().set_unreachable(address, false); });
     }},
    {"corrupt image", [](Life& life) { life.world.rack().images().corrupt("*", true); },
     [](Life& life) { life.world.rack().images().corrupt("*", false); }},
    {"image larger than the disk",
     [](Life& life) { life.world.rack().images().make_large(image_path, uint64_t{1} << 40); },
     [](Life& life) { life.world.rack().images().make_large(image_path, 0); }},
    {"no image server for 2 h",
     [](Life& life) {
       life.world.sim().set_unreachable("images.example.com", true);
       life.later(base::hours(2), [&life] { life.world.sim().set_unreachable("images.example.com", false); });
     }},
    {"disk takes no writes", [](Life& life) { life.server().break_disk(root_device, true); },
     [](Life& life) { life.server().break_disk(root_device, false); }},
    {"disk exchanged",
     [](Life& life) {
       life.server().cut_power(base::minutes(10));
       life.exchange(root_device);
     },
     [](Life& life) { life.accept_disk(); }, true},
    {"BMC answers 503 for 5 min",
     [](Life& life) {
       auto& bmc = life.server().bmc_faults();
       bmc.http_unavailable = bmc.node_busy = 1;
       life.later(base::minutes(5), [&life] { life.server().bmc_faults() = {}; });
     }},
    {"BMC answers 503 for 2 h",
     [](Life& life) {
       auto& bmc = life.server().bmc_faults();
       bmc.http_unavailable = bmc.node_busy = 1;
       life.later(base::hours(2), [&life] { life.server().bmc_faults() = {}; });
     }},
    {"BMC reboots itself", [](Life& life) { life.server().crash_bmc(base::seconds(90)); }},
    {"boot override forgotten", [](Life& life) { life.server().forget_boots(1); }},
};

const char* const servers[] = {"server-rack1-u01", "server-rack1-u02", "server-rack1-u03"};  // PXE, IPMI, virtual CD

struct Cell {
  size_t step, fault, server;
};

std::vector<Cell> cells() {
  const char* mode = std::getenv("INGOT_FAULTS");
  const bool all = mode && std::string_view(mode) == "all";
  std::vector<Cell> out;
  for (size_t step = 0; step < std::size(steps); ++step) {
    for (size_t fault = 0; fault < std::size(faults); ++fault) {
      if (steps[step].system_is_there && faults[fault].takes_system) continue;
      for (size_t server = 0; server < std::size(servers); ++server) {
        if (all || (step + fault) % std::size(servers) == server) out.push_back({step, fault, server});
      }
    }
  }
  return out;
}

TEST_CASE("each step of a host's life survives each fault") {
  const bool table = std::getenv("INGOT_FAULTS") != nullptr;
  const char* only = std::getenv("INGOT_CELL");  // "step,fault,server"
  for (const auto& cell : cells()) {
    const std::string id =
        std::to_string(cell.step) + "," + std::to_string(cell.fault) + "," + std::to_string(cell.server);
    if (only && only != id) continue;
    const Step& step = steps[cell.step];
    const Fault& fault = faults[cell.fault];
    CAPTURE(id);
    CAPTURE(std::string(step.name));
    CAPTURE(std::string(fault.name));
    Life life(servers[cell.server], 100 + cell.step, &step, &fault);
    life.run();
    const auto& counters = life.server().counters();
    if (table) {
      std::printf("%-8s %-34s %-26s boots %2d wipes %2d writes %d errors %zu %s\n", id.c_str(), step.name, fault.name,
                  static_cast<int>(counters.agent_boots), static_cast<int>(counters.disks.metadata_wipes),
                  static_cast<int>(counters.disks.image_writes_started), life.errors().size(), life.problems().c_str());
      for (const auto& error : life.errors()) std::printf("           %s\n", error.c_str());
      std::fflush(stdout);
    }
    CHECK_MESSAGE(life.problems().empty(), life.problems() << (only ? life.story() : std::string()));
  }
}

}  // namespace
