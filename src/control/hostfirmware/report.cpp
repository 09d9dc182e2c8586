#include "control/hostfirmware/report.h"

#include <algorithm>

#include "base/text.h"
#include "control/hostfirmware/plan.h"

namespace control::hostfirmware {

using api::BareMetalHost;
using api::FirmwareSchema;
using api::HostFirmwareComponents;
using api::HostFirmwareSettings;
using base::Json;
using base::Result;
using base::Time;
using runtime::Context;
using runtime::EventKind;

namespace {

constexpr std::string_view change_detected = "ChangeDetected", valid = "Valid";

// Writes a status if it differs. The first is written whole: the schemas want fields that a difference leaves out.
template <class T, class Status>
Result<void> put_status(Context& ctx, const T& object, Status status) {
  const Time now = ctx.now();
  if (object.status.last_updated && meta::encode(object.status) == meta::encode(status)) return {};
  status.last_updated = now;
  if (!object.status.last_updated) {
    TRY(ctx.patch(T::resource, object.meta.ns, object.meta.name, Json::object({{"status", meta::encode(status)}}),
                  true));
    return {};
  }
  TRY(ctx.update_status(object, [&](Status& stored) { stored = std::move(status); }));
  return {};
}

template <class T>
api::Condition condition_of(const T& object, std::string_view type, std::string_view status, std::string_view reason,
                            std::string message) {
  return {.type = std::string(type),
          .status = std::string(status),
          .reason = std::string(reason),
          .message = std::move(message),
          .changed = {},
          .observed_generation = object.meta.generation};
}

// When a change that is asked for will be made.
std::string next_step(const Context& ctx, const BareMetalHost& host, bool settings) {
  const auto& at = host.status.provisioning.state;
  if (at == api::host_state::externally_provisioned) {
    return "controller: the host is externally provisioned; next: change its firmware by other means";
  }
  if (at != api::host_state::provisioned) {
    return "controller: the changes are made when the host is prepared; next: wait for state preparing";
  }
  const auto policy = ctx.find<api::HostUpdatePolicy>(host.meta.ns, host.meta.name);
  const auto& when = !policy    ? std::string()
                     : settings ? policy->spec.firmware_settings
                                : policy->spec.firmware_updates;
  if (when != api::HostUpdatePolicy::on_reboot) {
    return "controller: the host is provisioned; next: make a HostUpdatePolicy " + host.meta.name + " with " +
           (settings ? "firmwareSettings" : "firmwareUpdates") + ": onReboot and restart the host, or deprovision it";
  }
  return "controller: the changes are made at the next restart; next: annotate the host with " +
         std::string(api::host_annotation::reboot);
}

// What cannot be read is said once, and only where nothing was read before: a BMC that is busy for a while is no news.
Result<void> say_unreadable(Context& ctx, const HostFirmwareSettings& object, const base::Error& error) {
  if (!object.status.settings.empty()) return {};
  api::HostFirmwareSettingsStatus status = object.status;
  std::string why = "bmc: " + error.message;
  if (!error.fix.empty()) why += "; next: " + error.fix;
  api::set_condition(status.conditions, condition_of(object, valid, "Unknown", "NotReadable", why), ctx.now());
  return put_status(ctx, object, std::move(status));
}

Result<runtime::Ref<HostFirmwareSettings>> settings_object(Context& ctx, const BareMetalHost& host) {
  auto found = ctx.find<HostFirmwareSettings>(host.meta.ns, host.meta.name);
  if (found) {
    if (found->meta.owned_by(host.meta.uid) || found->meta.deleting()) return found;
    return ctx.update(*found, [&](HostFirmwareSettings& one) { one.meta.set_owner(ctx.owner_reference(host, true)); });
  }
  HostFirmwareSettings made;
  made.meta.ns = host.meta.ns;
  made.meta.name = host.meta.name;
  made.meta.owners.push_back(ctx.owner_reference(host, true));
  return ctx.create(made);
}

Result<runtime::Ref<HostFirmwareComponents>> components_object(Context& ctx, const BareMetalHost& host) {
  auto found = ctx.find<HostFirmwareComponents>(host.meta.ns, host.meta.name);
  if (found) {
    if (found->meta.owned_by(host.meta.uid) || found->meta.deleting()) return found;
    return ctx.update(*found,
                      [&](HostFirmwareComponents& one) { one.meta.set_owner(ctx.owner_reference(host, true)); });
  }
  HostFirmwareComponents made;
  made.meta.ns = host.meta.ns;
  made.meta.name = host.meta.name;
  made.meta.owners.push_back(ctx.owner_reference(host, true));
  return ctx.create(made);
}

// Lives as long as any settings object refers to it.
Result<void> share_schema(Context& ctx, const HostFirmwareSettings& owner, const metal::FirmwareFacts& facts,
                          const std::string& name, Schema schema) {
  const auto reference = ctx.owner_reference(owner, false);
  const auto& before = owner.status.schema;
  if (before && before->name != name) {
    if (const auto old = ctx.find<FirmwareSchema>(owner.meta.ns, before->name); old && !old->meta.deleting()) {
      if (old->meta.owners.size() == 1 && old->meta.owned_by(owner.meta.uid)) {
        TRY(ctx.remove(*old));
      } else {
        TRY(ctx.update(*old, [&](FirmwareSchema& one) {
          std::erase_if(one.meta.owners, [&](const auto& other) { return other.uid == owner.meta.uid; });
        }));
      }
    }
  }
  if (const auto found = ctx.find<FirmwareSchema>(owner.meta.ns, name)) {
    if (found->meta.owned_by(owner.meta.uid)) return {};
    TRY(ctx.update(*found, [&](FirmwareSchema& one) { one.meta.set_owner(reference); }));
    return {};
  }
  FirmwareSchema made;
  made.meta.ns = owner.meta.ns;
  made.meta.name = name;
  made.meta.owners.push_back(reference);
  made.spec.hardware_vendor = facts.vendor;
  made.spec.hardware_model = facts.model;
  made.spec.schema = std::move(schema);
  TRY(ctx.create(made));
  return {};
}

void judge_settings(Context& ctx, const BareMetalHost& host, const HostFirmwareSettings& object, const Schema& schema,
                    api::HostFirmwareSettingsStatus& status) {
  const Json changes = changes_of(object.spec.settings, status.settings);
  const auto problems = problems_of(object.spec.settings, schema);
  const bool good = problems.empty();
  const auto* before = api::find_condition(object.status.conditions, valid);
  const std::string why = good ? std::string()
                               : "controller: " + base::join(problems, "; ") +
                                     "; next: correct spec.settings, the host goes on without them";
  if (!good && (!before || before->status != "False" || before->message != why)) {
    ctx.event(object, EventKind::warning, "ValidationFailed", why);
  }
  api::set_condition(status.conditions,
                     condition_of(object, valid, good ? "True" : "False", good ? "Success" : "ConfigurationError", why),
                     ctx.now());
  const bool waits = !changes.empty() && good;
  api::set_condition(status.conditions,
                     condition_of(object, change_detected, changes.empty() ? "False" : "True", "Success",
                                  waits ? next_step(ctx, host, true) : std::string()),
                     ctx.now());
}

void judge_components(Context& ctx, const BareMetalHost& host, const HostFirmwareComponents& object,
                      api::HostFirmwareComponentsStatus& status) {
  std::vector<std::string> unknown;
  for (const auto& update : object.spec.updates) {
    const bool known = std::any_of(status.components.begin(), status.components.end(),
                                   [&](const auto& one) { return one.component == update.component; });
    if (!known) unknown.push_back(update.component);
  }
  const bool good = unknown.empty();
  const std::string why = good ? std::string()
                               : "controller: the BMC lists no " + base::join(unknown, ", ") +
                                     "; next: correct spec.updates, the host goes on without them";
  const auto* before = api::find_condition(object.status.conditions, valid);
  if (!good && (!before || before->status != "False" || before->message != why)) {
    ctx.event(object, EventKind::warning, "ValidationFailed", why);
  }
  api::set_condition(status.conditions,
                     condition_of(object, valid, good ? "True" : "False", good ? "OK" : "InvalidComponent", why),
                     ctx.now());
  const bool changes = !updates_to_do(object.spec.updates, status.updates).empty();
  api::set_condition(status.conditions,
                     condition_of(object, change_detected, changes ? "True" : "False", "OK",
                                  changes && good ? next_step(ctx, host, false) : std::string()),
                     ctx.now());
}

Result<void> report_settings(Context& ctx, const BareMetalHost& host, const metal::FirmwareFacts& facts) {
  const auto object = TRY(settings_object(ctx, host));
  if (facts.bios_error) return say_unreadable(ctx, *object, *facts.bios_error);
  const Schema schema = schema_of(facts.bios);
  const std::string name = schema_name(schema);
  TRY(share_schema(ctx, *object, facts, name, schema));
  api::HostFirmwareSettingsStatus status = object->status;
  status.settings = settings_of(facts.bios);
  status.schema = api::NamespacedName{name, host.meta.ns};
  judge_settings(ctx, host, *object, schema, status);
  return put_status(ctx, *object, std::move(status));
}

void note_version(api::FirmwareComponentStatus& component, const std::string& version, bool flashed, Time now) {
  if (component.initial_version.empty()) component.initial_version = version;
  const bool changed = !component.current_version.empty() && component.current_version != version;
  component.current_version = version;
  if (flashed) component.last_version_flashed = version;
  if (flashed || changed) component.updated_at = now;
}

Result<void> report_components(Context& ctx, const BareMetalHost& host, const metal::FirmwareFacts& facts,
                               const std::vector<api::FirmwareUpdate>& done) {
  if (facts.components_error || facts.components.empty()) return {};
  const auto object = TRY(components_object(ctx, host));
  api::HostFirmwareComponentsStatus status = object->status;
  std::vector<api::FirmwareComponentStatus> components;
  for (const auto& found : facts.components) {
    api::FirmwareComponentStatus one;
    for (const auto& known : status.components) {
      if (known.component == found.name) one = known;
    }
    one.component = found.name;
    const bool flashed =
        std::any_of(done.begin(), done.end(), [&](const auto& update) { return update.component == found.name; });
    note_version(one, found.version, flashed, ctx.now());
    components.push_back(std::move(one));
  }
  status.components = std::move(components);
  for (const auto& update : done) {
    std::erase_if(status.updates, [&](const auto& old) { return old.component == update.component; });
    status.updates.push_back(update);
  }
  judge_components(ctx, host, *object, status);
  return put_status(ctx, *object, std::move(status));
}

}  // namespace

Result<void> report(Context& ctx, const BareMetalHost& host, const metal::FirmwareFacts& facts,
                    const std::vector<api::FirmwareUpdate>& done) {
  TRY(report_settings(ctx, host, facts));
  return report_components(ctx, host, facts, done);
}

Result<void> judge(Context& ctx, const BareMetalHost& host) {
  if (const auto settings = ctx.find<HostFirmwareSettings>(host.meta.ns, host.meta.name);
      settings && settings->status.schema) {
    const auto schema = ctx.find<FirmwareSchema>(host.meta.ns, settings->status.schema->name);
    api::HostFirmwareSettingsStatus status = settings->status;
    judge_settings(ctx, host, *settings, schema ? schema->spec.schema : Schema(), status);
    TRY(put_status(ctx, *settings, std::move(status)));
  }
  if (const auto components = ctx.find<HostFirmwareComponents>(host.meta.ns, host.meta.name);
      components && components->status.last_updated) {
    api::HostFirmwareComponentsStatus status = components->status;
    judge_components(ctx, host, *components, status);
    TRY(put_status(ctx, *components, std::move(status)));
  }
  return {};
}

}  // namespace control::hostfirmware
