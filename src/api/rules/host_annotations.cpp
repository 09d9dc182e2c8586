#include "api/rules/host_annotations.h"

#include "api/kinds.h"
#include "api/metal3.h"
#include "base/text.h"

namespace api::rules {
namespace {

namespace annotation = api::host_annotation;

std::string field_of(std::string_view key) { return "metadata.annotations[" + std::string(key) + "]"; }

void check_members(const std::string& field, const Json& options, std::initializer_list<std::string_view> known,
                   Findings& found) {
  for (const auto& [key, value] : options.members()) {
    bool good = false;
    for (const auto name : known) good = good || key == name;
    if (!good) found.push_back(meta::field_invalid(field, options, "unknown member " + base::quoted(key)));
  }
}

void check_choice(const std::string& field, const Json& options, const char* name,
                  const std::vector<std::string>& known, Findings& found) {
  const Json& value = options[name];
  if (value.is_null()) return;
  for (const auto& one : known) {
    if (value.string() == one) return;
  }
  found.push_back(meta::field_not_supported(field + "." + name, value, known));
}

void check_force(const std::string& field, const Json& options, Findings& found) {
  if (options["force"].is_null() || options["force"].is_bool()) return;
  found.push_back(meta::field_invalid(field + ".force", options["force"], "must be true or false"));
}

// "" or {"mode": "hard", "force": true}.
void check_reboot(const std::string& key, const std::string& value, Findings& found) {
  if (value.empty()) return;
  const std::string field = field_of(key);
  const auto options = base::parse_json(value);
  if (!options.ok() || !options->is_object()) {
    found.push_back(meta::field_invalid(field, value, "must be empty or JSON such as {\"mode\":\"hard\"}"));
    return;
  }
  check_members(field, *options, {"mode", "force"}, found);
  check_choice(field, *options, "mode", {"hard", "soft"}, found);
  check_force(field, *options, found);
}

// Any value detaches; only what is meant as options is checked.
void check_detached(const std::string& value, Findings& found) {
  if (!value.starts_with('{')) return;
  const std::string field = field_of(annotation::detached);
  const auto options = base::parse_json(value);
  if (!options.ok()) {
    found.push_back(meta::field_invalid(field, value, "is not JSON: " + options.error().message));
    return;
  }
  check_members(field, *options, {"deleteAction", "force"}, found);
  check_choice(field, *options, "deleteAction", {"delay", "delete"}, found);
  check_force(field, *options, found);
}

const meta::Schema* schema_at(std::string_view resource, std::initializer_list<std::string_view> path) {
  const meta::Kind* kind = declared_kind(resource);
  const meta::Schema* at = kind ? kind->storage().schema.get() : nullptr;
  for (const auto name : path) {
    const meta::Property* property = at ? at->find(name) : nullptr;
    at = property ? property->schema.get() : nullptr;
  }
  return at;
}

// A whole object in an annotation: JSON without unknown members.
void check_document(std::string_view key, const std::string& text, const meta::Schema* schema, Findings& found) {
  const std::string field = field_of(key);
  auto doc = base::parse_json(text);
  if (!doc.ok() || !doc->is_object()) {
    found.push_back(meta::field_invalid(field, text, doc.ok() ? "must be a JSON object" : doc.error().message));
    return;
  }
  if (!schema) return;
  std::vector<std::string> unknown;
  meta::prune(*schema, *doc, false, &unknown);
  if (unknown.empty()) return;
  found.push_back(meta::field_invalid(field, text, "unknown members: " + base::join(unknown, ", ")));
}

void check_inspect(const Json& doc, const std::string& value, Findings& found) {
  const std::string field = field_of(annotation::inspect);
  if (!value.empty() && value != "disabled") {
    found.push_back(meta::field_not_supported(field, value, {"", "disabled"}));
  }
  const std::string& mode = doc["spec"]["inspectionMode"].string();
  if (value == "disabled" && !mode.empty() && mode != "disabled") {
    found.push_back(meta::field_invalid(field, value, "contradicts spec.inspectionMode " + mode));
  }
}

void check_hardware_details(const Json& doc, const std::string& value, Findings& found) {
  const Json& annotations = doc["metadata"]["annotations"];
  const bool disabled =
      doc["spec"]["inspectionMode"].string() == "disabled" || annotations[annotation::inspect].string() == "disabled";
  if (!disabled) {
    found.push_back(meta::field_forbidden(field_of(annotation::hardware_details),
                                          "may only be given when inspection is disabled, or it would be overwritten"));
  }
  check_document(annotation::hardware_details, value, schema_at("hardwaredata.metal3.io", {"spec", "hardware"}), found);
}

}  // namespace

void check_host_annotations(const Json& doc, Findings& found) {
  const std::string reboot_prefix = std::string(annotation::reboot) + "/";
  for (const auto& [key, text] : doc["metadata"]["annotations"].members()) {
    const std::string& value = text.string();
    if (key == annotation::reboot || key.starts_with(reboot_prefix)) check_reboot(key, value, found);
    if (key == annotation::detached) check_detached(value, found);
    if (key == annotation::inspect) check_inspect(doc, value, found);
    if (key == annotation::hardware_details) check_hardware_details(doc, value, found);
    if (key == annotation::status) {
      check_document(key, value, schema_at("baremetalhosts.metal3.io", {"status"}), found);
    }
  }
}

}  // namespace api::rules
