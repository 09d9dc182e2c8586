#include "api/metal3.h"

namespace api {

const meta::Fields& SecretReference::fields() {
  using S = SecretReference;
  static const auto table = meta::bind<S>().field("name", &S::name).field("namespace", &S::ns);
  return table;
}

const meta::Fields& HostImage::fields() {
  using S = HostImage;
  static const auto table = meta::bind<S>()
                                .field("url", &S::url, meta::always)
                                .field("checksum", &S::checksum)
                                .field("checksumType", &S::checksum_type)
                                .field("format", &S::format)
                                .field("ociAuthSecretName", &S::oci_auth_secret_name);
  return table;
}

const meta::Fields& MachineImage::fields() {
  using S = MachineImage;
  static const auto table = meta::bind<S>()
                                .field("url", &S::url, meta::always)
                                .field("checksum", &S::checksum)
                                .field("checksumType", &S::checksum_type)
                                .field("diskFormat", &S::disk_format);
  return table;
}

const meta::Fields& CustomDeploy::fields() {
  using S = CustomDeploy;
  static const auto table = meta::bind<S>().field("method", &S::method, meta::always);
  return table;
}

const meta::Fields& RootDeviceHints::fields() {
  using S = RootDeviceHints;
  static const auto table = meta::bind<S>()
                                .field("deviceName", &S::device_name)
                                .field("hctl", &S::hctl)
                                .field("model", &S::model)
                                .field("vendor", &S::vendor)
                                .field("serialNumber", &S::serial_number)
                                .field("minSizeGigabytes", &S::min_size_gigabytes)
                                .field("wwn", &S::wwn)
                                .field("wwnWithExtension", &S::wwn_with_extension)
                                .field("wwnVendorExtension", &S::wwn_vendor_extension)
                                .field("rotational", &S::rotational);
  return table;
}

const meta::Fields& Lldp::fields() {
  using S = Lldp;
  static const auto table = meta::bind<S>()
                                .field("switchID", &S::switch_id)
                                .field("portID", &S::port_id)
                                .field("switchSystemName", &S::switch_system_name);
  return table;
}

const meta::Fields& Vlan::fields() {
  using S = Vlan;
  static const auto table = meta::bind<S>().field("id", &S::id).field("name", &S::name);
  return table;
}

const meta::Fields& HardwareNic::fields() {
  using S = HardwareNic;
  static const auto table = meta::bind<S>()
                                .field("name", &S::name)
                                .field("model", &S::model)
                                .field("mac", &S::mac)
                                .field("ip", &S::ip)
                                .field("speedGbps", &S::speed_gbps)
                                .field("vlans", &S::vlans)
                                .field("vlanId", &S::vlan_id)
                                .field("pxe", &S::pxe)
                                .field("lldp", &S::lldp)
                                .field("pciAddress", &S::pci_address);
  return table;
}

const meta::Fields& HardwareDisk::fields() {
  using S = HardwareDisk;
  static const auto table = meta::bind<S>()
                                .field("name", &S::name)
                                .field("alternateNames", &S::alternate_names)
                                .field("rotational", &S::rotational)
                                .field("type", &S::type)
                                .field("sizeBytes", &S::size_bytes)
                                .field("vendor", &S::vendor)
                                .field("model", &S::model)
                                .field("serialNumber", &S::serial_number)
                                .field("wwn", &S::wwn)
                                .field("wwnVendorExtension", &S::wwn_vendor_extension)
                                .field("wwnWithExtension", &S::wwn_with_extension)
                                .field("hctl", &S::hctl);
  return table;
}

const meta::Fields& HardwareCpu::fields() {
  using S = HardwareCpu;
  static const auto table = meta::bind<S>()
                                .field("arch", &S::arch)
                                .field("model", &S::model)
                                .field("clockMegahertz", &S::clock_megahertz)
                                .field("flags", &S::flags)
                                .field("count", &S::count);
  return table;
}

const meta::Fields& SystemVendor::fields() {
  using S = SystemVendor;
  static const auto table = meta::bind<S>()
                                .field("manufacturer", &S::manufacturer)
                                .field("productName", &S::product_name)
                                .field("serialNumber", &S::serial_number);
  return table;
}

const meta::Fields& HardwareBios::fields() {
  using S = HardwareBios;
  static const auto table =
      meta::bind<S>().field("date", &S::date).field("vendor", &S::vendor).field("version", &S::version);
  return table;
}

const meta::Fields& HardwareFirmware::fields() {
  using S = HardwareFirmware;
  static const auto table = meta::bind<S>().field("bios", &S::bios);
  return table;
}

const meta::Fields& HardwareDetails::fields() {
  using S = HardwareDetails;
  static const auto table = meta::bind<S>()
                                .field("systemVendor", &S::system_vendor)
                                .field("firmware", &S::firmware)
                                .field("ramMebibytes", &S::ram_mebibytes)
                                .field("nics", &S::nics)
                                .field("storage", &S::storage)
                                .field("cpu", &S::cpu)
                                .field("hostname", &S::hostname);
  return table;
}

const meta::Fields& HardwareDataSpec::fields() {
  using S = HardwareDataSpec;
  static const auto table = meta::bind<S>().field("hardware", &S::hardware);
  return table;
}

const meta::Fields& HardwareData::fields() {
  using S = HardwareData;
  static const auto table = meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec);
  return table;
}

