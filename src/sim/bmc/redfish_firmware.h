// What a simulated BMC knows of its server's firmware: BIOS settings that wait for a reset, versions, and updates that
// go on as tasks. No power cut of the BMC takes it away.
#pragma once

#include <map>
#include <string>

#include "base/json.h"
#include "net/http.h"
#include "sim/bmc/redfish_changes.h"
#include "sim/bmc/server_controls.h"
#include "sys/sys.h"

namespace sim {

class RedfishFirmware {
 public:
  // Both must outlive this.
  RedfishFirmware(sys::Loop& loop, ServerControls& server, std::string system_path);

  const std::string& bios_path() const { return bios_; }
  std::string bios_version() const;
  std::string bmc_version() const;
  base::Json bios() const;
  base::Json bios_settings() const;
  base::Json registry_file() const;
  base::Json registry() const;
  base::Json update_service() const;
  base::Json component(const std::string& id) const;  // "BIOS" or "BMC"
  base::Json task(const std::string& id) const;       // null: there is none
  std::vector<std::string> tasks() const;

  void booted();  // settings that were waiting are in force
  RedfishProblem change_bios(const base::Json& body);
  // Begins an update; `id` becomes the task's.
  RedfishProblem simple_update(const base::Json& body, std::string& id);
  RedfishProblem push(const net::Request& request, std::string& id);

 private:
  struct Task {
    base::Time end;
    std::string component, version;
  };
  void settle() const;  // updates whose time has come
  RedfishProblem begin(const base::Json& targets, const std::string& file, std::string& id);

  sys::Loop& loop_;
  ServerControls& server_;
  std::string bios_;
  base::Json values_, pending_ = base::Json::object();
  mutable std::map<std::string, std::string> versions_;  // by component, where they differ from the server's
  std::map<std::string, Task> tasks_;
};

}  // namespace sim
