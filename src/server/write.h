// What create, update, patch and scale have in common.
#pragma once

#include "server/handlers.h"

namespace server {

inline constexpr std::string_view signing_requests = "certificatesigningrequests.certificates.k8s.io";

// A custom kind's own sentences about an object (in the storage version) become Warning headers, whatever becomes of
// the request; those of core kinds come with the answer, once the object is written.
void warn_about(Call& call, const Json& stored_form);
// Finalizers of custom objects that are new and have nobody's name in front.
void warn_about_finalizers(Call& call, const Json& doc, const Json* stored);
// In which version the fields are named that a writer owns: the request's, unless it names them otherwise than the
// storage does.
std::string managed_version(const Call& call);
registry::Subresource subresource_of(const Call& call);
// A patch cannot give an object another uid (422); in an update a uid is a precondition.
Result<void> check_uid(const Kind& kind, const Json& doc, const Json& stored);
// The answer to a write: the object, once the write is durable.
Answer written(Call& call, int status, const Result<Ref>& object);

}  // namespace server
