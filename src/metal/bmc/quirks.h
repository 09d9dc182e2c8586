// What BMCs in the field do otherwise than the standards say: one row per behaviour, with how it is recognised and what
// the drivers do about it. Rows that name vendors hold from the first request; the others are found by an answer and
// remembered for as long as the driver lives, so that each BMC is asked the wrong way only once.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace metal {

struct RedfishReply;

enum class Quirk : unsigned char {
  // transport and authentication
  compressed_only,
  keep_alive_broken,
  busy_by_message,
  slow_between_changes,
  weak_etag,
  etag_unusable,
  etag_needed,
  session_limit,
  session_lost,
  password_change,
  paged_collections,
  object_as_list,
  trailing_slash,
  dead_members,
  forgotten_task,
  // power
  reset_types_by_reference,
  already_there,
  busy_after_power_off,
  // boot override
  whole_boot_override,
  boot_in_settings,
  boot_settings_read_only,
  usb_cd,
  plain_cd,
  continuous_refused,
  boot_locked_in_post,
  boot_mode_fixed,
  forgets_boot_override,
  keeps_own_boot_order,
  // virtual media
  media_under_manager,
  managers_link,
  dvd_drive,
  slot_not_mountable,
  media_by_patch,
  protocol_type_needed,
  transfer_method_needed,
  media_user_needed,
  eject_in_progress,
  eject_body_needed,
  inserted_stays,
  media_by_task,
  // BIOS, firmware, Secure Boot
  no_apply_time,
  licence_needed,
  // IPMI
  no_boot_timeout_parameter,
  boot_flags_in_steps,
  uefi_disk_code,
  silent_cipher_suite,
  off_when_off_refused,
  busy_completion,
  slow_between_commands,
};

// In the course of what an answer came.
enum class BmcStep : unsigned char { never, any, login, reset, boot, insert, eject, bios, secure_boot };

// `vendors`, `models` and `words` are alternatives separated by '|', in lower case. A vendor matches when it is part of
// what the BMC says ("=ami": when it is all of that). A word is part of a message's id, text or arguments ("#id": it is
// the whole id).
struct QuirkRow {
  Quirk quirk;
  std::string_view name;       // for people: "usb-cd"
  std::string_view seen_at;    // whose BMCs
  std::string_view behaviour;  // what they do
  std::string_view remedy;     // what the driver does
  std::string_view vendors = {}, models = {};
  int firmware_from = 0, firmware_below = 0;  // major version of the BMC; 0: any
  BmcStep step = BmcStep::never;              // when neither this nor vendors are given, the driver looks by itself
  std::string_view statuses = {};             // "400|409"; empty: every refusal
  std::string_view words = {};
};
const std::vector<QuirkRow>& quirk_table();  // in the order of the enumeration
const QuirkRow& row_of(Quirk quirk);

// What is known of a BMC; empty where it is not.
struct BmcFacts {
  std::string vendor, model, firmware;
};
bool matches(const QuirkRow& row, const BmcFacts& facts);
bool matches(const QuirkRow& row, BmcStep step, const RedfishReply& reply);

// Those of one BMC.
class Quirks {
 public:
  explicit Quirks(std::string endpoint) : endpoint_(std::move(endpoint)) {}
  void identify(const BmcFacts& facts);  // adds those that the vendor is known for
  void found(Quirk quirk);               // logs it the first time
  bool has(Quirk quirk) const { return known_.contains(quirk); }
  // Whether this refusal shows the quirk; then it counts as found.
  bool shown(Quirk quirk, BmcStep step, const RedfishReply& reply);
  std::vector<std::string> names() const;

 private:
  std::string endpoint_;
  std::set<Quirk> known_;
};

}  // namespace metal
