#include "api/rules/events.h"

#include "api/rules/admission_match.h"
#include "api/rules/checks.h"

namespace api::rules {
namespace {

constexpr size_t word_bytes_max = 128;
constexpr size_t message_bytes_max = 1024;

void check_length(const Json& doc, const char* field, size_t most, Findings& found) {
  if (doc[field].string().size() <= most) return;
  found.push_back(meta::field_invalid(field, "", "can have at most " + std::to_string(most) + " characters"));
}

void check_word(const Json& doc, const char* field, Findings& found) {
  if (doc[field].string().empty()) found.push_back(meta::field_required(field));
  check_length(doc, field, word_bytes_max, found);
}

void check_place(const Json& doc, Findings& found) {
  const bool timed = !doc["eventTime"].is_null();
  const std::string& about = doc["involvedObject"]["namespace"].string();
  const std::string& here = doc["metadata"]["namespace"].string();
  // Events about objects outside of namespaces live in the default one.
  const bool shared = here == "default" || (timed && here == "kube-system");
  const bool fits = about.empty() ? shared : timed || about == here;
  if (fits) return;
  found.push_back(meta::field_invalid("involvedObject.namespace", about, "does not match event.namespace"));
}

// Events with a time of their own say who reports what.
void check_report(const Json& doc, bool newer, Findings& found) {
  const std::string field = newer ? "reportingController" : "reportingComponent";
  const std::string& reporter = doc["reportingComponent"].string();
  if (reporter.empty()) found.push_back(meta::field_required(field));
  check_qualified_name(reporter, field, found);
  for (const char* word : {"reportingInstance", "action", "reason"}) check_word(doc, word, found);
  check_length(doc, "message", message_bytes_max, found);
}

void check_series(const Json& doc, Findings& found) {
  const Json& series = doc["series"];
  if (series.is_null()) return;
  if (series["count"].integer() < 2) found.push_back(meta::field_invalid("series.count", "", "should be at least 2"));
  if (series["lastObservedTime"].is_null()) found.push_back(meta::field_required("series.lastObservedTime"));
}

void check_new(const Json& doc, Findings& found) {
  check_series(doc, found);
  if (doc["eventTime"].is_null()) found.push_back(meta::field_required("eventTime"));
  const std::string& type = doc["type"].string();
  if (type != "Normal" && type != "Warning") {
    found.push_back(meta::field_invalid("type", "", "has invalid value: " + type));
  }
  const auto unset = [&](const char* field, bool is) {
    if (!is) found.push_back(meta::field_invalid(field, "", "needs to be unset"));
  };
  unset("firstTimestamp", doc["firstTimestamp"].is_null());
  unset("lastTimestamp", doc["lastTimestamp"].is_null());
  unset("count", doc["count"].integer() == 0);
  unset("source", doc["source"].empty());
}

// Of an Event only the series changes.
void check_changed(const Json& doc, const Json& old, Findings& found) {
  if (doc["series"] != old["series"]) check_series(doc, found);
  for (const char* field :
       {"involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "reason", "type",
        "eventTime", "action", "related", "reportingComponent", "reportingInstance"}) {
    if (doc[field] == old[field]) continue;
    const bool reporter = std::string_view(field) == "reportingComponent";
    found.push_back(meta::field_invalid(reporter ? "reportingController" : field, doc[field], "field is immutable"));
  }
}

}  // namespace

void fill_event(Json& doc, const Json*) {
  for (const char* name : {"involvedObject", "source"}) {
    if (!doc.has(name)) doc.set(name, Json::object());
  }
  for (const char* name : {"firstTimestamp", "lastTimestamp", "eventTime"}) {
    if (!doc.has(name)) doc.set(name, nullptr);
  }
}

Findings check_event(const Json& doc, const Json* old, Operation operation, std::string_view api_version) {
  Findings found;
  if (operation == Operation::remove) return found;
  const bool newer = api_version == "events.k8s.io/v1";
  check_place(doc, found);
  if (!doc["eventTime"].is_null()) check_report(doc, newer, found);
  if (newer && old) check_changed(doc, *old, found);
  if (newer && !old) check_new(doc, found);
  return found;
}

}  // namespace api::rules
