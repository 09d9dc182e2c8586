// Opening an RMCP+ session: Open Session and RAKP messages 1 to 4, and the keys that come of it (IPMI 2.0, 13.17-13.24
// and 13.28-13.32). "Console" is the side that opens the session, "BMC" the managed system.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/ipmi_packet.h"

namespace wire::ipmi {

// Table 13-15.
enum class RakpStatus : uint8_t {
  ok = 0x00,
  insufficient_resources = 0x01,
  invalid_session_id = 0x02,
  invalid_payload_type = 0x03,
  invalid_authentication_algorithm = 0x04,
  invalid_integrity_algorithm = 0x05,
  inactive_session_id = 0x08,
  invalid_role = 0x09,
  unauthorized_role = 0x0A,
  insufficient_resources_for_role = 0x0B,
  invalid_name_length = 0x0C,
  unauthorized_name = 0x0D,
  unauthorized_guid = 0x0E,
  invalid_integrity_check = 0x0F,
  invalid_confidentiality_algorithm = 0x10,
  no_cipher_suite_match = 0x11,
  illegal_parameter = 0x12,
};
std::string_view name_of(RakpStatus status);  // "no matching cipher suite"

enum class Privilege : uint8_t { none = 0, callback = 1, user = 2, operator_ = 3, administrator = 4 };

constexpr size_t name_bytes_max = 16, password_bytes_max = 20, random_bytes = 16, guid_bytes = 16;

struct OpenRequest {
  uint8_t tag = 0;
  Privilege privilege = Privilege::administrator;  // none: the highest that the suite allows
  uint32_t console_id = 0;
  Algorithms algorithms;
};
struct OpenResponse {
  uint8_t tag = 0;
  RakpStatus status = RakpStatus::ok;
  Privilege privilege = Privilege::none;
  uint32_t console_id = 0, bmc_id = 0;  // bmc_id and algorithms only when the status is ok
  Algorithms algorithms;
};
struct Rakp1 {
  uint8_t tag = 0;
  uint32_t bmc_id = 0;
  std::string console_random;
  uint8_t role = 0;  // bits 0-3 privilege; bit 4: look the user up by name only
  std::string user;
};
struct Rakp2 {
  uint8_t tag = 0;
  RakpStatus status = RakpStatus::ok;
  uint32_t console_id = 0;
  std::string bmc_random, guid, auth_code;  // empty unless the status is ok
};
struct Rakp3 {
  uint8_t tag = 0;
  RakpStatus status = RakpStatus::ok;
  uint32_t bmc_id = 0;
  std::string auth_code;
};
struct Rakp4 {
  uint8_t tag = 0;
  RakpStatus status = RakpStatus::ok;
  uint32_t console_id = 0;
  std::string integrity_code;
};

std::string encode(const OpenRequest& message);
std::string encode(const OpenResponse& message);
std::string encode(const Rakp1& message);
std::string encode(const Rakp2& message);
std::string encode(const Rakp3& message);
std::string encode(const Rakp4& message);
base::Result<OpenRequest> decode_open_request(std::string_view payload);
base::Result<OpenResponse> decode_open_response(std::string_view payload);
base::Result<Rakp1> decode_rakp1(std::string_view payload);
base::Result<Rakp2> decode_rakp2(std::string_view payload);
base::Result<Rakp3> decode_rakp3(std::string_view payload);
base::Result<Rakp4> decode_rakp4(std::string_view payload);

// Everything the codes and keys are computed from; each side fills it as the exchange goes on.
struct Exchange {
  Suite suite = Suite::sha1;
  uint32_t console_id = 0, bmc_id = 0;
  std::string console_random, bmc_random, guid;  // 16 bytes each
  uint8_t role = 0;
  std::string user, password;
  std::string kg;  // the BMC's key; empty: the password stands for it
};
std::string rakp2_code(const Exchange& exchange);
std::string rakp3_code(const Exchange& exchange);
SessionKeys session_keys(const Exchange& exchange);
std::string rakp4_code(const Exchange& exchange, const SessionKeys& keys);

}  // namespace wire::ipmi
