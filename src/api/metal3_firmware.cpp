#include "api/metal3_firmware.h"

namespace api {

const meta::Fields& NamespacedName::fields() {
  using S = NamespacedName;
  static const auto table =
      meta::bind<S>().field("name", &S::name, meta::always).field("namespace", &S::ns, meta::always);
  return table;
}

const meta::Fields& HostFirmwareSettingsSpec::fields() {
  using S = HostFirmwareSettingsSpec;
  static const auto table = meta::bind<S>().field("settings", &S::settings, meta::always);
  return table;
}

const meta::Fields& HostFirmwareSettingsStatus::fields() {
  using S = HostFirmwareSettingsStatus;
  static const auto table = meta::bind<S>()
                                .field("schema", &S::schema)
                                .field("settings", &S::settings, meta::always)
                                .field("lastUpdated", &S::last_updated)
                                .field("conditions", &S::conditions);
  return table;
}

const meta::Fields& HostFirmwareSettings::fields() {
  using S = HostFirmwareSettings;
  static const auto table =
      meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec).field("status", &S::status);
  return table;
}

const meta::Fields& FirmwareSetting::fields() {
  using S = FirmwareSetting;
  static const auto table = meta::bind<S>()
                                .field("attribute_type", &S::type)
                                .field("allowable_values", &S::allowable_values)
                                .field("lower_bound", &S::lower_bound)
                                .field("upper_bound", &S::upper_bound)
                                .field("min_length", &S::min_length)
                                .field("max_length", &S::max_length)
                                .field("read_only", &S::read_only)
                                .field("unique", &S::unique);
  return table;
}

const meta::Fields& FirmwareSchemaSpec::fields() {
  using S = FirmwareSchemaSpec;
  static const auto table = meta::bind<S>()
                                .field("hardwareVendor", &S::hardware_vendor)
                                .field("hardwareModel", &S::hardware_model)
                                .field("schema", &S::schema, meta::always);
  return table;
}

const meta::Fields& FirmwareSchema::fields() {
  using S = FirmwareSchema;
  static const auto table = meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec);
  return table;
}

const meta::Fields& FirmwareUpdate::fields() {
  using S = FirmwareUpdate;
  static const auto table =
      meta::bind<S>().field("component", &S::component, meta::always).field("url", &S::url, meta::always);
  return table;
}

const meta::Fields& FirmwareComponentStatus::fields() {
  using S = FirmwareComponentStatus;
  static const auto table = meta::bind<S>()
                                .field("component", &S::component, meta::always)
                                .field("initialVersion", &S::initial_version, meta::always)
                                .field("currentVersion", &S::current_version)
                                .field("lastVersionFlashed", &S::last_version_flashed)
                                .field("updatedAt", &S::updated_at);
  return table;
}

const meta::Fields& HostFirmwareComponentsSpec::fields() {
  using S = HostFirmwareComponentsSpec;
  static const auto table = meta::bind<S>().field("updates", &S::updates, meta::always);
  return table;
}

const meta::Fields& HostFirmwareComponentsStatus::fields() {
  using S = HostFirmwareComponentsStatus;
  static const auto table = meta::bind<S>()
                                .field("updates", &S::updates)
                                .field("components", &S::components)
                                .field("lastUpdated", &S::last_updated)
                                .field("conditions", &S::conditions);
  return table;
}

const meta::Fields& HostFirmwareComponents::fields() {
  using S = HostFirmwareComponents;
  static const auto table =
      meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec).field("status", &S::status);
  return table;
}

const meta::Fields& HostUpdatePolicySpec::fields() {
  using S = HostUpdatePolicySpec;
  static const auto table =
      meta::bind<S>().field("firmwareSettings", &S::firmware_settings).field("firmwareUpdates", &S::firmware_updates);
  return table;
}

const meta::Fields& HostUpdatePolicy::fields() {
  using S = HostUpdatePolicy;
  static const auto table = meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec);
  return table;
}

const meta::Fields& DataImageSpec::fields() {
  using S = DataImageSpec;
  static const auto table = meta::bind<S>().field("url", &S::url, meta::always);
  return table;
}

const meta::Fields& AttachedImage::fields() {
  using S = AttachedImage;
  static const auto table = meta::bind<S>().field("url", &S::url, meta::always);
  return table;
}

const meta::Fields& DataImageError::fields() {
  using S = DataImageError;
  static const auto table =
      meta::bind<S>().field("count", &S::count, meta::always).field("message", &S::message, meta::always);
  return table;
}

const meta::Fields& DataImageStatus::fields() {
  using S = DataImageStatus;
  static const auto table = meta::bind<S>()
                                .field("lastReconciled", &S::last_reconciled)
                                .field("attachedImage", &S::attached_image)
                                .field("error", &S::error);
  return table;
}

const meta::Fields& DataImage::fields() {
  using S = DataImage;
  static const auto table =
      meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec).field("status", &S::status);
  return table;
}

const meta::Fields& PreprovisioningImageSpec::fields() {
  using S = PreprovisioningImageSpec;
  static const auto table = meta::bind<S>()
                                .field("networkDataName", &S::network_data_name)
                                .field("architecture", &S::architecture)
                                .field("acceptFormats", &S::accept_formats);
  return table;
}

const meta::Fields& SecretVersion::fields() {
  using S = SecretVersion;
  static const auto table = meta::bind<S>().field("name", &S::name).field("version", &S::version);
  return table;
}

const meta::Fields& PreprovisioningImageStatus::fields() {
  using S = PreprovisioningImageStatus;
  static const auto table = meta::bind<S>()
                                .field("imageUrl", &S::image_url)
                                .field("kernelUrl", &S::kernel_url)
                                .field("extraKernelParams", &S::extra_kernel_params)
                                .field("format", &S::format)
                                .field("architecture", &S::architecture)
                                .field("networkData", &S::network_data)
                                .field("conditions", &S::conditions);
  return table;
}

const meta::Fields& PreprovisioningImage::fields() {
  using S = PreprovisioningImage;
  static const auto table =
      meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec).field("status", &S::status);
  return table;
}

const meta::Fields& BMCEventSubscriptionSpec::fields() {
  using S = BMCEventSubscriptionSpec;
  static const auto table = meta::bind<S>()
                                .field("hostName", &S::host_name)
                                .field("destination", &S::destination)
                                .field("context", &S::context)
                                .field("httpHeadersRef", &S::http_headers_ref);
  return table;
}

const meta::Fields& BMCEventSubscriptionStatus::fields() {
  using S = BMCEventSubscriptionStatus;
  static const auto table = meta::bind<S>().field("subscriptionID", &S::subscription_id).field("error", &S::error);
  return table;
}

const meta::Fields& BMCEventSubscription::fields() {
  using S = BMCEventSubscription;
  static const auto table =
      meta::bind<S>().field("metadata", &S::meta).field("spec", &S::spec).field("status", &S::status);
  return table;
}

}  // namespace api
