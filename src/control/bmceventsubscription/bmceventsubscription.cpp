#include "control/bmceventsubscription/bmceventsubscription.h"

#include "api/metal3_firmware.h"
#include "base/text.h"
#include "control/host_access.h"

namespace control {

namespace bmceventsubscription {

using api::BareMetalHost;
using api::BMCEventSubscription;
using base::Result;
using metal::SideWork;
using runtime::Context;
using runtime::Outcome;

namespace {

constexpr std::string_view finalizer = "bmceventsubscription.metal3.io";
constexpr base::Duration absent_gap = base::minutes(10), failure_gap = base::seconds(90);

Result<void> note(Context& ctx, const BMCEventSubscription& object, const std::string& why) {
  if (object.status.error == why) return {};
  if (!why.empty()) ctx.event(object, runtime::EventKind::warning, "SubscriptionError", why);
  TRY(ctx.update_status(object, [&](api::BMCEventSubscriptionStatus& status) { status.error = why; }));
  return {};
}

std::string text_of(const base::Error& error) {
  return "bmc: " + error.message + (error.fix.empty() ? "" : "; next: " + error.fix);
}

// Headers to send along, from a Secret beside the subscription: one key per header. Or why they cannot be had.
Result<std::map<std::string, std::string>> headers_of(const Context& ctx, const BMCEventSubscription& object) {
  std::map<std::string, std::string> out;
  const auto& reference = object.spec.http_headers_ref;
  if (!reference || reference->name.empty()) return out;
  const std::string where = "Secret " + object.meta.ns + "/" + reference->name;
  const base::Json secret = ctx.document("secrets", object.meta.ns, reference->name);
  if (secret.is_null()) return base::not_found(where + " with the HTTP headers does not exist; next: create it");
  for (const auto& [name, value] : secret["data"].members()) {
    const auto plain = base::unbase64(value.string());
    if (!plain) return base::invalid(where + ": the value of " + name + " is not base64; next: correct it");
    out[name] = std::string(base::trim(*plain));
  }
  return out;
}

Result<Outcome> release(Context& ctx, const BMCEventSubscription& object) {
  TRY(ctx.update(object, [](BMCEventSubscription& one) { one.meta.remove_finalizer(finalizer); }));
  return Outcome::done();
}

Result<Outcome> end(metal::Engine& engine, Context& ctx, const BMCEventSubscription& object,
                    const BareMetalHost* host) {
  if (!object.meta.has_finalizer(finalizer)) return Outcome::done();
  const bool out_of_reach = !host || host->meta.deleting() || host->status.operational_status == "detached";
  if (object.status.subscription_id.empty() || out_of_reach) return release(ctx, object);
  const SideAccess side = side_access(ctx, *host);
  if (side.wait) {
    TRY(note(ctx, object, side.wait->text()));
    return Outcome::after(absent_gap);
  }
  SideWork work;
  work.kind = SideWork::Kind::unsubscribe;
  work.key = object.meta.uid;
  work.id = object.status.subscription_id;
  const auto progress = engine.aside(side.access, work);
  if (progress.is_done()) return release(ctx, object);
  if (progress.is_failed()) TRY(note(ctx, object, text_of(progress.error)));
  return Outcome::after(failure_gap);
}

Result<Outcome> begin(metal::Engine& engine, Context& ctx, const BMCEventSubscription& object,
                      const BareMetalHost& host) {
  const SideAccess side = side_access(ctx, host);
  if (side.wait) {
    TRY(note(ctx, object, side.wait->text()));
    return Outcome::after(absent_gap);
  }
  SideWork work;
  work.kind = SideWork::Kind::subscribe;
  work.key = object.meta.uid;
  auto headers = headers_of(ctx, object);
  if (!headers) {
    TRY(note(ctx, object, "controller: " + headers.error().message));
    return Outcome::after(failure_gap);
  }
  work.subscription = {object.spec.destination, object.spec.context, std::move(*headers)};
  const auto progress = engine.aside(side.access, work);
  if (progress.is_failed()) TRY(note(ctx, object, text_of(progress.error)));
  if (!progress.is_done()) return Outcome::after(failure_gap);
  TRY(ctx.update_status(object, [&](api::BMCEventSubscriptionStatus& status) {
    status.subscription_id = progress.subscription;
    status.error.clear();
  }));
  return Outcome::done();
}

Result<Outcome> reconcile(metal::Engine& engine, Context& ctx, const BMCEventSubscription& object) {
  const auto host = ctx.find<BareMetalHost>(object.meta.ns, object.spec.host_name);
  if (object.meta.deleting()) return end(engine, ctx, object, host.get());
  if (!object.status.subscription_id.empty()) return Outcome::done();
  if (!object.meta.has_finalizer(finalizer)) {  // durable before the BMC has anything
    TRY(ctx.update(object, [](BMCEventSubscription& one) { one.meta.add_finalizer(finalizer); }));
    return Outcome::done();
  }
  if (!host) {
    TRY(note(ctx, object,
             "controller: there is no BareMetalHost " + object.spec.host_name + "; next: create it, or delete this"));
    return Outcome::after(absent_gap);
  }
  return begin(engine, ctx, object, *host);
}

}  // namespace
}  // namespace bmceventsubscription

runtime::Controller bmceventsubscription_controller(metal::Engine& engine) {
  return runtime::For<api::BMCEventSubscription>(
             "bmceventsubscription",
             [&engine](runtime::Context& ctx, const api::BMCEventSubscription& object) {
               return bmceventsubscription::reconcile(engine, ctx, object);
             })
      .watches<api::BareMetalHost>([](runtime::Context& ctx, const api::BareMetalHost& host) {
        std::vector<runtime::Key> keys;
        for (const auto& one : ctx.list<api::BMCEventSubscription>(host.meta.ns)) {
          if (one->spec.host_name != host.meta.name) continue;
          keys.push_back({std::string(api::BMCEventSubscription::resource), one->meta.ns, one->meta.name});
        }
        return keys;
      });
}

}  // namespace control
