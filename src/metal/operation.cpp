#include "metal/operation.h"

#include <array>

#include "base/text.h"

namespace metal {

namespace {
struct KindName {
  OperationKind kind;
  std::string_view name, reason;
};
constexpr std::array kinds = {
    KindName{OperationKind::none, "none", "Idle"},
    KindName{OperationKind::inspect, "inspect", "Inspect"},
    KindName{OperationKind::prepare, "prepare", "Prepare"},
    KindName{OperationKind::provision, "provision", "Provision"},
    KindName{OperationKind::deprovision, "deprovision", "Deprovision"},
    KindName{OperationKind::service, "service", "Service"},
};
constexpr std::array<std::string_view, 5> milestones = {"ordered", "cleaned", "written", "staged", "writing"};

OperationKind kind_of(std::string_view reason) {
  for (const auto& known : kinds) {
    if (known.reason == reason) return known.kind;
  }
  return OperationKind::none;
}
}  // namespace

std::string_view name_of(OperationKind kind) { return kinds[static_cast<size_t>(kind)].name; }
std::string_view name_of(Milestone milestone) { return milestones[static_cast<size_t>(milestone)]; }

Operation Operation::read(const std::vector<api::Condition>& conditions) {
  Operation found;
  const auto* condition = api::find_condition(conditions, operation_condition);
  if (!condition) return found;
  found.kind = kind_of(condition->reason);
  for (const auto word : base::split(condition->message, ' ')) {
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    const auto key = word.substr(0, equals);
    const auto value = word.substr(equals + 1);
    if (key == "id") found.id = value;
    if (key == "boot") found.boot_id = value;
    if (key == "volumes") found.changing_volumes = value == "changing";
    if (key == "milestone") {
      for (size_t i = 0; i < milestones.size(); ++i) {
        if (milestones[i] == value) found.milestone = static_cast<Milestone>(i);
      }
    }
  }
  if (found.id.empty()) found.kind = OperationKind::none;
  return found;
}

void Operation::write(std::vector<api::Condition>& conditions, base::Time now) const {
  if (kind == OperationKind::none && boot_id.empty()) {
    api::remove_condition(conditions, operation_condition);
    return;
  }
  std::string message;
  if (kind != OperationKind::none) message = "id=" + id + " milestone=" + std::string(name_of(milestone));
  if (!boot_id.empty()) message += (message.empty() ? "boot=" : " boot=") + boot_id;
  if (changing_volumes) message += " volumes=changing";
  api::set_condition(conditions,
                     {.type = std::string(operation_condition),
                      .status = kind == OperationKind::none ? "False" : "True",
                      .reason = std::string(kinds[static_cast<size_t>(kind)].reason),
                      .message = message,
                      .changed = {},
                      .observed_generation = {}},
                     now);
}

}  // namespace metal
