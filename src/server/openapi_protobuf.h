// The OpenAPI v2 document as a protobuf message `openapi.v2.Document`, the form every client-go asks for. The message
// is defined by gnostic (openapiv2/OpenAPIv2.proto); extensions (x-...) and free values travel in it as YAML text.
#pragma once

#include <string>

#include "base/json.h"

namespace server {

// `document` is what meta::openapi_v2_document makes. Members that the message has no field for are left out.
std::string openapi_protobuf(const base::Json& document);

}  // namespace server
