#include "control/dataimage/dataimage.h"

#include "api/bmc_address.h"
#include "api/metal3_firmware.h"
#include "control/host_access.h"

namespace control {

namespace dataimage {

using api::BareMetalHost;
using api::DataImage;
using base::Result;
using runtime::Context;
using runtime::Key;
using runtime::Outcome;
using runtime::Ref;
namespace state = api::host_state;

namespace {

constexpr std::string_view finalizer = "dataimage.metal3.io";
constexpr base::Duration retry_gap = base::minutes(1);

Result<void> note(Context& ctx, const DataImage& image, const std::string& why) {
  const auto& present = image.status.error;
  if (why.empty() ? !present && image.status.last_reconciled : present && present->message == why) return {};
  TRY(ctx.update_status(image, [&](api::DataImageStatus& status) {
    status.last_reconciled = ctx.now();
    status.error.reset();
    if (!why.empty()) status.error = api::DataImageError{present ? present->count + 1 : 1, why};
  }));
  return {};
}

Result<void> forget_attached(Context& ctx, const DataImage& image) {
  TRY(ctx.update_status(image, [&](api::DataImageStatus& status) {
    status.attached_image.reset();
    status.error.reset();
    status.last_reconciled = ctx.now();
  }));
  return {};
}

// Whether the drive may still hold the image although the host is not deployed any more. Hosts that boot their ramdisk
// from virtual media have had it replaced by that.
bool may_linger(const BareMetalHost& host) {
  const auto address = api::parse_bmc_address(host.spec.bmc.address);
  return address.ok() && address->protocol == api::BmcProtocol::redfish &&
         address->boot != api::BmcBootMethod::virtual_media;
}

bool is_deployed(const BareMetalHost& host) {
  const auto& at = host.status.provisioning.state;
  return at == state::provisioned || at == state::externally_provisioned || at == state::deprovisioning;
}

// The image is out of the drive of a host that is not deployed any more. False: not yet.
Result<bool> take_out(metal::Engine& engine, Context& ctx, const DataImage& image, const BareMetalHost& host) {
  if (may_linger(host)) {
    const SideAccess side = side_access(ctx, host);
    if (side.wait) return false;
    metal::SideWork work;
    work.kind = metal::SideWork::Kind::eject_media;
    work.key = image.meta.uid;
    const auto progress = engine.aside(side.access, work);
    if (progress.is_failed()) TRY(note(ctx, image, "bmc: " + progress.error.message + "; next: " + progress.error.fix));
    if (!progress.is_done()) return false;
  }
  TRY(forget_attached(ctx, image));
  return true;
}

Result<Outcome> release(Context& ctx, const DataImage& image) {
  TRY(ctx.update(image, [](DataImage& one) { one.meta.remove_finalizer(finalizer); }));
  return Outcome::done();
}

// Without a BMC to ask, what is in the drive stays there.
bool is_out_of_reach(const BareMetalHost* host) {
  return !host || host->meta.deleting() || host->status.operational_status == "detached" ||
         host->meta.has_annotation(api::host_annotation::detached);
}

Result<Outcome> reconcile(metal::Engine& engine, Context& ctx, const DataImage& image) {
  const bool deleting = image.meta.deleting();
  if (deleting && !image.meta.has_finalizer(finalizer)) return Outcome::done();
  const Ref<BareMetalHost> host = ctx.find<BareMetalHost>(image.meta.ns, image.meta.name);
  if (host && host->meta.has_annotation(api::host_annotation::paused)) return Outcome::done();
  if (deleting && (is_out_of_reach(host.get()) || !image.status.attached_image)) return release(ctx, image);
  if (!host) {
    TRY(note(ctx, image,
             "controller: there is no BareMetalHost " + image.meta.name + "; next: give the DataImage a host's name"));
    return Outcome::done();
  }
  if (!deleting && (!image.meta.has_finalizer(finalizer) || !image.meta.owned_by(host->meta.uid))) {
    TRY(ctx.update(image, [&](DataImage& one) {
      one.meta.add_finalizer(finalizer);
      one.meta.set_owner(ctx.owner_reference(*host, true));
    }));
    return Outcome::done();
  }
  if (!speaks_redfish(*host)) {
    TRY(note(ctx, image,
             "bmc: the BMC of host " + host->meta.name + " has no virtual media; next: use a redfish address"));
    return Outcome::done();
  }
  if (is_deployed(*host)) {
    if (!image.status.last_reconciled) TRY(note(ctx, image, ""));
    return Outcome::done();  // the host's restart does the rest
  }
  if (!image.status.attached_image) {
    if (image.status.error) TRY(note(ctx, image, ""));
    return Outcome::done();
  }
  if (!TRY(take_out(engine, ctx, image, *host))) return Outcome::after(retry_gap);
  return deleting ? release(ctx, image) : Outcome::done();
}

}  // namespace
}  // namespace dataimage

runtime::Controller dataimage_controller(metal::Engine& engine) {
  return runtime::For<api::DataImage>("dataimage",
                                      [&engine](runtime::Context& ctx, const api::DataImage& image) {
                                        return dataimage::reconcile(engine, ctx, image);
                                      })
      .watches<api::BareMetalHost>([](runtime::Context& ctx, const api::BareMetalHost& host) {
        std::vector<runtime::Key> keys;
        if (ctx.find<api::DataImage>(host.meta.ns, host.meta.name)) {
          keys.push_back({std::string(api::DataImage::resource), host.meta.ns, host.meta.name});
        }
        return keys;
      });
}

}  // namespace control
