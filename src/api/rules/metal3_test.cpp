#include "api/rules/metal3.h"

#include "api/rules/test_rules.h"

using namespace api::rules;

namespace {

const Subject& host() {
  static const Subject subject("baremetalhosts.metal3.io", R"(
metadata: {name: server-1, namespace: ns}
spec:
  online: true
  bootMACAddress: 52:54:00:12:34:56
  bmc: {address: "redfish-virtualmedia://10.0.0.1/redfish/v1/Systems/1", credentialsName: bmc}
)");
  return subject;
}

std::string annotated(const std::string& key, const std::string& value, const std::string& spec = "{}") {
  Json doc = Json::object();
  doc.child("metadata").child("annotations").set(key, value);
  doc.set("spec", parsed(spec));
  return host().created(doc.dump());
}

}  // namespace

TEST_CASE("BareMetalHost: rules") {
  const std::string redfish = ": the BMC's protocol, ipmi, cannot do that: a Redfish address is needed";
  const std::string ipmi = "bmc: {address: \"ipmi://10.0.0.1\"}, ";
  const std::pair<std::string, std::string> cases[] = {
      {"bmc: null", ""},
      {"bmc: {address: 10.0.0.1}", ""},
      {"bmc: {address: \"ilo4://10.0.0.1\"}",
       "spec.bmc.address: Invalid value: \"ilo4://10.0.0.1\": unknown scheme \"ilo4\"; supported are ipmi, libvirt, "
       "redfish, redfish-virtualmedia, redfish-uefihttp, ilo5-redfish, ilo5-virtualmedia, idrac-redfish, "
       "idrac-virtualmedia, the Redfish ones also with +http or +https"},
      {"bmc: {address: \"redfish://bad_host!/\"}",
       "spec.bmc.address: Invalid value: \"redfish://bad_host!/\": \"bad_host!\" is not a host name or IP address"},
      {"bmc: {address: \"redfish://root:secret@10.0.0.1/\"}",
       "spec.bmc.address: Forbidden: a user name or password belongs into the Secret that bmc.credentialsName names"},
      {"bootMACAddress: null", ""},
      {"bmc: {address: \"libvirt://10.0.0.1:6233/\"}", ""},
      {"bmc: {address: \"libvirt://10.0.0.1:6233/\"}, bootMACAddress: null",
       "spec.bootMACAddress: Required value: a libvirt domain is found by it"},
      {"inspectionMode: disabled", ""},
      {"inspectionMode: disabled, bootMACAddress: null",
       "spec.bootMACAddress: Required value: without inspection there is no other way to learn it"},
      {"inspectionMode: disabled, bootMACAddress: null, bmc: null", ""},
      {"bootMACAddress: \"x52:54:00:12:34:56\"",
       "spec.bootMACAddress: Invalid value: \"x52:54:00:12:34:56\": must be a MAC address such as 52:54:00:12:34:56"},
      {"inspectionMode: fast", ""},
      {ipmi + "inspectionMode: fast", "spec.inspectionMode: Invalid value: \"fast\"" + redfish},
      {"bootMode: UEFISecureBoot", ""},
      {ipmi + "bootMode: UEFISecureBoot", "spec.bootMode: Invalid value: \"UEFISecureBoot\"" + redfish},
      {"raid: {hardwareRAIDVolumes: [{level: \"1\"}]}", ""},
      {ipmi + "raid: {hardwareRAIDVolumes: [{level: \"1\"}]}", "spec.raid.hardwareRAIDVolumes: Forbidden" + redfish},
      {"firmware: {sriovEnabled: true}",
       "spec.firmware: Forbidden: is gone; settings are given in HostFirmwareSettings"},
      {"userData: {name: s, namespace: ns}, networkData: {name: s}", ""},
      {"userData: {name: s, namespace: other}",
       "spec.userData.namespace: Invalid value: \"other\": must be the namespace of the object itself, \"ns\""},
      {"rootDeviceHints: {deviceName: /dev/disk/by-path/pci-0}", ""},
      {"rootDeviceHints: {deviceName: sda}",
       "spec.rootDeviceHints.deviceName: Invalid value: \"sda\": must be a path below /dev/"},
      {"image: {url: \"https://images/a\", checksum: \"https://images/a.md5\"}", ""},
      {"image: {url: \"https://images/a\", format: live-iso}", ""},
      {"image: {url: \"https://images/a\"}",
       "spec.image.checksum: Required value: what is written to a disk has to be verified"},
      {"image: {url: a, checksum: b}",
       "spec.image.url: Invalid value: \"a\": must be a URL with a host, such as https://host/path"},
      {"disablePowerOff: true", ""},
      {"disablePowerOff: true, online: false",
       "spec.online: Invalid value: false: must be true when disablePowerOff is set"},
  };
  for (const auto& [change, text] : cases) {
    CAPTURE(change);
    CHECK(host().created("spec: {" + change + "}") == text);
  }
  CHECK(host().created("metadata: {name: 7a2f8c1e-0000-4000-8000-0123456789ab}") ==
        "metadata.name: Invalid value: \"7a2f8c1e-0000-4000-8000-0123456789ab\": must not be a UUID: those name "
        "servers, not hosts");
}

