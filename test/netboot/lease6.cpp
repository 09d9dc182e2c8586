// The deploy ramdisk's way to an IPv6 address, on a real interface: lease6 INTERFACE MAC. Prints the address that SLAAC
// or DHCPv6 gave, after it was given to the interface, and renews the lease once.
#include <cstdio>
#include <cstdlib>

#include "agent/linux/network6.h"
#include "sys/fiber.h"
#include "sys/real/real.h"

namespace {

int run(sys::RealSystem& system, const agent::LinuxNic& nic) {
  sys::Sys& sys = system.sys();
  auto settings = agent::ipv6_settings(sys, system.machine(), nic, base::seconds(20));
  if (!settings) return std::printf("error: %s\n", settings.error().text().c_str()), 1;
  const auto applied = system.machine().add_address(nic.name, settings->address, settings->prefix_length);
  if (!applied) return std::printf("error: %s\n", applied.error().text().c_str()), 1;
  agent::await_unique(sys, nic.name, settings->address);
  const bool leased = !settings->server.empty();
  std::printf("%s/%d by %s\n", settings->address.c_str(), settings->prefix_length, leased ? "DHCPv6" : "SLAAC");
  if (!leased) return 0;
  settings->lease = base::seconds(2);  // half of it until the renewal
  agent::keep_lease6_once(sys, system.machine(), nic, *settings);
  std::printf("renewed for %lld s\n",
              static_cast<long long>(std::chrono::duration_cast<base::seconds>(settings->lease).count()));
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return std::printf("lease6 INTERFACE MAC\n"), 2;
  sys::RealSystem system;
  int status = 1;
  bool over = false;
  sys::spawn(system.sys().loop, "lease", [&] {
    status = run(system, {.name = arguments[1], .mac = arguments[2]});
    over = true;
  });
  system.sys().loop.run_until([&] { return over; });
  system.sys().loop.shut();
  return status;
}
