#include "registry/managed_fields.h"

namespace registry {

namespace {

// Whether every entry can be read; what cannot is passed over as a whole.
bool readable(const base::Json& entries) {
  for (const auto& entry : entries.items()) {
    const auto& operation = entry["operation"].string();
    if (operation != "Apply" && operation != "Update") return false;
    if (entry["fieldsType"].string() != "FieldsV1" || !entry["fieldsV1"].is_object()) return false;
  }
  return !entries.empty();
}

}  // namespace

void carry_managed_fields(base::Json& doc, const base::Json& stored) {
  const auto& given = doc["metadata"]["managedFields"];
  const bool reset = given.size() == 1 && given.at(0).is_object() && given.at(0).empty();
  if (reset) {
    doc.child("metadata").erase("managedFields");
  } else if (!readable(given)) {
    const auto& kept = stored["metadata"]["managedFields"];
    if (kept.empty()) {
      doc.child("metadata").erase("managedFields");
    } else {
      doc.child("metadata").set("managedFields", kept);
    }
  }
}

}  // namespace registry