TEST_CASE("BareMetalHost: RAID") {
  const std::string hard = "hardwareRAIDVolumes: ", soft = "softwareRAIDVolumes: ";
  const std::string at = "spec.raid.";
  const std::pair<std::string, std::string> cases[] = {
      {hard + "[], " + soft + "[{level: \"1\"}]", ""},
      {hard + "[{level: \"1\"}], " + soft + "[{level: \"1\"}]",
       at + "softwareRAIDVolumes: Forbidden: may not be set along with hardwareRAIDVolumes"},
      {hard + "[{level: \"1\", physicalDisks: [a, b], controller: c, numberOfPhysicalDisks: 2}]", ""},
      {hard + "[{level: \"1\", physicalDisks: [a, b]}]",
       at + "hardwareRAIDVolumes[0].controller: Required value: physicalDisks are names known to one controller"},
      {hard + "[{level: \"1\", physicalDisks: [a, b], controller: c, numberOfPhysicalDisks: 3}]",
       at + "hardwareRAIDVolumes[0].numberOfPhysicalDisks: Invalid value: 3: must be the number of physicalDisks"},
      {soft + "[{level: \"1\", rootVolume: true}, {level: \"0\"}]", ""},
      {soft + "[{level: \"0\", rootVolume: true}]",
       at + "softwareRAIDVolumes[0].level: Invalid value: \"0\": the root volume must have level 1"},
      {soft + "[{level: \"1\", rootVolume: true}, {level: \"1\", rootVolume: true}]",
       at + "softwareRAIDVolumes[1].rootVolume: Invalid value: true: another volume is the root volume"},
  };
  for (const auto& [change, text] : cases) {
    CAPTURE(change);
    CHECK(host().created("spec: {raid: {" + change + "}}") == text);
  }
  CHECK(host().created("spec: {rootDeviceHints: {model: x}, raid: {softwareRAIDVolumes: [{level: \"1\", rootVolume: "
                       "true}]}}") == "spec.rootDeviceHints: Forbidden: the RAID's root volume is the root device");
}

TEST_CASE("BareMetalHost: network interfaces") {
  const std::string ours = "hostNetworkAttachment: {name: a}";
  const std::string field = "spec.networkInterfaces";
  const std::pair<std::string, std::string> cases[] = {
      {"[{name: eth0, " + ours + "}, {macAddress: 52:54:00:00:00:01, " + ours + "}]", ""},
      {"[{name: eth0}, {name: eth0}]", field + "[1].name: Duplicate value: \"eth0\""},
      {"[{macAddress: 52:54:00:00:00:0a}, {macAddress: 52:54:00:00:00:0A}]",
       field + "[1].macAddress: Duplicate value: \"52:54:00:00:00:0a\""},
  };
  for (const auto& [change, text] : cases) {
    CAPTURE(change);
    CHECK(host().created("spec: {networkInterfaces: " + change + "}") == text);
  }
  for (const char* unclear : {"{}", "{name: eth0, macAddress: 52:54:00:00:00:01}"}) {
    CAPTURE(unclear);
    const std::string text = host().created("spec: {networkInterfaces: [" + std::string(unclear) + "]}");
    CHECK(text.ends_with("exactly one of name and macAddress says which interface is meant"));
  }
}

