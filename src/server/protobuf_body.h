// Request bodies in the protobuf encoding of Kubernetes (application/vnd.kubernetes.protobuf), which client-go's typed
// clients send for core kinds since 0.32, kubectl create and controller-runtime managers among them. Answers
// are protobuf_write.h's.
#pragma once

#include <string_view>

#include "base/json.h"

namespace server {

// The document in a body: the four bytes "k8s\0" and a runtime.Unknown message around the object. Fields that the table
// of messages does not know are passed over, as protobuf readers do. Errors: bad_request for malformed bytes,
// unsupported for kinds without a message in the table.
base::Result<base::Json> parse_protobuf(std::string_view body);

}  // namespace server
