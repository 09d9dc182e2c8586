// Messages of the Protocol Buffers encoding of Kubernetes: field numbers from the .proto files that it publishes.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace server {

struct ProtobufMessage;

// One field. The types, as the tables write them: s string, left out when empty; p string, kept; i integer, left out
// when 0; n integer, kept; o boolean, left out when false; b boolean, kept; d double; y bytes, base64 in JSON; t Time;
// u MicroTime; q Quantity; x IntOrString; j JSON text (FieldsV1, RawExtension); e a list of strings as a message of its
// own; h a JSON schema or a boolean; k a JSON schema or a list of them; else a message, whose name is written. [] in
// front is a list, {} a map with string keys; * keeps what is empty. What is "kept" is a pointer in Go: presence means
// something there. A field called "-" is a message whose fields JSON has in the place of the field.
struct ProtobufField {
  enum class Shape : unsigned char { one, list, map };
  uint64_t number = 0;
  std::string name;
  char type = 'm';
  Shape shape = Shape::one;
  bool kept = false;
  const ProtobufMessage* message = nullptr;  // of types m, h and k
};

struct ProtobufMessage {
  std::map<uint64_t, ProtobufField> fields;
};

// By name; null when there is none.
const ProtobufMessage* protobuf_message(std::string_view name);
std::string_view protobuf_message_name(const ProtobufMessage* message);  // "" for none of these
// Of a whole object; null when its kind has none here.
const ProtobufMessage* protobuf_message_of(std::string_view api_version, std::string_view kind);

}  // namespace server
