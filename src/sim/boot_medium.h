// The virtual CD of a boot: fetched by the BMC, read by firmware and ramdisk.
#pragma once

#include <string>

#include "sim/boot.h"
#include "sim/pace.h"

namespace sim {

base::Result<std::string> fetch_medium(sys::Loop& loop, sys::Net& net, const std::string& url, const Pace& pace);
// Errors: corrupt (no ISO 9660 file system, no parameters.txt).
base::Result<Ramdisk> read_medium(const std::string& iso);
// Whether it is one that the image server makes: it runs by itself and needs no manager.
constexpr const char* live_system_file = "live/system";
bool is_live_system(const std::string& iso);
// "key=value" separated by white space.
std::map<std::string, std::string> parse_parameters(std::string_view text);

}  // namespace sim
