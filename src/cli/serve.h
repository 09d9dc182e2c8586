// `ingot serve` and `ingot rack`: the two long-running commands.
#pragma once

#include <string>
#include <vector>

#include "cli/api_flags.h"
#include "cli/boot_flags.h"
#include "cli/stock_flags.h"
#include "cli/store_flags.h"
#include "sys/real/real.h"

namespace cli {

struct ServeFlags {
  std::string data_dir = "ingot-data";
  std::string listen = "127.0.0.1:6443";
  std::vector<std::string> names;
  std::vector<std::string> proxies;            // net::parse_proxy_rule
  std::vector<std::string> service_addresses;  // server::parse_service_address
  std::string agent_listen = "127.0.0.1:6385", boot_listen = "127.0.0.1:6180";
  std::string agent_url, boot_url;
  std::string ramdisk, kernel_arguments;
  BootFlags boot;
  std::string site_ca;      // a file
  std::string image_cache;  // a folder; empty: none
  uint64_t image_cache_gib = 100;
  bool kexec = false;
  bool capture_consoles = false;
  bool bmc_events = false;
  bool allow_loopback_agents = false, allow_md5 = false;
  double rack_speed = 1;
  std::string log_level = "info";
  ApiFlags api;
  StoreFlags store;
  StockFlags stock;
};
int serve(sys::RealSystem& system, const ServeFlags& flags);

struct RackFlags {
  std::vector<std::string> inventory;  // files
  std::string listen = "127.0.0.1:1080", control = "127.0.0.1:1081";
  std::string data_dir = "rack-data";
  std::string dhcp_server, bmc_profile;
  double speed = 1;
  uint64_t seed = 1;
  uint64_t image_mebibytes = 1;
  bool print_proxy_rule = false;
  bool qemu = false;
  std::string qemu_accelerator = "tcg", qemu_tap;
  std::string qemu_firmware, qemu_variables;  // empty: Debian's OVMF
  int qemu_memory_mib = 2048, qemu_processors = 1;
  uint64_t qemu_disk_gib = 4;
  std::string log_level = "info";
};
int rack(sys::RealSystem& system, const RackFlags& flags);

// JSON lines with the time in front, to stderr. Errors: invalid (unknown level).
base::Result<void> log_to_stderr(sys::Loop& loop, const std::string& level);

}  // namespace cli