const meta::Fields& BmcDetails::fields() {
  using S = BmcDetails;
  static const auto table = meta::bind<S>()
                                .field("address", &S::address)
                                .field("credentialsName", &S::credentials_name)
                                .field("disableCertificateVerification", &S::disable_certificate_verification);
  return table;
}

const meta::Fields& BareMetalHostSpec::fields() {
  using S = BareMetalHostSpec;
  static const auto table = meta::bind<S>()
                                .field("bmc", &S::bmc)
                                .field("bootMACAddress", &S::boot_mac_address)
                                .field("bootMode", &S::boot_mode)
                                .field("architecture", &S::architecture)
                                .field("description", &S::description)
                                .field("hardwareProfile", &S::hardware_profile)
                                .field("online", &S::online, meta::always)
                                .field("disablePowerOff", &S::disable_power_off)
                                .field("externallyProvisioned", &S::externally_provisioned)
                                .field("automatedCleaningMode", &S::automated_cleaning_mode)
                                .field("inspectionMode", &S::inspection_mode)
                                .field("image", &S::image)
                                .field("customDeploy", &S::custom_deploy)
                                .field("userData", &S::user_data)
                                .field("networkData", &S::network_data)
                                .field("metaData", &S::meta_data)
                                .field("preprovisioningNetworkDataName", &S::preprovisioning_network_data_name)
                                .field("consumerRef", &S::consumer_ref)
                                .field("rootDeviceHints", &S::root_device_hints)
                                .field("raid", &S::raid);
  return table;
}

const meta::Fields& HostCredentials::fields() {
  using S = HostCredentials;
  static const auto table =
      meta::bind<S>().field("credentials", &S::credentials).field("credentialsVersion", &S::version);
  return table;
}

const meta::Fields& HostOperation::fields() {
  using S = HostOperation;
  static const auto table = meta::bind<S>().field("start", &S::start).field("end", &S::end);
  return table;
}

const meta::Fields& HostOperationHistory::fields() {
  using S = HostOperationHistory;
  static const auto table = meta::bind<S>()
                                .field("register", &S::register_host)
                                .field("inspect", &S::inspect)
                                .field("provision", &S::provision)
                                .field("deprovision", &S::deprovision);
  return table;
}

const meta::Fields& HostProvisioning::fields() {
  using S = HostProvisioning;
  static const auto table = meta::bind<S>()
                                .field("state", &S::state, meta::always)
                                .field("ID", &S::id, meta::always)
                                .field("image", &S::image)
                                .field("customDeploy", &S::custom_deploy)
                                .field("rootDeviceHints", &S::root_device_hints)
                                .field("bootMode", &S::boot_mode)
                                .field("raid", &S::raid);
  return table;
}

