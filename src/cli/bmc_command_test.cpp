#include "cli/bmc_command.h"

#include <doctest/doctest.h>

#include <CLI/CLI.hpp>

TEST_CASE("bmc: a flag takes one value, and what follows it is the action") {
  CLI::App app;
  cli::BmcFlags flags;
  cli::add_bmc(app, flags);
  app.parse(
      "bmc ipmi://10.9.0.10 --proxy socks5://127.0.0.1:1080=10.0.0.0/8 --proxy http://p:1=*.x console --read-only");
  CHECK(flags.address == "ipmi://10.9.0.10");
  CHECK(flags.action == "console");
  CHECK(flags.proxies.size() == 2);
  CHECK(flags.console.read_only);
}
