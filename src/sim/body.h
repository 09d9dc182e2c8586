// One run of a server, from power-on or reset to power-off: what its BMC switches on and off. Simulated (boot.h) or a
// QEMU process (qemu/machine.h). Destroying it takes the power away at once.
#pragma once

#include <string>

namespace sim {

class Body {
 public:
  virtual ~Body() = default;
  virtual void start() = 0;
  virtual std::string state() const = 0;      // "POST", "agent: write_image 42 %"
  virtual std::string node_name() const = 0;  // "" while it is no node
  // Whether there is something that a request to shut down reaches.
  virtual bool runs_software() const = 0;
  virtual void set_kubelet(bool running) = 0;
  // The power button as the operating system sees it. True: the machine itself will tell when it is off
  // (Server::power_off_soon); false: the model of the server decides.
  virtual bool press_power_button() { return false; }
  virtual void hang() = 0;  // the software stops where it is; nothing but a reset helps
};

}  // namespace sim
