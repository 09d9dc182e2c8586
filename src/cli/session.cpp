#include "cli/session.h"

#include <cstdio>

#include "sys/fiber.h"

namespace cli {

int run_session(const std::function<int(sys::RealSystem&)>& body) {
  sys::RealSystem system;
  sys::Loop& loop = system.sys().loop;
  int status = 1;
  sys::Fiber main = sys::spawn(loop, "main", [&] {
    status = body(system);
    loop.stop();
  });
  system.on_stop_signal([&] { main.cancel(); });
  loop.run();
  loop.shut();
  return status;
}

int fail(const base::Error& error) {
  std::fprintf(stderr, "ingot: %s\n", error.text().c_str());
  return error.code == base::Code::invalid ? 2 : 1;
}

}  // namespace cli
