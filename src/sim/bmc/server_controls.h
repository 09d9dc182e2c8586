// What a BMC can do to its server: the seam between the protocol fronts (redfish_front.h, ipmi_front.h) and the model
// of the machine. The fronts hold sessions and protocol state; the server holds everything a power cut of the BMC
// keeps. All calls return at once on the loop's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sim/bmc/raid_controller.h"
#include "sim/bmc/serial_port.h"

namespace sim {

enum class ServerPowerAction : unsigned char {
  on,
  force_off,
  graceful_shutdown,  // a hint to the operating system, which may take its time or ignore it
  force_restart,
  graceful_restart,
  power_cycle,
  nmi,
};

enum class BootTarget : unsigned char { none, pxe, disk, cd, usb, uefi_http, bios_setup, diagnostics };
enum class BootEnabled : unsigned char { disabled, once, continuous };

struct BootOverride {
  BootTarget target = BootTarget::none;
  BootEnabled enabled = BootEnabled::disabled;
  bool uefi = true;
  std::string http_boot_uri;  // with uefi_http
  bool operator==(const BootOverride&) const = default;
};

// For firmware at power-on or reset: what the override asks for now. A one-time override is used up by this.
BootOverride take_for_boot(BootOverride& setting);

struct VirtualMedia {
  std::string image;  // URL; empty when nothing is inserted
  bool inserted = false;
  bool write_protected = true;
  bool operator==(const VirtualMedia&) const = default;
};

struct SecureBoot {
  bool supported = false;
  bool enabled = false;   // from the next boot
  bool in_force = false;  // in the present one
};

struct ServerNic {
  std::string id;   // "NIC1"
  std::string mac;  // lower case with colons
  int speed_mbps = 25'000;
  bool link_up = true;
};

struct ServerIdentity {
  std::string name;  // of the server, as the BMC shows it
  std::string manufacturer = "Ingot";
  std::string model = "Simulated Server";
  std::string serial;
  std::string sku;
  std::string uuid;  // lower case with dashes
  std::string bios_version = "1.0.0";
  std::string bmc_version = "2.14";
  std::string bmc_mac;
  int processors = 2;
  int cores_per_processor = 32;
  std::string processor_model = "Simulated CPU @ 2.60GHz";
  int memory_gib = 256;
  std::vector<ServerNic> nics;
};

enum class BmcRole : unsigned char { administrator, operator_, read_only };

struct BmcAccount {
  std::string user;
  std::string password;  // IPMI needs the clear text on both sides; at most 20 bytes there
  BmcRole role = BmcRole::administrator;
};

class ServerControls {
 public:
  virtual ~ServerControls() = default;
  virtual const ServerIdentity& identity() const = 0;
  virtual const std::vector<BmcAccount>& accounts() const = 0;

  virtual bool powered_on() const = 0;
  // Errors: conflict when the action makes no sense in the present power state (restart when off); the fronts do not
  // pass on on-when-on and off-when-off.
  virtual base::Result<void> power(ServerPowerAction action) = 0;

  virtual BootOverride boot_override() const = 0;
  virtual void set_boot_override(const BootOverride& setting) = 0;

  virtual bool has_virtual_media() const = 0;
  virtual VirtualMedia media() const = 0;
  // Errors: invalid (not an http or https URL), unavailable (the image cannot be fetched, when the model checks).
  virtual base::Result<void> insert_media(const std::string& url, bool write_protected) = 0;
  virtual void eject_media() = 0;

  virtual RaidController* raid() { return nullptr; }  // null: the server has none
  virtual SerialPort* serial() { return nullptr; }    // null: the server has none
  // The switch of Secure Boot, and whether the present or last boot was a secure one.
  virtual SecureBoot secure_boot() const { return {}; }
  virtual void set_secure_boot(bool) {}
};

// How the BMC misbehaves; probabilities per request or datagram, decided by the Random given to the front. May be
// changed at any time.
struct BmcFaults {
  double http_unavailable = 0;  // 503 with Retry-After: 1
  double http_reset = 0;        // the request is done or not (even odds), then the connection ends without an answer
  double datagram_lost = 0;     // each way
  double datagram_twice = 0;    // each way
  double node_busy = 0;         // IPMI completion code C0h
};

}  // namespace sim
