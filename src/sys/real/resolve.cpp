#include "sys/real/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

#include "sys/fiber.h"

namespace sys {

namespace {

Result<std::vector<SocketAddress>> ask(const Address& address, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int status = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (status != 0) return base::not_found("host " + address.host + ": " + gai_strerror(status));
  std::vector<SocketAddress> found;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    SocketAddress made;
    if (one->ai_addrlen > sizeof made.storage) continue;
    std::memcpy(&made.storage, one->ai_addr, one->ai_addrlen);
    made.bytes = one->ai_addrlen;
    found.push_back(made);
  }
  freeaddrinfo(list);
  if (found.empty()) return base::not_found("host " + address.host + " has no address");
  return found;
}

}  // namespace

Address SocketAddress::address() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family() == AF_INET) {
    const auto* four = reinterpret_cast<const sockaddr_in*>(&storage);
    inet_ntop(AF_INET, &four->sin_addr, text.data(), text.size());
    return {text.data(), ntohs(four->sin_port)};
  }
  if (family() != AF_INET6) return {};
  const auto* six = reinterpret_cast<const sockaddr_in6*>(&storage);
  if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
    inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, &six->sin6_addr, text.data(), text.size());
  }
  return {text.data(), ntohs(six->sin6_port)};
}

std::optional<SocketAddress> socket_address(const Address& literal) {
  auto found = ask(literal, AI_NUMERICHOST);
  if (!found) return std::nullopt;
  return found->front();
}

Result<std::vector<SocketAddress>> look_up(const Address& address) { return ask(address, AI_ADDRCONFIG); }

Result<std::vector<SocketAddress>> resolve(Loop& loop, Offload& offload, const Address& address, Duration limit) {
  if (auto literal = socket_address(address)) return std::vector{*literal};
  struct Lookup {
    explicit Lookup(Loop& on) : ready(on) {}
    Signal ready;
    std::optional<Result<std::vector<SocketAddress>>> result;
  };
  auto lookup = std::make_shared<Lookup>(loop);
  offload.run([lookup, address] { lookup->result.emplace(look_up(address)); }, [lookup] { lookup->ready.set(); });
  if (auto waited = lookup->ready.wait_for(limit); !waited) {
    if (waited.error().code != base::Code::timeout) return std::move(waited).error();
    return base::timeout("looking up host " + address.host + " took too long");
  }
  return std::move(*lookup->result);
}

}  // namespace sys
