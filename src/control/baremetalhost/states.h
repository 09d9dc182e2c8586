// The life of a bare-metal host as one table (rendered into docs/generated/baremetalhost-states.md). The first row of
// the present state whose guard holds is taken: `go` moves at once, `wait` stays, any other action runs and its outcome
// picks the next state. One row is taken per reconcile, and a state's work starts only after the state is durable.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace metal {
struct Progress;
}

namespace control::baremetalhost {

struct Scope;

enum class State : unsigned char {
  none,
  unmanaged,
  registering,
  inspecting,
  preparing,
  available,
  provisioning,
  provisioned,
  externally_provisioned,
  deprovisioning,
  powering_off,
  deleting,
  gone,
};
constexpr size_t states_count = static_cast<size_t>(State::gone) + 1;

// As status.provisioning.state has it.
std::string_view name_of(State state);
State state_from(std::string_view name);  // with the legacy names; unknown text is none

struct When {
  std::string_view text;
  bool (*holds)(const Scope&);
};
struct Action {
  std::string_view text;
  metal::Progress (*run)(Scope&);  // null: go or wait
  std::string_view error_type;     // recorded when it fails
};
struct Row {
  State state;
  When when;
  Action action;
  State done, failed;
};

bool is_deleted(const Scope&);
bool has_bmc(const Scope&);
bool is_unregistered(const Scope&);
bool is_external(const Scope&);
bool skips_inspection(const Scope&);
bool wants_inspection(const Scope&);
bool preparation_changed(const Scope&);
bool attempts_used_up(const Scope&);
bool wants_image(const Scope&);
bool image_withdrawn(const Scope&);
bool has_failed(const Scope&);
bool wants_otherwise(const Scope&);
bool released_with_image(const Scope&);
bool cannot_be_reached(const Scope&);
bool has_no_access(const Scope&);
bool holds_always(const Scope&);

metal::Progress run_register(Scope&);
metal::Progress run_inspect(Scope&);
metal::Progress run_prepare(Scope&);
metal::Progress run_provision(Scope&);
metal::Progress run_deprovision(Scope&);
metal::Progress run_manage_power(Scope&);
metal::Progress run_power_off(Scope&);
metal::Progress run_release(Scope&);
metal::Progress run_report_attempts(Scope&);

namespace table {

using enum State;

constexpr When deleted{"the host is being deleted", is_deleted};
constexpr When bmc_known{"spec.bmc is set", has_bmc};
constexpr When unregistered{"the BMC has not accepted these credentials yet", is_unregistered};
constexpr When external{"spec.externallyProvisioned", is_external};
constexpr When no_inspection{"inspection is disabled", skips_inspection};
constexpr When inspect_again{"annotation inspect.metal3.io", wants_inspection};
constexpr When prepare_again{"root device hints, RAID or firmware differ from status", preparation_changed};
constexpr When used_up{"an image is wanted and failed too often", attempts_used_up};
constexpr When image_wanted{"online and an image is set", wants_image};
constexpr When withdrawn{"the image is gone or another one", image_withdrawn};
constexpr When failed_amid{"the image may be half-written, the backoff of that failure is over", has_failed};
constexpr When otherwise{"nothing could be written, and something else is wanted first", wants_otherwise};
constexpr When taken_over{"no longer external, image known", released_with_image};
constexpr When unreachable{"being deleted and the server failed too often", cannot_be_reached};
constexpr When no_access{"being deleted and the BMC could not be asked too often", has_no_access};
constexpr When always{"otherwise", holds_always};

constexpr Action go{"", nullptr, {}};
constexpr Action wait{"wait", nullptr, {}};
constexpr Action do_register{"connect to the BMC", run_register, "registration error"};
constexpr Action do_inspect{"boot the agent, take the inventory", run_inspect, "inspection error"};
constexpr Action do_prepare{"make RAID volumes, erase metadata, change firmware", run_prepare, "preparation error"};
constexpr Action do_provision{"write image and config drive, boot from disk", run_provision, "provisioning error"};
constexpr Action do_deprovision{"erase disks, power off", run_deprovision, "provisioning error"};
constexpr Action do_power{"keep the power state as spec.online wants", run_manage_power, "power management error"};
constexpr Action do_power_off{"power off", run_power_off, "power management error"};
constexpr Action do_release{"release Secret, HardwareData and finalizer", run_release, "registration error"};
constexpr Action say_used_up{"say so, wait for another image", run_report_attempts, "power management error"};

// clang-format off
constexpr auto rows = std::to_array<Row>({
    // state                  when            action          done                    failed
    {none,                    deleted,        go,             deleting,               none},
    {none,                    bmc_known,      go,             registering,            none},
    {none,                    always,         go,             unmanaged,              none},
    {unmanaged,               deleted,        go,             deleting,               unmanaged},
    {unmanaged,               bmc_known,      go,             registering,            unmanaged},
    {unmanaged,               always,         wait,           unmanaged,              unmanaged},
    {registering,             deleted,        go,             deleting,               registering},
    {registering,             unregistered,   do_register,    registering,            registering},
    {registering,             external,       go,             externally_provisioned, registering},
    {registering,             no_inspection,  go,             preparing,              registering},
    {registering,             always,         go,             inspecting,             registering},
    {inspecting,              deleted,        go,             powering_off,           inspecting},
    {inspecting,              no_inspection,  go,             preparing,              inspecting},
    {inspecting,              always,         do_inspect,     preparing,              inspecting},
    {preparing,               deleted,        go,             powering_off,           preparing},
    {preparing,               always,         do_prepare,     available,              preparing},
    {available,               deleted,        go,             powering_off,           available},
    {available,               external,       go,             externally_provisioned, available},
    {available,               inspect_again,  go,             inspecting,             available},
    {available,               prepare_again,  go,             preparing,              available},
    {available,               used_up,        say_used_up,    available,              available},
    {available,               image_wanted,   go,             provisioning,           available},
    {available,               always,         do_power,       available,              available},
    {provisioning,            deleted,        go,             deprovisioning,         provisioning},
    {provisioning,            withdrawn,      go,             deprovisioning,         provisioning},
    {provisioning,            failed_amid,    go,             deprovisioning,         provisioning},
    {provisioning,            otherwise,      go,             deprovisioning,         provisioning},
    {provisioning,            always,         do_provision,   provisioned,            provisioning},
    {provisioned,             deleted,        go,             deprovisioning,         provisioned},
    {provisioned,             withdrawn,      go,             deprovisioning,         provisioned},
    {provisioned,             always,         do_power,       provisioned,            provisioned},
    {externally_provisioned,  deleted,        go,             powering_off,           externally_provisioned},
    {externally_provisioned,  taken_over,     go,             provisioned,            externally_provisioned},
    {externally_provisioned,  always,         do_power,       externally_provisioned, externally_provisioned},
    {deprovisioning,          no_access,      go,             deleting,               deprovisioning},
    {deprovisioning,          unreachable,    go,             powering_off,           deprovisioning},
    {deprovisioning,          deleted,        do_deprovision, powering_off,           deprovisioning},
    {deprovisioning,          always,         do_deprovision, available,              deprovisioning},
    {powering_off,            unreachable,    go,             deleting,               powering_off},
    {powering_off,            always,         do_power_off,   deleting,               powering_off},
    {deleting,                always,         do_release,     gone,                   deleting},
});
// clang-format on

constexpr bool every_state_ends_with_always() {
  for (size_t state = 0; state < static_cast<size_t>(gone); ++state) {
    const Row* last = nullptr;
    for (const auto& row : rows) {
      if (static_cast<size_t>(row.state) == state) last = &row;
    }
    if (!last || last->when.holds != always.holds) return false;
  }
  return true;
}
constexpr bool every_state_reaches_gone() {
  std::array<bool, states_count> reaches{};
  reaches[static_cast<size_t>(gone)] = true;
  for (size_t round = 0; round < states_count; ++round) {
    for (const auto& row : rows) {
      if (reaches[static_cast<size_t>(row.done)]) reaches[static_cast<size_t>(row.state)] = true;
    }
  }
  for (const bool one : reaches) {
    if (!one) return false;
  }
  return true;
}
// Disks are only ever erased or written in three states, and a provisioned server gets there by deprovisioning alone.
constexpr bool provisioned_only_leaves_by_deprovisioning() {
  for (const auto& row : rows) {
    if (row.state == provisioned && row.done != provisioned && row.done != deprovisioning) return false;
    if (row.state == externally_provisioned && row.done != externally_provisioned && row.done != provisioned &&
        row.done != powering_off) {
      return false;
    }
  }
  return true;
}
static_assert(every_state_ends_with_always(), "a state can fall through the table");
static_assert(every_state_reaches_gone(), "a host can be stuck for ever");
static_assert(provisioned_only_leaves_by_deprovisioning(), "a deployed server could be touched without an order");

}  // namespace table

// The first row of the scope's state whose guard holds.
const Row& row_for(const Scope& scope);
std::string table_as_markdown();

}  // namespace control::baremetalhost
