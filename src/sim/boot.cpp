#include "sim/boot.h"

#include "agent/disk_layout.h"
#include "base/log.h"
#include "net/http.h"
#include "sim/boot_medium.h"
#include "sim/network_boot.h"
#include "sys/fiber.h"

namespace sim {

using base::Code;
using base::Error;
using base::Json;
using base::Layer;
using base::Result;

// The simulated server as the agent's machine.
class Boot::MachineHardware : public agent::Hardware {
 public:
  MachineHardware(Server& server, sys::Loop& loop, Ramdisk ramdisk)
      : server_(server), loop_(loop), ramdisk_(std::move(ramdisk)) {}
  const std::map<std::string, std::string>& boot_parameters() const override { return ramdisk_.parameters; }
  std::string medium_ca_pem() const override { return ramdisk_.ca_pem; }
  std::string boot_server() const override { return ramdisk_.boot_server; }
  std::string image_roots_pem() const override { return server_.site().ca_certificate_pem; }
  Json inventory() override;
  std::vector<agent::DiskIdentity> disks() override { return server_.disks(); }
  Result<std::unique_ptr<sys::File>> open_disk(const std::string& name) override {
    auto file = TRY(server_.open_disk(name));
    PacedFile::Owner owner{server_.site(),         loop_,
                           server_.random(),       server_.counters().disks,
                           server_.work_time(),    server_.spec().name,
                           server_.broken_disks(), name};
    return std::unique_ptr<sys::File>(std::make_unique<PacedFile>(std::move(file), std::move(owner)));
  }
  Result<Json> erase_device(const agent::DiskIdentity& disk, const std::function<void(int)>& progress) override;
  std::string address() const override { return server_.spec().site_address; }
  std::vector<std::string> macs() const override {
    std::vector<std::string> all;
    for (const auto& nic : server_.spec().identity.nics) all.push_back(nic.mac);
    return all;
  }
  void reboot_into_disk() override {
    server_.log("agent reboots the server");
    server_.reset_soon(server_.site().pace.scaled(server_.site().durations.reboot_delay));
  }
  Result<Json> load_system(const std::string& disk) override {
    if (server_.refuses_kexec()) return Error{Code::unsupported, "the running kernel starts no other", Layer::agent};
    TRY(sys::sleep(loop_, server_.takes(server_.site().durations.kernel_load)));
    auto file = TRY(server_.open_disk(disk));
    if (TRY(agent::boot_sector_format(*file)).empty()) return base::not_found("there is no system on " + disk);
    return Json::object({{"kernel", "/boot/vmlinuz"}, {"disk", disk}});
  }
  void start_loaded_system() override {
    server_.log("agent starts the disk's kernel");
    server_.kexec_soon(server_.site().pace.scaled(server_.site().durations.reboot_delay));
  }
  void power_off() override {
    server_.log("agent powers the server off");
    server_.power_off_soon(server_.site().pace.scaled(server_.site().durations.reboot_delay));
  }

