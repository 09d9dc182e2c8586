// CustomResourceDefinitions (apiextensions.k8s.io/v1) that users bring: what is wrong with one, and the kind it
// declares. The reverse of crd.h.
#pragma once

#include "meta/kind.h"

namespace meta {

// All findings, with kube-apiserver's texts; `old` is the stored one, null on create. The document fits the schema of
// the kind CustomResourceDefinition and has the defaults of fill_crd().
std::vector<FieldError> check_crd(const Json& crd, const Json* old);
// names.singular, names.listKind, conversion, status.storedVersions.
void fill_crd(Json& crd);
// Of a CRD without findings. Versions differ by their apiVersion (conversion strategy None), each with a schema of its
// own. `object_meta` becomes the schema of metadata.
Kind kind_of_crd(const Json& crd, const SchemaRef& object_meta);

bool is_established(const Json& crd);

}  // namespace meta
