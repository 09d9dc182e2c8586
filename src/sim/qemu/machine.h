// A server whose body is a QEMU process: started when its BMC switches it on, killed when it takes the power away.
// Disks, UEFI variables and the serial console's text are files that stay.
#pragma once

#include <memory>
#include <string>

#include "sim/body.h"
#include "sim/qemu/command.h"
#include "sim/qemu/qmp.h"
#include "sim/server.h"
#include "sys/process.h"

namespace sim {

class QemuBody : public Body {
 public:
  QemuBody(Server& server, sys::Programs& programs, QemuOptions options);
  ~QemuBody() override;
  void start() override;
  std::string state() const override { return state_; }
  std::string node_name() const override { return ""; }
  bool runs_software() const override { return running_; }
  void set_kubelet(bool) override {}
  bool press_power_button() override;
  void hang() override;  // the processors stop

 private:
  void run();
  base::Result<void> prepare(QemuMachine& machine);
  base::Result<void> load_media(QemuMachine& machine);
  base::Result<int> live(const QemuMachine& machine);
  base::Result<uint16_t> listen_to_console();
  void serve_console(sys::Listener& listener);
  void event(const std::string& name, const base::Json& data);

  Server& server_;
  sys::Programs& programs_;
  QemuOptions options_;
  sys::Loop loop_;  // its fibers end with it
  std::unique_ptr<sys::Program> program_;
  std::unique_ptr<Qmp> qmp_;
  std::shared_ptr<sys::Listener> console_;  // QEMU connects to it
  std::string state_ = "starting";
  bool running_ = false;
  bool wants_reset_ = false;  // the guest asked for a reset, as opposed to a power-off
};

// The disks of servers with a body of QEMU's: their sizes, and no NVMe serials that QEMU would cut.
void fit_to_qemu(ServerSpec& spec, const QemuOptions& options);

}  // namespace sim
