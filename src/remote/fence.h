// A network that sends nothing while this process may not act. Timers and fibers of a process that was stopped for a
// while run in some order when it goes on; what they would do outside must fail before leadership is known again.
#pragma once

#include <functional>
#include <memory>

#include "sys/sys.h"

namespace remote {

// Connecting, writing to a stream and sending a datagram ask `may_act` first and give its error; so do answers on what
// was accepted. Reading and listening are free. `below` must outlive it.
std::unique_ptr<sys::Net> make_fenced_net(sys::Net& below, std::function<base::Result<void>()> may_act);
// The same for a socket that comes from elsewhere.
std::unique_ptr<sys::Datagram> make_fenced_datagram(std::unique_ptr<sys::Datagram> below,
                                                    std::function<base::Result<void>()> may_act);

}  // namespace remote
