// A server's serial console through its BMC, as a terminal would have it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace metal {

// One fiber reads; the other calls never park and may come from anywhere on the loop's thread.
class Console {
 public:
  virtual ~Console() = default;
  // What the server has printed since, at least one byte. Errors: timeout when nothing came within `limit` (finite);
  // unavailable when the BMC has ended the console or is silent altogether; cancelled.
  virtual base::Result<std::string> read(base::Duration limit) = 0;
  virtual void type(std::string_view keys) = 0;
  virtual void send_break() = 0;
  virtual void close() = 0;  // gives the console back to others; parks
};

}  // namespace metal
