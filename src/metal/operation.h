// The order a host is under, as its status records it: condition "Operation", written in the same write as the state it
// belongs to. It is what makes slow work restartable: an operation is started only when its id is durable, a restarted
// process finds the id again, and a step that must not happen twice (a wipe, an image write) leaves a milestone here
// before anything after it may begin.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/objects.h"

namespace metal {

enum class OperationKind : unsigned char { none, inspect, prepare, provision, deprovision, service };
enum class Milestone : unsigned char {
  ordered,  // nothing has been changed on the server's disks under this id yet, as far as is recorded
  cleaned,  // prepare, deprovision: the disks are wiped
  written,  // provision: image and config drive are on the disk and verified
  staged,   // the BMC has new firmware and settings for the next restart (service; prepare, whose disks are clean)
  writing,  // provision: the agent may have been told to write; whoever gives it up has disks to clean
};
std::string_view name_of(OperationKind kind);
std::string_view name_of(Milestone milestone);

struct Operation {
  OperationKind kind = OperationKind::none;
  std::string id;  // random UUID; a retry after a failure gets a new one
  Milestone milestone = Milestone::ordered;
  // The boot of the deploy ramdisk that serves this host, "" when none was ordered. It outlives the operation while the
  // agent is kept for the next one.
  std::string boot_id;
  bool changing_volumes = false;  // a BMC may have been told to change RAID volumes, perhaps at the next restart
  bool operator==(const Operation&) const = default;

  // What the conditions say; kind none when there is no (readable) record.
  static Operation read(const std::vector<api::Condition>& conditions);
  // Replaces the record. An operation without id and boot removes it.
  void write(std::vector<api::Condition>& conditions, base::Time now) const;
};

inline constexpr std::string_view operation_condition = "Operation";

}  // namespace metal
