#include "sim/bmc/redfish_changes.h"

#include <algorithm>
#include <array>

#include "sim/bmc/redfish_resources.h"

namespace sim {

using base::Json;

namespace {

const std::string reset_action = "ComputerSystem.Reset";
const std::string manager_reset_action = "Manager.Reset";
const std::string insert_action = "VirtualMedia.InsertMedia";
const std::string eject_action = "VirtualMedia.EjectMedia";

// Annotations ("@odata.etag", "Boot@...") in a PATCH are not properties; services ignore them (DSP0266 7.6).
bool is_annotation(const std::string& name) { return name.find('@') != std::string::npos; }

RedfishProblem not_patchable(const Json& document, const std::string& name) {
  return document.has(name) ? property_not_writable("#/" + name) : property_unknown("#/" + name);
}

bool is_http_url(const std::string& url) {
  auto parsed = net::Url::parse(url);
  return parsed && (parsed->scheme == "http" || parsed->scheme == "https") && !parsed->host.empty();
}

RedfishComplaint not_a_url(const std::string& pointer, const std::string& url) {
  const auto name = pointer.substr(pointer.rfind('/') + 1);
  return {
      400, "PropertyValueFormatError", "The value of " + name + " is not an HTTP or HTTPS URL.", {url, name}, pointer};
}

RedfishProblem read_boot_property(BootOverride& boot, const std::string& name, const Json& value) {
  const auto pointer = "#/Boot/" + name;
  if (name == "HttpBootUri") {
    if (!value.is_null() && !value.is_string()) return property_type_error(pointer, value);
    if (!value.string().empty() && !is_http_url(value.string())) return not_a_url(pointer, value.string());
    boot.http_boot_uri = value.string();
    return std::nullopt;
  }
  const bool is_target = name == "BootSourceOverrideTarget";
  const bool is_enabled = name == "BootSourceOverrideEnabled";
  if (!is_target && !is_enabled && name != "BootSourceOverrideMode") return property_unknown(pointer);
  if (!value.is_string()) return property_type_error(pointer, value);
  if (is_target) {
    const auto target = boot_target_of(value.string());
    if (!target) return property_not_in_list(pointer, value);
    boot.target = *target;
  } else if (is_enabled) {
    const auto enabled = boot_enabled_of(value.string());
    if (!enabled) return property_not_in_list(pointer, value);
    boot.enabled = *enabled;
  } else {
    if (value.string() != "UEFI" && value.string() != "Legacy") return property_not_in_list(pointer, value);
    boot.uefi = value.string() == "UEFI";
  }
  return std::nullopt;
}

ServerPowerAction effective_action(const std::string& type, bool on) {
  constexpr std::array<std::pair<std::string_view, ServerPowerAction>, 8> types{{
      {"On", ServerPowerAction::on},
      {"ForceOn", ServerPowerAction::on},
      {"ForceOff", ServerPowerAction::force_off},
      {"GracefulShutdown", ServerPowerAction::graceful_shutdown},
      {"ForceRestart", ServerPowerAction::force_restart},
      {"GracefulRestart", ServerPowerAction::graceful_restart},
      {"PowerCycle", ServerPowerAction::power_cycle},
      {"Nmi", ServerPowerAction::nmi},
  }};
  for (const auto& [name, action] : types)
    if (name == type) return action;
  return on ? ServerPowerAction::graceful_shutdown : ServerPowerAction::on;  // PushPowerButton
}

bool holds(std::initializer_list<std::string_view> list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// The one parameter of both Reset actions.
RedfishProblem check_reset_type(const std::string& action, const Json& body,
                                std::initializer_list<std::string_view> allowed) {
  for (const auto& [name, value] : body.members())
    if (name != "ResetType" && !is_annotation(name)) return parameter_unknown(action, "#/" + name);
  const Json* type = body.find("ResetType");
  if (type == nullptr) return parameter_missing(action, "#/ResetType");
  if (!type->is_string()) return parameter_type_error(action, "#/ResetType", *type);
  if (!holds(allowed, type->string())) return parameter_not_in_list(action, "#/ResetType", *type);
  return std::nullopt;
}

RedfishProblem check_insertion(const Json& body) {
  for (const auto& [name, value] : body.members()) {
    if (is_annotation(name)) continue;
    const auto pointer = "#/" + name;
    const bool is_flag = name == "Inserted" || name == "WriteProtected";
    const bool is_text = holds({"Image", "TransferMethod", "TransferProtocolType", "UserName", "Password"}, name);
    if (!is_flag && !is_text) return parameter_unknown(insert_action, pointer);
    // A null stands for a parameter that was left out.
    if (value.is_null() && name != "Image") continue;
    if (is_flag ? !value.is_bool() : !value.is_string()) return parameter_type_error(insert_action, pointer, value);
    const bool known = name == "TransferMethod"         ? value.string() == "Stream"
                       : name == "TransferProtocolType" ? holds({"HTTP", "HTTPS"}, value.string())
                                                        : true;
    if (!known) return parameter_not_in_list(insert_action, pointer, value);
  }
  if (!body.has("Image")) return parameter_missing(insert_action, "#/Image");
  if (!is_http_url(body["Image"].string())) {
    auto complaint = not_a_url("#/Image", body["Image"].string());
    complaint.id = "ActionParameterValueFormatError";
    complaint.arguments.push_back(insert_action);
    return complaint;
  }
  return std::nullopt;
}

RedfishProblem put_in(ServerControls& server, const std::string& url, bool write_protected) {
  auto inserted = server.insert_media(url, write_protected);
  if (inserted) return std::nullopt;
  const auto& said = inserted.error().message;
  if (inserted.error().code == base::Code::invalid)
    return RedfishComplaint{400, "PropertyValueFormatError", said, {url, "Image"}, "#/Image"};
  return RedfishComplaint{500, "CouldNotEstablishConnection", "The image cannot be fetched: " + said, {url}};
}

}  // namespace

RedfishProblem patch_system(ServerControls& server, const Json& document, const Json& body) {
  const Json* wanted = body.find("Boot");
  for (const auto& [name, value] : body.members())
    if (name != "Boot" && !is_annotation(name)) return not_patchable(document, name);
  if (wanted == nullptr) return std::nullopt;
  if (!wanted->is_object()) return property_type_error("#/Boot", *wanted);
  BootOverride boot = server.boot_override();
  for (const auto& [name, value] : wanted->members())
    if (!is_annotation(name))
      if (auto problem = read_boot_property(boot, name, value)) return problem;
  if (boot.target == BootTarget::uefi_http && boot.enabled != BootEnabled::disabled && !boot.uefi)
    return RedfishComplaint{400,
                            "PropertyValueConflict",
                            "BootSourceOverrideTarget UefiHttp needs BootSourceOverrideMode UEFI.",
                            {"BootSourceOverrideTarget", "BootSourceOverrideMode"},
                            "#/Boot/BootSourceOverrideTarget"};
  if (!(boot == server.boot_override())) server.set_boot_override(boot);
  return std::nullopt;
}

RedfishProblem patch_media(ServerControls& server, const Json& document, const Json& body) {
  const auto now = server.media();
  std::string image = now.image;
  bool inserted = now.inserted, write_protected = now.write_protected;
  for (const auto& [name, value] : body.members()) {
    const auto pointer = "#/" + name;
    if (name == "Image") {
      if (!value.is_null() && !value.is_string()) return property_type_error(pointer, value);
      image = value.string();
      inserted = !image.empty();
    } else if (name == "Inserted" || name == "WriteProtected") {
      if (!value.is_bool()) return property_type_error(pointer, value);
    } else if (!holds({"TransferMethod", "TransferProtocolType", "UserName", "Password"}, name) &&
               !is_annotation(name)) {
      return not_patchable(document, name);
    }
  }
  inserted = body["Inserted"].boolean(inserted);
  write_protected = body["WriteProtected"].boolean(write_protected);
  if (!inserted) {
    server.eject_media();
    return std::nullopt;
  }
  if (image.empty()) return property_missing("#/Image");
  if (!is_http_url(image)) return not_a_url("#/Image", image);
  if (now == VirtualMedia{image, true, write_protected}) return std::nullopt;
  return put_in(server, image, write_protected);
}

RedfishProblem patch_session_service(const Json& document, const Json& body, std::optional<base::Duration>& timeout) {
  constexpr int64_t shortest = 30, longest = 86'400;  // SessionService schema
  for (const auto& [name, value] : body.members()) {
    if (is_annotation(name)) continue;
    if (name != "SessionTimeout") return not_patchable(document, name);
    const auto pointer = "#/" + name;
    if (!value.is_integer()) return property_type_error(pointer, value);
    if (value.integer() < shortest || value.integer() > longest)
      return RedfishComplaint{
          400, "PropertyValueOutOfRange", "SessionTimeout is from 30 to 86400 seconds.", {value.dump(), name}, pointer};
    timeout = base::seconds(value.integer());
  }
  return std::nullopt;
}

RedfishProblem patch_secure_boot(ServerControls& server, const Json& document, const Json& body) {
  const std::string name = "SecureBootEnable";
  for (const auto& [other, value] : body.members())
    if (other != name && !is_annotation(other)) return not_patchable(document, other);
  const Json* wanted = body.find(name);
  if (wanted == nullptr) return std::nullopt;
  if (!wanted->is_bool()) return property_type_error("#/" + name, *wanted);
  server.set_secure_boot(wanted->boolean());
  return std::nullopt;
}

RedfishProblem reset_system(ServerControls& server, const Json& body) {
  if (auto problem = check_reset_type(reset_action, body,
                                      {"On", "ForceOn", "ForceOff", "GracefulShutdown", "ForceRestart",
                                       "GracefulRestart", "PowerCycle", "PushPowerButton", "Nmi"}))
    return problem;
  const bool on = server.powered_on();
  const auto action = effective_action(body["ResetType"].string(), on);
  const bool is_off_action = action == ServerPowerAction::force_off || action == ServerPowerAction::graceful_shutdown;
  if (on ? action == ServerPowerAction::on : is_off_action) return std::nullopt;
  auto done = server.power(action);
  if (done) return std::nullopt;
  const auto& said = done.error().message;
  if (done.error().code == base::Code::conflict)
    return RedfishComplaint{409, "ResourceInStandby", "The action cannot be done now: " + said, {}};
  return RedfishComplaint{500, "InternalError", "The action failed: " + said, {}};
}

RedfishProblem check_manager_reset(const Json& body) {
  return check_reset_type(manager_reset_action, body, {"GracefulRestart", "ForceRestart"});
}

RedfishProblem insert_media(ServerControls& server, const Json& body) {
  if (auto problem = check_insertion(body)) return problem;
  if (!body["Inserted"].boolean(true)) return parameter_not_in_list(insert_action, "#/Inserted", body["Inserted"]);
  if (server.media().inserted)
    return RedfishComplaint{409, "ResourceInUse", "There is an image in the drive already; eject it first.", {}};
  return put_in(server, body["Image"].string(), body["WriteProtected"].boolean(true));
}

RedfishProblem eject_media(ServerControls& server, const Json& body) {
  for (const auto& [name, value] : body.members())
    if (!is_annotation(name)) return parameter_unknown(eject_action, "#/" + name);
  server.eject_media();
  return std::nullopt;
}

}  // namespace sim
