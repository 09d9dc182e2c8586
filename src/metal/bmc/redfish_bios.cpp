#include "metal/bmc/redfish_bios.h"

#include <algorithm>

#include "base/text.h"

namespace metal {
namespace {

base::Error failed(base::Code code, std::string message) {
  return base::Error{code, std::move(message), base::Layer::bmc};
}

std::optional<int64_t> number_in(const base::Json& entry, const char* name) {
  if (entry[name].is_integer()) return entry[name].integer();
  return base::parse_int(entry[name].string());
}

BiosSetting read_entry(const base::Json& entry) {
  BiosSetting out;
  out.name = entry["AttributeName"].string();
  out.type = entry["Type"].string();
  for (const auto& value : entry["Value"].items())
    if (!value["ValueName"].string().empty()) out.allowed.push_back(value["ValueName"].string());
  out.lower = number_in(entry, "LowerBound");
  out.upper = number_in(entry, "UpperBound");
  out.length_min = number_in(entry, "MinLength");
  out.length_max = number_in(entry, "MaxLength");
  out.read_only = entry["ReadOnly"].boolean() || entry["Immutable"].boolean();
  out.unique = entry["IsSystemUniqueProperty"].boolean();
  return out;
}

// People and manifests write all values as text; BMCs want the registry's type.
base::Json as_type(const std::string& type, const base::Json& value) {
  if (type == "Integer" && value.is_string()) {
    const auto number = base::parse_int(base::trim(value.string()));
    return number ? base::Json(*number) : value;
  }
  if (type == "Boolean" && value.is_string()) {
    const auto word = base::lower(base::trim(value.string()));
    return word == "true" || word == "false" ? base::Json(word == "true") : value;
  }
  const bool wants_text = type == "String" || type == "Enumeration" || type == "Password";
  return wants_text && (value.is_bool() || value.is_number()) ? base::Json(value.dump()) : value;
}

// What is wrong with a value of the right type or of another; "" when nothing is.
std::string objection(const BiosSetting& setting, const base::Json& value) {
  if (setting.read_only) return "can be read only";
  if (setting.type == "Integer") {
    if (!value.is_integer()) return "is a whole number";
    const bool low = setting.lower && value.integer() < *setting.lower;
    const bool high = setting.upper && value.integer() > *setting.upper;
    if (!low && !high) return "";
    return low ? "is at least " + std::to_string(*setting.lower) : "is at most " + std::to_string(*setting.upper);
  }
  if (setting.type == "Boolean") return value.is_bool() ? "" : "is true or false";
  if (setting.type.empty()) return "";
  if (!value.is_string()) return "is text";
  const auto& allowed = setting.allowed;
  if (setting.type == "Enumeration" && !allowed.empty() &&
      std::find(allowed.begin(), allowed.end(), value.string()) == allowed.end())
    return "is one of " + base::join(allowed, ", ");
  const auto length = int64_t(value.string().size());
  if (setting.length_min && length < *setting.length_min)
    return "has at least " + std::to_string(*setting.length_min) + " characters";
  if (setting.length_max && length > *setting.length_max)
    return "has at most " + std::to_string(*setting.length_max) + " characters";
  return "";
}

bool speaks_english(const base::Json& location) {
  const auto language = base::lower(location["Language"].string());
  return language.empty() || language == "default" || language.rfind("en", 0) == 0;
}

const BiosSetting* setting_in(const std::vector<BiosSetting>& list, const std::string& name) {
  for (const auto& one : list)
    if (one.name == name) return &one;
  return nullptr;
}

}  // namespace

// Registries are files that the service lists, one per language; some services put the registry where the file's
// description should be.
base::Result<base::Json> RedfishBios::registry_document(const std::string& name) {
  const auto root = TRY(client_.root());
  const auto collection = link_of(root["Registries"]);
  if (name.empty() || collection.empty()) return base::Json();
  auto paths = TRY(client_.members(collection));
  // The name is often part of the path: that one first, so that of dozens one or two are read.
  const auto stem = base::lower(name.substr(0, name.find('.')));
  std::stable_partition(paths.begin(), paths.end(),
                        [&](const std::string& path) { return base::lower(path).find(stem) != std::string::npos; });
  for (const auto& path : paths) {
    auto reply = TRY(client_.get(path));
    const auto& file = reply.body;
    const bool named = file["Registry"].string() == name || file["Id"].string() == name ||
                       file["Registry"].string() == name.substr(0, name.find('.'));
    if (!reply.ok() || !named) continue;
    if (file.has("RegistryEntries")) return file;
    for (const auto& location : file["Location"].items()) {
      const auto uri = link_of(location["Uri"]);
      if (!speaks_english(location) || uri.empty()) continue;
      auto document = TRY(client_.get(uri));
      if (document.ok()) return std::move(document.body);
    }
  }
  return base::Json();
}

base::Result<void> RedfishBios::read_registry(const std::string& name) {
  if (name == registry_name_ && !registry_.empty()) return {};
  registry_.clear();
  const auto document = TRY(registry_document(name));
  for (const auto& entry : document["RegistryEntries"]["Attributes"].items()) {
    auto setting = read_entry(entry);
    const auto key = setting.name;
    if (!key.empty()) registry_.emplace(key, std::move(setting));
  }
  registry_name_ = name;
  return {};
}

base::Result<RedfishBios::State> RedfishBios::load(const base::Json& system) {
  State state;
  state.path = link_of(system["Bios"]);
  if (state.path.empty())
    return failed(base::Code::unsupported, client_.url(link_of(system)) + ": the BMC shows no BIOS settings");
  state.bios = TRY(client_.document(state.path));
  state.where = link_of(state.bios["@Redfish.Settings"]["SettingsObject"]);
  if (state.where.empty())
    state.where = state.path;
  else
    state.settings = TRY(client_.document(state.where));
  TRY(read_registry(state.bios["AttributeRegistry"].string()));
  const base::Json& pending = state.settings["Attributes"];
  for (const auto& [name, value] : state.bios["Attributes"].members()) {
    const auto known = registry_.find(name);
    BiosSetting setting = known == registry_.end() ? BiosSetting{} : known->second;
    setting.name = name;
    setting.value = value;
    // Some show only what is going to change there, others everything.
    if (const auto* next = pending.find(name); next != nullptr && !next->is_null() && !(*next == value))
      setting.pending = *next;
    state.list.push_back(std::move(setting));
  }
  std::sort(state.list.begin(), state.list.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return state;
}

base::Result<std::vector<BiosSetting>> RedfishBios::read(const base::Json& system) {
  auto state = TRY(load(system));
  return std::move(state.list);
}

// The values as the registry wants them, without those that are in force already; every objection at once.
base::Result<base::Json> RedfishBios::checked(const State& state, const base::Json& values) const {
  base::Json out = base::Json::object();
  std::vector<std::string> wrong;
  for (const auto& [name, given] : values.members()) {
    const auto* setting = setting_in(state.list, name);
    if (setting == nullptr) {
      wrong.push_back("there is no setting " + base::quoted(name));
      continue;
    }
    const auto value = as_type(setting->type, given);
    if (const auto why = objection(*setting, value); !why.empty()) {
      wrong.push_back(name + " " + why);
      continue;
    }
    const auto& coming = setting->pending ? *setting->pending : setting->value;
    if (!(coming == value)) out.set(name, value);
  }
  if (wrong.empty()) return out;
  return failed(base::Code::invalid, client_.url(state.path) + ": " + base::join(wrong, "; "));
}

base::Result<void> RedfishBios::change(const base::Json& system, const base::Json& values) {
  const auto state = TRY(load(system));
  const auto attributes = TRY(checked(state, values));
  if (attributes.empty()) return {};
  base::Json body = base::Json::object({{"Attributes", attributes}});
  base::Json plain = body;
  bool on_reset = false;
  for (const auto& time : state.bios["@Redfish.Settings"]["SupportedApplyTimes"].items())
    on_reset = on_reset || time.string() == "OnReset";
  if (on_reset && !client_.quirks().has(Quirk::no_apply_time)) {
    body.set("@Redfish.SettingsApplyTime",
             base::Json::object({{"@odata.type", "#Settings.v1_0_0.PreferredApplyTime"}, {"ApplyTime", "OnReset"}}));
  }
  auto reply = TRY(client_.patch_to_end(state.where, body));
  if (body.size() > 1 && client_.quirks().shown(Quirk::no_apply_time, BmcStep::bios, reply))
    reply = TRY(client_.patch_to_end(state.where, plain));
  if (!reply.ok()) return client_.error_of("PATCH", state.where, reply);
  return {};
}

}  // namespace metal
