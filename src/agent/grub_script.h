// The part of GRUB's configuration language (GRUB manual, "Writing full configuration files directly") that says which
// entries there are and what they start. Nothing is run: conditions and variables are only seen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace agent {

struct GrubPart {
  std::string text;  // or the variable's name
  bool is_variable = false;
};
using GrubWord = std::vector<GrubPart>;

struct GrubEntry {
  std::string title, id;
  bool is_submenu = false;
  bool conditional = false;                             // a kernel or initramfs stands in a condition, loop or function
  std::vector<std::vector<GrubWord>> kernels, initrds;  // of each such command, what follows it
};

struct GrubScript {
  std::vector<GrubEntry> entries;  // of the menu's first level, in order
  GrubEntry outside;               // commands outside of entries
  std::vector<GrubWord> defaults;  // values that `default` is set to anywhere
  bool leads_elsewhere = false;    // configfile, normal or source
  bool reads_bls = false;          // blscfg
};

// Errors: unsupported (quotes or blocks that do not end).
base::Result<GrubScript> parse_grub_script(std::string_view text);

// One word with its variables, as in double quotes.
GrubWord grub_word(std::string_view text);

}  // namespace agent
