// Serial over LAN: the payload that carries characters, and the commands that start, end and configure it. Source: IPMI
// 2.0 revision 1.1, chapters 15 (table 15-2), 24 (payload commands) and 26 (SOL commands).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/ipmi_command.h"

namespace wire::ipmi {

namespace command {
constexpr CommandId activate_payload{NetFn::app, 0x48}, deactivate_payload{NetFn::app, 0x49},
    get_payload_status{NetFn::app, 0x4A}, get_payload_instance{NetFn::app, 0x4B}, get_payload_support{NetFn::app, 0x4E},
    get_payload_version{NetFn::app, 0x4F}, set_sol{NetFn::transport, 0x21}, get_sol{NetFn::transport, 0x22};
}  // namespace command

// Answers of Activate and Deactivate Payload (tables 24-2 and 24-4).
namespace completion {
constexpr uint8_t payload_active_elsewhere = 0x80, payload_not_active = 0x80, payload_disabled = 0x81,
                  payload_limit = 0x82, payload_needs_plain = 0x83, payload_needs_encryption = 0x84;
}

// Table 15-2. The fourth byte asks (console to BMC) or tells (BMC to console).
struct SolPacket {
  uint8_t sequence = 0;  // 1-15; 0: carries no characters and is not acknowledged
  uint8_t ack = 0;       // the number of the packet that this answers; 0: of none
  uint8_t accepted = 0;  // characters of that packet that were taken
  uint8_t flags = 0;
  std::string text;
  bool operator==(const SolPacket&) const = default;
};
namespace sol_flag {
constexpr uint8_t nack = 0x40;                                       // both ways
constexpr uint8_t break_ = 0x10;                                     // to the BMC: send a break
constexpr uint8_t unavailable = 0x20, ended = 0x10, overrun = 0x08;  // of the BMC
constexpr uint8_t break_seen = 0x04;
}  // namespace sol_flag
std::string encode(const SolPacket& packet);
base::Result<SolPacket> decode_sol(std::string_view payload);

constexpr size_t sol_text_max = 255;  // the accepted count has one byte

uint8_t next_sol_sequence(uint8_t present);  // 1 to 15, around

// Activate Payload for SOL, instance 1: sealed as the session is, alerts deferred.
std::string activate_sol_request();
std::string deactivate_sol_request();
struct SolActivation {
  uint16_t to_bmc_max = 0, from_bmc_max = 0;  // bytes of a whole payload
  uint16_t port = 0;                          // UDP
};
std::string encode(const SolActivation& activation);
base::Result<SolActivation> decode_sol_activation(std::string_view data);

// Parameters of Get and Set SOL Configuration (table 26-5).
namespace sol_parameter {
constexpr uint8_t progress = 0, enable = 1, authentication = 2, accumulate = 3, retry = 4, bit_rate = 5,
                  volatile_bit_rate = 6, channel = 7, port = 8;
}
struct SolSettings {
  bool enabled = true;
  uint8_t accumulate = 12;      // in 5 ms: how long characters are gathered
  uint8_t threshold = 96;       // so many are sent at once
  uint8_t retries = 7;          // after the first send
  uint8_t retry_interval = 48;  // in 10 ms
  uint8_t bit_rate = 0x0A;      // 06h 9600, 07h 19200, 08h 38400, 09h 57600, 0Ah 115200
  bool operator==(const SolSettings&) const = default;
};
std::string get_sol_request(uint8_t parameter);
std::string set_sol_request(uint8_t parameter, std::string_view value);
// One parameter's value out of the settings and back. "" for those that have none here; false for values of a wrong
// length or with reserved meanings.
std::string sol_value(const SolSettings& settings, uint8_t parameter);
bool take_sol_value(SolSettings& settings, uint8_t parameter, std::string_view value);
int bits_per_second(uint8_t bit_rate);  // 0: reserved

}  // namespace wire::ipmi
