#include "metal/firmware.h"

#include "base/text.h"
#include "crypto/hash.h"

namespace metal {

using base::Code;
using base::Error;
using base::Json;
using base::Layer;
using base::Result;

namespace {

const BiosSetting* find(const std::vector<BiosSetting>& present, const std::string& name) {
  for (const auto& one : present) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

Error refused(const std::string& name, const std::string& why, std::string fix) {
  return Error{Code::invalid, "BIOS setting " + name + ": " + why, Layer::bmc, std::move(fix)};
}

// `text` as the JSON type that the attribute has.
Result<Json> typed(const BiosSetting& setting, const std::string& text) {
  const bool boolean = setting.type == "Boolean" || (setting.type.empty() && setting.value.is_bool());
  const bool integer = setting.type == "Integer" || (setting.type.empty() && setting.value.is_number());
  if (boolean) {
    if (text == "true" || text == "false") return Json(text == "true");
    return refused(setting.name, base::quoted(text) + " is neither true nor false", "correct spec.settings");
  }
  if (!integer) return Json(text);
  const auto number = base::parse_json(text);
  if (number.ok() && number->is_integer()) return *number;
  return refused(setting.name, base::quoted(text) + " is not a whole number", "correct spec.settings");
}

}  // namespace

std::string FirmwareOrder::digest() const {
  std::map<std::string, std::string> sorted;
  for (const auto& [name, value] : settings.members()) sorted[name] = value.dump();
  std::string text;
  for (const auto& [name, value] : sorted) text += name + "=" + value + "\n";
  for (const auto& update : updates) text += update.component + " " + update.url + "\n";
  return base::hex(crypto::sha256(text).substr(0, 8));
}

std::string text_of(const Json& value) { return value.is_string() ? value.string() : value.dump(); }

Result<Json> settings_to_send(const std::vector<BiosSetting>& present, const Json& wanted) {
  Json out = Json::object();
  for (const auto& [name, value] : wanted.members()) {
    const BiosSetting* setting = find(present, name);
    if (!setting) return refused(name, "this server has no such setting", "remove it from spec.settings");
    if (setting->read_only) return refused(name, "cannot be changed", "remove it from spec.settings");
    const Json& coming = setting->pending ? *setting->pending : setting->value;
    if (text_of(coming) == text_of(value)) continue;
    out.set(name, TRY(typed(*setting, text_of(value))));
  }
  return out;
}

std::string setting_not_in_force(const std::vector<BiosSetting>& present, const Json& wanted) {
  for (const auto& [name, value] : wanted.members()) {
    const BiosSetting* setting = find(present, name);
    if (!setting) return name + " is not there any more";
    if (text_of(setting->value) == text_of(value)) continue;
    return name + " is " + base::quoted(text_of(setting->value)) + ", not " + base::quoted(text_of(value));
  }
  return {};
}

}  // namespace metal
