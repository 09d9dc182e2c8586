// What answers that do not depend on stored objects (discovery, OpenAPI) have in common.
#pragma once

#include <string>
#include <string_view>

#include "net/http.h"

namespace server {

// The path of a request without its query and without a slash at the end.
std::string_view path_of(const net::Request& request);

// `"SHA-512 in hex"` with the quotes, as kube-apiserver tags what it aggregates.
std::string entity_tag(std::string_view body);
// Puts the tag on `answer` and tells caches to ask every time; 304 without a body when If-None-Match names the tag.
net::Response tagged(const net::Request& request, net::Response answer, const std::string& tag);

// A Status with code 404 and the words that clients know for a path that is not served.
net::Response no_such_path();
// A Status with code 405.
net::Response method_not_allowed();

}  // namespace server
