// The ramdisk of a host where another controller provides it in a PreprovisioningImage.
#include <algorithm>

#include "api/metal3_firmware.h"
#include "base/text.h"
#include "control/baremetalhost/scope.h"
#include "metal/boot/boot_media.h"

namespace control::baremetalhost {

namespace {

using api::PreprovisioningImage;

constexpr Duration not_ready_gap = base::minutes(5);

bool is_about_to_boot(const Scope& scope) {
  if (scope.engine.agent_alive(scope.host.meta.uid, scope.operation.boot_id)) return false;
  switch (scope.state()) {
    case State::inspecting:
      return true;
    case State::preparing:
    case State::deprovisioning:
      return scope.operation.milestone != Milestone::cleaned && scope.host.spec.automated_cleaning_mode != "disabled";
    case State::provisioning:
      return scope.operation.milestone != Milestone::written;
    default:
      return false;
  }
}

const api::Condition* present(const PreprovisioningImage& image, std::string_view type) {
  const auto* condition = api::find_condition(image.status.conditions, type);
  if (!condition || condition->status != "True") return nullptr;
  return condition->observed_generation.value_or(image.meta.generation) == image.meta.generation ? condition : nullptr;
}

bool asks_for_iso(const PreprovisioningImage& image) {
  return image.spec.accept_formats == std::vector<std::string>{"iso"};
}

// Why it is not what the host boots now, "" when it is.
std::string not_usable(const Scope& scope, const PreprovisioningImage& image) {
  const auto& status = image.status;
  const auto* ready = api::find_condition(status.conditions, "Ready");
  if (ready && ready->reason.starts_with(own_image_reason)) return "still shows the manager's own image";
  if (!present(image, "Ready")) {
    return "is not ready" + (ready && !ready->message.empty() ? ": " + ready->message : std::string());
  }
  if (asks_for_iso(image)) {
    if (status.format != "iso" || status.image_url.empty()) return "is ready without an ISO image";
  } else if (status.format != "initrd" || status.image_url.empty() || status.kernel_url.empty()) {
    return "is ready without a kernel and an initrd";
  }
  if (!status.architecture.empty() && status.architecture != image.spec.architecture) {
    return "is for architecture " + status.architecture;
  }
  if (image.spec.network_data_name.empty()) return {};
  const auto& secret = scope.ctx.document("secrets", image.meta.ns, image.spec.network_data_name);
  const auto& used = status.network_data;
  if (!used || used->name != image.spec.network_data_name ||
      used->version != secret.path("metadata.resourceVersion").string()) {
    return "has other network settings than Secret " + image.meta.ns + "/" + image.spec.network_data_name;
  }
  return {};
}

Result<void> check_url(const std::string& url) {
  const bool fits = url.starts_with("http://") || url.starts_with("https://");
  const bool plain = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c <= '~'; });
  return fits && plain ? Result<void>() : base::invalid(base::quoted(url) + " is no http or https URL");
}

// What the host boots then. An ISO image is booted as it is, so nothing can be added to its kernel's arguments.
Result<metal::BootImage> boot_image_of(const PreprovisioningImage& image) {
  const auto& status = image.status;
  TRY(check_url(status.image_url));
  if (asks_for_iso(image)) return metal::BootImage{.iso_url = status.image_url};
  TRY(check_url(status.kernel_url));
  TRY(metal::check_kernel_arguments(status.extra_kernel_params));
  return metal::BootImage{status.kernel_url, status.image_url, status.extra_kernel_params};
}

}  // namespace

Result<std::optional<Progress>> await_boot_image(Scope& scope) {
  const std::optional<Progress> go_on;
  if (!scope.outside.provide(scope.host) || !is_about_to_boot(scope)) return go_on;
  TRY(ask_for_image(scope.ctx, scope.host));
  const auto image = scope.ctx.find<PreprovisioningImage>(scope.host.meta.ns, scope.host.meta.name);
  const std::string name = "PreprovisioningImage " + scope.host.meta.name;
  if (!image || image->meta.deleting()) return base::conflict(name + " is being deleted");
  if (const auto* error = present(*image, "Error"); error && !error->reason.starts_with(own_image_reason)) {
    return std::optional(Progress::failed(
        {base::Code::unavailable, name + " cannot be built: " + error->message, base::Layer::controller,
         "see the conditions of the " + name + " and the controller that builds it"}));
  }
  if (const std::string why = not_usable(scope, *image); !why.empty()) {
    Progress progress = Progress::working("waiting for the boot image", 1);
    progress.wait = metal::Wait{base::Layer::controller, name + " " + why, "look at the controller that builds it"};
    scope.again_in(not_ready_gap);
    return std::optional(progress);
  }
  auto usable = boot_image_of(*image);
  if (!usable) {
    return std::optional(Progress::failed({base::Code::invalid, name + ": " + usable.error().message,
                                           base::Layer::controller, "correct the controller that builds it"}));
  }
  if (asks_for_iso(*image) && scope.host.spec.boot_mac_address.empty()) {
    return std::optional(Progress::failed({base::Code::invalid,
                                           "the agent of an ISO image made elsewhere is known only by its MAC address",
                                           base::Layer::controller, "set spec.bootMACAddress"}));
  }
  scope.access.boot_image = std::move(*usable);
  return go_on;
}

}  // namespace control::baremetalhost
