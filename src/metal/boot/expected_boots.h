// Which servers are expected to boot the deploy ramdisk now, under which boot id, and how far each has come. The one
// place that decides whether a request from the boot network is answered: what is not expected here gets nothing.
//
// Tokens and paths are derived from the manager's secret key and the boot id (HMAC-SHA-256), so a restarted manager
// knows an agent again without having stored its token.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metal/bmc/address.h"
#include "metal/boot/boot_image.h"
#include "metal/boot/refused_requests.h"
#include "sys/sys.h"

namespace metal {

using base::Time;

struct ExpectedBoot {
  std::string uid, boot_id, host_name;
  std::string mac;  // lower case; "" when unknown
  BmcBootMethod method = BmcBootMethod::ipxe;
  std::string agent_token;         // 43 characters; proves that a request comes from this boot
  std::string path_token;          // of the URLs of this boot's artefacts
  std::string network_data;        // JSON; static settings, not for iPXE, whose firmware has DHCP; empty: DHCP
  std::optional<BootImage> image;  // fetched from elsewhere, instead of our ramdisk
  // The first lookup from its boot MAC gets the token, as Ironic has it: an ISO image made elsewhere cannot carry it.
  bool gives_token = false;
  std::optional<Time> token_given;
  std::string address;  // IP literal that the server got by DHCP for this boot; "" until then

  // How far it has come; each is the first time.
  std::optional<Time> dhcp_seen, script_fetched, kernel_fetched, initrd_fetched, iso_fetched, looked_up;
  std::optional<Time> last_heartbeat;
  std::string callback_url, verify_ca_pem, agent_version;
  std::string image_key;      // of the cached image that its agent was told to write; "": none
  uint32_t dhcp_packets = 0;  // heard from it
  // The boot loader on its way to the server; loader_bytes are those it has acknowledged by TFTP.
  std::string loader_file;
  uint64_t loader_bytes = 0, loader_size = 0;
  std::optional<Time> loader_fetched;
  RefusedRequests refused;  // from it, or in its name
  // Artefacts are given out until the agent has called: nothing else needs them after that.
  bool artefacts_open() const { return !last_heartbeat; }
};

class ExpectedBoots {
 public:
  // `secret`: at least 32 random bytes that survive restarts.
  ExpectedBoots(sys::Loop& loop, std::string secret);

  // Makes this the only boot of the host; the same boot id again keeps what is known of it.
  ExpectedBoot& expect(const std::string& uid, const std::string& boot_id, const std::string& host_name,
                       const std::string& mac, BmcBootMethod method);
  void drop(const std::string& uid);
  ExpectedBoot* find(const std::string& uid);
  const ExpectedBoot* find(const std::string& uid) const;
  ExpectedBoot* by_mac(const std::string& mac);
  ExpectedBoot* by_address(const std::string& address);
  // From now on it is this server's and nobody else's.
  void has_address(ExpectedBoot& boot, std::string address);
  ExpectedBoot* by_path_token(std::string_view token);

  // Called on the control thread when a boot has come further.
  void on_event(std::function<void(const std::string& uid)> callback) { callback_ = std::move(callback); }
  void happened(const ExpectedBoot& boot) {
    if (callback_) callback_(boot.uid);
  }
  Time now() const { return loop_.now(); }
  // Counts it, and at the host it concerns where that is known.
  void refuse(Refusal reason, ExpectedBoot* of = nullptr, uint64_t times = 1);
  // Whether it is the agent token of this boot of the host, whenever that was.
  bool is_token_of(const std::string& uid, const std::string& boot_id, std::string_view token) const;
  const std::map<std::string, std::unique_ptr<ExpectedBoot>>& all() const { return boots_; }
  RefusedRequests refused;  // in all

 private:
  std::string derive(std::string_view purpose, const std::string& uid, const std::string& boot_id) const;

  sys::Loop& loop_;
  std::string secret_;
  std::map<std::string, std::unique_ptr<ExpectedBoot>> boots_;  // by uid
  std::function<void(const std::string&)> callback_;
};

}  // namespace metal
