// One RMCP+ session with a BMC over UDP: opened when first needed, reused, opened again when the BMC forgot it.
// Source: IPMI 2.0 revision 1.1, sections 6.12, 13 and 22.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metal/bmc/bmc.h"
#include "metal/bmc/quirks.h"
#include "wire/ipmi_command.h"
#include "wire/ipmi_packet.h"
#include "wire/ipmi_rakp.h"
#include "wire/ipmi_sol.h"

namespace metal {

class IpmiSession {
 public:
  IpmiSession(sys::Sys& sys, sys::Net& net, BmcAddress address, BmcCredentials credentials, BmcLimits limits);
  ~IpmiSession();
  IpmiSession(const IpmiSession&) = delete;

  enum class Repeat : unsigned char {
    freely,    // running it twice is harmless
    carefully  // never after the session had to be opened again: it may have been carried out
  };
  // The answer, whatever its completion code; codes that ask for patience (node busy and the like) are retried first.
  // Errors as in bmc.h.
  base::Result<wire::ipmi::Answer> ask(wire::ipmi::CommandId id, std::string data, Repeat repeat = Repeat::freely);
  // The same, but any completion code other than 00h is an error that names it.
  base::Result<std::string> data_of(wire::ipmi::CommandId id, std::string data, Repeat repeat = Repeat::freely);
  base::Error refusal(wire::ipmi::CommandId id, uint8_t completion) const;
  base::Error failed(base::Code code, const std::string& what) const;

  // ---- For the serial console, which lives with the session. Only receive() and tell() park.
  // Takes the SOL packets that come during receive() and while the answer to a command is waited for.
  void on_sol(std::function<void(const wire::ipmi::SolPacket&)> sink) { sol_sink_ = std::move(sink); }
  void send_sol(const wire::ipmi::SolPacket& packet);
  base::Result<void> receive(base::Duration limit);              // one datagram, whatever it is; timeout
  void ask_for_life();                                           // a command whose answer only has to come
  base::Time heard() const { return used_; }                     // when the BMC was last heard in this session
  void tell(wire::ipmi::CommandId id, const std::string& data);  // a command that may go unanswered

  const std::string& guid() const { return guid_; }  // 16 bytes as the BMC sent them; empty before a session
  void close();                                      // tells the BMC; parks
  Quirks& quirks() { return quirks_; }

 private:
  using Accept = std::function<bool(const wire::ipmi::Packet&)>;
  struct Patience {
    int sends;
    base::Duration first_wait;
  };
  base::Result<void> open_socket();
  // Sends what `make` gives (again for each try) until `accept` takes a packet.
  base::Result<void> exchange(const std::string& what, Patience patience, const std::function<std::string()>& make,
                              const Accept& accept);
  base::Result<wire::ipmi::Answer> ask_outside(wire::ipmi::CommandId id, const std::string& data, Patience patience);
  base::Result<std::vector<wire::ipmi::Suite>> choose_suites();
  base::Result<void> open();
  base::Result<void> open_with(wire::ipmi::Suite suite, bool last);
  base::Result<void> authenticate(wire::ipmi::Exchange& exchange);
  base::Result<wire::ipmi::Rakp2> rakp1_and_2(wire::ipmi::Exchange& state);
  base::Result<wire::ipmi::Rakp4> rakp3_and_4(const wire::ipmi::Exchange& state);
  base::Result<void> raise_privilege();
  base::Result<wire::ipmi::Answer> ask_inside(wire::ipmi::CommandId id, const std::string& data, Patience patience);
  base::Result<wire::ipmi::Answer> ask_once(wire::ipmi::CommandId id, const std::string& data, Repeat repeat);
  std::string seal(const std::string& payload, wire::ipmi::PayloadType type = wire::ipmi::PayloadType::message);
  std::optional<wire::ipmi::Packet> decode(std::string_view datagram);
  // The message inside a packet of this session; SOL goes to its sink instead.
  std::optional<std::string> open_message(const wire::ipmi::Packet& packet);
  void abandon();  // forgets the session, telling the BMC without waiting
  base::Result<void> keep_gap();
  Patience patience() const { return {limits_.ipmi_sends_max, limits_.ipmi_reply_limit}; }
  wire::ipmi::Privilege privilege() const;
  base::Error refused_by_status(wire::ipmi::RakpStatus status, const std::string& step) const;

  sys::Sys& sys_;
  sys::Net& net_;
  BmcAddress address_;
  BmcCredentials credentials_;
  BmcLimits limits_;
  sys::Address peer_;
  Quirks quirks_;
  std::unique_ptr<sys::Datagram> socket_;
  std::vector<wire::ipmi::Suite> suites_;  // what is worth trying with this BMC, best first
  bool active_ = false;
  wire::ipmi::SessionKeys keys_;
  uint32_t console_id_ = 0, bmc_id_ = 0;
  uint32_t sent_ = 0;
  wire::ipmi::SequenceWindow window_;
  uint8_t message_number_ = 0, tag_ = 0;
  base::Time used_;
  std::optional<base::Time> last_command_;
  bool close_together_ = false;  // the present command came soon after the one before
  std::string guid_;
  std::function<void(const wire::ipmi::SolPacket&)> sol_sink_;
};

}  // namespace metal
