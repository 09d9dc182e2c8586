// The ramdisk of a host where another controller provides it in a PreprovisioningImage.
#include <algorithm>

#include "api/bmc_address.h"
#include "api/metal3_firmware.h"
#include "base/text.h"
#include "control/baremetalhost/scope.h"
#include "metal/boot/boot_media.h"

namespace control::baremetalhost {

namespace {

using api::PreprovisioningImage;

constexpr Duration not_ready_gap = base::minutes(5);
constexpr std::string_view initrd = "initrd";

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

// An ISO image made elsewhere would carry no token of the boot, so those who boot from one keep the manager's own.
bool boots_from_network(const BareMetalHost& host) {
  const auto address = api::parse_bmc_address(host.spec.bmc.address);
  return address.ok() && address->boot == api::BmcBootMethod::ipxe;
}

api::PreprovisioningImageSpec wanted_image(const Scope& scope) {
  const auto& host = scope.host;
  api::PreprovisioningImageSpec spec;
  spec.network_data_name = host.spec.preprovisioning_network_data_name;
  spec.architecture = host.status.hardware ? host.status.hardware->cpu.arch : host.spec.architecture;
  if (spec.architecture.empty()) spec.architecture = "x86_64";
  spec.accept_formats = {std::string(initrd)};
  return spec;
}

bool same(const api::PreprovisioningImageSpec& a, const api::PreprovisioningImageSpec& b) {
  return a.network_data_name == b.network_data_name && a.architecture == b.architecture &&
         a.accept_formats == b.accept_formats;
}

Result<void> ask_for_image(Scope& scope, const api::PreprovisioningImageSpec& wanted) {
  const auto& meta = scope.host.meta;
  const auto known = scope.ctx.find<PreprovisioningImage>(meta.ns, meta.name);
  if (!known) {
    PreprovisioningImage image;
    image.meta.ns = meta.ns;
    image.meta.name = meta.name;
    image.meta.labels = meta.labels;
    image.meta.owners.push_back(scope.ctx.owner_reference(scope.host, true));
    image.spec = wanted;
    TRY(scope.ctx.create(image));
    return {};
  }
  if (same(known->spec, wanted) && known->meta.owned_by(meta.uid)) return {};
  TRY(scope.ctx.update(*known, [&](PreprovisioningImage& image) {
    image.spec = wanted;
    image.meta.set_owner(scope.ctx.owner_reference(scope.host, true));
  }));
  return {};
}

const api::Condition* present(const PreprovisioningImage& image, std::string_view type) {
  const auto* condition = api::find_condition(image.status.conditions, type);
  if (!condition || condition->status != "True") return nullptr;
  return condition->observed_generation.value_or(image.meta.generation) == image.meta.generation ? condition : nullptr;
}

// Why it is not what the host boots now, "" when it is.
std::string not_usable(const Scope& scope, const PreprovisioningImage& image) {
  const auto& status = image.status;
  if (!present(image, "Ready")) {
    const auto* ready = api::find_condition(status.conditions, "Ready");
    return "is not ready" + (ready && !ready->message.empty() ? ": " + ready->message : std::string());
  }
  if (status.format != initrd || status.image_url.empty() || status.kernel_url.empty()) {
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

Result<void> check(const api::PreprovisioningImageStatus& status) {
  TRY(check_url(status.kernel_url));
  TRY(check_url(status.image_url));
  return metal::check_kernel_arguments(status.extra_kernel_params);
}

}  // namespace

Result<std::optional<Progress>> await_boot_image(Scope& scope) {
  const std::optional<Progress> go_on;
  if (!scope.images_from_outside || !boots_from_network(scope.host) || !is_about_to_boot(scope)) return go_on;
  const auto wanted = wanted_image(scope);
  TRY(ask_for_image(scope, wanted));
  const auto image = scope.ctx.find<PreprovisioningImage>(scope.host.meta.ns, scope.host.meta.name);
  const std::string name = "PreprovisioningImage " + scope.host.meta.name;
  if (!image || image->meta.deleting()) return base::conflict(name + " is being deleted");
  if (const auto* error = present(*image, "Error")) {
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
  const auto& status = image->status;
  if (auto fine = check(status); !fine) {
    return std::optional(Progress::failed({base::Code::invalid, name + ": " + fine.error().message,
                                           base::Layer::controller, "correct the controller that builds it"}));
  }
  scope.access.boot_image = metal::BootImage{status.kernel_url, status.image_url, status.extra_kernel_params};
  return go_on;
}

}  // namespace control::baremetalhost
