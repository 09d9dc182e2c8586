// OpenAPI documents of a whole API, as far as clients read them: kubectl (explain, validation, apply, edit), client-go.
#pragma once

#include "meta/kind.h"

namespace meta {

// /openapi/v3/apis/GROUP/VERSION (or /openapi/v3/api/v1 for the core group): every kind of the group that serves this
// version, with operations on its paths. Empty components when there is none.
Json openapi_v3_document(const Scheme& scheme, std::string_view group, std::string_view version);
// /openapi/v2: all served versions of all kinds in one document.
Json openapi_v2_document(const Scheme& scheme);

// "io.x-k8s.cluster.v1beta2.Machine": the name of the schema in both documents.
std::string openapi_name(std::string_view group, std::string_view version, std::string_view kind);

}  // namespace meta
