// Structural schemas as people write them into CustomResourceDefinitions (spec.versions[*].schema.openAPIV3Schema),
// read into the form that prunes, defaults, validates and explains. The reverse of openapi().
#pragma once

#include "meta/schema.h"

namespace meta {

// `at` is the field path of `doc` in the CRD, for the findings, whose texts are kube-apiserver's. What is found wrong
// is added to `found`; the result is only of use when nothing was.
// The schema of additionalProperties: false, which nothing fits. There is one.
const SchemaRef& nothing_fits();

SchemaRef read_structural(const Json& doc, const std::string& at, std::vector<FieldError>& found);

}  // namespace meta
