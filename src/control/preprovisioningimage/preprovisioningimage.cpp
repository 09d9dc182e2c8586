#include "control/preprovisioningimage/preprovisioningimage.h"

#include <algorithm>

#include "api/bmc_address.h"

namespace control {

using api::BareMetalHost;
using api::Condition;
using api::PreprovisioningImage;
using base::Result;
using runtime::Context;
using runtime::Outcome;

namespace {

constexpr const char* x86 = "x86_64";

std::optional<api::BmcBootMethod> boot_method(const BareMetalHost& host) {
  const auto address = api::parse_bmc_address(host.spec.bmc.address);
  return address.ok() ? std::optional(address->boot) : std::nullopt;
}

bool boots_initrd(const BareMetalHost& host) { return boot_method(host) == api::BmcBootMethod::ipxe; }

api::PreprovisioningImageSpec wanted_image(const BareMetalHost& host) {
  api::PreprovisioningImageSpec spec;
  spec.network_data_name = host.spec.preprovisioning_network_data_name;
  spec.architecture = host.status.hardware ? host.status.hardware->cpu.arch : host.spec.architecture;
  if (spec.architecture.empty()) spec.architecture = x86;
  spec.accept_formats = {boots_initrd(host) ? "initrd" : "iso"};
  return spec;
}

bool same(const api::PreprovisioningImageSpec& a, const api::PreprovisioningImageSpec& b) {
  return a.network_data_name == b.network_data_name && a.architecture == b.architecture &&
         a.accept_formats == b.accept_formats;
}

bool same(const std::vector<Condition>& a, const std::vector<Condition>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Condition& one, const Condition& other) {
    return one.type == other.type && one.status == other.status && one.reason == other.reason &&
           one.message == other.message && one.observed_generation == other.observed_generation;
  });
}

bool same(const api::PreprovisioningImageStatus& a, const api::PreprovisioningImageStatus& b) {
  return a.image_url == b.image_url && a.kernel_url == b.kernel_url && a.extra_kernel_params == b.extra_kernel_params &&
         a.format == b.format && a.architecture == b.architecture && a.network_data == b.network_data &&
         same(a.conditions, b.conditions);
}

struct Verdict {
  std::string reason = std::string(own_image_reason);
  std::string message = "Ingot's own deploy ramdisk; the URL is made anew for each boot";
  bool ready = true;
};

Verdict judge(const Context& ctx, const metal::BootPlace& place, const PreprovisioningImage& image) {
  if (image.spec.architecture != x86) {
    return {"OwnImageConfigurationError", "the deploy ramdisk is for x86_64, not for " + image.spec.architecture,
            false};
  }
  const auto& secret = image.spec.network_data_name;
  if (!secret.empty() && ctx.document("secrets", image.meta.ns, secret).is_null()) {
    return {"OwnImageMissingNetworkData", "there is no Secret " + image.meta.ns + "/" + secret, false};
  }
  Verdict out;
  if (place.ramdisk_dir.empty()) out.message = "without --ramdisk: something that only simulated servers boot";
  return out;
}

void report(std::vector<Condition>& conditions, const Verdict& verdict, const PreprovisioningImage& image,
            base::Time now) {
  const auto add = [&](const char* type, bool holds) {
    Condition condition{type, holds ? "True" : "False", verdict.reason, verdict.message};
    condition.observed_generation = image.meta.generation;
    api::set_condition(conditions, std::move(condition), now);
  };
  add("Ready", verdict.ready);
  add("Error", !verdict.ready);
}

