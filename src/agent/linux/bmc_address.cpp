#include "agent/linux/bmc_address.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/log.h"

namespace agent {

using base::Code;
using base::Result;

namespace {

constexpr uint8_t app = 0x06, transport = 0x0c;
constexpr uint8_t get_channel_info = 0x42, get_lan_parameter = 0x02;
constexpr uint8_t medium_lan = 4;
constexpr uint8_t channels = 12;  // 1 to 11; the others are no networks (section 6.3)
constexpr uint8_t parameter_address = 3, parameter_mac = 5, parameter_static6 = 56, parameter_dynamic6 = 59;

bool all_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

Result<std::string> lan_parameter(sys::Machine& machine, uint8_t channel, uint8_t parameter) {
  const std::string data = {static_cast<char>(channel), static_cast<char>(parameter), '\0', '\0'};
  std::string answer = TRY(machine.ipmi({transport, get_lan_parameter, data}));
  if (answer.empty()) return base::unavailable("an empty answer");
  answer.erase(0, 1);  // the parameter's revision
  return answer;
}

std::string address4(std::string_view bytes) {
  if (bytes.size() < 4 || all_zero(bytes.substr(0, 4))) return {};
  char text[16];
  const auto at = [&](size_t i) { return unsigned{static_cast<unsigned char>(bytes[i])}; };
  std::snprintf(text, sizeof text, "%u.%u.%u.%u", at(0), at(1), at(2), at(3));
  return text;
}

// Selector, source, address, prefix length, status. Without a double colon: it is read by programs.
std::string address6(std::string_view bytes) {
  if (bytes.size() < 18 || all_zero(bytes.substr(2, 16))) return {};
  std::string out;
  for (size_t i = 2; i < 18; i += 2) {
    char group[6];
    const unsigned value =
        unsigned{static_cast<unsigned char>(bytes[i])} << 8 | static_cast<unsigned char>(bytes[i + 1]);
    std::snprintf(group, sizeof group, "%s%x", out.empty() ? "" : ":", value);
    out += group;
  }
  return out;
}

std::string mac(std::string_view bytes) {
  if (bytes.size() < 6 || all_zero(bytes.substr(0, 6))) return {};
  std::string out;
  for (size_t i = 0; i < 6; ++i) {
    char part[4];
    std::snprintf(part, sizeof part, "%s%02x", i == 0 ? "" : ":", unsigned{static_cast<unsigned char>(bytes[i])});
    out += part;
  }
  return out;
}

bool is_lan(std::string_view info) {
  return info.size() >= 2 && (static_cast<unsigned char>(info[1]) & 0x7f) == medium_lan;
}

}  // namespace

BmcLan read_bmc_lan(sys::Machine& machine) {
  for (uint8_t channel = 1; channel < channels; ++channel) {
    const auto info = machine.ipmi({app, get_channel_info, std::string(1, static_cast<char>(channel))});
    if (!info && info.error().code != Code::unsupported) {  // no device, or nobody behind it: not asked eleven times
      if (info.error().code != Code::not_found) {
        base::log::info("the BMC was not asked for its address", {{"error", info.error().text()}});
      }
      return {};
    }
    if (!info || !is_lan(*info)) continue;
    BmcLan out;
    if (const auto got = lan_parameter(machine, channel, parameter_address)) out.address = address4(*got);
    for (const uint8_t parameter : {parameter_static6, parameter_dynamic6}) {
      if (!out.address6.empty()) break;
      if (const auto got = lan_parameter(machine, channel, parameter)) out.address6 = address6(*got);
    }
    if (out.address.empty() && out.address6.empty()) continue;
    if (const auto got = lan_parameter(machine, channel, parameter_mac)) out.mac = mac(*got);
    return out;
  }
  return {};
}

}  // namespace agent
