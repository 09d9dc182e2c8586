// The firmware's boot entry for the system that was written (UEFI 2.10 sections 3.1 and 3.3): a variable Boot#### that
// points to the loader on the disk's EFI system partition, first in BootOrder, so that network boot does not capture
// the next start. Entries of others are never touched; ours are known by their description.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "sys/sys.h"

namespace agent {

using base::Json;
using base::Result;

constexpr const char* boot_entry_name = "Ingot";

// The global variables of the firmware. Values are without the attributes.
class FirmwareVariables {
 public:
  virtual ~FirmwareVariables() = default;
  virtual Result<std::vector<std::string>> names() = 0;  // "Boot0001", "BootOrder"
  virtual Result<std::string> read(const std::string& name) = 0;
  // Kept over power cycles. Errors: unavailable (also: no room).
  virtual Result<void> write(const std::string& name, std::string_view value) = 0;
  virtual Result<void> remove(const std::string& name) = 0;
};

// A loader by its fallback path on the EFI system partition of a disk.
struct BootLoader {
  uint32_t partition = 0;    // its number in the table, from 1
  std::string partition_id;  // its GUID, 16 bytes as on disk
  uint64_t first_sector = 0, sectors = 0;
  std::string path;  // "\EFI\BOOT\BOOTX64.EFI"
};

// Nullopt when the disk has no GUID partition table, no EFI system partition or no loader there. Errors: corrupt.
Result<std::optional<BootLoader>> find_boot_loader(sys::File& disk);

// EFI_LOAD_OPTION (section 3.1.3): active, a hard drive node and a file node.
std::string load_option(std::string_view description, const BootLoader& loader);
// Of an EFI_LOAD_OPTION, as far as it is ASCII ('?' for the rest); empty when broken.
std::string load_option_description(std::string_view option);

// Makes the entry, puts it first and then removes older ones of our name. Returns {"entry", "removed"}; an entry that
// is right already is kept, as flash wears. Errors: unavailable.
Result<Json> make_boot_entry(FirmwareVariables& variables, const BootLoader& loader);
// Removes ours, if there are any: their system is no more.
Result<Json> remove_boot_entries(FirmwareVariables& variables);

}  // namespace agent
