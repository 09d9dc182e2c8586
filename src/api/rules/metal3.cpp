#include "api/rules/metal3.h"

#include <set>

#include "api/bmc_address.h"
#include "api/metal3.h"
#include "api/rules/host_annotations.h"
#include "api/rules/image.h"
#include "base/text.h"
#include "meta/formats.h"

namespace api::rules {
namespace {

std::string item_field(const std::string& field, size_t index) { return field + "[" + std::to_string(index) + "]"; }

bool inspection_is_off(const Json& doc) {
  return doc["spec"]["inspectionMode"].string() == "disabled" ||
         doc["metadata"]["annotations"][host_annotation::inspect].string() == "disabled";
}

void check_name(const Json& doc, Findings& found) {
  const std::string& name = doc["metadata"]["name"].string();
  if (!meta::has_format("uuid", name)) return;
  found.push_back(meta::field_invalid("metadata.name", name, "must not be a UUID: those name servers, not hosts"));
}

// What the BMC cannot do is said here, before a server is touched.
void check_abilities(const Json& doc, const BmcAddress& bmc, Findings& found) {
  const Json& spec = doc["spec"];
  const bool redfish = bmc.protocol == BmcProtocol::redfish;
  const std::string cannot = "the BMC's protocol, " + bmc.scheme + ", cannot do that: a Redfish address is needed";
  if (!redfish && spec["bootMode"].string() == "UEFISecureBoot") {
    found.push_back(meta::field_invalid("spec.bootMode", spec["bootMode"], cannot));
  }
  if (!redfish && !spec["raid"]["hardwareRAIDVolumes"].empty()) {
    found.push_back(meta::field_forbidden("spec.raid.hardwareRAIDVolumes", cannot));
  }
  if (!redfish && spec["inspectionMode"].string() == "fast") {
    found.push_back(meta::field_invalid("spec.inspectionMode", "fast", cannot));
  }
  if (bmc.scheme == "libvirt" && spec["bootMACAddress"].string().empty()) {
    found.push_back(meta::field_required("spec.bootMACAddress", "a libvirt domain is found by it"));
  }
}

void check_bmc(const Json& doc, Findings& found) {
  const Json& address = doc["spec"]["bmc"]["address"];
  if (address.string().empty()) return;  // unmanaged
  const auto parsed = parse_bmc_address(address.string());
  if (parsed.ok()) return check_abilities(doc, *parsed, found);
  std::string why = parsed.error().message;
  // A password in the address must not appear in answers and logs.
  if (address.string().find('@') != std::string::npos) {
    found.push_back(meta::field_forbidden(
        "spec.bmc.address", "a user name or password belongs into the Secret that bmc.credentialsName names"));
    return;
  }
  const std::string prefix = "BMC address " + base::quoted(address.string()) + ": ";
  if (why.starts_with(prefix)) why.erase(0, prefix.size());
  found.push_back(meta::field_invalid("spec.bmc.address", address, why));
}

void check_boot_mac(const Json& doc, Findings& found) {
  const Json& mac = doc["spec"]["bootMACAddress"];
  if (mac.string().empty()) {
    const bool managed = !doc["spec"]["bmc"]["address"].string().empty();
    if (!managed || !inspection_is_off(doc)) return;
    found.push_back(
        meta::field_required("spec.bootMACAddress", "without inspection there is no other way to learn it"));
  } else if (!meta::has_format("mac", mac.string())) {
    found.push_back(meta::field_invalid("spec.bootMACAddress", mac, "must be a MAC address such as 52:54:00:12:34:56"));
  }
}

void check_hardware_volumes(const Json& volumes, Findings& found) {
  for (size_t i = 0; i < volumes.size(); ++i) {
    const Json& volume = volumes.at(i);
    const Json& disks = volume["physicalDisks"];
    const std::string at = item_field("spec.raid.hardwareRAIDVolumes", i);
    if (disks.empty()) continue;
    if (volume["controller"].string().empty()) {
      found.push_back(meta::field_required(at + ".controller", "physicalDisks are names known to one controller"));
    }
    const Json& count = volume["numberOfPhysicalDisks"];
    if (!count.is_null() && count.integer() != static_cast<int64_t>(disks.size())) {
      found.push_back(meta::field_invalid(at + ".numberOfPhysicalDisks", count, "must be the number of physicalDisks"));
    }
  }
}

void check_software_volumes(const Json& spec, Findings& found) {
  const Json& volumes = spec["raid"]["softwareRAIDVolumes"];
  int roots = 0;
  for (size_t i = 0; i < volumes.size(); ++i) {
    if (!volumes.at(i)["rootVolume"].boolean()) continue;
    const std::string at = item_field("spec.raid.softwareRAIDVolumes", i);
    if (++roots > 1)
      found.push_back(meta::field_invalid(at + ".rootVolume", true, "another volume is the root volume"));
    if (volumes.at(i)["level"].string() != "1") {
      found.push_back(meta::field_invalid(at + ".level", volumes.at(i)["level"], "the root volume must have level 1"));
    }
  }
  if (roots > 0 && !spec["rootDeviceHints"].empty()) {
    found.push_back(meta::field_forbidden("spec.rootDeviceHints", "the RAID's root volume is the root device"));
  }
}

void check_raid(const Json& spec, Findings& found) {
  const Json& raid = spec["raid"];
  if (!raid["hardwareRAIDVolumes"].empty() && !raid["softwareRAIDVolumes"].empty()) {
    found.push_back(
        meta::field_forbidden("spec.raid.softwareRAIDVolumes", "may not be set along with hardwareRAIDVolumes"));
  }
  check_hardware_volumes(raid["hardwareRAIDVolumes"], found);
  check_software_volumes(spec, found);
}

void check_root_device(const Json& spec, Findings& found) {
  const Json& name = spec["rootDeviceHints"]["deviceName"];
  if (name.string().empty() || name.string().starts_with("/dev/")) return;
  found.push_back(meta::field_invalid("spec.rootDeviceHints.deviceName", name, "must be a path below /dev/"));
}

void check_interfaces(const Json& interfaces, Findings& found) {
  std::set<std::string> seen;
  for (size_t i = 0; i < interfaces.size(); ++i) {
    const Json& one = interfaces.at(i);
    const std::string at = item_field("spec.networkInterfaces", i);
    const std::string& name = one["name"].string();
    const std::string mac = base::lower(one["macAddress"].string());
    if (name.empty() == mac.empty()) {
      found.push_back(meta::field_invalid(at, one, "exactly one of name and macAddress says which interface is meant"));
    } else if (!seen.insert(name.empty() ? mac : name).second) {
      found.push_back(name.empty() ? meta::field_duplicate(at + ".macAddress", mac)
                                   : meta::field_duplicate(at + ".name", name));
    }
  }
}

void check_power(const Json& spec, Findings& found) {
  if (!spec["disablePowerOff"].boolean() || spec["online"].boolean()) return;
  found.push_back(meta::field_invalid("spec.online", false, "must be true when disablePowerOff is set"));
}

void check_host_itself(const Json& doc, Findings& found) {
  const Json& spec = doc["spec"];
  check_name(doc, found);
  check_bmc(doc, found);
  check_boot_mac(doc, found);
  if (spec.has("firmware")) {
    found.push_back(meta::field_forbidden("spec.firmware", "is gone; settings are given in HostFirmwareSettings"));
  }
  check_own_namespace(doc, {"spec.userData", "spec.networkData", "spec.metaData"}, found);
  check_raid(spec, found);
  check_root_device(spec, found);
  if (spec.has("image")) check_image(spec["image"], "spec.image", "format", found);
  check_interfaces(spec["networkInterfaces"], found);
  check_power(spec, found);
  check_host_annotations(doc, found);
}

void check_transition(const Json& doc, const Json& old, Findings& found) {
  const Json &spec = doc["spec"], &before = old["spec"];
  const std::string& state = old["status"]["provisioning"]["state"].string();
  const std::string& address = before["bmc"]["address"].string();
  const bool free = state.empty() || state == "unmanaged" || state == "registering" ||
                    old["status"]["operationalStatus"].string() == "detached";
  if (!address.empty() && spec["bmc"]["address"].string() != address && !free) {
    found.push_back(meta::field_forbidden("spec.bmc.address",
                                          "can only change while the host is registering or detached (annotation " +
                                              std::string(host_annotation::detached) + ")"));
  }
  const std::string& mac = before["bootMACAddress"].string();
  if (!mac.empty() && !base::equals_ignore_case(mac, spec["bootMACAddress"].string())) {
    found.push_back(meta::field_forbidden("spec.bootMACAddress", "field is immutable once it is set"));
  }
  const bool adopts = spec["externallyProvisioned"].boolean() && !before["externallyProvisioned"].boolean();
  if (adopts && !state.empty() && state != "available") {
    found.push_back(meta::field_forbidden("spec.externallyProvisioned",
                                          "can only be set while the host is available, not " + state));
  }
}

}  // namespace

Findings check_host(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  auto found = new_findings(doc, old, check_host_itself);
  if (old) check_transition(doc, *old, found);
  return found;
}

std::vector<std::string> warn_host(const Json& doc) {
  std::vector<std::string> out;
  const Json& spec = doc["spec"];
  if (!spec["taints"].empty()) out.emplace_back("spec.taints has no effect; set taints on Machines");
  if (!spec["hardwareProfile"].string().empty()) {
    out.emplace_back("spec.hardwareProfile is deprecated; use spec.rootDeviceHints");
  }
  return out;
}

}  // namespace api::rules
