#include "metal/bmc/quirks.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "metal/bmc/redfish_client.h"

namespace metal {
namespace {

bool any_of(std::string_view alternatives, const auto& predicate) {
  if (alternatives.empty()) return false;
  const auto words = base::split(alternatives, '|');
  return std::any_of(words.begin(), words.end(), predicate);
}

bool names_vendor(std::string_view pattern, std::string_view vendor) {
  if (pattern.starts_with('=')) return vendor == pattern.substr(1);
  return vendor.find(pattern) != std::string_view::npos;
}

int major_version(std::string_view firmware) {
  return int(base::parse_int(firmware.substr(0, firmware.find('.'))).value_or(0));
}

// Which quirks the drivers see by themselves is told in `behaviour`.
const std::vector<QuirkRow> table = {
    {.quirk = Quirk::compressed_only,
     .name = "compressed-only",
     .seen_at = "HPE Gen10 and later",
     .behaviour = "406 for documents that exist only compressed when plain ones are asked for",
     .remedy = "stops asking for plain answers and unpacks them"},
    {.quirk = Quirk::keep_alive_broken,
     .name = "keep-alive-broken",
     .seen_at = "several",
     .behaviour = "drops or resets connections that are used again",
     .remedy = "a connection per request"},
    {.quirk = Quirk::busy_by_message,
     .name = "busy-by-message",
     .seen_at = "Dell iDRAC, HPE iLO",
     .behaviour = "refuses changes while it is busy, with any status",
     .remedy = "sends the change again after a pause",
     .step = BmcStep::any,
     .words = "#sys518|#invalidoperationforsystemstate"},
    {.quirk = Quirk::slow_between_changes,
     .name = "slow-between-changes",
     .seen_at = "Dell iDRAC 4.x and 5.x",
     .behaviour = "needs 10 to 20 s until it takes the next change",
     .remedy = "waits longer before it asks again",
     .vendors = "dell",
     .firmware_from = 4,
     .firmware_below = 6},
    {.quirk = Quirk::weak_etag,
     .name = "weak-etag",
     .seen_at = "several",
     .behaviour = "shows a weak ETag and refuses it with 412",
     .remedy = "sends the strong form of it"},
    {.quirk = Quirk::etag_unusable,
     .name = "etag-unusable",
     .seen_at = "several",
     .behaviour = "412 for its own ETag in any form",
     .remedy = "changes without If-Match"},
    {.quirk = Quirk::etag_needed,
     .name = "etag-needed",
     .seen_at = "several",
     .behaviour = "428 for a change without If-Match though it shows no ETag",
     .remedy = "If-Match: *"},
    {.quirk = Quirk::session_limit,
     .name = "session-limit",
     .seen_at = "all: pools of 8 to 64",
     .behaviour = "gives no session while all are taken",
     .remedy = "Basic authentication until the next login",
     .step = BmcStep::login,
     .words = "#sessionlimitexceeded|#createlimitreachedforresource"},
    {.quirk = Quirk::session_lost,
     .name = "session-lost",
     .seen_at = "all, after a restart or by idleness",
     .behaviour = "401 or 403 for a session that worked",
     .remedy = "one new session, and the request again"},
    {.quirk = Quirk::password_change,
     .name = "password-change",
     .seen_at = "OpenBMC, HPE",
     .behaviour = "403 until the factory password is changed",
     .remedy = "says so instead of trying again",
     .step = BmcStep::any,
     .words = "#passwordchangerequired"},
    {.quirk = Quirk::paged_collections,
     .name = "paged-collections",
     .seen_at = "several",
     .behaviour = "collections come in pages (Members@odata.nextLink)",
     .remedy = "reads all pages"},
    {.quirk = Quirk::object_as_list,
     .name = "object-as-list",
     .seen_at = "Dell iDRAC",
     .behaviour = "@Message.ExtendedInfo is one object",
     .remedy = "reads it as a list of one"},
    {.quirk = Quirk::trailing_slash,
     .name = "trailing-slash",
     .seen_at = "several",
     .behaviour = "links end in a slash that the same service does not serve",
     .remedy = "leaves it out"},
    {.quirk = Quirk::dead_members,
     .name = "dead-members",
     .seen_at = "several",
     .behaviour = "collections list members that are 404 or null",
     .remedy = "passes over them"},
    {.quirk = Quirk::forgotten_task,
     .name = "forgotten-task",
     .seen_at = "Dell iDRAC below 5, all after a restart",
     .behaviour = "404 or 410 for the monitor of a task that is over",
     .remedy = "looks at what the task was to change"},
    {.quirk = Quirk::reset_types_by_reference,
     .name = "reset-types-by-reference",
     .seen_at = "OpenBMC",
     .behaviour = "allowed reset types are only in the ActionInfo document",
     .remedy = "reads that"},
    {.quirk = Quirk::already_there,
     .name = "already-there",
     .seen_at = "several",
     .behaviour = "power-on when on (or off when off) is an error",
     .remedy = "compares the state with what is wanted before it believes an error"},
    {.quirk = Quirk::busy_after_power_off,
     .name = "busy-after-power-off",
     .seen_at = "Dell iDRAC10",
     .behaviour = "refuses power-on for a minute after a power-off",
     .remedy = "up to six tries, 10 s apart",
     .step = BmcStep::reset,
     .statuses = "409",
     .words = "#actionparametervalueconflict"},
    {.quirk = Quirk::whole_boot_override,
     .name = "whole-boot-override",
     .seen_at = "Supermicro, AMI, ASRockRack",
     .behaviour = "changes the other boot properties back when one is set alone",
     .remedy = "always sends target, enabled and mode together",
     .vendors = "supermicro|super micro|=ami|american megatrends|asrockrack"},
    {.quirk = Quirk::boot_in_settings,
     .name = "boot-in-settings",
     .seen_at = "Nokia, Dell iDRAC10",
     .behaviour = "boot properties can be changed in the settings resource only",
     .remedy = "changes each property where it is offered"},
    {.quirk = Quirk::boot_settings_read_only,
     .name = "boot-settings-read-only",
     .seen_at = "several",
     .behaviour = "shows boot properties in the settings resource but refuses to change them there",
     .remedy = "changes the System"},
    {.quirk = Quirk::usb_cd,
     .name = "usb-cd",
     .seen_at = "Supermicro X11, X12",
     .behaviour = "the virtual CD is UsbCd",
     .remedy = "UsbCd where it is offered",
     .vendors = "supermicro|super micro"},
    {.quirk = Quirk::plain_cd,
     .name = "plain-cd",
     .seen_at = "Supermicro ARS-111GL-NHR",
     .behaviour = "the virtual CD is Cd though UsbCd is offered",
     .remedy = "Cd",
     .vendors = "supermicro|super micro",
     .models = "ars-111gl-nhr"},
    {.quirk = Quirk::continuous_refused,
     .name = "continuous-refused",
     .seen_at = "several",
     .behaviour = "takes boot overrides for one boot only",
     .remedy = "Once; callers set it before every power-on"},
    {.quirk = Quirk::boot_locked_in_post,
     .name = "boot-locked-in-post",
     .seen_at = "HPE",
     .behaviour = "refuses boot changes during the power-on self test",
     .remedy = "up to six tries, 5 to 30 s apart",
     .step = BmcStep::boot,
     .words = "#unabletomodifyduringsystempost"},
    {.quirk = Quirk::boot_mode_fixed,
     .name = "boot-mode-fixed",
     .seen_at = "HPE Gen9",
     .behaviour = "the boot mode cannot be read or set",
     .remedy = "leaves it out",
     .step = BmcStep::boot,
     .words = "bootsourceoverridemode"},
    {.quirk = Quirk::forgets_boot_override,
     .name = "forgets-boot-override",
     .seen_at = "several",
     .behaviour = "accepts a boot override and does not keep it",
     .remedy = "reads it back, and sets it again before power-on"},
    {.quirk = Quirk::keeps_own_boot_order,
     .name = "keeps-own-boot-order",
     .seen_at = "Lenovo",
     .behaviour = "with the disk as override after the boot order was written, waits for a person at the console",
     .remedy = "for UEFI disks takes the override away and leaves the boot order to the firmware",
     .vendors = "lenovo"},
    {.quirk = Quirk::media_under_manager,
     .name = "media-under-manager",
     .seen_at = "OpenBMC and older ones",
     .behaviour = "virtual media belongs to a Manager, not to the System",
     .remedy = "looks at the System first, then at its Managers"},
    {.quirk = Quirk::managers_link,
     .name = "managers-link",
     .seen_at = "Huawei 1288H",
     .behaviour = "the System's Managers are in Links.Managers",
     .remedy = "looks there, too"},
    {.quirk = Quirk::dvd_drive,
     .name = "dvd-drive",
     .seen_at = "Cisco UCS",
     .behaviour = "the drive calls itself DVD only",
     .remedy = "takes a DVD drive when there is none for CDs"},
    {.quirk = Quirk::slot_not_mountable,
     .name = "slot-not-mountable",
     .seen_at = "Cisco C845A, OpenBMC",
     .behaviour = "some drives take no URL",
     .remedy = "tries the next drive"},
    {.quirk = Quirk::media_by_patch,
     .name = "media-by-patch",
     .seen_at = "Lenovo SD530",
     .behaviour = "no InsertMedia action, but the drive may be patched",
     .remedy = "PATCH of Image, Inserted and WriteProtected"},
    {.quirk = Quirk::protocol_type_needed,
     .name = "protocol-type-needed",
     .seen_at = "Nokia",
     .behaviour = "InsertMedia needs TransferProtocolType",
     .remedy = "adds it",
     .step = BmcStep::insert,
     .statuses = "400|422|500",
     .words = "transferprotocoltype|#actionparametermissing|#propertymissing|#generalerror"},
    {.quirk = Quirk::transfer_method_needed,
     .name = "transfer-method-needed",
     .seen_at = "several",
     .behaviour = "InsertMedia needs TransferMethod",
     .remedy = "adds Stream",
     .step = BmcStep::insert,
     .statuses = "400|422|500",
     .words = "transfermethod"},
    {.quirk = Quirk::media_user_needed,
     .name = "media-user-needed",
     .seen_at = "NVIDIA DGX",
     .behaviour = "InsertMedia needs a user name and a password",
     .remedy = "adds \"none\" for both",
     .step = BmcStep::insert,
     .statuses = "400|422|500",
     .words = "username|password"},
    {.quirk = Quirk::eject_in_progress,
     .name = "eject-in-progress",
     .seen_at = "Dell",
     .behaviour = "insertion fails while the ejection before it goes on",
     .remedy = "tries again after a pause",
     .step = BmcStep::insert,
     .statuses = "500|502|503|504"},
    {.quirk = Quirk::eject_body_needed,
     .name = "eject-body-needed",
     .seen_at = "HPE",
     .behaviour = "EjectMedia without a body is refused",
     .remedy = "an empty object",
     .step = BmcStep::eject,
     .statuses = "400|415"},
    {.quirk = Quirk::inserted_stays,
     .name = "inserted-stays",
     .seen_at = "Dell iDRAC",
     .behaviour = "Inserted stays true after an ejection",
     .remedy = "compares the image's URL"},
    {.quirk = Quirk::media_by_task,
     .name = "media-by-task",
     .seen_at = "OpenBMC, Supermicro",
     .behaviour = "InsertMedia goes on after the answer",
     .remedy = "waits for the task, then for the drive"},
    {.quirk = Quirk::no_apply_time,
     .name = "no-apply-time",
     .seen_at = "several",
     .behaviour = "refuses an apply time for BIOS settings",
     .remedy = "leaves it out",
     .step = BmcStep::bios,
     .words = "settingsapplytime"},
    {.quirk = Quirk::licence_needed,
     .name = "licence-needed",
     .seen_at = "Supermicro",
     .behaviour = "403 for Secure Boot without a licence",
     .remedy = "the state counts as unknown",
     .step = BmcStep::secure_boot,
     .statuses = "403",
     .words = "oemlicensenotpassed"},
    {.quirk = Quirk::no_boot_timeout_parameter,
     .name = "no-boot-timeout-parameter",
     .seen_at = "OpenBMC",
     .behaviour = "IPMI: boot parameter 3 (do not clear the flags) is unknown",
     .remedy = "goes on without it"},
    {.quirk = Quirk::boot_flags_in_steps,
     .name = "boot-flags-in-steps",
     .seen_at = "several",
     .behaviour = "IPMI: boot flags only between set-in-progress and set-complete, after an acknowledgement",
     .remedy = "does it in these steps after a refusal, from then on at once"},
    {.quirk = Quirk::uefi_disk_code,
     .name = "uefi-disk-code",
     .seen_at = "Supermicro",
     .behaviour = "IPMI: the UEFI disk is device 24h",
     .remedy = "sends that"},
    {.quirk = Quirk::silent_cipher_suite,
     .name = "silent-cipher-suite",
     .seen_at = "older ones",
     .behaviour = "IPMI: no answer to cipher suite 17",
     .remedy = "takes silence as a refusal and goes on with suite 3"},
    {.quirk = Quirk::off_when_off_refused,
     .name = "off-when-off-refused",
     .seen_at = "several",
     .behaviour = "IPMI: off when off is an error",
     .remedy = "asks for the state first"},
    {.quirk = Quirk::busy_completion,
     .name = "busy-completion",
     .seen_at = "several",
     .behaviour = "IPMI: node busy, out of space, initialisation in progress",
     .remedy = "sends the command again after a pause"},
    {.quirk = Quirk::slow_between_commands,
     .name = "slow-between-commands",
     .seen_at = "older ones",
     .behaviour = "IPMI: falls silent, or restarts, when commands follow each other closely",
     .remedy = "leaves five seconds between commands once a session went silent after a close one"},
};

}  // namespace

const std::vector<QuirkRow>& quirk_table() { return table; }

const QuirkRow& row_of(Quirk quirk) { return table[size_t(quirk)]; }

bool matches(const QuirkRow& row, const BmcFacts& facts) {
  const auto vendor = base::lower(base::trim(facts.vendor));
  if (!any_of(row.vendors, [&](auto one) { return names_vendor(one, vendor); })) return false;
  const auto model = base::lower(facts.model);
  if (!row.models.empty() && !any_of(row.models, [&](auto one) { return model.find(one) != std::string::npos; }))
    return false;
  const int major = major_version(facts.firmware);
  return major >= row.firmware_from && (row.firmware_below == 0 || major < row.firmware_below);
}

bool matches(const QuirkRow& row, BmcStep step, const RedfishReply& reply) {
  if (row.step == BmcStep::never || (row.step != BmcStep::any && row.step != step) || reply.ok()) return false;
  const auto status = std::to_string(reply.status);
  if (!row.statuses.empty() && !any_of(row.statuses, [&](auto one) { return one == status; })) return false;
  return row.words.empty() || any_of(row.words, [&](std::string_view one) {
           return one.starts_with('#') ? reply.has_message(one.substr(1)) : reply.mentions(one);
         });
}

void Quirks::identify(const BmcFacts& facts) {
  for (const auto& row : table)
    if (matches(row, facts)) found(row.quirk);
}

void Quirks::found(Quirk quirk) {
  if (!known_.insert(quirk).second) return;
  const auto& row = row_of(quirk);
  base::log::info("BMC quirk", {{"bmc", endpoint_}, {"quirk", std::string(row.name)}});
}

bool Quirks::shown(Quirk quirk, BmcStep step, const RedfishReply& reply) {
  if (!matches(row_of(quirk), step, reply)) return false;
  found(quirk);
  return true;
}

std::vector<std::string> Quirks::names() const {
  std::vector<std::string> out;
  for (const auto quirk : known_) out.emplace_back(row_of(quirk).name);
  return out;
}

}  // namespace metal
