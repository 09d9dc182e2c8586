// The network seam: TCP streams, UDP datagrams, TLS. Calls that wait park the calling fiber. The real one is in
// sys/real (epoll, OpenSSL on the file descriptor), the simulated one in sys/sim (an in-process segment with hosts,
// latency and faults, without encryption but with the same certificate checks).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace sys {

struct Address {
  std::string host;  // an IP literal (no brackets) or a DNS name
  uint16_t port = 0;
  bool operator==(const Address&) const = default;
  auto operator<=>(const Address&) const = default;
  std::string text() const;  // host:port, IPv6 in brackets
  // "host:port", "[v6]:port"; `default_port` when there is none (0: then a port is required).
  static base::Result<Address> parse(std::string_view text, uint16_t default_port = 0);
};

struct TlsClient {
  std::string server_name;               // SNI and name to verify; empty: the connected host
  std::string ca_pem;                    // trust roots; empty: the system's
  bool verify = true;                    // false accepts any certificate (disableCertificateVerification)
  std::string certificate_pem, key_pem;  // client identity; may be empty
  std::vector<std::string> alpn;         // wanted protocols, best first
};

struct TlsServer {
  std::string certificate_pem, key_pem;  // chain and key
  std::string client_ca_pem;             // when set, client certificates are asked for and verified
  bool client_certificate_required = false;
  std::vector<std::string> alpn;
};

// What the other end proved in the handshake.
struct TlsPeer {
  std::string certificate_pem;  // verified leaf certificate; empty when none was shown
  std::string alpn;
};

// A connected byte stream. One fiber reads and one writes at a time. Errors: timeout, unavailable (reset), cancelled.
class Stream {
 public:
  virtual ~Stream() = default;
  // At least one byte, at most `bytes_max`; an empty string is the orderly end.
  virtual base::Result<std::string> read(size_t bytes_max, base::Duration limit) = 0;
  virtual base::Result<void> write(std::string_view bytes, base::Duration limit) = 0;  // all of them
  virtual void close() = 0;  // wakes parked calls with unavailable; idempotent
  // Half-close (TCP FIN): the peer reads the end, and this side may go on reading. A stream that cannot do that closes.
  virtual void finish_writes() { close(); }
  virtual Address peer() const = 0;
  virtual Address local() const = 0;
  virtual const TlsPeer* tls() const = 0;  // null before a handshake
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual base::Result<std::unique_ptr<Stream>> accept() = 0;
  virtual Address local() const = 0;  // with the port that was chosen for port 0
  virtual void close() = 0;           // accept returns cancelled
};

struct Packet {
  Address from;
  std::string bytes;
};
class Datagram {
 public:
  virtual ~Datagram() = default;
  virtual base::Result<void> send(const Address& to, std::string_view bytes) = 0;  // never parks; may drop silently
  virtual base::Result<Packet> receive(base::Duration limit) = 0;
  virtual Address local() const = 0;
  virtual void close() = 0;
};

constexpr base::Duration no_limit = base::Duration::max();

class Net {
 public:
  virtual ~Net() = default;
  // Resolves names, tries each address. Errors: unavailable (refused, no route), timeout, not_found (name).
  virtual base::Result<std::unique_ptr<Stream>> connect(const Address& to, base::Duration limit) = 0;
  virtual base::Result<std::unique_ptr<Listener>> listen(const Address& at) = 0;
  // A UDP socket bound to `at` (host may be empty and port 0). `toward` lets a proxying Net choose the path: it is the
  // peer the socket will mostly talk to, empty when unknown (servers).
  virtual base::Result<std::unique_ptr<Datagram>> open_udp(const Address& at, const Address& toward) = 0;
  // Handshakes over an open stream, which is consumed. Errors: unauthenticated (certificate refused, with the reason),
  // timeout, unavailable.
  virtual base::Result<std::unique_ptr<Stream>> start_tls(std::unique_ptr<Stream> stream, const TlsClient& options,
                                                          base::Duration limit) = 0;
  virtual base::Result<std::unique_ptr<Stream>> accept_tls(std::unique_ptr<Stream> stream, const TlsServer& options,
                                                           base::Duration limit) = 0;
};

}  // namespace sys
