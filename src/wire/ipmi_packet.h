// IPMI-over-LAN datagrams: RMCP, the IPMI 1.5 wrapper (only for what comes before a session) and RMCP+ with the
// integrity and confidentiality of cipher suites 3 and 17. Bytes to structs and back, no I/O; used by the client and by
// the simulated BMC. Source: IPMI 2.0 revision 1.1, chapter 13 (tables 13-1 to 13-20).
//
// Every decoder takes foreign bytes of any length and answers Code::corrupt for what does not fit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wire::ipmi {

enum class PayloadType : uint8_t {
  message = 0x00,
  sol = 0x01,
  open_request = 0x10,
  open_response = 0x11,
  rakp1 = 0x12,
  rakp2 = 0x13,
  rakp3 = 0x14,
  rakp4 = 0x15,
};

// Table 22-20. Suite 3: HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128. Suite 17: HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
enum class Suite : uint8_t { sha1 = 3, sha256 = 17 };

struct Algorithms {
  uint8_t authentication = 0, integrity = 0, confidentiality = 0;
  bool operator==(const Algorithms&) const = default;
};
Algorithms algorithms_of(Suite suite);

// What both ends derive from a finished RAKP exchange (13.31, 13.32).
struct SessionKeys {
  Suite suite = Suite::sha1;
  std::string sik;  // session integrity key
  std::string k1;   // integrity of packets
  std::string k2;   // the first 16 bytes encrypt
};

constexpr size_t datagram_bytes_max = 1024;  // far above any command we know

// A datagram taken apart as far as that goes without keys.
struct Packet {
  bool v15 = false;  // IPMI 1.5 wrapper without authentication; then `payload` is the message
  PayloadType type = PayloadType::message;
  bool authenticated = false, encrypted = false;
  uint32_t session_id = 0;  // of the receiver; 0 outside a session
  uint32_t sequence = 0;
  std::string payload;                  // still encrypted when `encrypted`
  std::string signed_bytes, auth_code;  // what the integrity code covers, and the code
};
base::Result<Packet> decode_packet(std::string_view datagram);
// Checks the integrity code and decrypts. Both must be there: a session of suite 3 or 17 has no plain packets.
base::Result<std::string> open_payload(const Packet& packet, const SessionKeys& keys);

std::string encode_v15(std::string_view message);
std::string encode_plain(PayloadType type, std::string_view payload);  // session id and sequence 0
// `iv` is 16 random bytes.
std::string encode_sealed(PayloadType type, std::string_view payload, uint32_t session_id, uint32_t sequence,
                          const SessionKeys& keys, std::string_view iv);

// RMCP/ASF presence ping (ASF 2.0, 3.2.4.3) and its answer.
bool is_presence_ping(std::string_view datagram);
std::string encode_presence_pong(std::string_view ping);

// Receiver's side of the session sequence number (6.12.13): a number is good once, and within 16 of the highest seen.
class SequenceWindow {
 public:
  bool accept(uint32_t sequence);

 private:
  uint32_t highest_ = 0;
  uint32_t seen_ = 0;  // bit n: highest_ - n was seen
};

}  // namespace wire::ipmi
