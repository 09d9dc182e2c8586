#include "metal/guard.h"

#include <algorithm>

#include "base/text.h"
#include "metal/raid.h"

namespace metal {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;
namespace state = api::host_state;

namespace {

Error refuse(const Intent& intent, const std::string& why, std::string fix = {}) {
  return Error{Code::conflict, "refused to " + std::string(name_of(intent.act)) + ": " + why, Layer::controller,
               std::move(fix)};
}

std::string_view state_of(OperationKind kind) {
  switch (kind) {
    case OperationKind::inspect:
      return state::inspecting;
    case OperationKind::prepare:
      return state::preparing;
    case OperationKind::provision:
      return state::provisioning;
    case OperationKind::deprovision:
      return state::deprovisioning;
    case OperationKind::service:
      return state::provisioned;
    case OperationKind::none:
      return "?";
  }
  return "?";
}

Result<void> host_allows(const Intent& intent, const HostFacts& host) {
  if (!host.exists) return refuse(intent, "the host is gone");
  if (host.uid != intent.uid) return refuse(intent, "the name belongs to another host now");
  if (!host.durable) return refuse(intent, "the host's state is not durable yet");
  if (host.paused) return refuse(intent, "the host is paused", "remove the paused annotation");
  if (host.detached) return refuse(intent, "the host is detached", "remove the detached annotation");
  return {};
}

// The operation that the durable state asks for is the one the job was started for, at the same milestone.
Result<void> ordered(const Intent& intent, const HostFacts& host) {
  const Operation& wanted = intent.operation;
  if (wanted.kind == OperationKind::none || wanted.id.empty()) return refuse(intent, "no operation orders it");
  if (host.operation.kind != wanted.kind || host.operation.id != wanted.id) {
    return refuse(intent, "the host's recorded operation is another one");
  }
  if (host.operation.milestone != wanted.milestone) {
    return refuse(intent, "the operation has already reached " + std::string(name_of(host.operation.milestone)));
  }
  if (host.state != state_of(wanted.kind)) return refuse(intent, "the host is " + base::quoted(host.state));
  if (host.externally_provisioned) {
    return refuse(intent, "the host is externally provisioned", "set spec.externallyProvisioned to false");
  }
  if (host.deleting && wanted.kind != OperationKind::deprovision) return refuse(intent, "the host is being deleted");
  return {};
}

Result<void> fits_operation(const Intent& intent, const HostFacts& host) {
  const OperationKind kind = intent.operation.kind;
  const Milestone milestone = intent.operation.milestone;
  switch (intent.act) {
    case Act::boot_agent:
      if (kind == OperationKind::service) return refuse(intent, "this operation needs no agent");
      if (milestone != Milestone::ordered && !(milestone == Milestone::staged && kind == OperationKind::prepare) &&
          !(milestone == Milestone::writing && kind == OperationKind::provision)) {
        return refuse(intent, "the operation needs no agent any more");
      }
      break;
    case Act::wipe:
      if (kind != OperationKind::prepare && kind != OperationKind::deprovision) {
        return refuse(intent, "this operation never wipes");
      }
      if (milestone != Milestone::ordered) return refuse(intent, "the disks are wiped already");
      break;
    case Act::aim_image:
    case Act::write_image:
      if (kind != OperationKind::provision) return refuse(intent, "this operation writes no image");
      if (milestone == Milestone::written) return refuse(intent, "the image is written already");
      if (milestone != (intent.act == Act::aim_image ? Milestone::ordered : Milestone::writing)) {
        return refuse(intent, "the operation has not come so far");
      }
      break;
    case Act::boot_disk:
      if (kind != OperationKind::provision || milestone != Milestone::written) {
        return refuse(intent, "no complete image is recorded");
      }
      break;
    case Act::change_firmware:
      if (kind != OperationKind::prepare && kind != OperationKind::service) {
        return refuse(intent, "this operation changes no firmware");
      }
      if (milestone == Milestone::staged) return refuse(intent, "the BMC has the changes already");
      if (kind == OperationKind::service) return {};  // the image stays as it is
      break;
    case Act::change_volumes:
      if (kind != OperationKind::prepare) return refuse(intent, "this operation changes no RAID volumes");
      if (milestone != Milestone::ordered) return refuse(intent, "the disks are prepared already");
      if (host.raid.empty()) return refuse(intent, "the spec leaves the RAID volumes alone");
      if (host.raid != intent.raid) return refuse(intent, "the spec asks for other RAID volumes now");
      break;
    case Act::power_on:
    case Act::power_off:
    case Act::restart:
      break;
  }
  if (intent.act != Act::boot_disk && host.has_image && kind != OperationKind::deprovision) {
    return refuse(intent, "status.provisioning.image says that an image is deployed", "deprovision the host first");
  }
  return {};
}

Result<void> allow_power(const Intent& intent, const HostFacts& host) {
  const bool steady = host.state == state::available || host.state == state::ready ||
                      host.state == state::provisioned || host.state == state::externally_provisioned;
  if (intent.act == Act::power_on) {
    if (!steady) return refuse(intent, "the host is " + base::quoted(host.state));
    if (!host.online) return refuse(intent, "spec.online is false");
    return {};
  }
  if (intent.act == Act::restart) {
    if (!steady) return refuse(intent, "the host is " + base::quoted(host.state));
    if (!host.online || !host.reboot_requested) return refuse(intent, "no reboot is asked for");
    return {};
  }
  if (!host.power_off_allowed) return refuse(intent, "spec.disablePowerOff is set");
  if (steady && host.online && !host.reboot_requested) {
    return refuse(intent, "spec.online is true and no reboot is asked for");
  }
  const bool ending = host.state == state::powering_off && host.deleting;
  const bool cleaned = host.state == state::deprovisioning && host.operation.kind == OperationKind::deprovision &&
                       host.operation.milestone == Milestone::cleaned;
  if (!steady && !ending && !cleaned) return refuse(intent, "the host is " + base::quoted(host.state));
  return {};
}

bool same_disk(const InventoryDisk& found, const api::HardwareDisk& recorded) {
  const auto& names = recorded.alternate_names;
  const bool name = recorded.name == found.name || recorded.name == found.by_path ||
                    std::find(names.begin(), names.end(), found.name) != names.end();
  return name && base::equals_ignore_case(recorded.serial_number, found.serial) &&
         base::equals_ignore_case(recorded.wwn, found.wwn);
}

}  // namespace

std::string_view name_of(Act act) {
  switch (act) {
    case Act::boot_agent:
      return "boot the deploy agent";
    case Act::wipe:
      return "wipe the disks";
    case Act::aim_image:
      return "choose the disk for the image";
    case Act::write_image:
      return "write the image";
    case Act::boot_disk:
      return "boot from disk";
    case Act::power_on:
      return "power on";
    case Act::power_off:
      return "power off";
    case Act::restart:
      return "restart";
    case Act::change_firmware:
      return "change firmware";
    case Act::change_volumes:
      return "change RAID volumes";
  }
  return "act";
}

HostFacts facts_of(const api::BareMetalHost& host, bool durable) {
  HostFacts facts;
  facts.exists = true;
  facts.durable = durable;
  facts.uid = host.meta.uid;
  facts.state = host.status.provisioning.state;
  facts.operation = Operation::read(host.status.conditions);
  facts.deleting = host.meta.deleting();
  facts.paused = host.meta.has_annotation(api::host_annotation::paused);
  facts.detached = host.status.operational_status == "detached";
  facts.externally_provisioned = host.spec.externally_provisioned || facts.state == state::externally_provisioned;
  facts.online = host.spec.online;
  facts.power_off_allowed = !host.spec.disable_power_off;
  for (const auto& [key, value] : host.meta.annotations) {
    if (key == api::host_annotation::reboot || key.starts_with(std::string(api::host_annotation::reboot) + "/")) {
      facts.reboot_requested = true;
    }
  }
  facts.has_image = host.status.provisioning.image && !host.status.provisioning.image->url.empty();
  facts.boot_mac = base::lower(host.spec.boot_mac_address);
  facts.hardware = host.status.hardware;
  if (const auto& volumes = host.spec.raid["hardwareRAIDVolumes"]; volumes.is_array())
    facts.raid = raid_digest(volumes);
  return facts;
}

Result<void> same_machine(const Inventory& agent, const HostFacts& host) {
  const auto differs = [](const std::string& why) {
    return Error{Code::conflict, "the agent does not run on the recorded machine: " + why, Layer::agent,
                 "check spec.bmc.address and spec.bootMACAddress, then inspect the host again"};
  };
  const auto has_mac = [&](const std::string& mac) {
    return std::find(agent.macs.begin(), agent.macs.end(), base::lower(mac)) != agent.macs.end();
  };
  if (!host.boot_mac.empty() && !has_mac(host.boot_mac)) {
    return differs("it has no NIC with boot MAC " + host.boot_mac);
  }
  bool proven = !host.boot_mac.empty();
  if (host.hardware) {
    const std::string& serial = host.hardware->system_vendor.serial_number;
    if (!serial.empty() && serial != agent.system_serial) {
      return differs("its serial number is " + agent.system_serial + ", not " + serial);
    }
    const auto& nics = host.hardware->nics;
    const bool shared = std::any_of(nics.begin(), nics.end(), [&](const auto& nic) { return has_mac(nic.mac); });
    if (!nics.empty() && !shared) return differs("none of its NICs is among those of the last inspection");
    proven = proven || !serial.empty() || shared;
  }
  if (!proven) return differs("neither a boot MAC nor inspected hardware is recorded to compare with");
  return {};
}

std::vector<const InventoryDisk*> strange_disks(const Inventory& agent, const HostFacts& host) {
  std::vector<const InventoryDisk*> out;
  if (host.has_image || !host.hardware || host.hardware->storage.empty()) return out;
  const auto& storage = host.hardware->storage;
  for (const auto& disk : agent.disks) {
    const bool nameless = disk.serial.empty() && disk.wwn.empty();
    const bool known = std::any_of(storage.begin(), storage.end(), [&](const api::HardwareDisk& recorded) {
      return base::equals_ignore_case(recorded.serial_number, disk.serial) &&
             base::equals_ignore_case(recorded.wwn, disk.wwn);
    });
    if (!known && !nameless) out.push_back(&disk);
  }
  return out;
}

Result<void> allow(const Intent& intent, const HostFacts& host) {
  TRY(host_allows(intent, host));
  if (intent.act == Act::power_on || intent.act == Act::power_off || intent.act == Act::restart) {
    return allow_power(intent, host);
  }
  TRY(ordered(intent, host));
  TRY(fits_operation(intent, host));
  if (intent.act == Act::boot_agent || intent.act == Act::boot_disk || intent.act == Act::change_firmware) return {};

  if (!intent.agent) return refuse(intent, "no inventory of the machine is at hand");
  TRY(same_machine(*intent.agent, host));
  if (intent.act != Act::aim_image && intent.act != Act::write_image) return {};
  if (!intent.disk) return refuse(intent, "no disk was chosen");
  const InventoryDisk& disk = *intent.disk;
  if (disk.serial.empty() && disk.wwn.empty()) {
    return refuse(intent, "disk " + disk.name + " has neither serial number nor WWN to know it by");
  }
  if (host.hardware && !host.hardware->storage.empty()) {
    const auto& storage = host.hardware->storage;
    if (std::none_of(storage.begin(), storage.end(), [&](const auto& known) { return same_disk(disk, known); })) {
      return refuse(intent, "disk " + disk.name + " (serial " + disk.serial + ") is not as it was at inspection",
                    "inspect the host again");
    }
  }
  return {};
}

}  // namespace metal
