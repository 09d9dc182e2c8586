#include "cli/console_command.h"

#include <doctest/doctest.h>

using Order = cli::ConsoleKeys::Order;

TEST_CASE("console keys: a tilde at the start of a line is for us, anywhere else for the server") {
  cli::ConsoleKeys keys;
  CHECK(keys.take("ls ~.\r").keys == "ls ~.\r");
  CHECK(keys.take("~").keys.empty());
  CHECK(keys.take("~x").keys == "~x");
  CHECK(keys.take("~.").order == Order::none);  // in the middle of a line
  CHECK(keys.take("\r~/bin\r").keys == "\r~/bin\r");
  const auto help = keys.take("~?~Brest");
  CHECK(help.order == Order::explain);
  CHECK(help.used == 2);
  const auto with_break = keys.take("~Brest");
  CHECK(with_break.order == Order::send_break);
  CHECK(with_break.used == 2);
  CHECK(keys.take("rest\r\n").keys == "rest\r\n");
  const auto leave = keys.take("~.");
  CHECK(leave.order == Order::leave);
  CHECK(leave.keys.empty());
}
