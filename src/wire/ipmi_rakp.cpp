#include "wire/ipmi_rakp.h"

#include "crypto/hash.h"
#include "wire/ipmi_bytes.h"

namespace wire::ipmi {
namespace {

base::Error malformed(std::string_view message) { return base::corrupt("IPMI: malformed " + std::string(message)); }

std::string hmac(Suite suite, std::string_view key, std::string_view bytes) {
  return suite == Suite::sha1 ? crypto::hmac_sha1(key, bytes) : crypto::hmac_sha256(key, bytes);
}

// Tables 13-9 and 13-10: three proposals of eight bytes.
void put_algorithms(std::string& out, const Algorithms& algorithms) {
  const uint8_t values[] = {algorithms.authentication, algorithms.integrity, algorithms.confidentiality};
  for (unsigned kind = 0; kind < 3; ++kind) {
    put_u8(out, kind);
    put_u16(out, 0);
    put_u8(out, 8);
    put_u8(out, values[kind]);
    out.append(3, '\0');
  }
}

base::Result<Algorithms> read_algorithms(std::string_view bytes, size_t at) {
  if (bytes.size() < at + 24) return malformed("algorithm proposals");
  uint8_t values[3] = {};
  for (unsigned kind = 0; kind < 3; ++kind) {
    const size_t start = at + size_t(kind) * 8;
    // Length 0 means "any": we leave the algorithm 0, which no suite of ours has.
    if (byte_at(bytes, start) != kind) return malformed("algorithm proposals");
    values[kind] = byte_at(bytes, start + 3) == 8 ? byte_at(bytes, start + 4) & 0x3F : 0;
  }
  return Algorithms{values[0], values[1], values[2]};
}

std::string head(uint8_t tag, RakpStatus status, uint32_t id) {
  std::string out;
  put_u8(out, tag);
  put_u8(out, unsigned(status));
  put_u16(out, 0);
  put_u32(out, id);
  return out;
}

void put_identity(std::string& out, const Exchange& exchange) {
  put_u8(out, exchange.role);
  put_u8(out, unsigned(exchange.user.size()));
  out += exchange.user;
}

}  // namespace

std::string_view name_of(RakpStatus status) {
  switch (status) {
    case RakpStatus::ok:
      return "no error";
    case RakpStatus::insufficient_resources:
      return "insufficient resources to create a session";
    case RakpStatus::invalid_session_id:
      return "invalid session ID";
    case RakpStatus::invalid_payload_type:
      return "invalid payload type";
    case RakpStatus::invalid_authentication_algorithm:
      return "invalid authentication algorithm";
    case RakpStatus::invalid_integrity_algorithm:
      return "invalid integrity algorithm";
    case RakpStatus::inactive_session_id:
      return "inactive session ID";
    case RakpStatus::invalid_role:
      return "invalid role";
    case RakpStatus::unauthorized_role:
      return "unauthorized role or privilege level";
    case RakpStatus::insufficient_resources_for_role:
      return "insufficient resources at the requested role";
    case RakpStatus::invalid_name_length:
      return "invalid name length";
    case RakpStatus::unauthorized_name:
      return "unauthorized name";
    case RakpStatus::unauthorized_guid:
      return "unauthorized GUID";
    case RakpStatus::invalid_integrity_check:
      return "invalid integrity check value";
    case RakpStatus::invalid_confidentiality_algorithm:
      return "invalid confidentiality algorithm";
    case RakpStatus::no_cipher_suite_match:
      return "no matching cipher suite";
    case RakpStatus::illegal_parameter:
      return "illegal or unrecognized parameter";
  }
  return "unknown status";
}

std::string encode(const OpenRequest& message) {
  std::string out;
  put_u8(out, message.tag);
  put_u8(out, unsigned(message.privilege));
  put_u16(out, 0);
  put_u32(out, message.console_id);
  put_algorithms(out, message.algorithms);
  return out;
}

base::Result<OpenRequest> decode_open_request(std::string_view payload) {
  if (payload.size() < 32) return malformed("open session request");
  OpenRequest message;
  message.tag = byte_at(payload, 0);
  message.privilege = Privilege(byte_at(payload, 1) & 0x0F);
  message.console_id = read_u32(payload, 4);
  message.algorithms = TRY(read_algorithms(payload, 8));
  return message;
}

std::string encode(const OpenResponse& message) {
  std::string out;
  put_u8(out, message.tag);
  put_u8(out, unsigned(message.status));
  put_u8(out, unsigned(message.privilege));
  put_u8(out, 0);
  put_u32(out, message.console_id);
  if (message.status != RakpStatus::ok) return out;
  put_u32(out, message.bmc_id);
  put_algorithms(out, message.algorithms);
  return out;
}

base::Result<OpenResponse> decode_open_response(std::string_view payload) {
  if (payload.size() < 2) return malformed("open session response");
  OpenResponse message;
  message.tag = byte_at(payload, 0);
  message.status = RakpStatus(byte_at(payload, 1));
  if (payload.size() >= 8) message.console_id = read_u32(payload, 4);
  if (message.status != RakpStatus::ok) return message;
  if (payload.size() < 36) return malformed("open session response");
  message.privilege = Privilege(byte_at(payload, 2) & 0x0F);
  message.bmc_id = read_u32(payload, 8);
  message.algorithms = TRY(read_algorithms(payload, 12));
  return message;
}

std::string encode(const Rakp1& message) {
  std::string out;
  put_u8(out, message.tag);
  out.append(3, '\0');
  put_u32(out, message.bmc_id);
  out += message.console_random;
  put_u8(out, message.role);
  put_u16(out, 0);
  put_u8(out, unsigned(message.user.size()));
  out += message.user;
  return out;
}

base::Result<Rakp1> decode_rakp1(std::string_view payload) {
  if (payload.size() < 28) return malformed("RAKP message 1");
  Rakp1 message;
  message.tag = byte_at(payload, 0);
  message.bmc_id = read_u32(payload, 4);
  message.console_random = payload.substr(8, random_bytes);
  message.role = byte_at(payload, 24);
  const size_t length = byte_at(payload, 27);
  if (payload.size() < 28 + length) return malformed("RAKP message 1");
  message.user = payload.substr(28, length);
  return message;
}

std::string encode(const Rakp2& message) {
  auto out = head(message.tag, message.status, message.console_id);
  if (message.status == RakpStatus::ok) out += message.bmc_random + message.guid + message.auth_code;
  return out;
}

base::Result<Rakp2> decode_rakp2(std::string_view payload) {
  if (payload.size() < 8) return malformed("RAKP message 2");
  Rakp2 message;
  message.tag = byte_at(payload, 0);
  message.status = RakpStatus(byte_at(payload, 1));
  message.console_id = read_u32(payload, 4);
  if (message.status != RakpStatus::ok) return message;
  if (payload.size() < 40) return malformed("RAKP message 2");
  message.bmc_random = payload.substr(8, random_bytes);
  message.guid = payload.substr(24, guid_bytes);
  message.auth_code = payload.substr(40);
  return message;
}

std::string encode(const Rakp3& message) {
  auto out = head(message.tag, message.status, message.bmc_id);
  if (message.status == RakpStatus::ok) out += message.auth_code;
  return out;
}

base::Result<Rakp3> decode_rakp3(std::string_view payload) {
  if (payload.size() < 8) return malformed("RAKP message 3");
  return Rakp3{byte_at(payload, 0), RakpStatus(byte_at(payload, 1)), read_u32(payload, 4),
               std::string(payload.substr(8))};
}

std::string encode(const Rakp4& message) {
  auto out = head(message.tag, message.status, message.console_id);
  if (message.status == RakpStatus::ok) out += message.integrity_code;
  return out;
}

base::Result<Rakp4> decode_rakp4(std::string_view payload) {
  if (payload.size() < 8) return malformed("RAKP message 4");
  return Rakp4{byte_at(payload, 0), RakpStatus(byte_at(payload, 1)), read_u32(payload, 4),
               std::string(payload.substr(8))};
}

std::string rakp2_code(const Exchange& exchange) {
  std::string bytes;
  put_u32(bytes, exchange.console_id);
  put_u32(bytes, exchange.bmc_id);
  bytes += exchange.console_random + exchange.bmc_random + exchange.guid;
  put_identity(bytes, exchange);
  return hmac(exchange.suite, exchange.password, bytes);
}

std::string rakp3_code(const Exchange& exchange) {
  std::string bytes = exchange.bmc_random;
  put_u32(bytes, exchange.console_id);
  put_identity(bytes, exchange);
  return hmac(exchange.suite, exchange.password, bytes);
}

SessionKeys session_keys(const Exchange& exchange) {
  std::string bytes = exchange.console_random + exchange.bmc_random;
  put_identity(bytes, exchange);
  SessionKeys keys;
  keys.suite = exchange.suite;
  keys.sik = hmac(exchange.suite, exchange.kg.empty() ? exchange.password : exchange.kg, bytes);
  keys.k1 = hmac(exchange.suite, keys.sik, std::string(20, '\x01'));
  keys.k2 = hmac(exchange.suite, keys.sik, std::string(20, '\x02'));
  return keys;
}

std::string rakp4_code(const Exchange& exchange, const SessionKeys& keys) {
  std::string bytes = exchange.console_random;
  put_u32(bytes, exchange.bmc_id);
  bytes += exchange.guid;
  return hmac(exchange.suite, keys.sik, bytes).substr(0, exchange.suite == Suite::sha1 ? 12 : 16);
}

}  // namespace wire::ipmi
