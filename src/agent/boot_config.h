// What a Linux system's boot loader would start: kernel, initramfs and arguments, read from the configuration on its
// disk, for a start without the firmware (kexec). Boot Loader Specification entries (uapi-group.org, type 1) and the
// configuration of GRUB as grub-mkconfig writes it, or one without a menu. GRUB's is a program: whatever would have to
// be computed is refused, and the server starts through its firmware instead.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace agent {

struct BootChoice {
  std::string title;
  std::string kernel, initrd;  // paths on the file system that the loader would look at; initrd may be empty
  std::string arguments;
};

using BootVariables = std::map<std::string, std::string>;

// GRUB's environment block: lines name=value, filled up with '#'.
BootVariables parse_grubenv(std::string_view text);

struct BlsEntry {
  std::string id;  // file name without .conf
  std::string text;
};
// The default of the entries: what `variables` (saved_entry) or loader.conf (`loader`) names, else the newest version.
// Errors: unsupported (also: no entry fits).
base::Result<BootChoice> choose_bls_entry(const std::vector<BlsEntry>& entries, const BootVariables& variables,
                                          std::string_view loader);

// Errors: unsupported (no entry, more than one way through it, values that only GRUB knows).
base::Result<BootChoice> choose_grub_entry(std::string_view config, const BootVariables& variables);

// Whether it only leads to another configuration, or leaves the choice to entries of the specification.
bool grub_leads_elsewhere(std::string_view config);
bool grub_reads_bls(std::string_view config);

}  // namespace agent
