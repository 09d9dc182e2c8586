// Metal3's kinds as reconcilers use them: BareMetalHost and HardwareData (metal3.io/v1alpha1), Metal3Cluster,
// Metal3Machine and Metal3MachineTemplate (infrastructure.cluster.x-k8s.io/v1beta2). Field names follow the schemas;
// fields without a line here stay in the stored document untouched.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/objects.h"

namespace api {

// v1.SecretReference. The namespace is never honoured: only Secrets beside the object are read (CVE-2024-43803).
struct SecretReference {
  std::string name, ns;
  static const meta::Fields& fields();
  bool operator==(const SecretReference&) const = default;
  explicit operator bool() const { return !name.empty(); }
};

// BareMetalHost's image; Metal3Machine's has diskFormat instead of format (MachineImage).
struct HostImage {
  std::string url, checksum;
  std::string checksum_type;  // md5, sha256, sha512 or auto; "" is md5 upstream
  std::string format;         // raw, qcow2, vdi, vmdk or live-iso
  std::string oci_auth_secret_name;
  static const meta::Fields& fields();
  bool operator==(const HostImage&) const = default;
};
struct MachineImage {
  std::string url, checksum, checksum_type, disk_format;
  static const meta::Fields& fields();
  bool operator==(const MachineImage&) const = default;
};
struct CustomDeploy {
  std::string method;
  static const meta::Fields& fields();
  bool operator==(const CustomDeploy&) const = default;
};

// All given hints must match; the first disk in inventory order that does is taken.
struct RootDeviceHints {
  std::string device_name, hctl, model, vendor, serial_number, wwn, wwn_with_extension, wwn_vendor_extension;
  int64_t min_size_gigabytes = 0;  // GiB
  std::optional<bool> rotational;
  static const meta::Fields& fields();
  bool operator==(const RootDeviceHints&) const = default;
};

// ---- hardware as inspection found it -----------------------------------------------------------------------------

struct Lldp {
  std::string switch_id, port_id, switch_system_name;
  static const meta::Fields& fields();
  bool operator==(const Lldp&) const = default;
};
struct Vlan {
  int32_t id = 0;
  std::string name;
  static const meta::Fields& fields();
  bool operator==(const Vlan&) const = default;
};
struct HardwareNic {
  std::string name, model, mac, ip, pci_address;
  int64_t speed_gbps = 0;
  std::vector<Vlan> vlans;
  int32_t vlan_id = 0;
  bool pxe = false;
  std::optional<Lldp> lldp;
  static const meta::Fields& fields();
  bool operator==(const HardwareNic&) const = default;
};
struct HardwareDisk {
  std::string name;  // by-path name if known, else /dev/...
  std::vector<std::string> alternate_names;
  bool rotational = false;
  std::string type;  // HDD, SSD or NVME
  int64_t size_bytes = 0;
  std::string vendor, model, serial_number, wwn, wwn_vendor_extension, wwn_with_extension, hctl;
  static const meta::Fields& fields();
  bool operator==(const HardwareDisk&) const = default;
};
struct HardwareCpu {
  std::string arch, model;
  double clock_megahertz = 0;
  std::vector<std::string> flags;  // sorted
  int64_t count = 0;
  static const meta::Fields& fields();
  bool operator==(const HardwareCpu&) const = default;
};
struct SystemVendor {
  std::string manufacturer, product_name, serial_number;
  static const meta::Fields& fields();
  bool operator==(const SystemVendor&) const = default;
};
struct HardwareBios {
  std::string date, vendor, version;
  static const meta::Fields& fields();
  bool operator==(const HardwareBios&) const = default;
};
struct HardwareFirmware {
  HardwareBios bios;
  static const meta::Fields& fields();
  bool operator==(const HardwareFirmware&) const = default;
};
struct HardwareDetails {
  SystemVendor system_vendor;
  HardwareFirmware firmware;
  int64_t ram_mebibytes = 0;
  std::vector<HardwareNic> nics;
  std::vector<HardwareDisk> storage;
  HardwareCpu cpu;
  std::string hostname;
  static const meta::Fields& fields();
  bool operator==(const HardwareDetails&) const = default;
};

// Same name as its BareMetalHost, which owns it. No status.
struct HardwareDataSpec {
  std::optional<HardwareDetails> hardware;
  static const meta::Fields& fields();
};
struct HardwareData {
  static constexpr std::string_view resource = "hardwaredata.metal3.io";
  ObjectMeta meta;
  HardwareDataSpec spec;
  static const meta::Fields& fields();
};

// ---- BareMetalHost -----------------------------------------------------------------------------------------------

namespace host_state {  // status.provisioning.state
inline constexpr std::string_view none = "";
inline constexpr std::string_view unmanaged = "unmanaged";
inline constexpr std::string_view registering = "registering";
inline constexpr std::string_view match_profile = "match profile";  // legacy alias of preparing
inline constexpr std::string_view inspecting = "inspecting";
inline constexpr std::string_view preparing = "preparing";
inline constexpr std::string_view available = "available";
inline constexpr std::string_view ready = "ready";  // legacy alias of available
inline constexpr std::string_view provisioning = "provisioning";
inline constexpr std::string_view provisioned = "provisioned";
inline constexpr std::string_view externally_provisioned = "externally provisioned";
inline constexpr std::string_view deprovisioning = "deprovisioning";
inline constexpr std::string_view powering_off = "powering off before delete";
inline constexpr std::string_view deleting = "deleting";
}  // namespace host_state

namespace host_annotation {
inline constexpr std::string_view paused = "baremetalhost.metal3.io/paused";      // any value: hands off
inline constexpr std::string_view detached = "baremetalhost.metal3.io/detached";  // any value, or JSON options
inline constexpr std::string_view status = "baremetalhost.metal3.io/status";      // status to restore (clusterctl move)
inline constexpr std::string_view inspect = "inspect.metal3.io";                  // "": again; "disabled": skip
inline constexpr std::string_view hardware_details = "inspect.metal3.io/hardwaredetails";
inline constexpr std::string_view reboot = "reboot.metal3.io";  // one-shot; reboot.metal3.io/KEY holds the host off
inline constexpr std::string_view kexec = "ingot.io/kexec";     // ours: "true" or "false"
inline constexpr std::string_view unhealthy = "capm3.metal3.io/unhealthy";
inline constexpr std::string_view unhealthy_old = "capi.metal3.io/unhealthy";
}  // namespace host_annotation

struct BmcDetails {
  std::string address, credentials_name;
  bool disable_certificate_verification = false;
  static const meta::Fields& fields();
  bool operator==(const BmcDetails&) const = default;
};

struct BareMetalHostSpec {
  BmcDetails bmc;
  std::string boot_mac_address, boot_mode, architecture, description;
  std::optional<std::string> hardware_profile;
  bool online = false;
  bool disable_power_off = false;
  bool externally_provisioned = false;
  std::string automated_cleaning_mode;  // metadata (default) or disabled
  std::string inspection_mode;          // "", agent, fast or disabled
  std::optional<HostImage> image;
  std::optional<CustomDeploy> custom_deploy;
  std::optional<SecretReference> user_data, network_data, meta_data;
  std::string preprovisioning_network_data_name;
  std::optional<ObjectReference> consumer_ref;
  std::optional<RootDeviceHints> root_device_hints;
  Json raid;
  static const meta::Fields& fields();
};

struct HostCredentials {
  SecretReference credentials;
  std::string version;  // resourceVersion of the Secret
  static const meta::Fields& fields();
  bool operator==(const HostCredentials&) const = default;
};
struct HostOperation {
  std::optional<Time> start, end;
  static const meta::Fields& fields();
};
struct HostOperationHistory {
  HostOperation register_host, inspect, provision, deprovision;
  static const meta::Fields& fields();
};
struct HostProvisioning {
  std::string state, id;
  std::optional<HostImage> image;  // what is on the disk
  std::optional<CustomDeploy> custom_deploy;
  std::optional<RootDeviceHints> root_device_hints;
  std::string boot_mode;
  Json raid;
  static const meta::Fields& fields();
};

struct BareMetalHostStatus {
  std::string operational_status;  // "", OK, discovered, error, delayed, detached or servicing
  std::string error_type, error_message;
  int64_t error_count = 0;
  int64_t provisioning_fail_count = 0;
  std::optional<HostImage> last_attempted_image;
  std::optional<Time> last_updated;
  std::string hardware_profile;
  std::optional<HardwareDetails> hardware;
  HostProvisioning provisioning;
  HostCredentials good_credentials, tried_credentials;
  bool powered_on = false;
  HostOperationHistory operation_history;
  std::vector<Condition> conditions;
  static const meta::Fields& fields();
};

struct BareMetalHost {
  static constexpr std::string_view resource = "baremetalhosts.metal3.io";
  ObjectMeta meta;
  BareMetalHostSpec spec;
  BareMetalHostStatus status;
  static const meta::Fields& fields();

