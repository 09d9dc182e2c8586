// Failures as the API tells them: metav1.Status documents with their HTTP status.
#pragma once

#include "net/http.h"

namespace server {

base::Json status_document(int http_status, std::string_view reason, std::string_view message);
// The Status of an error; details (name, group, kind) are read off the standard message texts.
base::Json status_document(const base::Error& error);

// What is said of a JSON patch that cannot be applied.
inline constexpr std::string_view rejected = "the server rejected our request due to an error in our request";

net::Response failure(int http_status, std::string_view reason, std::string_view message);
net::Response failure(const base::Error& error);
net::Response failure(const base::Json& status);  // with the HTTP status that its code says
net::Response page_not_found();                   // what a path outside the API gets

// 422 about a parameter or options document: `ListOptions.meta.k8s.io "" is invalid: limit: Invalid value: ...`.
base::Error invalid_options(std::string_view kind, base::FieldError cause);
base::Error invalid_options(std::string_view kind, std::vector<base::FieldError> causes);

}  // namespace server
