// The agent's commands. One runs at a time (409 while busy); quick ones answer at once, the others RUNNING with
// progress in command_result:
//   inspection.collect {}                         -> {"inventory": {...}}
//   clean.execute_clean_step {step:{step: erase_devices_metadata | erase_devices}}
//   deploy.execute_deploy_step {step:{step: write_image, args:{image_info, root_device, configdrive}}}
//   standby.run_image {kexec?}                   kexec: without the firmware where that can be, {"kexec"} or
//                                                {"kexec_refused": why} (then it restarts)
//   standby.power_off {}, standby.sync {}
//   log.collect_system_logs {}                   -> {"system_logs": base64 of a gzip-compressed tar}; also while busy
// image_info: {id, urls|url, os_hash_algo, os_hash_value, disk_format}; root_device: {name, serial, wwn}, and the disk
// of that name must have that serial and wwn.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/hardware.h"
#include "sys/fiber.h"

namespace agent {

enum class CommandStatus : unsigned char { running, succeeded, failed };

struct Command {
  std::string id, name;
  std::string operation;  // params.ingot_operation: the manager's order this belongs to; may be empty
  CommandStatus status = CommandStatus::running;
  Json result;  // progress while running
  std::optional<base::Error> error;
  Json document() const;  // as the protocol shows it
};

class Commands {
 public:
  Commands(sys::Sys& sys, Hardware& hardware, std::function<void(const Command&)> on_end);
  // Errors: bad_request (unknown command or bad parameters), conflict (busy). With `wait` parks until the command
  // ended. A command that was already given for the same params.ingot_operation is not run again: its first run is the
  // answer, whatever became of it, so a manager that lost an answer (or itself) may safely ask once more.
  Result<std::shared_ptr<const Command>> start(const std::string& name, const Json& params, bool wait);
  std::shared_ptr<const Command> find(const std::string& id) const;
  const std::vector<std::shared_ptr<Command>>& all() const { return commands_; }
  std::string doing() const;  // of the running one, else ""

 private:
  using Work = std::function<Result<Json>(Command&)>;
  Result<Work> work_for(const std::string& name, const Json& params);
  Result<Work> clean_step(const Json& params);
  Result<Work> write_step(const Json& params);
  Result<Json> look_at_image_for(const Json& args);
  Result<Json> write_image_to(Command& command, const Json& args);
  Result<void> check_erasable(const std::vector<DiskIdentity>& disks);
  Result<Json> erase_all(Command& command, bool whole, const Json::Array& skipped);
  Result<Json> run_image(bool kexec);
  Result<Json> load_installed();
  Json inventory();
  Result<std::shared_ptr<const Command>> collect_logs();
  std::string history() const;
  Result<DiskIdentity> root_device(const Json& wanted);

  sys::Sys& sys_;
  Hardware& hardware_;
  std::function<void(const Command&)> on_end_;
  std::vector<std::shared_ptr<Command>> commands_;  // oldest first, bounded
  std::shared_ptr<Command> running_;
  std::string installed_;  // the disk whose image was written whole; empty: none
};

}  // namespace agent
