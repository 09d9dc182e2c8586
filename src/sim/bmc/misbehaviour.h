// Makes a well-behaved Redfish front behave as its profile says: it sees every request before the service does and
// every answer before the client does.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "net/http.h"
#include "sim/bmc/profile.h"
#include "sim/bmc/redfish_message.h"
#include "sim/bmc/server_controls.h"
#include "sys/sys.h"

namespace sim {

std::string packed(const std::string& text);  // as gzip

class Misbehaviour {
 public:
  // `loop` and `server` must outlive this.
  Misbehaviour(sys::Loop& loop, ServerControls& server, BmcProfile profile, std::string system_path);
  ~Misbehaviour();
  Misbehaviour(const Misbehaviour&) = delete;

  struct Instead {
    std::optional<net::Response> response;
    bool hang_up = false;
    bool restart = false;  // of the BMC; implies hang_up
  };
  // What happens instead of the service's own answer to `request`, which may be changed on its way there. The service
  // must have answered (or not) before the next call.
  Instead before(net::Request& request, const sys::Address& peer);
  void after(net::Response& response);
  const BmcProfile& profile() const { return profile_; }

 private:
  using Answer = std::optional<net::Response>;
  Answer transport(const net::Request& request);
  Answer login(const net::Request& request);
  Answer task(const net::Request& request);
  Answer reset(const net::Request& request);
  Answer patch(net::Request& request);
  Answer change_boot(net::Request& request);
  Answer boot_refusal(const base::Json& boot);
  Answer media(const net::Request& request);
  Answer insert(const base::Json& body);
  Answer other_drive(const net::Request& request);
  net::Response begin_task(base::Duration span);
  void forget_boot_later();

  void change_document(base::Json& document);
  void change_system(base::Json& system);
  void change_manager(base::Json& manager);
  void change_drive(base::Json& drive);
  void change_collection(base::Json& collection);
  void change_error(base::Json& body);
  void change_etag(net::Response& response, base::Json& document);

  sys::Loop& loop_;
  ServerControls& server_;
  BmcProfile profile_;
  std::string system_, settings_;  // paths
  // Of the present request.
  std::string path_, method_;
  size_t page_ = 0;
  bool as_settings_ = false, as_conflict_ = false, as_task_ = false;
  // Of all.
  int requests_ = 0, busy_changes_ = 0, post_lock_ = 0, forgets_boots_ = 0;
  std::set<std::string> peers_;
  std::map<std::string, int> token_uses_;
  std::map<std::string, base::Time> tasks_;  // by path, when they end
  std::optional<base::Time> turned_off_, ejected_;
  std::string stale_image_;
  sys::TimerId boot_timer_ = 0, insert_timer_ = 0;
};

}  // namespace sim
