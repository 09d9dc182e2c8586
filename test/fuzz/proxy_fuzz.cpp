#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "net/proxy_handshake.h"
#include "net/socks5.h"

// The first byte says in which pieces the rest arrives; the outcome must not depend on it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t piece = std::max<size_t>(1, data[0]);
  net::ProxyHandshake whole, parts;
  const std::string answer = whole.feed(bytes);
  std::string answers;
  for (size_t at = 0; at < bytes.size() && parts.state() == net::ProxyHandshake::State::reading; at += piece)
    answers += parts.feed(bytes.substr(at, piece));
  if (whole.state() != net::ProxyHandshake::State::refused &&
      (whole.state() != parts.state() || whole.to() != parts.to() || answer != answers))
    __builtin_trap();
  (void)whole.failed({});
  (void)whole.accepted(whole.to());
  if (const auto relayed = net::socks5::parse_relayed(bytes)) {
    const auto again = net::socks5::wrap_relayed(relayed->address, relayed->payload);
    if (!again) __builtin_trap();
  }
  return 0;
}
