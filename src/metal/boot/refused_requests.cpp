#include "metal/boot/refused_requests.h"

#include <array>

#include "base/text.h"

namespace metal {

namespace {
using R = RefusedRequests;
constexpr auto names = std::to_array<RefusalName>({
    {&R::dhcp_unexpected, "dhcp", "unexpected"},
    {&R::dhcp_malformed, "dhcp", "malformed"},
    {&R::dhcp_oversize, "dhcp", "oversize"},
    {&R::dhcp_pool_empty, "dhcp", "pool_empty"},
    {&R::dhcp_architecture, "dhcp", "architecture"},
    {&R::dhcp6_unexpected, "dhcp6", "unexpected"},
    {&R::dhcp6_malformed, "dhcp6", "malformed"},
    {&R::dhcp6_oversize, "dhcp6", "oversize"},
    {&R::dhcp6_pool_empty, "dhcp6", "pool_empty"},
    {&R::dhcp6_architecture, "dhcp6", "architecture"},
    {&R::tftp_unexpected, "tftp", "unexpected"},
    {&R::tftp_malformed, "tftp", "malformed"},
    {&R::tftp_oversize, "tftp", "oversize"},
    {&R::tftp_write, "tftp", "write"},
    {&R::tftp_path, "tftp", "path"},
    {&R::tftp_unknown_file, "tftp", "unknown_file"},
    {&R::tftp_busy, "tftp", "busy"},
    {&R::boot_path, "http", "boot_path"},
    {&R::malformed, "http", "malformed"},
    {&R::http_oversize, "http", "oversize"},
    {&R::lookup, "agent", "lookup"},
    {&R::lookup_mac, "agent", "lookup_mac"},
    {&R::lookup_without_token, "agent", "lookup_without_token"},
    {&R::lookup_token, "agent", "lookup_token"},
    {&R::lookup_again, "agent", "lookup_again"},
    {&R::heartbeat, "agent", "heartbeat"},
    {&R::replayed_token, "agent", "replayed_token"},
    {&R::callback_url, "agent", "callback_url"},
    {&R::command, "agent", "command"},
});
// A counter that is not named here would never be seen.
static_assert(sizeof(RefusedRequests) == names.size() * sizeof(uint64_t));
}  // namespace

std::span<const RefusalName> refusal_names() { return names; }

std::string RefusedRequests::text() const {
  std::string out;
  for (const auto& name : names) {
    const uint64_t count = this->*name.counter;
    if (count == 0) continue;
    if (!out.empty()) out += ", ";
    out += std::to_string(count) + " " + std::string(name.service) + " " +
           base::replace_all(std::string(name.reason), "_", " ");
  }
  return out;
}

}  // namespace metal
