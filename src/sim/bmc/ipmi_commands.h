// What the simulated BMC answers to IPMI commands: the part of it that is the same whoever asks. Sessions and packets
// are ipmi_front.cpp's.
#pragma once

#include <functional>
#include <optional>

#include "sim/bmc/profile.h"
#include "sim/bmc/server_controls.h"
#include "sys/sys.h"
#include "wire/ipmi_command.h"
#include "wire/ipmi_rakp.h"

namespace sim {

struct IpmiReply {
  uint8_t completion = 0;
  std::string data;
};

class IpmiCommands {
 public:
  // Both must outlive this.
  IpmiCommands(sys::Loop& loop, ServerControls& server, const BmcProfile& profile = {});
  ~IpmiCommands();
  IpmiCommands(const IpmiCommands&) = delete;

  // The level that the command needs at least; nullopt for commands this BMC does not know.
  static std::optional<wire::ipmi::Privilege> needs(wire::ipmi::CommandId id);
  IpmiReply run(const wire::ipmi::Command& command);
  void forget();  // the BMC restarted: boot option parameters other than the flags return to their defaults

 private:
  IpmiReply device_id() const;
  IpmiReply chassis_control(std::string_view data);
  IpmiReply set_boot_options(std::string_view data);
  IpmiReply set_boot_flags(std::string_view data);
  IpmiReply get_boot_options(std::string_view data) const;
  IpmiReply fru(const wire::ipmi::Command& command) const;
  IpmiReply sel(const wire::ipmi::Command& command);
  void clear_flags_later();

  sys::Loop& loop_;
  ServerControls& server_;
  BmcProfile profile_;
  bool acknowledged_ = false;     // parameter 4 was written in this set-in-progress
  std::string flags_rest_;        // data 3 to 5 of the boot flags, as they were set
  uint8_t progress_ = 0;          // parameter 0
  uint8_t clearing_ = 0;          // parameter 3
  uint8_t last_event_ = 0;        // chassis status byte 2
  int64_t sel_clock_offset_ = 0;  // seconds
  sys::TimerId flags_timer_ = 0;
};

}  // namespace sim
