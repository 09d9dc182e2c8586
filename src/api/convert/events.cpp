#include "api/convert/events.h"

namespace api::convert {
namespace {

using meta::Json;

// The newer name and the older one.
constexpr std::pair<std::string_view, std::string_view> names[] = {
    {"regarding", "involvedObject"},
    {"note", "message"},
    {"reportingController", "reportingComponent"},
    {"deprecatedSource", "source"},
    {"deprecatedFirstTimestamp", "firstTimestamp"},
    {"deprecatedLastTimestamp", "lastTimestamp"},
    {"deprecatedCount", "count"},
};

Json renamed(const Json& doc, bool to_core) {
  Json out = Json::object();
  for (const auto& [key, value] : doc.members()) {
    std::string_view name = key;
    for (const auto& [newer, older] : names) {
      if (key == (to_core ? newer : older)) name = to_core ? older : newer;
    }
    out.set(name, value);
  }
  return out;
}

}  // namespace

base::Result<Json> event_to_core(Json doc) { return renamed(doc, true); }

base::Result<Json> event_from_core(Json doc) {
  Json out = renamed(doc, false);
  // The older form tells these also when there is nothing in them.
  for (const char* name : {"reportingController", "reportingInstance"}) {
    if (out.has(name) && out[name].string().empty()) out.erase(name);
  }
  return out;
}

}  // namespace api::convert
