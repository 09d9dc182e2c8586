#include "registry/managed_fields.h"

namespace registry {

void carry_managed_fields(base::Json& doc, const base::Json& stored) {
  const auto& given = doc["metadata"]["managedFields"];
  const bool reset = given.size() == 1 && given.at(0).is_object() && given.at(0).empty();
  if (reset) {
    doc.child("metadata").erase("managedFields");
  } else if (given.empty()) {
    const auto& kept = stored["metadata"]["managedFields"];
    if (kept.empty()) {
      doc.child("metadata").erase("managedFields");
    } else {
      doc.child("metadata").set("managedFields", kept);
    }
  }
}

}  // namespace registry
