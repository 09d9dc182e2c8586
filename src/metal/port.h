// What the BareMetalHost reconciler sees of the hardware: slow work as operations that are started or polled. No call
// suspends or blocks; an operation that moves on calls back so that the host is looked at again.
//
// The rule of use: first make the order durable (state and Operation record in status), then, in a later reconcile,
// call. The runtime reconciles an object only when its own writes are durable, so "write, return, act next time" is
// enough; the engine still checks the durable state itself before anything irreversible (metal/guard.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/metal3.h"
#include "base/result.h"
#include "metal/bmc/bmc.h"
#include "metal/boot/boot_image.h"
#include "metal/firmware.h"
#include "metal/operation.h"
#include "metal/raid.h"

namespace metal {

// Format of an image that is booted from the virtual CD as it is; nothing is written.
constexpr const char* live_iso_format = "live-iso";

// How to reach one host, taken from its object (and credentials Secret) anew for each call.
struct HostAccess {
  std::string uid, ns, name;
  std::string bmc_address;  // spec.bmc.address
  BmcCredentials credentials;
  std::string credentials_version;  // changes whenever the credentials may have
  bool verify_certificate = true;
  std::string boot_mac;  // lower case; may be empty
  bool uefi = true;
  bool secure_boot = false;       // bootMode UEFISecureBoot: on for what is deployed, off for the agent
  std::optional<bool> kexec;      // whether the agent may start what it wrote without the firmware; nullopt: options
  bool power_off_allowed = true;  // not spec.disablePowerOff
  // Static settings for the ramdisk (OpenStack's network_data.json); empty: DHCP. Or why they cannot be had.
  std::string network_data;
  std::optional<base::Error> network_data_error;
  // URL of the live ISO that the server runs or is to run; empty: it runs from its disk.
  std::string live_iso;
  std::optional<BootImage> boot_image;  // instead of the manager's own ramdisk
  // Part of the key of registration and power work: a failed one is tried again only under a new number.
  int64_t attempt = 0;
};

// Why nothing happens right now, for people: "<layer>: <cause>; next: <step>".
struct Wait {
  base::Layer layer = base::Layer::none;
  std::string cause;
  std::string next;
  std::string text() const;
};

struct Progress {
  enum class Phase : unsigned char { working, done, failed };
  Phase phase = Phase::working;
  std::string step;  // "writing the image"
  int percent = 0;   // of the operation, 0 to 100
  std::optional<Wait> wait;
  base::Error error = {};  // failed: layer, cause and fix
  // working: no agent answers under the recorded boot; record a new Operation::boot_id, then call again.
  bool needs_boot = false;
  // working, of provision: whatever can fail without touching the disk has gone well; record milestone writing, then
  // call again.
  bool ready_to_write = false;

  // What a finished call learned.
  std::optional<bool> powered_on;
  std::optional<BmcSystem> system;                       // register_host
  std::shared_ptr<const api::HardwareDetails> hardware;  // inspect, change_raid
  std::shared_ptr<const FirmwareFacts> firmware;         // read_firmware, verify_firmware
  std::string subscription;                              // subscribe
  std::optional<SecureBootState> secure_boot;            // boot_disk, where Secure Boot is asked for
  // working, of verify_firmware: what was handed to the BMC is not known any more; do it again.
  bool needs_staging = false;

  static Progress working(std::string step, int percent = 0);
  static Progress done();
  static Progress failed(base::Error error);
  bool is_done() const { return phase == Phase::done; }
  bool is_failed() const { return phase == Phase::failed; }
};

enum class CleanMode : unsigned char {
  metadata,  // partition tables and signatures: seconds
  disk,      // every block: hours
};

struct ImageRequest {
  std::string url;
  std::string checksum;       // hex, "sha256:hex" or the URL of a sums file
  std::string checksum_type;  // md5, sha256, sha512, auto or "" (by length)
  std::string format;
};
struct ConfigDrive {
  base::Json meta_data = base::Json::object();
  std::string user_data;     // verbatim
  std::string network_data;  // JSON; empty: none
};
struct ProvisionRequest {
  ImageRequest image;
  api::RootDeviceHints root_device;
  ConfigDrive config_drive;
};

enum class PowerWish : unsigned char {
  on,
  soft_off,  // asks the operating system, then insists
  hard_off,
  restart,  // at once and without being off, where that is forbidden (spec.disablePowerOff)
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Is the BMC there and does it take the credentials? Remembered per address and credentials version, so calling it in
  // every reconcile costs nothing once it is done. Does not change anything on the server.
  virtual Progress register_host(const HostAccess& host) = 0;

  // Under milestone ordered, provision() only gets everything ready; it writes under milestone writing.
  // These boot the deploy ramdisk when no agent answers, and keep it running when they are done. The result stays until
  // the operation's id or milestone changes, so calling again never repeats work.
  virtual Progress inspect(const HostAccess& host, const Operation& operation) = 0;
  virtual Progress clean(const HostAccess& host, const Operation& operation, CleanMode mode) = 0;
  virtual Progress provision(const HostAccess& host, const Operation& operation, const ProvisionRequest& request) = 0;
  // After milestone written: lets go of the agent and starts the server from its disk.
  virtual Progress boot_disk(const HostAccess& host, const Operation& operation) = 0;

  // Brings the server to the wished power state and reports powered_on. The result is given once.
  virtual Progress power(const HostAccess& host, PowerWish wish) = 0;
  // The power state as read at most `age_max` ago; working while it is being read. A failed read is given once.
  virtual Progress read_power(const HostAccess& host, base::Duration age_max) = 0;

  // Hands settings and updates to the BMC, under an operation of kind prepare or service; a server that is served must
  // be off. In force after the server's next restart. The result stays, as above.
  virtual Progress stage_firmware(const HostAccess& host, const Operation& operation, const FirmwareOrder& order);
  // After milestone staged: restarts a host that is prepared into the agent (which may need a boot, as above), one that
  // is served has been powered on by the caller. Done when everything is in force; tells the firmware as it is then.
  virtual Progress verify_firmware(const HostAccess& host, const Operation& operation, const FirmwareOrder& order);
  // Under an operation of kind prepare: makes the server's RAID volumes those of the order, with an agent on the server
  // and a restart after each change. Done at once when they are; tells the hardware with the disks as they are then.
  // After a failure the agent has to be released: another attempt begins with a restart.
  virtual Progress change_raid(const HostAccess& host, const Operation& operation, const RaidOrder& order);
  // One at a time per host, however busy the host is; waits for its turn. A success is
  // told once, a failure for a minute.
  virtual Progress aside(const HostAccess& host, const SideWork& work);
  // When the firmware was last read (or could not be) by this process.
  virtual std::optional<base::Time> firmware_read_at(const std::string& uid) const;
  virtual void forget_firmware(const std::string& uid);  // what was read is lost: read again

  // Whether an agent answers under this boot (it called within the heartbeat limit).
  virtual bool agent_alive(const std::string& uid, const std::string& boot_id) const = 0;
  // The agent is not wanted any more: it is refused from now on. Ordering the power off is the caller's.
  virtual void release_agent(const std::string& uid) = 0;
  // Stops what is going on for the host, between steps; never in the middle of a command that a BMC or agent runs.
  virtual void abort(const std::string& uid) = 0;
  // The host is gone or detached: ends its work and drops all knowledge of it.
  virtual void forget(const std::string& uid) = 0;

  // Called on the control thread whenever a poll of this host would give something new.
  virtual void on_change(std::function<void(const std::string& ns, const std::string& name)> callback) = 0;
};

}  // namespace metal
