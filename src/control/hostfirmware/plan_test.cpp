#include "control/hostfirmware/plan.h"

#include <doctest/doctest.h>

namespace control::hostfirmware {

using base::Json;

namespace {

std::vector<metal::BiosSetting> bios() {
  metal::BiosSetting turbo{.name = "ProcTurbo", .value = "Enabled", .type = "Enumeration"};
  turbo.allowed = {"Enabled", "Disabled"};
  metal::BiosSetting delay{.name = "BootDelay", .value = 5, .type = "Integer"};
  delay.lower = 0;
  delay.upper = 60;
  metal::BiosSetting tag{.name = "AssetTag", .value = "A-1", .type = "String"};
  tag.length_max = 4;
  metal::BiosSetting quiet{.name = "QuietBoot", .value = true, .type = "Boolean"};
  metal::BiosSetting serial{.name = "Serial", .value = "SN-1", .type = "String"};
  serial.read_only = true;
  const metal::BiosSetting secret{.name = "AdminPassword", .value = "x", .type = "Password"};
  const metal::BiosSetting plain{.name = "Vendor9", .value = 7};
  return {secret, tag, delay, turbo, quiet, serial, plain};
}

}  // namespace

TEST_CASE("settings are text, and passwords are not shown") {
  const Settings settings = settings_of(bios());
  CHECK(settings.size() == 6);
  CHECK(settings.at("BootDelay") == "5");
  CHECK(settings.at("QuietBoot") == "true");
  CHECK(settings.count("AdminPassword") == 0);
}

TEST_CASE("what users ask for is judged by the schema") {
  const Schema schema = schema_of(bios());
  const std::pair<const char*, const char*> cases[] = {
      {R"({"ProcTurbo":"Disabled","BootDelay":60,"AssetTag":"B-22","QuietBoot":"false","Vendor9":"any"})", ""},
      {R"({"BootDelay":"7"})", ""},
      {R"({"ProcTurbo":"Perhaps"})", "ProcTurbo: \"Perhaps\" is not one of Enabled, Disabled"},
      {R"({"BootDelay":61})", "BootDelay: 61 is above the upper bound 60"},
      {R"({"BootDelay":-1})", "BootDelay: -1 is below the lower bound 0"},
      {R"({"BootDelay":"soon"})", "BootDelay: \"soon\" is not a whole number"},
      {R"({"AssetTag":"B-222"})", "AssetTag: \"B-222\" is longer than 4 characters"},
      {R"({"QuietBoot":"yes"})", "QuietBoot: \"yes\" is not true or false"},
      {R"({"Serial":"SN-2"})", "Serial: cannot be changed"},
      {R"({"AdminPassword":"y"})", "AdminPassword: passwords are not set here"},
      {R"({"NoSuch":"y"})", "NoSuch: this server has no such setting"},
  };
  for (const auto& [wanted, problem] : cases) {
    const auto found = problems_of(*base::parse_json(wanted), schema);
    CAPTURE(wanted);
    CHECK((found.empty() ? "" : found.front()) == std::string(problem));
  }
}

TEST_CASE("hosts with the same schema share its name, others do not") {
  auto other = bios();
  CHECK(schema_name(schema_of(other)) == schema_name(schema_of(bios())));
  CHECK(schema_name(schema_of(other)).size() == std::string("schema-00000000").size());
  other[3].value = "Disabled";  // a setting, not the schema
  CHECK(schema_name(schema_of(other)) == schema_name(schema_of(bios())));
  other[3].allowed.push_back("Auto");
  CHECK(schema_name(schema_of(other)) != schema_name(schema_of(bios())));
}

TEST_CASE("only what differs is a change, and an update is known by its URL") {
  const Json wanted = *base::parse_json(R"({"BootDelay":"5","ProcTurbo":"Disabled","QuietBoot":"true"})");
  CHECK(changes_of(wanted, settings_of(bios())).dump() == R"({"ProcTurbo":"Disabled"})");
  const api::FirmwareUpdate done{"bios", "http://a/1"}, other{"bios", "http://a/2"}, nic{"nic:1", "http://a/n"};
  CHECK(updates_to_do({done, nic}, {done}) == std::vector{nic});
  CHECK(updates_to_do({other}, {done}) == std::vector{other});
}

}  // namespace control::hostfirmware
