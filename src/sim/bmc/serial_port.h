// A server's serial port as its BMC has it: what the server prints goes to whoever listens (nobody: it is lost, as on
// hardware), what is typed goes to what runs on the server.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace sim {

struct SerialPort {
  void print(std::string_view text) const {
    if (on_text) on_text(text);
  }
  void type(std::string_view keys) const {
    if (on_keys) on_keys(keys);
  }
  void send_break() const {
    if (on_break) on_break();
  }
  uint16_t ipmi_port = 0;                         // where the BMC offers it by Serial over LAN; 0: nowhere
  std::function<void(std::string_view)> on_text;  // the BMC's
  std::function<void(std::string_view)> on_keys;  // those of the server's software
  std::function<void()> on_break;
};

}  // namespace sim
