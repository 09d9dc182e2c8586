// The `.schema` language: our own declaration of kinds, one field per line, structure by indentation (two spaces a
// level). src/api/README.md explains it to people; in short:
//
//   kind BareMetalHost group=metal3.io plural=baremetalhosts short=bmh categories=x [cluster-scoped] [core] ...
//     "What it is."
//   version v1alpha1 storage status [deprecated] [not-served]
//     scale .spec.replicas .status.replicas .status.selector
//     column "State" .status.provisioning.state string [priority=1]
//     spec object required "What should be."
//       image Image "A shared type, with attributes of its own after the name."
//       nics list maxItems=8 keys=name of object "A list of objects, whose fields follow."
//         name string required minLength=1 "..."
//       labels map of string
//   type Image object "Declared once, used by name in every file and version."
//     url string required
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "meta/kind.h"

namespace meta {

struct SchemaSource {
  std::string_view file;  // for error messages
  std::string_view text;
};

// Parses all sources together, because types are shared across files. Kinds come in the order of the sources, each
// version's root with apiVersion, kind and metadata added (from the type ObjectMeta, when a source declares it).
// Errors: Code::invalid, "file:line: what".
Result<std::vector<Kind>> parse_schema_text(const std::vector<SchemaSource>& sources);

}  // namespace meta
