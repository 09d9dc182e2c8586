// Request bodies: JSON or YAML into documents, with the checks that belong to decoding.
#pragma once

#include "server/call.h"

namespace server {

// What Content-Type says, without parameters and in lower case; "application/json" when it says nothing.
std::string media_type(const net::Request& request);

// The package of a group's internal types in Go, which some messages name: "core", "apps".
std::string go_package(const std::string& group);

// What strict decoding finds wrong with the text of a body.
struct TextProblems {
  std::vector<std::string> duplicates;  // members that are set twice in JSON, as dotted paths
  std::vector<std::string> yaml;        // keys that are set twice in YAML, in sentences
  std::string_view json;                // where the problems of JSON are; may be empty
};

// Any document that says, or leaves open, what it is. Errors: bad_request in upstream's words, unsupported (415).
Result<Json> parse_body(const net::Request& request, TextProblems* problems = nullptr);

// What is said of a body that is no document of that kind.
Error unrecognised(const Call& call, std::string_view kind, const std::string& why);

// An object of the request's kind in its version, for create and update: apiVersion, kind, name and namespace must fit
// the URL (those left out are filled in).
Result<Json> parse_object(Call& call);
Result<void> check_identity(const Call& call, Json& doc);

// In a version of a user's kind that there is not no field is known, which is said before the object is refused.
void warn_about_version(Call& call, const Json& doc);

// fieldValidation: unknown and duplicate fields become warnings or an error, as the query asks.
Result<void> check_fields(Call& call, const Json& doc, const TextProblems& problems);

// Query parameters of writes: dryRun, fieldValidation and fieldManager. `options` names them in errors (CreateOptions).
Result<void> check_write_options(const Call& call, std::string_view options);
bool is_dry_run(const Call& call);
// What the query says of an options document: dryRun, fieldManager, fieldValidation, force, propagationPolicy.
Json query_options(const Call& call);

}  // namespace server
