// Where a Redfish BMC carries the server's serial console. Redfish itself only tells (ComputerSystem and Manager,
// SerialConsole); the console is reached by IPMI or SSH.
#pragma once

#include "metal/bmc/bmc.h"
#include "metal/bmc/redfish_client.h"

namespace metal {

// The UDP port of IPMI, where the console is Serial over LAN. Errors: unsupported, with what the BMC offers instead.
base::Result<uint16_t> console_by_ipmi(RedfishClient& client, const base::Json& system);

// A console and the connection of its own that it needs.
class OwnedConsole final : public Console {
 public:
  OwnedConsole(std::unique_ptr<Bmc> bmc, std::unique_ptr<Console> console)
      : bmc_(std::move(bmc)), console_(std::move(console)) {}
  base::Result<std::string> read(base::Duration limit) override { return console_->read(limit); }
  void type(std::string_view keys) override { console_->type(keys); }
  void send_break() override { console_->send_break(); }
  void close() override {
    console_->close();
    bmc_->close();
  }

 private:
  std::unique_ptr<Bmc> bmc_;
  std::unique_ptr<Console> console_;
};

}  // namespace metal
