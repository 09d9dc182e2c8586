// What BMCs, or others in their name, sent that is no answer: counted by cause. The drivers go on as if it had not
// come.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace metal {

struct BadAnswers {
  uint64_t ipmi_malformed = 0;    // no RMCP packet, or a message or payload that is none
  uint64_t ipmi_integrity = 0;    // in a session's name, but not sealed with its keys
  uint64_t ipmi_replayed = 0;     // a session's packet again, or one far out of order
  uint64_t sol_malformed = 0;     // sealed, but no Serial-over-LAN payload
  uint64_t redfish_http = 0;      // no HTTP response
  uint64_t redfish_oversize = 0;  // more than the driver reads
  uint64_t redfish_json = 0;      // a body that says it is JSON and is none
  uint64_t event_malformed = 0;   // on a stream of events, but no Redfish event
};

struct BadAnswerName {
  uint64_t BadAnswers::*counter;
  std::string_view protocol, reason;  // labels of metrics
};
std::span<const BadAnswerName> bad_answer_names();  // all of them

}  // namespace metal
