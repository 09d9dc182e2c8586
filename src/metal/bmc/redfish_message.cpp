// Reading Redfish answers without trust in their shape.
#include <zlib.h>

#include <algorithm>

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
  const auto wanted = base::lower(id);
  for (const auto& message : messages)
    if (base::lower(message.id) == wanted) return true;
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

bool is_task(const base::Json& body) {
  return body.has("TaskState") || body["@odata.type"].string().rfind("#Task.", 0) == 0;
}

BmcTask read_task(const base::Json& body) {
  using State = BmcTask::State;
  BmcTask task;
  task.name = body["TaskState"].string();
  task.percent = int(std::clamp<int64_t>(body["PercentComplete"].integer(-1), -1, 100));
  const bool healthy = body["TaskStatus"].string() != "Critical";
  if (task.name == "Completed") task.state = healthy ? State::completed : State::failed;
  for (const std::string_view ended : {"Exception", "Killed", "Cancelled", "Canceled"})
    if (task.name == ended) task.state = State::failed;
  if (task.state != State::failed) return task;
  for (const auto& entry : body["Messages"].items()) {
    const auto message = read_message(entry);
    const auto& words = message.text.empty() ? message.id : message.text;
    if (!words.empty() && base::valid_utf8(words)) task.message += (task.message.empty() ? "" : "; ") + words;
  }
  if (task.message.empty()) task.message = "the task ended as " + base::quoted(task.name);
  return task;
}

std::optional<std::string> gunzip(const std::string& packed, size_t bytes_max) {
  z_stream stream{};
  constexpr int window_of_gzip = 15 + 16;
  if (inflateInit2(&stream, window_of_gzip) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = uInt(packed.size());
  std::string out;
  int status = Z_OK;
  while (status == Z_OK && out.size() <= bytes_max) {
    char piece[16384];
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(piece, sizeof piece - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || out.size() > bytes_max) return std::nullopt;
  return out;
}

}  // namespace metal