  // available (or its legacy name ready), no error, not deleting, nobody's: a Metal3Machine may take it.
  bool claimable() const;
};

// ---- infrastructure.cluster.x-k8s.io/v1beta2 ---------------------------------------------------------------------

struct Provisioned {  // status.initialization
  std::optional<bool> provisioned;
  static const meta::Fields& fields();
};

struct Metal3ClusterSpec {
  Endpoint control_plane_endpoint;
  std::optional<bool> cloud_provider_enabled;
  std::vector<FailureDomain> failure_domains;
  static const meta::Fields& fields();
};
struct Metal3ClusterStatus {
  Provisioned initialization;
  std::vector<FailureDomain> failure_domains;
  std::vector<Condition> conditions;
  std::optional<Time> last_updated;
  static const meta::Fields& fields();
};
struct Metal3Cluster {
  static constexpr std::string_view resource = "metal3clusters.infrastructure.cluster.x-k8s.io";
  ObjectMeta meta;
  Metal3ClusterSpec spec;
  Metal3ClusterStatus status;
  static const meta::Fields& fields();
};

// {name, namespace} without more: dataTemplate and renderedData.
struct NamedReference {
  std::string name, ns;
  static const meta::Fields& fields();
  bool operator==(const NamedReference&) const = default;
};
struct Metal3MachineSpec {
  std::string provider_id;
  std::optional<MachineImage> image;
  std::optional<CustomDeploy> custom_deploy;
  std::optional<SecretReference> user_data, meta_data, network_data;
  Selector host_selector;  // operators as users write them (In, in, Exists...): compare in lower case
  std::optional<NamedReference> data_template;
  std::string automated_cleaning_mode, failure_domain;
  static const meta::Fields& fields();
};
struct Metal3MachineStatus {
  std::vector<MachineAddress> addresses;
  Provisioned initialization;
  std::optional<SecretReference> user_data, meta_data, network_data;
  std::optional<NamedReference> rendered_data;
  std::vector<Condition> conditions;
  std::optional<Time> last_updated;
  static const meta::Fields& fields();
};
struct Metal3Machine {
  static constexpr std::string_view resource = "metal3machines.infrastructure.cluster.x-k8s.io";
  ObjectMeta meta;
  Metal3MachineSpec spec;
  Metal3MachineStatus status;
  static const meta::Fields& fields();
};

struct Metal3MachineTemplateResource {
  TemplateMeta meta;
  Metal3MachineSpec spec;
  static const meta::Fields& fields();
};
struct Metal3MachineTemplateSpec {
  Metal3MachineTemplateResource machine;  // spec.template
  bool node_reuse = false;
  static const meta::Fields& fields();
};
struct Metal3MachineTemplate {
  static constexpr std::string_view resource = "metal3machinetemplates.infrastructure.cluster.x-k8s.io";
  ObjectMeta meta;
  Metal3MachineTemplateSpec spec;
  static const meta::Fields& fields();
};

}  // namespace api
