#include "fetch/hash_stage.h"

#include <doctest/doctest.h>

#include "sys/fiber.h"
#include "sys/real/real.h"
#include "sys/sim/sim.h"

namespace {

using base::Code;

void everywhere(const std::function<void(sys::Sys&)>& scenario) {
  const auto run = [&](sys::Loop& loop, sys::Sys& sys) {
    auto fiber = sys::spawn(loop, "test", [&] { scenario(sys); });
    CHECK(loop.run_until([&] { return fiber.done(); }));
  };
  SUBCASE("simulated") {
    sys::SimWorld world(1);
    run(world.loop(), world.process("a", "a"));
  }
  SUBCASE("real") {
    sys::RealSystem system;
    run(system.sys().loop, system.sys());
  }
}

TEST_CASE("a hash stage hashes everything in order, however fast it comes") {
  everywhere([](sys::Sys& sys) {
    const auto pool = std::make_shared<fetch::BytePool>(20'000);
    for (const int pause : {0, 1, 7}) {
      CAPTURE(pause);
      fetch::HashStage stage(sys, crypto::Digest::make("sha256").value(), 3);
      std::string all;
      for (int i = 0; i < 300; ++i) {
        auto bytes = std::make_shared<fetch::BytePool::Buffer>(pool->take());
        bytes->append(std::string(static_cast<size_t>(i) * 61 + 1, static_cast<char>(i)));
        all += bytes->view();
        REQUIRE(stage.push(std::move(bytes)));
        if (pause != 0 && i % pause == 0) REQUIRE(sys::sleep(sys.loop, base::microseconds(100)));  // it runs dry
      }
      CHECK(*stage.finish() == crypto::sha256(all));
    }
    fetch::HashStage empty(sys, crypto::Digest::make("sha256").value(), 3);
    CHECK(*empty.finish() == crypto::sha256(""));
  });
}

TEST_CASE("a hash stage that is stopped lets go of who waits") {
  everywhere([](sys::Sys& sys) {
    const auto pool = std::make_shared<fetch::BytePool>(1u << 20);
    fetch::HashStage stage(sys, crypto::Digest::make("sha512").value(), 2);
    auto stopper = sys::spawn(sys.loop, "stopper", [&] {
      REQUIRE(sys::sleep(sys.loop, base::milliseconds(3)));
      stage.stop();
    });
    base::Result<void> pushed;
    while (pushed) {
      auto bytes = std::make_shared<fetch::BytePool::Buffer>(pool->take());
      bytes->append(std::string(1u << 20, 'x'));
      pushed = stage.push(std::move(bytes));
      if (pushed) pushed = sys::sleep(sys.loop, base::microseconds(1));
    }
    CHECK(pushed.error().code == Code::cancelled);
    CHECK(stage.finish().error().code == Code::cancelled);
    CHECK(stopper.join());
  });
}

}  // namespace