const meta::Fields& BareMetalHostStatus::fields() {
  using S = BareMetalHostStatus;
  static const auto table = meta::bind<S>()
                                .field("operationalStatus", &S::operational_status, meta::always)
                                .field("errorType", &S::error_type)
                                .field("errorMessage", &S::error_message, meta::always)
                                .field("errorCount", &S::error_count, meta::always)
                                .field("provisioningFailCount", &S::provisioning_fail_count, meta::always)
                                .field("lastAttemptedImage", &S::last_attempted_image)
                                .field("lastUpdated", &S::last_updated)
                                .field("hardwareProfile", &S::hardware_profile)
                                .field("hardware", &S::hardware)
                                .field("provisioning", &S::provisioning, meta::always)
                                .field("goodCredentials", &S::good_credentials)
                                .field("triedCredentials", &S::tried_credentials)
                                .field("poweredOn", &S::powered_on, meta::always)
                                .field("operationHistory", &S::operation_history)
                                .field("conditions", &S::conditions);
  return table;
}

const meta::Fields& BareMetalHost::fields() {
  using S = BareMetalHost;
  static const auto table =
      meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec, meta::always).field("status", &S::status);
  return table;
}

const meta::Fields& Provisioned::fields() {
  using S = Provisioned;
  static const auto table = meta::bind<S>().field("provisioned", &S::provisioned);
  return table;
}

const meta::Fields& Metal3ClusterSpec::fields() {
  using S = Metal3ClusterSpec;
  static const auto table = meta::bind<S>()
                                .field("controlPlaneEndpoint", &S::control_plane_endpoint)
                                .field("cloudProviderEnabled", &S::cloud_provider_enabled)
                                .field("failureDomains", &S::failure_domains);
  return table;
}

const meta::Fields& Metal3ClusterStatus::fields() {
  using S = Metal3ClusterStatus;
  static const auto table = meta::bind<S>()
                                .field("initialization", &S::initialization)
                                .field("failureDomains", &S::failure_domains)
                                .field("conditions", &S::conditions)
                                .field("lastUpdated", &S::last_updated);
  return table;
}

const meta::Fields& Metal3Cluster::fields() {
  using S = Metal3Cluster;
  static const auto table =
      meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec).field("status", &S::status);
  return table;
}

const meta::Fields& NamedReference::fields() {
  using S = NamedReference;
  static const auto table = meta::bind<S>().field("name", &S::name).field("namespace", &S::ns);
  return table;
}

const meta::Fields& Metal3MachineSpec::fields() {
  using S = Metal3MachineSpec;
  static const auto table = meta::bind<S>()
                                .field("providerID", &S::provider_id)
                                .field("image", &S::image)
                                .field("customDeploy", &S::custom_deploy)
                                .field("userData", &S::user_data)
                                .field("metaData", &S::meta_data)
                                .field("networkData", &S::network_data)
                                .field("hostSelector", &S::host_selector)
                                .field("dataTemplate", &S::data_template)
                                .field("automatedCleaningMode", &S::automated_cleaning_mode)
                                .field("failureDomain", &S::failure_domain);
  return table;
}

const meta::Fields& Metal3MachineStatus::fields() {
  using S = Metal3MachineStatus;
  static const auto table = meta::bind<S>()
                                .field("addresses", &S::addresses)
                                .field("initialization", &S::initialization)
                                .field("userData", &S::user_data)
                                .field("metaData", &S::meta_data)
                                .field("networkData", &S::network_data)
                                .field("renderedData", &S::rendered_data)
                                .field("conditions", &S::conditions)
                                .field("lastUpdated", &S::last_updated);
  return table;
}

const meta::Fields& Metal3Machine::fields() {
  using S = Metal3Machine;
  static const auto table =
      meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec).field("status", &S::status);
  return table;
}

const meta::Fields& Metal3MachineTemplateResource::fields() {
  using S = Metal3MachineTemplateResource;
  static const auto table = meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec, meta::always);
  return table;
}

const meta::Fields& Metal3MachineTemplateSpec::fields() {
  using S = Metal3MachineTemplateSpec;
  static const auto table =
      meta::bind<S>().field("template", &S::machine, meta::always).field("nodeReuse", &S::node_reuse);
  return table;
}

const meta::Fields& Metal3MachineTemplate::fields() {
  using S = Metal3MachineTemplate;
  static const auto table = meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec, meta::always);
  return table;
}

bool BareMetalHost::claimable() const {
  const auto& state = status.provisioning.state;
  return (state == host_state::available || state == host_state::ready) && status.error_message.empty() &&
         status.operational_status != "detached" && !meta.deleting() && !spec.consumer_ref;
}

}  // namespace api
