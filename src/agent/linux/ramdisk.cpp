#include "agent/linux/ramdisk.h"

#include <algorithm>
#include <set>

#include "agent/linux/modules.h"
#include "agent/linux/network6.h"
#include "base/log.h"
#include "base/text.h"
#include "sys/fiber.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

constexpr const char* modules_folder = "/lib/modules/";
constexpr uint64_t medium_bytes_max = uint64_t{4} << 30;
constexpr base::Duration settle = base::milliseconds(300);
constexpr int rounds_without_news = 3;  // a bus may show its devices a while after its driver

Result<void> mount_kernel_filesystems(sys::Sys& sys, sys::Machine& machine) {
  for (const char* folder : {"/proc", "/sys", "/dev", "/run", "/tmp", "/mnt", "/media", "/etc"}) {
    TRY(sys.disk.make_directories(folder));
  }
  TRY(machine.mount("proc", "/proc", "proc", false));
  TRY(machine.mount("sysfs", "/sys", "sysfs", false));
  TRY(machine.mount("devtmpfs", "/dev", "devtmpfs", false));
  TRY(machine.mount("tmpfs", "/run", "tmpfs", false));
  return {};
}

class Drivers {
 public:
  Drivers(sys::Sys& sys, sys::Machine& machine) : sys_(sys), machine_(machine) {}

  Result<void> load_all(const Sysfs& sysfs) {
    const auto aliases = sys_.disk.read(std::string(modules_folder) + "modules.alias");
    const auto needs = sys_.disk.read(std::string(modules_folder) + "modules.dep");
    if (!aliases || !needs) return {};  // a kernel with everything built in
    const ModuleIndex index = ModuleIndex::parse(*aliases, *needs);
    // Nothing asks for these by an alias: what disks, media, firmware variables and BMCs need on top of their buses.
    // crc32c: what the file systems of a system to be started ask for by a name of their own.
    for (const char* name :
         {"crc32c_generic", "ext4", "xfs", "sd_mod", "sr_mod", "isofs", "vfat", "nls_cp437", "nls_ascii",
          "nls_iso8859_1", "efivarfs", "usb_storage", "uas", "ipmi_si", "ipmi_devintf"}) {
      load(index, name);
    }
    for (int quiet = 0; quiet < rounds_without_news;) {
      const bool news = load_round(index, sysfs);
      quiet = news ? 0 : quiet + 1;
      TRY(sys::sleep(sys_.loop, settle));
    }
    base::log::info("kernel modules are loaded", {{"count", loaded_}});
    return {};
  }

 private:
  bool load_round(const ModuleIndex& index, const Sysfs& sysfs) {
    bool news = false;
    for (const auto& alias : sysfs.modaliases()) {
      if (!seen_.insert(alias).second) continue;
      for (const auto& name : index.matching(alias)) news = load(index, name) || news;
    }
    return news;
  }

  bool load(const ModuleIndex& index, const std::string& name) {
    bool news = false;
    for (const auto& path : index.paths_for(name)) {
      if (!tried_.insert(path).second) continue;
      const auto done = machine_.load_module(modules_folder + path);
      if (done) {
        ++loaded_;
        news = true;
      } else if (done.error().code != Code::not_found) {
        base::log::info("a module was not loaded", {{"module", path}, {"error", done.error().message}});
      }
    }
    return news;
  }

  sys::Sys& sys_;
  sys::Machine& machine_;
  std::set<std::string> seen_, tried_;
  int64_t loaded_ = 0;
};

// Volume label of an ISO 9660 image: sector 16, bytes 40 to 71 (ECMA-119 8.4.7).
bool is_our_medium(sys::Machine& machine, const std::string& device) {
  const auto disk = machine.open_block(device, true);
  if (!disk || (*disk)->size() > medium_bytes_max) return false;
  const auto descriptor = (*disk)->read_at(16 * 2048, 2048);
  return descriptor && descriptor->size() == 2048 && descriptor->substr(1, 5) == "CD001" &&
         base::trim(descriptor->substr(40, 32)) == medium_label;
}

Result<std::string> find_medium(sys::Sys& sys, sys::Machine& machine) {
  for (int round = 0;; ++round) {
    auto names = sys.disk.list("/sys/block");
    if (names) {
      for (const auto& name : *names) {
        // On a disk that stays, the former tenant could have left settings that lead to a manager of its own.
        const auto removable = sys.disk.read("/sys/block/" + name + "/removable");
        const bool may_be =
            name.starts_with("sr") || (name.starts_with("sd") && removable && removable->starts_with("1"));
        if (!may_be) continue;
        if (is_our_medium(machine, "/dev/" + name)) return "/dev/" + name;
      }
    }
    if (round % 20 == 19) base::log::warn("the boot medium is not to be seen yet", {{"label", medium_label}});
    TRY(sys::sleep(sys.loop, base::milliseconds(500)));
  }
}

