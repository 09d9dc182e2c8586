// Reads protobuf answers for the replay of transcripts. Their bytes hold the values of one run (uids, versions, times),
// which are made alike here.
#include "base/time.h"
#include "server/protobuf_body.h"
#include "server/transcript_diff.h"
#include "wire/protobuf_reader.h"

namespace server {
namespace {

using base::Json;

// Of a recording or of the replay, whose clocks are after that.
bool is_present(const std::string& text) { return text > "2025" && base::parse_rfc3339(text).has_value(); }

std::string alike(const std::string& name, const std::string& value) {
  if (name == "uid" && value.size() == 36) return "(uid)";
  if (name == "resourceVersion" && !value.empty()) return "(version)";
  if (name == "continue" && !value.empty()) return "(token)";
  return is_present(value) ? "(time)" : value;
}

Json alike(const Json& value) {
  Json out = value;
  if (value.is_array()) {
    for (auto& item : out.mutable_items()) item = alike(Json(item));
  }
  if (value.is_object()) {
    for (auto& [name, member] : out.mutable_members()) {
      member = member.is_string() ? Json(alike(name, member.string())) : alike(Json(member));
    }
  }
  return out;
}

}  // namespace

Json readable_protobuf(std::string_view bytes) {
  auto doc = parse_protobuf(bytes);
  return doc ? alike(*doc) : Json();
}

Json readable_event(std::string_view message) {
  Json out = Json::object();
  for (wire::ProtobufReader event(message); event.next();) {
    if (event.field() == 1) out.set("type", event.bytes());
    if (event.field() != 2) continue;
    for (wire::ProtobufReader raw(event.bytes()); raw.next();) {
      if (raw.field() == 1) out.set("object", readable_protobuf(raw.bytes()));
    }
  }
  return out;
}

std::vector<Json> readable_frames(std::string_view stream, size_t& read) {
  std::vector<Json> out;
  while (stream.size() >= read + 4) {
    size_t length = 0;
    for (size_t i = 0; i < 4; ++i) length = length << 8U | static_cast<unsigned char>(stream[read + i]);
    if (stream.size() < read + 4 + length) break;
    out.push_back(readable_event(stream.substr(read + 4, length)));
    read += 4 + length;
  }
  return out;
}

}  // namespace server
