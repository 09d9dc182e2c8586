// `ingot bmc ADDRESS console`: a server's serial console on this terminal.
#pragma once

#include <string>
#include <string_view>

#include "metal/bmc/bmc.h"
#include "sys/real/real.h"

namespace cli {

// Keys of a terminal on their way to the server. After the start of a line ~ is for us, as in ssh and ipmitool:
// ~. leaves, ~B sends a break, ~~ is one ~, ~? explains.
class ConsoleKeys {
 public:
  enum class Order : unsigned char { none, leave, send_break, explain };
  struct Taken {
    std::string keys;  // for the server, before the order
    Order order = Order::none;
    size_t used = 0;  // of the text given; what is left is given again after the order
  };
  Taken take(std::string_view typed);

 private:
  bool line_start_ = true, tilde_ = false;
};

struct ConsoleFlags {
  bool take_over = false, read_only = false;
  std::string output;  // file that gets everything, too
};
base::Result<void> run_console(sys::RealSystem& system, metal::Bmc& bmc, const std::string& name,
                               const ConsoleFlags& flags);

}  // namespace cli
