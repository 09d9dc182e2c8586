// The event stream of a BMC: Server-Sent Events (WHATWG HTML, section 9.2) that carry Redfish Event payloads (DSP0266
// section 12.6). What comes is foreign: bounded, and never more than a hint to look.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace metal {

struct BmcEvent {
  std::string message_id;  // without registry and version: "ServerPoweredOff"; may be empty
  std::string origin;      // path of what it is about; may be empty
};

class EventStream {
 public:
  static constexpr size_t message_bytes_max = 1u << 20;
  // The events of the messages that `piece` completes. A message that is too large or no Redfish Event gives one empty
  // event: something did happen.
  std::vector<BmcEvent> take(std::string_view piece);

 private:
  void end_line(std::vector<BmcEvent>& out);

  std::string line_, data_;
  bool has_data_ = false, too_large_ = false, after_return_ = false;
};

// The events in a Redfish Event payload, pushed or streamed; one empty event when it is none.
std::vector<BmcEvent> read_events(std::string_view payload);

}  // namespace metal
