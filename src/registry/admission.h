// The common middle of every write: prune, default, validate, in the storage version.
#pragma once

#include "registry/registry.h"

namespace registry {

// Checks and sets apiVersion and kind, and brings metadata into its form.
Result<void> decode_object(const Kind& kind, Json& doc);
// Whether a document of a core kind has the types that decoding wants. Errors: bad_request in upstream's words.
Result<void> check_decodable(const Kind& kind, Json doc);
// Prunes unknown fields and fills in defaults; `stored` is null on create.
void fill_in(const Kind& kind, Json& doc, const Json* stored, meta::Operation operation);
// All rules, as one Code::invalid error with causes. On update of a custom kind nothing is found in parts that are as
// they were (so a stricter schema does not lock old objects); what its CEL rules find there goes to `warnings`.
// `api_version`: of the request; "" for the storage version's.
Result<void> check_object(const Kind& kind, const Json& doc, const Json* stored, meta::Operation operation,
                          std::string_view api_version = {}, std::vector<std::string>* warnings = nullptr);

}  // namespace registry
