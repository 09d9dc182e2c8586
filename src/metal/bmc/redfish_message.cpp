// Reading Redfish answers without trust in their shape.
#include "base/text.h"
#include "metal/bmc/redfish_client.h"

namespace metal {
namespace {

constexpr size_t messages_max = 20;

RedfishMessage read_message(const base::Json& entry) {
  RedfishMessage message;
  const std::string& full = entry["MessageId"].string();
  message.id = full.substr(full.rfind('.') + 1);  // "Base.1.8.Name"; some leave the registry out
  message.text = base::trim(entry["Message"].string());
  for (const auto& argument : entry["MessageArgs"].items()) message.arguments += argument.string() + " ";
  for (const auto& property : entry["RelatedProperties"].items()) message.arguments += property.string() + " ";
  return message;
}

bool contains(std::string_view text, std::string_view lower_word) {
  return base::lower(text).find(lower_word) != std::string::npos;
}

}  // namespace

std::vector<RedfishMessage> parse_redfish_messages(const base::Json& body) {
  const base::Json& error = body["error"];
  const base::Json& nested = error["@Message.ExtendedInfo"];
  const base::Json& info = nested.is_null() ? body["@Message.ExtendedInfo"] : nested;
  std::vector<RedfishMessage> messages;
  if (info.is_object()) messages.push_back(read_message(info));
  for (const auto& entry : info.items())
    if (messages.size() < messages_max) messages.push_back(read_message(entry));
  const std::string& code = error["code"].string();
  const std::string id = code.substr(code.rfind('.') + 1);
  const bool told = !messages.empty();
  if (!id.empty() && (!told || id != "GeneralError"))
    messages.push_back({id, told ? "" : error["message"].string(), ""});
  return messages;
}

bool RedfishReply::has_message(std::string_view id) const {
  for (const auto& message : messages)
    if (message.id == id) return true;
  return false;
}

bool RedfishReply::mentions(std::string_view word) const {
  const auto wanted = base::lower(word);
  for (const auto& message : messages)
    if (contains(message.id, wanted) || contains(message.text, wanted) || contains(message.arguments, wanted))
      return true;
  return false;
}

std::string link_of(const base::Json& reference) {
  std::string path = reference.is_string() ? reference.string() : reference["@odata.id"].string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const bool is_path = path.size() > 1 && path[0] == '/' && path[1] != '/';
  for (const char c : path)
    if (c <= ' ' || c == 127) return {};
  return is_path ? path : std::string();
}

std::vector<std::string> members_of(const base::Json& collection) {
  constexpr size_t members_max = 256;
  std::vector<std::string> paths;
  for (const auto& member : collection["Members"].items()) {
    auto path = link_of(member);
    if (!path.empty() && paths.size() < members_max) paths.push_back(std::move(path));
  }
  return paths;
}

}  // namespace metal
