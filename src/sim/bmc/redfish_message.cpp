#include "sim/bmc/redfish_message.h"

namespace sim {

using base::Json;

namespace {

std::string name_in(const std::string& pointer) { return pointer.substr(pointer.rfind('/') + 1); }

// Values go into messages as people typed them, but not at any length.
std::string shown(const Json& value) {
  constexpr size_t shown_max = 100;
  return (value.is_string() ? value.string() : value.dump()).substr(0, shown_max);
}

}  // namespace

net::Response redfish_refusal(const RedfishComplaint& complaint) {
  const std::string id = "Base.1.18." + complaint.id;
  const char* severity = complaint.status >= 500 || complaint.status == 401 ? "Critical" : "Warning";
  Json message = Json::object({{"@odata.type", "#Message.v1_2_0.Message"}, {"MessageId", id}});
  message.set("Message", complaint.text).set("MessageArgs", Json::strings(complaint.arguments));
  if (!complaint.property.empty()) message.set("RelatedProperties", Json::array({complaint.property}));
  message.set("MessageSeverity", severity).set("Severity", severity);
  message.set("Resolution", complaint.status >= 500 ? "Try again later." : "Correct the request and send it again.");
  Json error = Json::object({{"code", id}, {"message", complaint.text}});
  error.set("@Message.ExtendedInfo", Json::array({message}));
  return net::Response::json(complaint.status, Json::object({{"error", error}}));
}

RedfishComplaint property_unknown(const std::string& pointer) {
  const auto name = name_in(pointer);
  return {400, "PropertyUnknown", "This resource has no property " + name + ".", {name}, pointer};
}

RedfishComplaint property_not_writable(const std::string& pointer) {
  const auto name = name_in(pointer);
  return {400, "PropertyNotWritable", "The property " + name + " can be read only.", {name}, pointer};
}

RedfishComplaint property_missing(const std::string& pointer) {
  const auto name = name_in(pointer);
  return {400, "PropertyMissing", "The property " + name + " is required here.", {name}, pointer};
}

RedfishComplaint property_type_error(const std::string& pointer, const Json& value) {
  const auto name = name_in(pointer);
  const auto text = "The value " + shown(value) + " of property " + name + " has the wrong type.";
  return {400, "PropertyValueTypeError", text, {shown(value), name}, pointer};
}

RedfishComplaint property_not_in_list(const std::string& pointer, const Json& value) {
  const auto name = name_in(pointer);
  const auto text = "The value " + shown(value) + " of property " + name + " is none of those allowed.";
  return {400, "PropertyValueNotInList", text, {shown(value), name}, pointer};
}

RedfishComplaint parameter_unknown(const std::string& action, const std::string& pointer) {
  const auto name = name_in(pointer);
  return {400, "ActionParameterUnknown", action + " has no parameter " + name + ".", {action, name}, pointer};
}

RedfishComplaint parameter_missing(const std::string& action, const std::string& pointer) {
  const auto name = name_in(pointer);
  return {400, "ActionParameterMissing", action + " needs the parameter " + name + ".", {action, name}, pointer};
}

RedfishComplaint parameter_type_error(const std::string& action, const std::string& pointer, const Json& value) {
  const auto name = name_in(pointer);
  const auto text = "The value " + shown(value) + " of parameter " + name + " of " + action + " has the wrong type.";
  return {400, "ActionParameterValueTypeError", text, {shown(value), name, action}, pointer};
}

RedfishComplaint parameter_not_in_list(const std::string& action, const std::string& pointer, const Json& value) {
  const auto name = name_in(pointer);
  const auto text = "The value " + shown(value) + " of parameter " + name + " of " + action + " is none allowed.";
  return {400, "ActionParameterValueNotInList", text, {shown(value), name, action}, pointer};
}

}  // namespace sim
