// Events have two forms, core v1 and events.k8s.io/v1: one store, other field names.
#pragma once

#include "meta/kind.h"

namespace api::convert {

// The name, as a version of the core kind, under which the newer form is declared.
inline constexpr std::string_view new_event_version = "events.k8s.io/v1";

base::Result<meta::Json> event_to_core(meta::Json doc);
base::Result<meta::Json> event_from_core(meta::Json doc);

}  // namespace api::convert