api::PreprovisioningImageStatus own_status(const Context& ctx, const metal::BootPlace& place,
                                           const PreprovisioningImage& image, const BareMetalHost& host) {
  api::PreprovisioningImageStatus out;
  out.conditions = image.status.conditions;
  const Verdict verdict = judge(ctx, place, image);
  report(out.conditions, verdict, image, ctx.now());
  if (!verdict.ready) return out;
  const std::string folder = place.boot_url + "/boot/******/";
  out.architecture = x86;
  out.extra_kernel_params = place.kernel_arguments;
  if (boots_initrd(host)) {
    out.format = "initrd";
    out.kernel_url = folder + "vmlinuz";
    out.image_url = folder + "initrd";
    return out;  // whose network settings come by DHCP
  }
  out.format = "iso";
  out.image_url = folder + host.meta.name + ".iso";
  const auto& secret = image.spec.network_data_name;
  if (!secret.empty()) {
    const auto& stored = ctx.document("secrets", image.meta.ns, secret);
    out.network_data = api::SecretVersion{secret, stored.path("metadata.resourceVersion").string()};
  }
  return out;
}

// Nobody has filled it but us.
bool is_ours(const PreprovisioningImage& image) {
  const auto* ready = api::find_condition(image.status.conditions, "Ready");
  return ready ? ready->reason.starts_with(own_image_reason)
               : image.status.image_url.empty() && image.status.conditions.empty();
}

std::vector<runtime::Key> hosts_with_settings(Context& ctx, const base::Json& secret) {
  std::vector<runtime::Key> out;
  if (secret["data"]["networkData"].is_null()) return out;
  const std::string& ns = secret.path("metadata.namespace").string();
  for (const auto& host : ctx.list<BareMetalHost>(ns)) {
    if (host->spec.preprovisioning_network_data_name != secret.path("metadata.name").string()) continue;
    out.push_back({std::string(BareMetalHost::resource), ns, host->meta.name});
  }
  return out;
}

Result<Outcome> reconcile(const metal::BootPlace& place, const OutsideImages& outside, Context& ctx,
                          const BareMetalHost& host) {
  if (host.meta.deleting() || host.meta.has_annotation(api::host_annotation::paused)) return Outcome::done();
  if (!boot_method(host) || outside.provide(host)) return Outcome::done();
  TRY(ask_for_image(ctx, host));
  const auto image = ctx.find<PreprovisioningImage>(host.meta.ns, host.meta.name);
  if (!image || image->meta.deleting() || !is_ours(*image)) return Outcome::done();
  auto status = own_status(ctx, place, *image, host);
  if (same(status, image->status)) return Outcome::done();
  TRY(ctx.update_status(*image, [&](api::PreprovisioningImageStatus& stored) { stored = std::move(status); }));
  return Outcome::done();
}

}  // namespace

bool OutsideImages::provide(const BareMetalHost& host) const { return boots_initrd(host) ? initrds : isos; }

Result<void> ask_for_image(Context& ctx, const BareMetalHost& host) {
  const auto& meta = host.meta;
  const auto wanted = wanted_image(host);
  const auto known = ctx.find<PreprovisioningImage>(meta.ns, meta.name);
  if (!known) {
    PreprovisioningImage image;
    image.meta.ns = meta.ns;
    image.meta.name = meta.name;
    image.meta.labels = meta.labels;
    image.meta.owners.push_back(ctx.owner_reference(host, true));
    image.spec = wanted;
    TRY(ctx.create(image));
    return {};
  }
  if (same(known->spec, wanted) && known->meta.owned_by(meta.uid)) return {};
  TRY(ctx.update(*known, [&](PreprovisioningImage& image) {
    image.spec = wanted;
    image.meta.set_owner(ctx.owner_reference(host, true));
  }));
  return {};
}

runtime::Controller preprovisioningimage_controller(metal::BootPlace place, OutsideImages outside) {
  runtime::For<BareMetalHost> controller("preprovisioningimage",
                                         [place = std::move(place), outside](Context& ctx, const BareMetalHost& host) {
                                           return reconcile(place, outside, ctx, host);
                                         });
  controller.runtime::Controller::watches.push_back({"secrets", hosts_with_settings});
  controller.watches<PreprovisioningImage>([](Context&, const PreprovisioningImage& image) {
    return std::vector<runtime::Key>{{std::string(BareMetalHost::resource), image.meta.ns, image.meta.name}};
  });
  return controller;
}

}  // namespace control
