// What is read from a BMC as the fields of HostFirmwareSettings and FirmwareSchema, and what a user may ask for. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/metal3_firmware.h"
#include "metal/firmware.h"

namespace control::hostfirmware {

using Settings = std::map<std::string, std::string>;
using Schema = std::map<std::string, api::FirmwareSetting>;

// Without those that look like passwords.
Settings settings_of(const std::vector<metal::BiosSetting>& bios);
Schema schema_of(const std::vector<metal::BiosSetting>& bios);
// "schema-0badcafe": the same for all hosts with the same schema.
std::string schema_name(const Schema& schema);

// Why the value cannot be set, "" when it can. `rule` is null for a setting that the schema does not have.
std::string problem_of(const std::string& name, const base::Json& value, const api::FirmwareSetting* rule);
std::vector<std::string> problems_of(const base::Json& wanted, const Schema& schema);
// The wanted settings that differ from the present ones.
base::Json changes_of(const base::Json& wanted, const Settings& present);

// Updates that are asked for and not recorded as done; the URL tells them apart, not the version.
std::vector<api::FirmwareUpdate> updates_to_do(const std::vector<api::FirmwareUpdate>& wanted,
                                               const std::vector<api::FirmwareUpdate>& done);

}  // namespace control::hostfirmware
