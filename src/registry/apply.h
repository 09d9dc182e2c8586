// Server-side apply: a manager says which fields it wants with which values; it owns them from then on, and what it
// leaves out later goes away unless somebody else owns it. Works on the storage version.
#pragma once

#include "registry/registry.h"

namespace registry {

struct ApplyOptions {
  std::string manager;
  std::string api_version;  // "" for the storage version's
  std::string subresource;  // "" or "status"
  bool force = false;       // takes fields that others own
  Json as_sent = {};        // the request's document, for kubectl's note of it
};

// The object as it is after the apply, with managedFields; the caller creates or updates it. `live` is null when there
// is no object yet. Errors: conflict, naming the owners, when another manager owns a field that would change.
Result<Json> apply(const Kind& kind, const Json* live, const Json& applied, const ApplyOptions& options,
                   base::Time now);

// Who makes an ordinary write.
struct Writer {
  std::string manager;      // "" leaves managedFields alone
  std::string api_version;  // that the request is written in
  std::string subresource;  // "" or "status"
};

// After an ordinary write: the writer owns what it added or changed. `stored` is null for a new object.
void track_update(const Kind& kind, const Json& stored, Json& made, const Writer& writer, base::Time now);

}  // namespace registry
