// Host names and socket addresses. Private to src/sys.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <vector>

#include "sys/sys.h"

namespace sys {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t bytes = 0;
  int family() const { return storage.ss_family; }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  Address address() const;  // as an IP literal; IPv4 mapped into IPv6 comes out as IPv4
};

// At once, for IP literals; nullopt for names.
std::optional<SocketAddress> socket_address(const Address& literal);
// Blocks: for worker threads. Errors: not_found.
Result<std::vector<SocketAddress>> look_up(const Address& address);
// Parks. Errors: not_found, timeout.
Result<std::vector<SocketAddress>> resolve(Loop& loop, Offload& offload, const Address& address, Duration limit);

}  // namespace sys
