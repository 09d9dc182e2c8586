#include "control/hostfirmware/hostfirmware.h"

#include "control/host_access.h"
#include "control/hostfirmware/plan.h"
#include "control/hostfirmware/report.h"

namespace control {

namespace hostfirmware {

namespace {

using api::BareMetalHost;
using base::Duration;
using runtime::Key;
using runtime::Outcome;

constexpr Duration poll_gap = base::minutes(5), poll_gap_changing = base::minutes(1);
constexpr Duration busy_gap = base::seconds(30);

bool changes(const runtime::Context& ctx, const BareMetalHost& host) {
  const auto settings = ctx.find<api::HostFirmwareSettings>(host.meta.ns, host.meta.name);
  if (settings && api::is_true(settings->status.conditions, "ChangeDetected")) return true;
  const auto components = ctx.find<api::HostFirmwareComponents>(host.meta.ns, host.meta.name);
  return components && api::is_true(components->status.conditions, "ChangeDetected");
}

// A BMC that is restarted or flashed right now tells nothing that will last.
bool is_at_work(const BareMetalHost& host) {
  return host.status.operational_status == "servicing" || host.status.provisioning.state == api::host_state::preparing;
}

base::Result<Outcome> reconcile(metal::Engine& engine, runtime::Context& ctx, const BareMetalHost& host) {
  if (!speaks_redfish(host)) return Outcome::done();
  const SideAccess side = side_access(ctx, host);
  if (side.wait) return Outcome::done();  // whatever ends this is a change of the host or its Secret's condition
  TRY(judge(ctx, host));
  const Duration gap = changes(ctx, host) ? poll_gap_changing : poll_gap;
  const auto read_at = engine.firmware_read_at(host.meta.uid);
  if (read_at && ctx.now() - *read_at < gap) return Outcome::after(gap - (ctx.now() - *read_at));
  if (read_at && is_at_work(host)) return Outcome::after(busy_gap);
  metal::SideWork work;
  work.key = side.access.credentials_version;
  const metal::Progress progress = engine.aside(side.access, work);
  if (!progress.is_done() || !progress.firmware) return Outcome::after(gap);  // its end wakes us
  if (auto reported = report(ctx, host, *progress.firmware); !reported) {
    engine.forget_firmware(host.meta.uid);
    return std::move(reported).error();
  }
  return Outcome::after(gap);
}

template <class T>
std::vector<Key> same_host(runtime::Context&, const T& object) {
  return {{std::string(api::BareMetalHost::resource), object.meta.ns, object.meta.name}};
}

}  // namespace
}  // namespace hostfirmware

runtime::Controller hostfirmware_controller(metal::Engine& engine) {
  return runtime::For<api::BareMetalHost>("hostfirmware",
                                          [&engine](runtime::Context& ctx, const api::BareMetalHost& host) {
                                            return hostfirmware::reconcile(engine, ctx, host);
                                          })
      .watches<api::HostFirmwareSettings>(hostfirmware::same_host<api::HostFirmwareSettings>)
      .watches<api::HostFirmwareComponents>(hostfirmware::same_host<api::HostFirmwareComponents>)
      .watches<api::HostUpdatePolicy>(hostfirmware::same_host<api::HostUpdatePolicy>);
}

}  // namespace control
