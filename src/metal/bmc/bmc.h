// One server's baseboard management controller as the manager sees it, whatever it speaks. Calls park the calling
// fiber; one fiber uses a Bmc at a time. Every error has layer bmc and one of these codes:
//   unauthenticated  wrong user name or password, or a certificate that does not verify
//   forbidden        the account lacks the privilege, or its password has to be changed first
//   unavailable      refused connection, 5xx, busy: worth trying again later
//   timeout          no answer within the limits
//   not_found        no such System, or no virtual media slot
//   unsupported      the BMC cannot do that (its answer is in the message)
//   cancelled        the fiber was told to stop
//   internal         an answer that makes no sense
//   invalid          a BIOS setting that the BMC's own registry does not allow
//   conflict         somebody else has the serial console
// Messages name the URL or host:port asked and what came back; never a credential.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "metal/bmc/address.h"
#include "metal/bmc/bad_answers.h"
#include "metal/bmc/console.h"
#include "metal/bmc/event_stream.h"
#include "metal/bmc/storage.h"
#include "sys/sys.h"

namespace metal {

struct BmcCredentials {
  std::string user;
  std::string password;
};

enum class PowerState : unsigned char { on, off, unknown };
enum class PowerAction : unsigned char {
  on,
  off,       // at once, like holding the button
  soft_off,  // asks the operating system; the caller waits and then uses off
  reset,     // restarts without going through off; the server must be on
  cycle,     // off, then on; the server must be on
};
enum class BootDevice : unsigned char { disk, pxe, cd, uefi_http };
std::string_view name_of(PowerState state);
std::string_view name_of(PowerAction action);
std::string_view name_of(BootDevice device);

// What the BMC tells about the server. IPMI knows little; what is unknown is empty.
struct BmcSystem {
  std::string manufacturer;
  std::string model;
  std::string serial;  // Redfish: SKU on Dell, where SerialNumber is the board's
  std::string uuid;    // lower case
  std::string bios_version;
  std::string bmc_version;  // firmware of the BMC itself
  std::string system_path;  // Redfish: the System in use
  PowerState power = PowerState::unknown;
};

// One BIOS attribute. What the attribute registry tells is missing (empty type) when the BMC has no registry.
struct BiosSetting {
  std::string name;
  base::Json value;                   // string, integer or boolean; null: not shown (passwords)
  std::optional<base::Json> pending;  // accepted, in force after the next reset
  std::string type;                   // Enumeration, String, Integer, Boolean or Password
  std::vector<std::string> allowed;   // of an Enumeration
  std::optional<int64_t> lower, upper;
  std::optional<int64_t> length_min, length_max;
  bool read_only = false;
  bool unique = false;  // to this server, such as an asset tag
};

struct FirmwareComponent {
  std::string name;     // "bios", "bmc" or "nic:ID"
  std::string version;  // as the BMC writes it
  std::string path;     // of its FirmwareInventory member; empty when there is none
};

// Something that goes on inside the BMC.
struct BmcTask {
  enum class State : unsigned char {
    running,
    completed,
    failed,
    unknown,  // the BMC has forgotten it: what it was to change tells whether it succeeded
  };
  State state = State::running;
  int percent = -1;     // -1: not told
  std::string name;     // Starting, Pending...: as the BMC says
  std::string message;  // of a failure
};

enum class SecureBootState : unsigned char {
  on,  // and in force in the present boot
  off,
  coming,   // on from the next boot
  ending,   // off from the next boot
  unknown,  // the BMC does not tell
};
std::string_view name_of(SecureBootState state);

struct EventSubscription {
  std::string destination;                     // http or https
  std::string context;                         // comes back with each event
  std::map<std::string, std::string> headers;  // sent with each event; may hold secrets
};

// Patience with one BMC. The defaults are for hardware; `min_command_gap` is zero in simulation.
struct BmcLimits {
  base::Duration connect_limit = base::seconds(10);
  base::Duration request_limit = base::seconds(60);        // one HTTP request, whole answer
  int attempts = 4;                                        // of one request that failed in a way worth repeating
  base::Duration retry_gap = base::seconds(3);             // between those; Retry-After is obeyed up to 30 s
  base::Duration ipmi_reply_limit = base::seconds(1);      // first wait for an IPMI reply; each retry waits 1.5 as long
  int ipmi_sends_max = 6;                                  // copies of one IPMI message
  base::Duration min_command_gap = base::milliseconds(0);  // between IPMI commands to one BMC
  std::shared_ptr<BadAnswers> bad = nullptr;               // where what cannot be an answer is counted; null: nowhere
};

// Takes what came; first nothing, when the BMC has begun. False ends it.
using EventSink = std::function<bool(const std::vector<BmcEvent>&)>;

class Bmc {
 public:
  virtual ~Bmc() = default;
  // Checks reachability, credentials and that the System is there. Not needed before the other calls, which connect by
  // themselves.
  virtual base::Result<BmcSystem> connect() = 0;
  virtual base::Result<PowerState> power() = 0;
  // Returns when the BMC has accepted; the state may follow seconds or minutes later. Idempotent: off when off and on
  // when on are successes.
  virtual base::Result<void> set_power(PowerAction action) = 0;
  // What the next boot (or with `persistent` every boot) uses. `http_boot_uri` only with uefi_http. A BMC that refuses
  // persistent overrides gets a one-time one instead, so callers set it before every power-on.
  virtual base::Result<void> set_boot(BootDevice device, bool persistent, bool uefi,
                                      const std::string& http_boot_uri = {}) = 0;
  // Puts an ISO image into the virtual CD drive, replacing what is there. IPMI: unsupported.
  virtual base::Result<void> insert_media(const std::string& url) = 0;
  virtual base::Result<void> eject_media() = 0;  // success when it was empty
  virtual bool has_virtual_media() const = 0;    // whether the protocol can; a System without a slot says not_found

