#include "metal/agent_logs.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "sys/sim/sim.h"
#include "wire/gzip.h"
#include "wire/tar.h"

namespace metal {

TEST_CASE("agent logs: text by file, without secrets and without what steers a terminal") {
  const std::string token = "abcdefghijklmnopqrstuvwxyz";
  const std::string packed = base::base64(
      wire::gzip(wire::build_tar({{"agent", "old line\ntoken=" + token + " x\x1b[2J\n"}, {"kernel", "k"}})).value());
  const auto text = agent_log_text(packed, {token, ""}, 1 << 20);
  REQUIRE_MESSAGE(text.ok(), text.error().text());
  CHECK(*text == "==> agent <==\nold line\ntoken=*** x?[2J\n==> kernel <==\nk\n");
  CHECK(agent_log_text(packed, {token}, 8)->find("old line") == std::string::npos);
  CHECK_FALSE(agent_log_text("?", {}, 100).ok());
  CHECK_FALSE(agent_log_text(base::base64("no gzip"), {}, 100).ok());
}

TEST_CASE("agent logs: the newest of each host stay, for a while") {
  sys::SimWorld world{1};
  sys::Sys& sys = world.process("manager", "m");
  AgentLogs logs(sys, "logs", {.logs_per_host = 3, .age = base::hours(48)});
  const auto later = [&](base::Duration span) {
    bool done = false;
    sys.loop.after(span, [&] { done = true; });
    REQUIRE(world.loop().run_until([&] { return done; }));
  };
  for (int i = 0; i < 5; ++i) {
    REQUIRE(logs.keep("metal", "one", "clean-done", std::to_string(i)).ok());
    later(base::minutes(1));
  }
  REQUIRE(logs.keep("metal", "two", "write-failed", "other host").ok());
  auto files = sys.disk.list("logs/metal/one").value();
  REQUIRE(files.size() == 3);
  CHECK(sys.disk.read("logs/metal/one/" + files.back()).value() == "4");
  CHECK(sys.disk.list("logs/metal/two")->size() == 1);
  later(base::hours(72));
  REQUIRE(logs.keep("metal", "one", "clean-failed", "new").ok());
  files = sys.disk.list("logs/metal/one").value();
  REQUIRE(files.size() == 1);
  CHECK(files[0].ends_with("-clean-failed.log"));
  world.loop().shut();
}

}  // namespace metal
