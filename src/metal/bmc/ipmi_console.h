// Serial over LAN, the console's side (IPMI 2.0, chapter 15).
#pragma once

#include <optional>

#include "metal/bmc/console.h"
#include "metal/bmc/ipmi_session.h"
#include "wire/ipmi_sol.h"

namespace metal {

class IpmiConsole final : public Console {
 public:
  // Both must outlive this. One at a time per session, which serves nothing else meanwhile.
  IpmiConsole(sys::Sys& sys, IpmiSession& session);
  ~IpmiConsole() override;
  // Errors: conflict (another session has it, unless it may be taken), unsupported (SOL is switched off or not there),
  // forbidden, and those of the session.
  base::Result<void> open(bool take_over);

  base::Result<std::string> read(base::Duration limit) override;
  void type(std::string_view keys) override;
  void send_break() override;
  void close() override;

 private:
  base::Result<void> activate(bool take_over);
  base::Error refusal(uint8_t completion) const;
  void take(const wire::ipmi::SolPacket& packet);
  void take_text(const wire::ipmi::SolPacket& packet);
  void take_ack(const wire::ipmi::SolPacket& packet);
  void send_next();
  void send_pending();
  void end(std::string why);
  void keep_alive();

  sys::Sys& sys_;
  IpmiSession& session_;
  wire::ipmi::SolSettings settings_;
  size_t text_max_ = 0;
  bool open_ = false;
  std::optional<base::Error> ended_;
  std::string came_;
  uint8_t seen_ = 0;       // sequence number of the last packet with text
  size_t seen_bytes_ = 0;  // of it that were taken
  std::string keys_;       // not acknowledged yet
  bool break_due_ = false;
  std::optional<wire::ipmi::SolPacket> pending_;  // sent, not acknowledged
  uint8_t sequence_ = 0;
  int sends_ = 0;
  sys::TimerId retry_ = 0, alive_ = 0;
};

}  // namespace metal
