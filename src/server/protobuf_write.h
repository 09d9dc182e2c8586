// Answers in the protobuf encoding of Kubernetes, for clients that take nothing else and for metadata alone: a document
// is turned into it by the tables of protobuf_messages.h.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"

namespace server {

inline constexpr std::string_view protobuf_type = "application/vnd.kubernetes.protobuf";

// The four bytes "k8s\0" and a runtime.Unknown around the object or list; nullopt for kinds without a message. What the
// message does not know is left out.
std::optional<std::string> to_protobuf(const base::Json& doc);

}  // namespace server
