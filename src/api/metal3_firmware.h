// Metal3's kinds about a host's firmware, media and events (metal3.io/v1alpha1), as reconcilers use them. All but
// FirmwareSchema and BMCEventSubscription have the name of their host.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/metal3.h"

namespace api {

// ---- BIOS settings -----------------------------------------------------------------------------------------------

struct NamespacedName {
  std::string name, ns;
  static const meta::Fields& fields();
  bool operator==(const NamespacedName&) const = default;
};

struct HostFirmwareSettingsSpec {
  Json settings = Json::object();  // name -> integer or string
  static const meta::Fields& fields();
};
struct HostFirmwareSettingsStatus {
  std::optional<NamespacedName> schema;         // the FirmwareSchema
  std::map<std::string, std::string> settings;  // as the BMC has them
  std::optional<Time> last_updated;
  std::vector<Condition> conditions;  // ChangeDetected, Valid
  static const meta::Fields& fields();
};
struct HostFirmwareSettings {
  static constexpr std::string_view resource = "hostfirmwaresettings.metal3.io";
  ObjectMeta meta;
  HostFirmwareSettingsSpec spec;
  HostFirmwareSettingsStatus status;
  static const meta::Fields& fields();
};

struct FirmwareSetting {
  std::string type;  // Enumeration, String, Integer, Boolean, Password; empty: not known
  std::vector<std::string> allowable_values;
  std::optional<int64_t> lower_bound, upper_bound, min_length, max_length;
  std::optional<bool> read_only, unique;
  static const meta::Fields& fields();
  bool operator==(const FirmwareSetting&) const = default;
};
struct FirmwareSchemaSpec {
  std::string hardware_vendor, hardware_model;
  std::map<std::string, FirmwareSetting> schema;
  static const meta::Fields& fields();
};
struct FirmwareSchema {  // no status
  static constexpr std::string_view resource = "firmwareschemas.metal3.io";
  ObjectMeta meta;
  FirmwareSchemaSpec spec;
  static const meta::Fields& fields();
};

// ---- firmware ----------------------------------------------------------------------------------------------------

struct FirmwareUpdate {
  std::string component;  // bmc, bios or nic:ID
  std::string url;
  static const meta::Fields& fields();
  bool operator==(const FirmwareUpdate&) const = default;
};
struct FirmwareComponentStatus {
  std::string component, initial_version, current_version, last_version_flashed;
  std::optional<Time> updated_at;
  static const meta::Fields& fields();
  bool operator==(const FirmwareComponentStatus&) const = default;
};
struct HostFirmwareComponentsSpec {
  std::vector<FirmwareUpdate> updates;
  static const meta::Fields& fields();
};
struct HostFirmwareComponentsStatus {
  std::vector<FirmwareUpdate> updates;  // done
  std::vector<FirmwareComponentStatus> components;
  std::optional<Time> last_updated;
  std::vector<Condition> conditions;  // ChangeDetected, Valid
  static const meta::Fields& fields();
};
struct HostFirmwareComponents {
  static constexpr std::string_view resource = "hostfirmwarecomponents.metal3.io";
  ObjectMeta meta;
  HostFirmwareComponentsSpec spec;
  HostFirmwareComponentsStatus status;
  static const meta::Fields& fields();
};

struct HostUpdatePolicySpec {
  std::string firmware_settings, firmware_updates;  // onPreparing or onReboot; empty is onPreparing
  static const meta::Fields& fields();
};
struct HostUpdatePolicy {  // no status
  static constexpr std::string_view resource = "hostupdatepolicies.metal3.io";
  static constexpr std::string_view on_reboot = "onReboot";
  ObjectMeta meta;
  HostUpdatePolicySpec spec;
  static const meta::Fields& fields();
};

// ---- media -------------------------------------------------------------------------------------------------------

struct DataImageSpec {
  std::string url;
  static const meta::Fields& fields();
};
struct AttachedImage {
  std::string url;
  static const meta::Fields& fields();
  bool operator==(const AttachedImage&) const = default;
};
struct DataImageError {
  int64_t count = 0;
  std::string message;
  static const meta::Fields& fields();
};
struct DataImageStatus {
  std::optional<Time> last_reconciled;
  std::optional<AttachedImage> attached_image;
  std::optional<DataImageError> error;
  static const meta::Fields& fields();
};
struct DataImage {
  static constexpr std::string_view resource = "dataimages.metal3.io";
  ObjectMeta meta;
  DataImageSpec spec;
  DataImageStatus status;
  static const meta::Fields& fields();
};

struct PreprovisioningImageSpec {
  std::string network_data_name, architecture;
  std::vector<std::string> accept_formats;  // iso, initrd
  static const meta::Fields& fields();
};
struct SecretVersion {
  std::string name, version;  // resourceVersion
  static const meta::Fields& fields();
  bool operator==(const SecretVersion&) const = default;
};
struct PreprovisioningImageStatus {
  std::string image_url, kernel_url, extra_kernel_params, format, architecture;
  std::optional<SecretVersion> network_data;
  std::vector<Condition> conditions;  // Ready, Error
  static const meta::Fields& fields();
};
struct PreprovisioningImage {
  static constexpr std::string_view resource = "preprovisioningimages.metal3.io";
  ObjectMeta meta;
  PreprovisioningImageSpec spec;
  PreprovisioningImageStatus status;
  static const meta::Fields& fields();
};

// ---- events ------------------------------------------------------------------------------------------------------

struct BMCEventSubscriptionSpec {
  std::string host_name, destination, context;
  std::optional<SecretReference> http_headers_ref;
  static const meta::Fields& fields();
};
struct BMCEventSubscriptionStatus {
  std::string subscription_id, error;
  static const meta::Fields& fields();
};
struct BMCEventSubscription {
  static constexpr std::string_view resource = "bmceventsubscriptions.metal3.io";
  ObjectMeta meta;
  BMCEventSubscriptionSpec spec;
  BMCEventSubscriptionStatus status;
  static const meta::Fields& fields();
};

}  // namespace api
