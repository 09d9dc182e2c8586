#include "sim/bmc/profile.h"

namespace sim {

namespace {

using Etags = BmcProfile::Etags;
using Place = BmcProfile::Place;

// Whole machines first, as their vendors' behaviours come together; then single habits.
const std::vector<BmcProfile> profiles = {
    {.name = "supermicro-x12",
     .quirk = "usb-cd",
     .manufacturer = "Supermicro",
     .model = "SYS-120C-TN10R",
     .reverts_boot = true,
     .cd = BmcProfile::Cd::usb,
     .media = Place::manager,
     .insert_minimal = true},
    {.name = "supermicro-grace",
     .quirk = "plain-cd",
     .manufacturer = "Supermicro",
     .model = "ARS-111GL-NHR",
     .reverts_boot = true,
     .cd = BmcProfile::Cd::plain_beside_usb},
    {.name = "ami",
     .quirk = "whole-boot-override",
     .manufacturer = "American Megatrends International",
     .etags = Etags::weak,
     .reverts_boot = true},
    {.name = "asrockrack", .quirk = "whole-boot-override", .manufacturer = "ASRockRack", .reverts_boot = true},
    {.name = "idrac9",
     .quirk = "slow-between-changes",
     .manufacturer = "Dell Inc.",
     .model = "PowerEdge R650",
     .bmc_version = "5.10.50.00",
     .busy_changes = 1,
     .object_as_list = true,
     .inserted_stays = true,
     .eject_takes = base::seconds(6)},
    {.name = "idrac10",
     .quirk = "busy-after-power-off",
     .manufacturer = "Dell Inc.",
     .model = "PowerEdge R670",
     .bmc_version = "1.20.25.00",
     .object_as_list = true,
     .busy_after_off = base::seconds(35),
     .boot_in_settings = true,
     .media = Place::system},
    {.name = "ilo5",
     .quirk = "boot-locked-in-post",
     .manufacturer = "HPE",
     .model = "ProLiant DL360 Gen10",
     .compressed_only = true,
     .post_lock = 2,
     .eject_needs_body = true},
    {.name = "ilo4", .quirk = "", .manufacturer = "HP", .model = "ProLiant DL360 Gen9", .mode_hidden = true},
    {.name = "lenovo-sd530",
     .quirk = "media-by-patch",
     .manufacturer = "Lenovo",
     .model = "ThinkSystem SD530",
     .media_by_patch = true},
    {.name = "nokia",
     .quirk = "protocol-type-needed",
     .manufacturer = "Nokia",
     .boot_in_settings = true,
     .insert_needs = {"TransferProtocolType"}},
    {.name = "nvidia-dgx",
     .quirk = "media-user-needed",
     .manufacturer = "NVIDIA",
     .insert_needs = {"TransferProtocolType", "TransferMethod", "UserName"}},
    {.name = "huawei-1288h", .quirk = "managers-link", .manufacturer = "Huawei", .media = Place::managers_link},
    {.name = "cisco-ucs", .quirk = "dvd-drive", .manufacturer = "Cisco Systems Inc", .dvd_only = true},
    {.name = "cisco-c845a",
     .quirk = "slot-not-mountable",
     .manufacturer = "Cisco Systems Inc",
     .media = Place::manager,
     .unmountable_first = true},
    {.name = "openbmc",
     .quirk = "reset-types-by-reference",
     .manufacturer = "OpenBMC",
     .reset_by_reference = true,
     .media = Place::manager,
     .insert_takes = base::seconds(5),
     .forgets_tasks = true},

    {.name = "etag-refused", .quirk = "etag-unusable", .etags = Etags::refused},
    {.name = "etag-needed", .quirk = "etag-needed", .etags = Etags::needed},
    {.name = "etag-weak", .quirk = "weak-etag", .etags = Etags::weak},
    {.name = "etag-empty", .etags = Etags::is_empty},
    {.name = "compressed-only", .quirk = "compressed-only", .compressed_only = true},
    {.name = "keep-alive-broken", .quirk = "keep-alive-broken", .drops_reused = true},
    {.name = "busy", .busy_every = 3},
    {.name = "busy-by-message", .quirk = "busy-by-message", .busy_changes = 2},
    {.name = "trailing-slash", .trailing_slash = true},
    {.name = "paged", .quirk = "paged-collections", .paged = true},
    {.name = "dead-members", .quirk = "dead-members", .dead_members = true},
    {.name = "no-sessions", .no_sessions = true},
    {.name = "sessions-taken", .quirk = "session-limit", .sessions_taken = true},
    {.name = "short-sessions", .quirk = "session-lost", .session_uses = 4},
    {.name = "restarts", .restarts_after = 9},
    {.name = "force-on", .only_force_on = true},
    {.name = "conflict-when-done", .quirk = "already-there", .done_is_conflict = true},
    {.name = "reset-task", .resets_by_task = true},
    {.name = "boot-settings-read-only", .quirk = "boot-settings-read-only", .boot_settings_read_only = true},
    {.name = "once-only", .quirk = "continuous-refused", .once_only = true},
    {.name = "mode-refused", .quirk = "boot-mode-fixed", .mode_refused = true},
    {.name = "forgets-boot", .quirk = "forgets-boot-override", .forgets_boots = 1},
    {.name = "forgets-boot-later", .quirk = "forgets-boot-override", .boot_kept_for = base::seconds(20)},
    {.name = "media-of-manager", .quirk = "media-under-manager", .media = Place::manager},
    {.name = "media-unspecific",
     .quirk = "protocol-type-needed",
     .insert_needs = {"TransferProtocolType"},
     .says_what_is_missing = false},
    {.name = "media-method", .quirk = "transfer-method-needed", .insert_needs = {"TransferMethod"}},
    {.name = "media-task", .quirk = "media-by-task", .insert_takes = base::seconds(8)},
    {.name = "eject-body", .quirk = "eject-body-needed", .eject_needs_body = true},
    {.name = "inserted-stays", .quirk = "inserted-stays", .inserted_stays = true},
    {.name = "eject-slow", .quirk = "eject-in-progress", .eject_takes = base::seconds(5)},

    {.name = "ipmi-no-boot-timeout", .quirk = "no-boot-timeout-parameter", .no_boot_timeout_parameter = true},
    {.name = "ipmi-boot-steps", .quirk = "boot-flags-in-steps", .boot_in_steps = true},
    {.name = "ipmi-supermicro", .quirk = "uefi-disk-code", .manufacturer = "Supermicro"},
    {.name = "ipmi-silent-suite", .quirk = "silent-cipher-suite", .silent_suite_17 = true},
    {.name = "ipmi-off-when-off", .off_when_off_refused = true},
    {.name = "ipmi-busy", .quirk = "busy-completion", .busy_commands = 3},
    {.name = "ipmi-hurried", .quirk = "slow-between-commands", .command_gap = base::seconds(3)},
};

}  // namespace

const std::vector<BmcProfile>& bmc_profiles() { return profiles; }

const BmcProfile* bmc_profile(const std::string& name) {
  for (const auto& one : profiles)
    if (one.name == name) return &one;
  return nullptr;
}

bool speaks_ipmi(const BmcProfile& profile) { return profile.name.starts_with("ipmi-"); }

}  // namespace sim
