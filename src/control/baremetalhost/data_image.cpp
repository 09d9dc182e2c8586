// The DataImage of a host: a medium in the virtual CD drive of a provisioned server, put in and taken out while the
// server is off on its way to being on again.
#include <algorithm>

#include "api/metal3_firmware.h"
#include "control/baremetalhost/scope.h"

namespace control::baremetalhost {

namespace {

constexpr int64_t attempts_per_restart = 3;  // then the server runs without: a lost image must not keep it down
constexpr Duration retry_gap = base::seconds(30), next_restart = base::minutes(10);

struct DataWish {
  runtime::Ref<api::DataImage> image;  // null: none
  std::string wanted, attached;
  bool differs() const { return image && wanted != attached; }
};

DataWish data_wish(const Scope& scope) {
  DataWish wish;
  wish.image = scope.ctx.find<api::DataImage>(scope.host.meta.ns, scope.host.meta.name);
  if (!wish.image) return wish;
  if (!wish.image->meta.deleting()) wish.wanted = wish.image->spec.url;
  if (wish.image->status.attached_image) wish.attached = wish.image->status.attached_image->url;
  return wish;
}

Result<void> record(Scope& scope, const DataWish& wish, std::optional<Error> error) {
  const auto& present = wish.image->status.error;
  const int64_t count = present ? present->count : 0;
  TRY(scope.ctx.update_status(*wish.image, [&](api::DataImageStatus& status) {
    status.last_reconciled = scope.ctx.now();
    if (error) {
      status.error = api::DataImageError{count + 1, failure_text(scope, *error)};
      return;
    }
    status.error.reset();
    status.attached_image.reset();
    if (!wish.wanted.empty()) status.attached_image = api::AttachedImage{wish.wanted};
  }));
  return {};
}

}  // namespace

std::optional<Progress> tend_data_image(Scope& scope) {
  if (!scope.access.live_iso.empty()) return std::nullopt;  // which is in that drive
  const DataWish wish = data_wish(scope);
  if (!wish.differs()) return std::nullopt;
  const auto& status = wish.image->status;
  const int64_t failures = status.error ? status.error->count : 0;
  const Duration since = status.last_reconciled ? scope.ctx.now() - *status.last_reconciled : next_restart;
  const bool attaches = !wish.wanted.empty();
  Progress progress = Progress::working(attaches ? "attaching the data image" : "ejecting the data image", 50);
  if (failures > 0 && since < next_restart) {
    if (failures % attempts_per_restart == 0) return std::nullopt;
    if (since < retry_gap) {
      progress.wait = metal::Wait{base::Layer::bmc, "the last attempt failed: " + status.error->message, "try again"};
      scope.again_in(retry_gap - since);
      return progress;
    }
  }
  metal::SideWork work;
  work.kind = attaches ? metal::SideWork::Kind::attach_media : metal::SideWork::Kind::eject_media;
  work.url = wish.wanted;
  work.key = wish.image->meta.uid + "/" + std::to_string(wish.image->meta.generation) + "/" + std::to_string(failures);
  const Progress asked = scope.engine.aside(scope.access, work);
  if (!asked.is_done() && !asked.is_failed()) return progress;
  const auto error = asked.is_failed() ? std::optional(asked.error) : std::nullopt;
  if (auto recorded = record(scope, wish, error); !recorded) return Progress::failed(recorded.error());
  scope.ctx.event(*wish.image, error ? EventKind::warning : EventKind::normal,
                  error      ? "DataImageError"
                  : attaches ? "DataImageAttached"
                             : "DataImageEjected",
                  error ? failure_text(scope, *error) : "Virtual CD of host " + scope.host.meta.name + " changed");
  scope.again_in(error ? retry_gap : base::seconds(1));
  return progress;
}

std::optional<metal::Wait> waits_for_restart(const Scope& scope) {
  if (scope.state() != State::provisioned || !scope.host.spec.online) return std::nullopt;
  const DataWish wish = data_wish(scope);
  if (!wish.differs()) return std::nullopt;
  if (!scope.access.live_iso.empty()) {
    return metal::Wait{base::Layer::controller,
                       "DataImage " + scope.host.meta.name + " waits: a live ISO is in the server's virtual CD drive",
                       "delete the DataImage, or deploy an image to the disk"};
  }
  const std::string what = wish.wanted.empty() ? " is ejected" : " is attached";
  return metal::Wait{base::Layer::controller,
                     "DataImage " + scope.host.meta.name + what + " when the host restarts, which nobody has asked for",
                     "annotate the host with " + std::string(api::host_annotation::reboot)};
}

}  // namespace control::baremetalhost
