// Misbehaviour of a simulated BMC that stays the same from request to request, as firmware in the field has it (chance
// faults are BmcFaults). Each profile imitates a vendor's BMC or one habit; the names are for `ingot rack`.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"

namespace sim {

struct BmcProfile {
  std::string name;
  std::string quirk;  // the driver's name of what this shows; "" when several or none are to be found
  // What it says it is; empty: what the server is.
  std::string manufacturer, model, bmc_version;

  // ---- Redfish: transport and authentication
  enum class Etags : unsigned char {
    honest,
    weak,      // shows weak ones and takes strong ones
    refused,   // 412 for any
    needed,    // shows none and wants If-Match
    is_empty,  // an empty header
  } etags = Etags::honest;
  bool compressed_only = false;  // 406 for identity; answers are gzip
  bool drops_reused = false;     // the second request on a connection ends it
  int busy_every = 0;            // every so many requests 503
  int busy_changes = 0;          // so many first changes get 400 with SYS518
  bool object_as_list = false;   // ExtendedInfo is an object
  bool trailing_slash = false;   // in links, which must not be used with it
  bool paged = false;            // one member per page
  bool dead_members = false;     // collections list what is not there, and null
  bool no_sessions = false;      // 404
  bool sessions_taken = false;   // 503 SessionLimitExceeded
  int session_uses = 0;          // then 401
  bool password_change = false;  // 403 for everything
  int restarts_after = 0;        // requests; loses sessions and the boot override, once
  base::Duration outage = base::seconds(6);

  // ---- Redfish: power
  bool reset_by_reference = false;     // types only in ActionInfo
  bool only_force_on = false;          // no On
  bool done_is_conflict = false;       // carries a Reset out and answers 409
  base::Duration busy_after_off = {};  // 409 ActionParameterValueConflict for On
  bool resets_by_task = false;         // 202

  // ---- Redfish: boot override
  bool boot_in_settings = false;         // and not in the System
  bool boot_settings_read_only = false;  // shown there, to be changed in the System
  bool reverts_boot = false;             // what is left out becomes Once and Legacy
  enum class Cd : unsigned char { plain, usb, plain_beside_usb } cd = Cd::plain;
  bool once_only = false;
  int post_lock = 0;  // so many boot changes are refused
  bool mode_hidden = false, mode_refused = false;
  int forgets_boots = 0;              // so many accepted overrides are dropped
  base::Duration boot_kept_for = {};  // while off; zero: for ever

  // ---- Redfish: virtual media
  enum class Place : unsigned char { both, system, manager, managers_link } media = Place::both;
  bool dvd_only = false;
  bool unmountable_first = false;         // two drives before it that take no URL
  std::vector<std::string> insert_needs;  // parameters
  bool says_what_is_missing = true;       // else GeneralError
  bool insert_minimal = false;            // refuses Inserted and WriteProtected
  bool media_by_patch = false;
  bool eject_needs_body = false;
  bool inserted_stays = false;
  base::Duration eject_takes = {};   // 500 for insertions meanwhile
  base::Duration insert_takes = {};  // a 202 with a task
  bool forgets_tasks = false;        // 404 when over

  // ---- IPMI
  bool no_boot_timeout_parameter = false;
  bool boot_in_steps = false;
  bool silent_suite_17 = false;  // lists no suites and does not answer 17
  bool off_when_off_refused = false;
  int busy_commands = 0;            // so many first ones
  base::Duration command_gap = {};  // restarts when a command comes sooner after another
  bool no_sol = false;              // knows no payload but messages
  bool sol_disabled = false;        // until it is switched on
  bool sol_taken = false;           // another user has the console, until it is taken away
  int sol_drop_every = 0;           // every so many SOL packets one is lost, both ways counted together
  int sol_takes = 0;                // so many characters of a packet; 0: all
};

const std::vector<BmcProfile>& bmc_profiles();
const BmcProfile* bmc_profile(const std::string& name);  // null: there is none
bool speaks_ipmi(const BmcProfile& profile);             // whether it is one of IPMI

}  // namespace sim