 private:
  Server& server_;
  sys::Loop& loop_;
  Ramdisk ramdisk_;
};

Json Boot::MachineHardware::inventory() {
  const ServerSpec& spec = server_.spec();
  const ServerIdentity& machine = spec.identity;
  Json::Array interfaces;
  for (size_t i = 0; i < machine.nics.size(); ++i) {
    const ServerNic& nic = machine.nics[i];
    Json one = Json::object({{"name", "eno" + std::to_string(i + 1)}, {"mac_address", nic.mac}});
    one.set("ipv4_address", i == 0 ? Json(spec.site_address) : Json()).set("ipv6_address", Json());
    one.set("has_carrier", nic.link_up).set("lldp", Json::array()).set("vendor", "0x8086").set("product", "0x1593");
    one.set("client_id", Json()).set("biosdevname", Json()).set("speed_mbps", nic.link_up ? nic.speed_mbps : 0);
    one.set("pci_address", "0000:17:00." + std::to_string(i)).set("driver", "ice");
    interfaces.push_back(std::move(one));
  }
  Json out = Json::object({{"interfaces", std::move(interfaces)}});
  const int threads = machine.processors * machine.cores_per_processor * 2;
  Json cpu = Json::object({{"model_name", machine.processor_model}, {"frequency", "2600.0"}, {"count", threads}});
  cpu.set("architecture", "x86_64").set("flags", Json::strings({"aes", "avx2", "sse4_2", "vmx"}));
  out.set("cpu", cpu.set("socket_count", machine.processors));
  const int64_t mib = int64_t{machine.memory_gib} * 1024;
  out.set("memory", Json::object({{"total", mib * 1024 * 1024}, {"physical_mb", mib}}));
  out.set("bmc_address", spec.bmc.host).set("bmc_v6address", "::/0").set("bmc_mac", machine.bmc_mac);
  out.set("hostname", spec.name);
  Json vendor = Json::object({{"product_name", machine.model}, {"serial_number", machine.serial}});
  vendor.set("manufacturer", machine.manufacturer);
  Json firmware = Json::object({{"vendor", machine.manufacturer}, {"version", machine.bios_version}});
  out.set("system_vendor", vendor.set("firmware", firmware.set("build_date", "01/15/2026")));
  out.set("boot", Json::object({{"current_boot_mode", "uefi"}, {"pxe_interface", machine.nics[0].mac}}));
  // Disks and links need a while to show up.
  (void)sys::sleep(loop_, server_.takes(server_.site().durations.inspection));
  return out;
}

Result<Json> Boot::MachineHardware::erase_device(const agent::DiskIdentity& disk,
                                                 const std::function<void(int)>& progress) {
  server_.log("full erase started", disk.name);
  const auto whole = server_.takes(server_.site().durations.full_erase);
  for (int percent = 0; percent < 100; percent += 10) {
    progress(percent);
    TRY(sys::sleep(loop_, whole / 10));
  }
  if (server_.broken_disks().count(disk.name) > 0) return base::unavailable("input/output error on " + disk.name);
  auto file = TRY(server_.open_disk(disk.name));
  TRY(file->zero(0, file->size()));
  ++server_.counters().disks.full_erases;
  server_.log("disk erased", disk.name);
  return Json::object({{"disk", disk.name}, {"serial", disk.serial}, {"method", "simulated"}});
}

Boot::Boot(Server& server)
    : server_(server),
      loop_(server.site().sys.loop),
      net_(sys::make_host_view(server.site().sys.net, server.spec().site_address)),
      sys_{loop_, server.random(), server.site().sys.keys, *net_, server.site().sys.disk, server.site().sys.offload} {}

Boot::~Boot() {
  loop_.shut();
  net_->close_all();
}

void Boot::start() {
  sys::spawn(loop_, server_.spec().name, [this] { run(); });
}

std::string Boot::state() const {
  if (agent_) return "agent: " + agent_->doing();
  if (node_) return node_->state();
  return state_;
}

std::string Boot::node_name() const { return node_ ? node_->name() : ""; }
void Boot::set_kubelet(bool running) {
  if (node_) node_->set_kubelet(running);
}

void Boot::hang() {
  loop_.shut();
  net_->close_all();
  node_.reset();
  agent_.reset();
  hardware_.reset();
  state_ = "hangs";
}

namespace {
std::string_view source_name(BootTarget target) {
  switch (target) {
    case BootTarget::cd:
    case BootTarget::usb:
      return "virtual media";
    case BootTarget::pxe:
      return "network";
    case BootTarget::uefi_http:
      return "HTTP";
    default:
      return "disk";
  }
}
}  // namespace

void Boot::print(const std::string& line) { server_.serial()->print(line + "\r\n"); }

void Boot::run() {
  Site& site = server_.site();
  if (!firmware_) {
    const auto booted = boot_disk();
    if (!booted && booted.error().code != Code::cancelled) state_ = booted.error().message;
    return;
  }
  const auto& identity = server_.identity();
  print(identity.manufacturer + " " + identity.model + ", firmware " + identity.bios_version);
  if (!sys::sleep(loop_, server_.takes(site.durations.post))) return;
  const BootOverride wanted = server_.take_boot_override();
  std::vector<BootTarget> order;
  const bool forced = wanted.enabled != BootEnabled::disabled && wanted.target != BootTarget::none;
  if (forced) order.push_back(wanted.target);
  for (const BootTarget target : {BootTarget::disk, BootTarget::pxe}) {
    if (!forced || target != wanted.target) order.push_back(target);
  }
  std::string why;
  for (const BootTarget target : order) {
    if (target == BootTarget::bios_setup || target == BootTarget::diagnostics) {
      state_ = "in firmware setup";
      return;
    }
    state_ = "booting from " + std::string(source_name(target));
    print("Booting from " + std::string(source_name(target)) + " ...");
    const auto booted = boot_from(target, wanted.http_boot_uri);
    if (booted) return;
    if (booted.error().code == Code::cancelled) return;
    server_.log("cannot boot from " + std::string(source_name(target)), booted.error().message);
    print("  " + booted.error().message);
    why += (why.empty() ? "" : "; ") + booted.error().message;
  }
  ++server_.counters().failed_boots;
  state_ = "no bootable device (" + why + ")";
  server_.log("no bootable device");
  print("No bootable device.");
}

Result<void> Boot::boot_from(BootTarget target, const std::string& uri) {
  if (target == BootTarget::pxe) return boot_network();
  if (target == BootTarget::uefi_http) return boot_medium(uri);
  if (target != BootTarget::cd && target != BootTarget::usb) return boot_disk();
  const VirtualMedia media = server_.media();
  if (!media.inserted) return base::not_found("no virtual media is inserted");
  return boot_medium(media.image);
}

Result<void> Boot::boot_medium(const std::string& url) {
  Site& site = server_.site();
  // The BMC fetches the image, so the request comes from its address.
  const auto bmc_net = sys::make_host_view(site.sys.net, server_.spec().bmc.host);
  const std::string iso = TRY(fetch_medium(loop_, *bmc_net, url, site.pace));
  TRY(sys::sleep(loop_, server_.takes(site.durations.media_load)));
  if (is_live_system(iso)) {
    ++server_.counters().live_boots;
    server_.log("live system booted", url);
    state_ = "running a live system";
    return {};
  }
  return run_agent(TRY(read_medium(iso)));
}

Result<void> Boot::boot_network() {
  NetworkBoot firmware(server_, sys_);
  return run_agent(TRY(firmware.run()));
}

Result<void> Boot::run_agent(Ramdisk ramdisk) {
  Site& site = server_.site();
  if (server_.secure_boot().in_force) return base::not_found("Secure Boot refuses the ramdisk, which is not signed");
  state_ = "starting the ramdisk";
  ++server_.counters().agent_boots;
  server_.log("ramdisk booted", ramdisk.parameters["boot_method"]);
  print("The ramdisk starts.");
  TRY(sys::sleep(loop_, server_.takes(site.durations.agent_start)));
  hardware_ = std::make_unique<MachineHardware>(server_, loop_, std::move(ramdisk));
  agent::Timing timing;
  timing.speed = site.pace.speed();
  timing.lookup_retry = site.pace.scaled(timing.lookup_retry);
  timing.beat_max = site.pace.scaled(timing.beat_max);
  agent_ = std::make_unique<agent::Agent>(sys_, *hardware_, timing);
  agent_->start();
  return {};
}

Result<void> Boot::boot_disk() {
  for (const auto& disk : server_.disks()) {
    auto file = TRY(server_.open_disk(disk.name));
    if (TRY(agent::boot_sector_format(*file)).empty()) continue;
    // Firmware does not ask what comes after the boot sector.
    ++server_.counters().disk_boots;
    server_.log("booted from disk", disk.name);
    print("Starting the system on " + disk.name);
    auto node = Node::from_disk(server_, sys_, disk.name);
    if (!node) {
      state_ = "the system on " + disk.name + " does not start: " + node.error().message;
      server_.log("system does not start", node.error().message);
      return {};
    }
    node_ = std::move(*node);
    node_->start();
    return {};
  }
  return base::not_found("no disk is bootable");
}

}  // namespace sim
