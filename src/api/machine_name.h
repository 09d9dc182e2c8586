// Names of machines by a pattern (machineNaming.template): text with {{ .random }} and the names of what they belong
// to. Of Go's templates only these fields are known.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace api {

// What the fields stand for.
struct NameParts {
  std::string cluster;     // {{ .cluster.name }}
  std::string owner_kind;  // "machineSet" or "kubeadmControlPlane", for {{ .machineSet.name }}
  std::string owner;
  std::string random;  // {{ .random }}, five characters
};

// At most 63 characters: a longer name is cut and ends in the random part. Errors: invalid, for an unknown field, a
// pattern without {{ .random }} (all machines would have one name), or a result that is no DNS name.
base::Result<std::string> machine_name(std::string_view pattern, const NameParts& parts);

}  // namespace api
