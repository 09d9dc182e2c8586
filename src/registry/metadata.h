// metadata, the part every object has: its form, what the server owns in it, and its rules.
#pragma once

#include <string>
#include <vector>

#include "registry/registry.h"

namespace registry {

inline constexpr std::string_view orphan_finalizer = "orphan";
inline constexpr std::string_view foreground_finalizer = "foregroundDeletion";

// Brings metadata into its canonical form: known fields only, in Go's order, nothing empty, owner references without
// exact duplicates. bad_request when a field has the wrong type.
Result<void> normalise_metadata(const Kind& kind, Json& doc);
// Takes away what a creator cannot decide: uid, times, generation, selfLink.
void wipe_system_fields(Json& doc);
// Puts what an updater cannot decide back to what is stored.
void keep_system_fields(Json& doc, const Json& stored);
// The rules for create (`stored` null) and update.
std::vector<base::FieldError> check_metadata(const Kind& kind, const Json& doc, const Json* stored);

// Of objects inside of objects (x-kubernetes-embedded-resource): what is wrong with the types in metadata, in Go's
// words, "" when nothing is; and the rules for an object at field `at`.
std::string metadata_problem(const Json& given);
std::vector<base::FieldError> check_embedded_metadata(const Kind& kind, const Json& object, const std::string& at);

bool is_deleting(const Json& doc);
bool has_finalizer(const Json& doc, std::string_view name);
void add_finalizer(Json& doc, std::string_view name);  // once
void remove_finalizer(Json& doc, std::string_view name);

}  // namespace registry
