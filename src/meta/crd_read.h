// CustomResourceDefinitions (apiextensions.k8s.io/v1) that users bring: what is wrong with one, and the kind it
// declares. The reverse of crd.h.
#pragma once

#include "meta/user_form.h"

namespace meta {

// All findings, with kube-apiserver's texts; `old` is the stored one, null on create. The document fits the schema of
// the kind CustomResourceDefinition and has the defaults of fill_crd().
// `check_client` finds what is wrong with the client configuration of a conversion webhook; null: nothing.
using ClientCheck = std::function<void(const Json& client, const std::string& field, std::vector<FieldError>& found)>;
std::vector<FieldError> check_crd(const Json& crd, const Json* old, const ClientCheck& check_client = nullptr);
// What in the schemas cannot be decoded, in Go's words; "" when everything can.
std::string crd_type_problem(const Json& crd);
// Sentences for the Warning header.
std::vector<std::string> crd_warnings(const Json& crd);

// The annotation that groups of the Kubernetes community (*.k8s.io, *.kubernetes.io) need, and what it says.
inline constexpr std::string_view approval_annotation = "api-approved.kubernetes.io";
struct Approval {
  enum class State : unsigned char { not_needed, missing, invalid, bypassed, approved };
  State state = State::not_needed;
  std::string text;  // in kube-apiserver's words
};
Approval api_approval(const Json& crd);

// names.singular, names.listKind, conversion, status.storedVersions; a new one (`created`) has the status of one that
// nobody has looked at.
void fill_crd(Json& crd, bool created = true);
// Of a CRD without findings. Each version has a schema of its
// own. `object_meta` becomes the schema of metadata.
// The versions' forms know `converter` (of strategy Webhook) and the revision of the definition.
Kind kind_of_crd(const Json& crd, const SchemaRef& object_meta, Converter converter = nullptr, uint64_t revision = 0);

bool is_established(const Json& crd);

}  // namespace meta
