// What an agent is told, in the words that it understands: ours, or the stock ironic-python-agent, whose steps take no
// parameters that it does not know and which finds the disk itself, by the hints of the node that comes with an order.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "metal/agent_client.h"
#include "metal/inventory.h"

namespace metal {

struct AgentOrder {
  std::string name;  // "clean.execute_clean_step"
  base::Json params;
};

AgentOrder inventory_order(AgentKind kind);
// The inventory document in the answer to inventory_order.
const base::Json& inventory_of(AgentKind kind, const base::Json& result);

// `left_alone`: disks that are not erased.
AgentOrder clean_order(const std::string& host_uid, bool whole_disks,
                       const std::vector<const InventoryDisk*>& left_alone);

// `image`: image_info as docs/agent-protocol.md has it. Errors: invalid, when the disk has neither serial number nor
// WWN, so that it could be any.
base::Result<AgentOrder> write_order(AgentKind kind, const std::string& host_uid, base::Json image,
                                     const InventoryDisk& disk, const std::string& config_drive);
// What can be known of that order before anything is written. Only our agent tells it.
AgentOrder look_order(const AgentOrder& write);
// Makes the firmware's entry for the new system; it starts without one too, by its fallback path.
AgentOrder boot_entry_order();

}  // namespace metal
