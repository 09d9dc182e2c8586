#include "cli/controllers.h"

#include <doctest/doctest.h>

namespace cli {
namespace {

TEST_CASE("controllers are chosen as kube-controller-manager's are") {
  CHECK(ControllerSet().has("machine"));
  const auto all_but_one = ControllerSet::parse({"*", "-machine"}).value();
  CHECK_FALSE(all_but_one.has("machine"));
  CHECK(all_but_one.has("machineset"));
  const auto one = ControllerSet::parse({"machine"}).value();
  CHECK(one.has("machine"));
  CHECK_FALSE(one.has("machineset"));
  CHECK_FALSE(ControllerSet::parse({"-machine"}).value().has("machineset"));
  CHECK(ControllerSet::parse({"machine", "-machine", "*"}).value().has("machine"));
  CHECK(ControllerSet::parse({"-gc"}).error().message.starts_with("there is no controller \"gc\"; there are garbage-"));
}

}  // namespace
}  // namespace cli
