// LLDP from a real wire: test/netboot runs this in a network namespace while a switch is played on the other end.
#include <doctest/doctest.h>

#include <cstdlib>

#include "agent/linux/linux_hardware.h"
#include "base/text.h"
#include "sys/fiber.h"
#include "sys/real/real.h"

namespace agent {

TEST_CASE("lldp: a frame on a wire is heard whole" * doctest::skip(std::getenv("INGOT_LLDP_INTERFACE") == nullptr)) {
  sys::RealSystem system;
  sys::Sys& sys = system.sys();
  Json heard;
  sys::spawn(sys.loop, "lldp", [&] {
    const auto frames = system.machine().open_frames(std::getenv("INGOT_LLDP_INTERFACE"), 0x88cc);
    REQUIRE_MESSAGE(frames.ok(), frames.error().text());
    const auto frame = (*frames)->receive(base::seconds(30));
    if (frame) heard = lldp_values(frame->bytes);
    sys.loop.stop();
  });
  sys.loop.run();
  REQUIRE(heard.items().size() == 4);
  CHECK(heard.at(0).at(0).integer() == 1);  // chassis
  CHECK(heard.at(0).at(1).string() == "04525400000001");
  CHECK(heard.at(1).at(1).string() == "05" + base::hex("Ethernet1/7"));
  CHECK(heard.at(2).at(1).string() == "0078");
  CHECK(heard.at(3).at(0).integer() == 5);
  CHECK(heard.at(3).at(1).string() == base::hex("leaf-1"));
}

}  // namespace agent
