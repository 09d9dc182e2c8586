#include "api/rules/metal3_firmware.h"

#include "api/metal3_firmware.h"
#include "api/rules/test_rules.h"

using namespace api::rules;

TEST_CASE("HostFirmwareComponents: components and URLs are such as a BMC takes") {
  const Subject subject("hostfirmwarecomponents.metal3.io", R"(
metadata: {name: server-1, namespace: ns}
spec: {updates: [{component: bios, url: "https://images/bios.bin"}, {component: "nic:1", url: "http://images/nic"}]}
)");
  CHECK(subject.created("spec: {updates: [{component: cpld, url: \"https://images/x\"}]}") ==
        "spec.updates[0].component: Invalid value: \"cpld\": must be bmc, bios or nic: with the card's identifier");
  CHECK(subject.created("spec: {updates: [{component: bmc, url: x}]}") ==
        "spec.updates[0].url: Invalid value: \"x\": must be a URL with a host, such as https://host/path");
  CHECK(subject.created(
            "spec: {updates: [{component: bmc, url: \"http://a/1\"}, {component: bmc, url: \"http://a/2\"}]}") ==
        "spec.updates[1].component: Duplicate value: \"bmc\"");
}

TEST_CASE("DataImage: the URL is one that a BMC can read") {
  const Subject subject("dataimages.metal3.io", R"(
metadata: {name: server-1, namespace: ns}
spec: {url: "https://images/data.iso"}
)");
  CHECK(subject.updated("{}", "spec: {url: \"http://images/other.iso\"}") == "");
  CHECK(subject.updated("{}", "spec: {url: \"/data.iso\"}") ==
        "spec.url: Invalid value: \"/data.iso\": must be a URL with a host, such as https://host/path");
}

TEST_CASE("BMCEventSubscription: immutable, with a host, and headers only from its own namespace") {
  const Subject subject("bmceventsubscriptions.metal3.io", R"(
metadata: {name: alerts, namespace: ns}
spec: {hostName: server-1, destination: "https://events.example.com/", context: rack-1}
)");
  CHECK(subject.created("spec: {hostName: null}").starts_with("spec.hostName: Required value"));
  CHECK(subject.created("spec: {destination: x}").starts_with("spec.destination: Invalid value"));
  CHECK(subject.created("spec: {httpHeadersRef: {name: a, namespace: other}}").find("spec.httpHeadersRef") == 0);
  CHECK(subject.updated("{}", "metadata: {labels: {a: b}}") == "");
  CHECK(subject.updated("{}", "spec: {context: rack-2}").find("immutable") != std::string::npos);
}

TEST_CASE("what reconcilers see of firmware kinds is written back as it was") {
  const Json settings = parsed(R"(
metadata: {name: server-1, namespace: ns}
spec: {settings: {ProcTurbo: Enabled, Delay: 5}}
status: {schema: {name: schema-0badcafe, namespace: ns}, settings: {ProcTurbo: Disabled}}
)");
  const auto decoded = meta::decode<api::HostFirmwareSettings>(settings);
  REQUIRE(decoded.ok());
  CHECK(decoded->spec.settings["Delay"].integer() == 5);
  CHECK(decoded->status.settings.at("ProcTurbo") == "Disabled");
  CHECK(meta::encode(*decoded)["status"].dump() == settings["status"].dump());
  const Json schema = parsed(R"(
spec: {schema: {ProcTurbo: {attribute_type: Enumeration, allowable_values: [Enabled, Disabled], read_only: false}}}
)");
  const auto rules = meta::decode<api::FirmwareSchema>(schema);
  REQUIRE(rules.ok());
  CHECK(rules->spec.schema.at("ProcTurbo").allowable_values.size() == 2);
  CHECK(meta::encode(*rules)["spec"].dump() == schema["spec"].dump());
}
