// Answers in the protobuf encoding of Kubernetes: a document is turned into it by the tables of protobuf_messages.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "server/protobuf_messages.h"
#include "wire/protobuf.h"

namespace server {

inline constexpr std::string_view protobuf_type = "application/vnd.kubernetes.protobuf";
inline constexpr std::string_view protobuf_stream_type = "application/vnd.kubernetes.protobuf;stream=watch";

// The four bytes "k8s\0" and a runtime.Unknown around the object or list; nullopt for kinds without a message. What the
// message does not know is left out.
std::optional<std::string> to_protobuf(const base::Json& doc);
// A list, item by item.
class ProtobufList {
 public:
  // `head` has all but the items; its kind has a message.
  explicit ProtobufList(const base::Json& head);
  void add(const base::Json& item);
  std::string whole() const;  // as to_protobuf()

 private:
  std::string api_version_, kind_;
  const ProtobufMessage* item_;
  wire::ProtobufWriter list_;
};
// One frame of a watch: the length in four bytes, most significant first, and a WatchEvent around `object`, which is
// in the form of to_protobuf().
std::string protobuf_frame(std::string_view type, std::string_view object);

}  // namespace server
