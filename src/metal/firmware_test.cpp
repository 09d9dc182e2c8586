#include "metal/firmware.h"

#include <doctest/doctest.h>

#include "metal/guard.h"

namespace metal {

using base::Json;

TEST_CASE("BIOS settings are sent with the types that the BMC has, and only those that differ") {
  BiosSetting flag{.name = "Flag", .value = false, .type = "Boolean"};
  BiosSetting count{.name = "Count", .value = 3};  // without registry
  BiosSetting word{.name = "Word", .value = "a", .pending = Json("b"), .type = "Enumeration"};
  BiosSetting fixed{.name = "Fixed", .value = "x", .read_only = true};
  const std::vector present = {count, fixed, flag, word};
  const Json wanted = *base::parse_json(R"({"Flag":"true","Count":"4","Word":"b"})");
  const auto sent = settings_to_send(present, wanted);
  REQUIRE(sent.ok());
  CHECK(sent->dump() == R"({"Flag":true,"Count":4})");
  CHECK(setting_not_in_force(present, wanted).find("Flag is \"false\", not \"true\"") == 0);
  CHECK(setting_not_in_force(present, *base::parse_json(R"({"Count":3,"Word":"a"})")).empty());
  for (const char* bad : {R"({"Flag":"yes"})", R"({"Count":"many"})", R"({"Fixed":"y"})", R"({"None":"y"})"}) {
    const auto refused = settings_to_send(present, *base::parse_json(bad));
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == base::Code::invalid);
  }
}

TEST_CASE("firmware is changed only under its own operation, and never twice") {
  HostFacts host;
  host.exists = host.durable = host.online = true;
  host.uid = "u";
  const auto allowed = [&](OperationKind kind, Milestone milestone, std::string_view state) {
    host.state = state;
    host.operation = {.kind = kind, .id = "1", .milestone = milestone};
    return allow({Act::change_firmware, "u", host.operation}, host).ok();
  };
  CHECK(allowed(OperationKind::prepare, Milestone::ordered, "preparing"));
  CHECK(allowed(OperationKind::prepare, Milestone::cleaned, "preparing"));
  CHECK_FALSE(allowed(OperationKind::prepare, Milestone::staged, "preparing"));
  CHECK_FALSE(allowed(OperationKind::prepare, Milestone::ordered, "available"));
  CHECK_FALSE(allowed(OperationKind::provision, Milestone::ordered, "provisioning"));
  host.has_image = true;
  CHECK_FALSE(allowed(OperationKind::prepare, Milestone::ordered, "preparing"));
  CHECK(allowed(OperationKind::service, Milestone::ordered, "provisioned"));
  CHECK_FALSE(allow({Act::boot_agent, "u", host.operation}, host).ok());
  CHECK_FALSE(allow({Act::wipe, "u", host.operation}, host).ok());
  host.externally_provisioned = true;
  CHECK_FALSE(allowed(OperationKind::service, Milestone::ordered, "provisioned"));
}

}  // namespace metal
