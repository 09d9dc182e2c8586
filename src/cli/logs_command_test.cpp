#include "cli/logs_command.h"

#include <doctest/doctest.h>

#include "sys/sim/sim.h"

TEST_CASE("logs: a host's console is shown whole, oldest first, and what is missing is said") {
  sys::SimWorld world(1);
  sys::Disk& disk = world.process("10.0.0.1", "manager").disk;
  cli::LogsFlags flags;
  flags.host = "one";
  flags.console = true;
  const auto none = cli::agent_logs_of(disk, flags);
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().text().find("--capture-consoles") != std::string::npos);
  REQUIRE(disk.make_directories("ingot-data/consoles/metal/one").ok());
  REQUIRE(disk.write("ingot-data/consoles/metal/one/console.log", "new\n").ok());
  REQUIRE(disk.write("ingot-data/consoles/metal/one/console.log.1", "old\n").ok());
  CHECK(cli::agent_logs_of(disk, flags).value() == "old\nnew\n");
  flags.list = true;
  CHECK(cli::agent_logs_of(disk, flags).value() == "console.log\nconsole.log.1\n");
  flags.console = false;
  CHECK_FALSE(cli::agent_logs_of(disk, flags).ok());
}
