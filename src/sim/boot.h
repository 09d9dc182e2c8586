// One run of a server, from power-on or reset to power-off: POST, the boot order, then the agent or the installed
// system. Its fibers belong to a loop of its own, so ending it ends everything that runs on the server at once.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/agent.h"
#include "sim/body.h"
#include "sim/node/node.h"
#include "sim/server.h"
#include "sys/sim/sim.h"

namespace sim {

// What the firmware loaded instead of a disk.
struct Ramdisk {
  std::map<std::string, std::string> parameters;
  std::string ca_pem;       // from the medium; may be empty
  std::string boot_server;  // scheme://host:port of the kernel; empty for virtual media
};

class Boot : public Body {
 public:
  explicit Boot(Server& server);
  ~Boot() override;
  void start() override;
  void skip_firmware() { firmware_ = false; }  // before start(): straight into the system on the disk
  std::string state() const override;
  std::string node_name() const override;
  bool runs_software() const override { return agent_ || node_; }
  void set_kubelet(bool running) override;
  void hang() override;

 private:
  class MachineHardware;
  void run();
  void print(const std::string& line);  // on the serial console
  base::Result<void> boot_from(BootTarget target, const std::string& uri);
  base::Result<void> boot_medium(const std::string& url);
  base::Result<void> boot_network();
  base::Result<void> boot_disk();
  base::Result<void> run_agent(Ramdisk ramdisk);

  Server& server_;
  sys::Loop loop_;                     // everything below runs on it
  std::unique_ptr<sys::HostNet> net_;  // the server's own address
  sys::Sys sys_;
  std::string state_ = "POST";
  bool firmware_ = true;
  std::unique_ptr<MachineHardware> hardware_;
  std::unique_ptr<agent::Agent> agent_;
  std::unique_ptr<Node> node_;
};

}  // namespace sim
