// The rules of the core Namespace kind: what surrounds it at create, update and delete, and what it allows inside.
#pragma once

#include "registry/registry.h"

namespace registry {

inline constexpr std::string_view namespace_resource = "namespaces";
bool is_namespace(const Kind& kind);
// default, kube-system and kube-public may not be deleted.
bool is_undeletable_namespace(std::string_view name);

// Before an object of `kind` is created in `ns`: not_found when that does not exist, forbidden while it terminates.
// Nothing to say where the scheme has no Namespace kind.
Result<void> check_namespace(const meta::Scheme& scheme, const store::Store& store, const Kind& kind,
                             const std::string& ns, const std::string& name);

void label_namespace(Json& doc);                           // on every write: its name as a label
void start_namespace(Json& doc);                           // on create: finalizer, phase
void terminate_namespace(Json& doc);                       // on delete: phase
bool namespace_has_finalizers(const Json& doc);            // spec.finalizers
void keep_namespace_state(Json& doc, const Json& stored);  // on update: spec.finalizers and status stay

}  // namespace registry