void add_parameters(std::map<std::string, std::string>& to, std::string_view text) {
  for (const auto line : base::split(text, '\n')) {
    const std::string_view word = base::trim(line);
    const size_t equals = word.find('=');
    if (word.empty() || word[0] == '#' || equals == std::string_view::npos) continue;
    to[std::string(word.substr(0, equals))] = word.substr(equals + 1);
  }
}

Result<Json> network_data_in(sys::Disk& disk, const std::string& path) {
  const std::string text = TRY(disk.read(path));
  return base::parse_json(text).context("network_data.json");
}

// Returns the static network settings of the medium; null when there are none.
Result<Json> read_medium(sys::Sys& sys, sys::Machine& machine, Booted& booted) {
  const std::string device = TRY(find_medium(sys, machine));
  TRY(machine.mount(device, "/media", "iso9660", true));
  const std::string parameters = TRY(sys.disk.read("/media/parameters.txt").context("the boot medium"));
  add_parameters(booted.parameters, parameters);
  if (sys.disk.exists("/media/ca.crt")) booted.ca_pem = TRY(sys.disk.read("/media/ca.crt"));
  Json network;
  if (sys.disk.exists("/media/network_data.json")) {
    network = TRY(network_data_in(sys.disk, "/media/network_data.json"));
  }
  TRY(machine.unmount("/media"));
  return network;
}

Result<std::vector<LinuxNic>> wait_for_nics(sys::Sys& sys, const Sysfs& sysfs) {
  for (int round = 0;; ++round) {
    auto nics = sysfs.nics();
    if (!nics.empty()) return nics;
    if (round % 20 == 19) base::log::warn("there is no network interface yet; is its driver in the ramdisk?");
    TRY(sys::sleep(sys.loop, base::milliseconds(500)));
  }
}

// The MAC address that firmware booted from goes first: BOOTIF=01-52-54-00-12-01-01 (pxelinux's form).
std::string boot_mac(const Booted& booted) {
  const auto found = booted.parameters.find("BOOTIF");
  if (found == booted.parameters.end()) return "";
  std::string mac = base::replace_all(base::lower(found->second), "-", ":");
  return mac.size() == 20 ? mac.substr(3) : mac;
}

Result<NetworkSettings> lease_somewhere(sys::Sys& sys, sys::Machine& machine, const Sysfs& sysfs,
                                        const Booted& booted) {
  const std::string preferred = boot_mac(booted);
  // The manager has one address, and its version is that of the provisioning network.
  const auto manager = booted.parameters.find("ipa-api-url");
  const bool six = manager != booted.parameters.end() && manager->second.find("//[") != std::string::npos;
  for (int round = 0;; ++round) {
    auto nics = TRY(wait_for_nics(sys, sysfs));
    std::stable_sort(nics.begin(), nics.end(),
                     [&](const LinuxNic& a, const LinuxNic& b) { return (a.mac == preferred) > (b.mac == preferred); });
    for (const auto& nic : nics) (void)machine.set_link(nic.name, true);
    TRY(sys::sleep(sys.loop, base::seconds(1)));
    for (const auto& nic : sysfs.nics()) {
      if (!nic.carrier) continue;
      const auto limit = base::seconds(nic.mac == preferred ? 30 : 12);
      auto lease = six ? ipv6_settings(sys, machine, nic, limit) : dhcp_lease(sys, machine, nic, limit);
      if (lease) return lease;
      if (lease.error().code == Code::cancelled) return lease;
      base::log::info("no lease", {{"interface", nic.name}, {"error", lease.error().message}});
    }
    if (round % 10 == 9) base::log::warn("no interface has got an address by DHCP yet");
  }
}

}  // namespace

Result<Booted> boot_ramdisk(sys::Sys& sys, sys::Machine& machine) {
  TRY(mount_kernel_filesystems(sys, machine));
  const Sysfs sysfs(sys.disk, machine);
  Booted booted;
  booted.parameters = sysfs.kernel_arguments();
  TRY(Drivers(sys, machine).load_all(sysfs));
  if (sysfs.is_uefi()) (void)machine.mount("efivarfs", "/sys/firmware/efi/efivars", "efivarfs", false);
  Json network_data;
  if (booted.parameters["boot_method"] == "vmedia") {
    network_data = TRY(read_medium(sys, machine, booted));
  } else if (sys.disk.exists(carried_network_data)) {
    network_data = TRY(network_data_in(sys.disk, carried_network_data));
  }
  (void)machine.set_link("lo", true);
  if (network_data.is_null()) {
    booted.network = TRY(lease_somewhere(sys, machine, sysfs, booted));
  } else {
    const auto nics = TRY(wait_for_nics(sys, sysfs));
    booted.network = TRY(static_network(network_data, nics));
  }
  TRY(apply_network(sys, machine, booted.network));
  base::log::info("the network is up", {{"interface", booted.network.interface}, {"address", booted.network.address}});
  return booted;
}

}  // namespace agent