  // The rest is Redfish only; IPMI says unsupported.
  virtual base::Result<std::vector<BiosSetting>> bios();  // ordered by name
  // An object of names and new values. Checked against the registry as a whole before anything is sent; in force after
  // the server's next reset, until when bios() shows them as pending.
  virtual base::Result<void> set_bios(const base::Json& values);
  virtual base::Result<std::vector<FirmwareComponent>> firmware_components();
  // Has the BMC fetch an image and install it. Returns the task to ask for, or "" when the BMC gives none. BIOS and NIC
  // images need a reset of the server while the task is Starting, Running or Pending; a BMC restarts by itself and
  // forgets the task.
  virtual base::Result<std::string> update_firmware(const std::string& component, const std::string& url);
  // The same with the image in the request (multipart), for BMCs that do not fetch by themselves.
  virtual base::Result<std::string> push_firmware(const std::string& component, const std::string& file_name,
                                                  const std::string& image);
  virtual base::Result<BmcTask> task(const std::string& path);
  // RAID controllers with their drives and volumes; controllers that make no volumes are left out.
  virtual base::Result<std::vector<BmcStorage>> storage();
  // Both destroy what is on the drives. Done when the task has completed, or at once when there is none. Creating is
  // sent once: when its answer is lost, only a look at storage() tells whether it was done.
  virtual base::Result<VolumeChange> create_volume(const VolumeOrder& order);
  virtual base::Result<VolumeChange> delete_volume(const std::string& path);  // success when it is not there
  // Network addresses of the server, lower case; empty when the BMC does not tell.
  virtual base::Result<std::vector<std::string>> macs();
  // Secure Boot (Redfish SecureBoot resource). A change is in force after the server's next reset.
  virtual base::Result<SecureBootState> secure_boot();
  virtual base::Result<void> set_secure_boot(bool enabled);
  // Has the BMC send its events there; returns what names the subscription. Asking again for a destination and context
  // that it knows returns the same.
  virtual base::Result<std::string> subscribe(const EventSubscription& subscription);
  virtual base::Result<void> unsubscribe(const std::string& id);  // success when it is not there
  // Parks for as long as the BMC streams its events and something comes within `idle_limit`. Errors: unsupported where
  // it offers no stream. This connection can do nothing else meanwhile.
  virtual base::Result<void> watch_events(base::Duration idle_limit, const EventSink& sink);
  // Errors: conflict when another session has the console, unless `take_over`. This Bmc must outlive the console and
  // can do nothing else meanwhile.
  virtual base::Result<std::unique_ptr<Console>> open_console(bool take_over);
  // How the console is carried: names and values as `ingot bmc ADDRESS sol` shows and takes them.
  virtual base::Result<std::vector<std::pair<std::string, std::string>>> console_settings();
  virtual base::Result<void> set_console(const std::string& name, const std::string& value);
  // Names of the rows of quirks.h that this BMC has shown until now.
  virtual std::vector<std::string> quirks() { return {}; }
  // Gives the session back (parks). Pools are small, so call it when done; the destructor only forgets the session.
  virtual void close() = 0;
};

// Does no I/O. `verify_certificate` is the opposite of spec.bmc.disableCertificateVerification; roots are the system's.
// Errors: invalid (an empty user name, a password longer than the 20 bytes of IPMI).
base::Result<std::unique_ptr<Bmc>> make_bmc(sys::Sys& sys, sys::Net& net, const BmcAddress& address,
                                            const BmcCredentials& credentials, bool verify_certificate,
                                            const BmcLimits& limits = {});

}  // namespace metal
