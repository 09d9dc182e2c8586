// How a BMC carries its serial console, by names for people: enabled, accumulate-ms, threshold, retries, retry-ms,
// bit-rate.
#pragma once

#include <utility>

#include "metal/bmc/ipmi_session.h"

namespace metal {

base::Result<wire::ipmi::SolSettings> read_sol(IpmiSession& session);  // what is not told has its default
std::vector<std::pair<std::string, std::string>> sol_for_people(const wire::ipmi::SolSettings& settings);
// Errors: invalid (no such name, or a value that it cannot have), and those of the session.
base::Result<void> change_sol(IpmiSession& session, const std::string& name, const std::string& value);

}  // namespace metal
