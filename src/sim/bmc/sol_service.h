// The BMC's side of Serial over LAN: its commands and settings, who has the console, and the packets to and from there
// (IPMI 2.0, chapters 15, 24 and 26). Sealing and sessions are ipmi_front.cpp's.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sim/bmc/ipmi_commands.h"
#include "sim/bmc/profile.h"
#include "sim/bmc/serial_port.h"
#include "sys/sys.h"
#include "wire/ipmi_sol.h"

namespace sim {

class SolService {
 public:
  using Send = std::function<void(uint32_t session, const wire::ipmi::SolPacket& packet)>;
  // `port`: the server's, null when it has none. Both must outlive this.
  SolService(sys::Loop& loop, SerialPort* port, const BmcProfile& profile, Send send);
  ~SolService();
  SolService(const SolService&) = delete;

  static std::optional<wire::ipmi::Privilege> needs(wire::ipmi::CommandId id);  // nullopt: none of these commands
  IpmiReply run(uint32_t session, const wire::ipmi::Command& command, uint16_t udp_port);
  void receive(uint32_t session, std::string_view payload);
  void session_ended(uint32_t session);
  void forget();  // the BMC restarted: the settings stay
  void end();     // lets go of the server's port
  bool active() const { return holder_ != 0; }

 private:
  IpmiReply activate(uint32_t session, std::string_view data, uint16_t udp_port);
  IpmiReply deactivate(uint32_t session, std::string_view data);
  IpmiReply configure(std::string_view data);
  IpmiReply configuration(std::string_view data, uint16_t udp_port) const;
  IpmiReply support(const wire::ipmi::Command& command) const;
  void printed(std::string_view text);
  void send(const wire::ipmi::SolPacket& packet);
  bool drops();
  void send_text();
  void send_pending();
  void take_ack(const wire::ipmi::SolPacket& packet);
  void take_keys(const wire::ipmi::SolPacket& packet);
  void stop();

  sys::Loop& loop_;
  SerialPort* port_;
  BmcProfile profile_;
  Send send_;
  wire::ipmi::SolSettings settings_;
  uint8_t progress_ = 0;
  uint32_t holder_ = 0;  // session; 0: nobody
  std::string text_;     // printed and not acknowledged
  bool overrun_ = false;
  std::optional<wire::ipmi::SolPacket> pending_;
  uint8_t sequence_ = 0, seen_ = 0, seen_taken_ = 0;
  int sends_ = 0, packets_ = 0;
  sys::TimerId gather_ = 0, retry_ = 0;
};

}  // namespace sim
