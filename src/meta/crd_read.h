// CustomResourceDefinitions (apiextensions.k8s.io/v1) that users bring: what is wrong with one, and the kind it
// declares. The reverse of crd.h.
#pragma once

#include "meta/user_form.h"

namespace meta {

// All findings, with kube-apiserver's texts; `old` is the stored one, null on create. The document fits the schema of
// the kind CustomResourceDefinition and has the defaults of fill_crd().
std::vector<FieldError> check_crd(const Json& crd, const Json* old);
// names.singular, names.listKind, conversion, status.storedVersions.
void fill_crd(Json& crd);
// Of a CRD without findings. Each version has a schema of its
// own. `object_meta` becomes the schema of metadata.
// The versions' forms know `converter` (of strategy Webhook) and the revision of the definition.
Kind kind_of_crd(const Json& crd, const SchemaRef& object_meta, Converter converter = nullptr, uint64_t revision = 0);

bool is_established(const Json& crd);

}  // namespace meta