TEST_CASE("BareMetalHost: annotations") {
  const std::string field = "metadata.annotations[";
  struct Row {
    std::string key, value, text, spec = "{}";
  };
  const std::string details = "inspect.metal3.io/hardwaredetails", status = "baremetalhost.metal3.io/status";
  const std::string detached = "baremetalhost.metal3.io/detached";
  const Row rows[] = {
      {"reboot.metal3.io", "", ""},
      {"reboot.metal3.io", R"({"mode":"hard","force":true})", ""},
      {"reboot.metal3.io/me", R"({"mode":"soft"})", ""},
      {"reboot.metal3.io", R"({"mode":"cold"})",
       field + "reboot.metal3.io].mode: Unsupported value: \"cold\": supported values: \"hard\", \"soft\""},
      {"reboot.metal3.io/me", "now",
       field + "reboot.metal3.io/me]: Invalid value: \"now\": must be empty or JSON such as {\"mode\":\"hard\"}"},
      {"reboot.metal3.io", R"({"force":"yes"})",
       field + "reboot.metal3.io].force: Invalid value: \"yes\": must be true or false"},
      {"reboot.metal3.io", R"({"hard":true})",
       field + "reboot.metal3.io]: Invalid value: {\"hard\":true}: unknown member \"hard\""},
      {detached, "", ""},
      {detached, "metal3.io/capm3", ""},
      {detached, R"({"deleteAction":"delay","force":true})", ""},
      {detached, R"({"deleteAction":"never"})",
       field + detached + "].deleteAction: Unsupported value: \"never\": supported values: \"delay\", \"delete\""},
      {"inspect.metal3.io", "", ""},
      {"inspect.metal3.io", "disabled", ""},
      {"inspect.metal3.io", "off",
       field + "inspect.metal3.io]: Unsupported value: \"off\": supported values: \"\", \"disabled\""},
      {"inspect.metal3.io", "disabled",
       field + "inspect.metal3.io]: Invalid value: \"disabled\": contradicts spec.inspectionMode agent",
       "inspectionMode: agent"},
      {details, R"({"hostname":"a"})", "", "inspectionMode: disabled"},
      {details, R"({"hostname":"a"})",
       field + details + "]: Forbidden: may only be given when inspection is disabled, or it would be overwritten"},
      {details, R"({"hostnam":"a"})",
       field + details + "]: Invalid value: \"{\\\"hostnam\\\":\\\"a\\\"}\": unknown members: hostnam",
       "inspectionMode: disabled"},
      {status, R"({"operationalStatus":"OK","provisioning":{"state":"provisioned"}})", ""},
      {status, R"({"power":true})",
       field + status + "]: Invalid value: \"{\\\"power\\\":true}\": unknown members: power"},
      {status, "[]", field + status + "]: Invalid value: \"[]\": must be a JSON object"},
      {"example.com/other", "anything", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.key);
    CAPTURE(row.value);
    CHECK(annotated(row.key, row.value, row.spec) == row.text);
  }
}

TEST_CASE("BareMetalHost: what may change when") {
  const auto in_state = [](const std::string& state, const std::string& operational = "OK") {
    return "status: {operationalStatus: " + operational +
           ", errorMessage: \"\", poweredOn: true, provisioning: {ID: x, "
           "state: \"" +
           state + "\"}}";
  };
  const std::string move = "spec: {bmc: {address: \"ipmi://10.0.0.2\"}}";
  const std::string refused =
      "spec.bmc.address: Forbidden: can only change while the host is registering or detached (annotation "
      "baremetalhost.metal3.io/detached)";
  for (const char* state : {"", "unmanaged", "registering"}) CHECK(host().updated(in_state(state), move) == "");
  for (const char* state : {"inspecting", "available", "provisioned"}) {
    CHECK(host().updated(in_state(state), move) == refused);
  }
  CHECK(host().updated(in_state("provisioned", "detached"), move) == "");
  CHECK(host().updated("{spec: {bmc: null}, " + in_state("unmanaged") + "}",
                       "spec: {bmc: {address: 10.0.0.1, credentialsName: a}}") == "");
  CHECK(host().updated(in_state("provisioned"), "spec: {bmc: {credentialsName: other}}") == "");

  const std::string fixed = "spec.bootMACAddress: Forbidden: field is immutable once it is set";
  CHECK(host().updated("{}", "spec: {bootMACAddress: 52:54:00:12:34:57}") == fixed);
  CHECK(host().updated("{}", "spec: {bootMACAddress: null}") == fixed);
  CHECK(host().updated("spec: {bootMACAddress: null}", "spec: {bootMACAddress: 52:54:00:12:34:57}") == "");
  CHECK(host().updated("spec: {bootMACAddress: 52:54:00:12:34:aa}", "spec: {bootMACAddress: 52:54:00:12:34:AA}") == "");

  const std::string adopt = "spec: {externallyProvisioned: true}";
  CHECK(host().updated(in_state("available"), adopt) == "");
  CHECK(host().updated(in_state("provisioned"), adopt) ==
        "spec.externallyProvisioned: Forbidden: can only be set while the host is available, not provisioned");
}

TEST_CASE("BareMetalHost: warnings") {
  CHECK(warn_host(host().changed("{}")).empty());
  CHECK(warn_host(host().changed("spec: {hardwareProfile: dell}")).size() == 1);
  CHECK(warn_host(host().changed("spec: {taints: [{key: a, effect: NoSchedule}]}")).size() == 1);
}
