// The boot configuration of an image, which is a stranger's: it is chosen from or refused, and what comes out is a path
// below the file system's root and one line of printable arguments.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "agent/boot_config.h"

namespace {

void check(const base::Result<agent::BootChoice>& chosen) {
  if (!chosen) return;
  const auto outside = [](const std::string& path) {
    return !path.starts_with("/") || path.find("/../") != std::string::npos || path.ends_with("/..");
  };
  if (outside(chosen->kernel) || (!chosen->initrd.empty() && outside(chosen->initrd))) std::abort();
  if (chosen->arguments.find_first_of(std::string_view("\0\n", 2)) != std::string::npos) std::abort();
}

}  // namespace

// Up to the first zero byte: the environment block.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(all.find('\0'), all.size());
  const auto variables = agent::parse_grubenv(all.substr(0, end));
  const std::string_view config = all.substr(std::min(end + 1, all.size()));
  check(agent::choose_grub_entry(config, variables));
  (void)agent::grub_leads_elsewhere(config);
  const std::string text(config);
  check(agent::choose_bls_entry({{"a-1", text}, {"a-2", text}}, variables, text));
  return 0;
}
