#include "server/protobuf_body.h"

#include <bit>

#include "base/text.h"
#include "base/time.h"
#include "server/protobuf_messages.h"

namespace server {
namespace {

using base::Error;
using base::Json;
using base::Result;

Error malformed() { return {.code = base::Code::bad_request, .message = "unexpected EOF"}; }

// One field on the wire: a number for varints, bytes for what has a length.
struct Wire {
  uint64_t number = 0;
  uint64_t value = 0;
  std::string_view bytes;
  bool has_bytes = false;
};

class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}
  bool at_end() const { return rest_.empty(); }

  Result<Wire> next() {
    Wire out;
    const uint64_t tag = TRY(varint());
    out.number = tag >> 3U;
    switch (tag & 7U) {
      case 0:
        out.value = TRY(varint());
        return out;
      case 1: {
        const auto eight = TRY(take(8));
        for (size_t i = 8; i > 0; --i) out.value = (out.value << 8U) | static_cast<unsigned char>(eight[i - 1]);
        return out;
      }
      case 2: {
        const uint64_t length = TRY(varint());
        out.bytes = TRY(take(length));
        out.has_bytes = true;
        return out;
      }
      case 5:
        TRY(take(4));
        return out;
      default:
        return malformed();
    }
  }

 private:
  Result<uint64_t> varint() {
    uint64_t out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return malformed();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      out |= uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80U) == 0) return out;
    }
    return malformed();
  }
  Result<std::string_view> take(uint64_t count) {
    if (count > rest_.size()) return malformed();
    const auto out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return out;
  }

  std::string_view rest_;
};

// Messages in messages: `depth` is how many are around this one.
constexpr int depth_max = 100;
Result<void> read_message(const ProtobufMessage& message, std::string_view bytes, Json& out, int depth);

// {seconds, nanos}; null for the zero message, which stands for no time.
Result<Json> read_time(std::string_view bytes, bool micro) {
  uint64_t seconds = 0, nanos = 0;
  for (Reader reader(bytes); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    if (wire.number == 1) seconds = wire.value;
    if (wire.number == 2) nanos = wire.value;
  }
  constexpr int64_t seconds_max = 8'000'000'000;  // what nanoseconds in 64 bits can hold, with room
  const auto signed_seconds = static_cast<int64_t>(seconds);
  if (signed_seconds < -seconds_max || signed_seconds > seconds_max || nanos > 999'999'999) return malformed();
  if (seconds == 0 && nanos == 0) return Json();
  const base::Time time{base::seconds(signed_seconds) + base::Duration(static_cast<int64_t>(nanos))};
  return Json(micro ? base::rfc3339_micro(time) : base::rfc3339(time));
}

// FieldsV1{Raw}.
Result<Json> read_raw_json(std::string_view bytes) {
  for (Reader reader(bytes); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    if (wire.number == 1) return base::parse_json(wire.bytes);
  }
  return Json();
}

Result<Json> read_text(std::string_view bytes) {
  if (!base::valid_utf8(bytes)) return malformed();
  return Json(bytes);
}

// IntOrString{type, intVal, strVal}: type 1 is a string.
Result<Json> read_int_or_string(std::string_view bytes) {
  bool is_text = false;
  int64_t number = 0;
  Json text = "";
  for (Reader reader(bytes); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    if (wire.number == 1) is_text = wire.value == 1;
    if (wire.number == 2) number = static_cast<int32_t>(wire.value);
    if (wire.number == 3) text = TRY(read_text(wire.bytes));
  }
  return is_text ? text : Json(number);
}

// Quantity{string}; null for none.
Result<Json> read_quantity(std::string_view bytes) {
  for (Reader reader(bytes); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    if (wire.number == 1 && !wire.bytes.empty()) return read_text(wire.bytes);
  }
  return Json();
}

Result<Json> read_strings(std::string_view bytes) {
  Json out = Json::array();
  for (Reader reader(bytes); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    if (wire.number == 1) out.push(TRY(read_text(wire.bytes)));
  }
  return out;
}

// JSONSchemaPropsOrBool{allows, schema} or JSONSchemaPropsOrArray{schema, jSONSchemas}.
Result<Json> read_schema_or(const ProtobufField& field, std::string_view bytes, int depth) {
  Json out;
  bool allows = false;
  for (Reader reader(bytes); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    if (field.type == 'h' && wire.number == 1) allows = wire.value != 0;
    const bool list = field.type == 'k' && wire.number == 2;
    const bool schema = list || wire.number == (field.type == 'h' ? 2 : 1);
    if (!schema) continue;
    if (!wire.has_bytes) return malformed();
    Json one = Json::object();
    TRY(read_message(*field.message, wire.bytes, one, depth + 1));
    if (list) {
      out.push(std::move(one));
    } else {
      out = std::move(one);
    }
  }
  return out.is_null() && field.type == 'h' ? Json(allows) : out;
}

Result<Json> read_sized(const ProtobufField& field, std::string_view bytes, int depth) {
  switch (field.type) {
    case 's':
    case 'p':
      return read_text(bytes);
    case 'y':
      return Json(base::base64(bytes));
    case 't':
    case 'u':
      return read_time(bytes, field.type == 'u');
    case 'j':
      return read_raw_json(bytes);
    case 'q':
      return read_quantity(bytes);
    case 'x':
      return read_int_or_string(bytes);
    case 'e':
      return read_strings(bytes);
    case 'h':
    case 'k':
      return read_schema_or(field, bytes, depth);
    default: {
      Json out = Json::object();
      TRY(read_message(*field.message, bytes, out, depth + 1));
      return out;
    }
  }
}

bool is_zero(const Json& value) {
  if (value.is_object() || value.is_array()) return value.empty();
  if (value.is_string()) return value.string().empty();
  if (value.is_bool()) return !value.boolean();
  return value.is_null() || (value.is_number() && value.number() == 0);
}

Result<Json> read_value(const ProtobufField& field, const Wire& wire, int depth) {
  const bool is_boolean = field.type == 'b' || field.type == 'o';
  const bool is_integer = field.type == 'i' || field.type == 'n';
  const bool sized = !is_boolean && !is_integer && field.type != 'd';
  if (sized != wire.has_bytes) return malformed();
  if (is_boolean) return Json(wire.value != 0);
  if (is_integer) return Json(static_cast<int64_t>(wire.value));
  if (field.type == 'd') return Json(std::bit_cast<double>(wire.value));
  return read_sized(field, wire.bytes, depth);
}

Result<void> read_map_entry(const ProtobufField& field, std::string_view bytes, Json& into, int depth) {
  std::string key;
  Json value = field.type == 'm' ? Json::object() : Json("");
  for (Reader reader(bytes); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    if (wire.number == 1) key = TRY(read_text(wire.bytes)).string();
    if (wire.number == 2) value = TRY(read_value(field, wire, depth));
  }
  into.set(key, std::move(value));
  return {};
}

Result<void> read_message(const ProtobufMessage& message, std::string_view bytes, Json& out, int depth) {
  using Shape = ProtobufField::Shape;
  if (depth > depth_max) return malformed();
  for (Reader reader(bytes); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    const auto found = message.fields.find(wire.number);
    if (found == message.fields.end()) continue;
    const ProtobufField& field = found->second;
    if (field.name == "-") {
      if (!wire.has_bytes) return malformed();
      TRY(read_message(*field.message, wire.bytes, out, depth + 1));
    } else if (field.shape == Shape::map) {
      TRY(read_map_entry(field, wire.bytes, out.child(field.name), depth));
    } else if (field.shape == Shape::list) {
      out.child(field.name).push(TRY(read_value(field, wire, depth)));
    } else {
      Json value = TRY(read_value(field, wire, depth));
      if (!value.is_null() && (field.kept || !is_zero(value))) out.set(field.name, std::move(value));
    }
  }
  return {};
}

// Lists are all alike: 1 metadata, 2 items.
ProtobufMessage list_of(const ProtobufMessage* item) {
  ProtobufMessage out;
  out.fields[1] = {.number = 1, .name = "metadata", .message = protobuf_message("ListMeta")};
  out.fields[2] = {.number = 2, .name = "items", .shape = ProtobufField::Shape::list, .message = item};
  return out;
}

}  // namespace

Result<Json> parse_protobuf(std::string_view body) {
  constexpr std::string_view magic("k8s\0", 4);
  const auto refuse = [](const char* why) { return Error{.code = base::Code::bad_request, .message = why}; };
  if (body.empty()) return refuse("empty data");
  if (!body.starts_with(magic)) {
    return refuse("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  }
  if (body.size() == magic.size()) return refuse("empty body");
  Json out = Json::object();
  std::string_view raw;
  for (Reader reader(body.substr(magic.size())); !reader.at_end();) {
    const Wire wire = TRY(reader.next());
    if (wire.number == 1) TRY(read_message(*protobuf_message("TypeMeta"), wire.bytes, out, 0));
    if (wire.number == 2) raw = wire.bytes;
  }
  const std::string kind = out["kind"].string();
  const ProtobufMessage* message = protobuf_message_of(out["apiVersion"].string(), kind);
  const bool list = !message && kind.ends_with("List");
  const auto* item =
      list ? protobuf_message_of(out["apiVersion"].string(), std::string_view(kind).substr(0, kind.size() - 4))
           : nullptr;
  if (item) {
    TRY(read_message(list_of(item), raw, out, 0));
    return out;
  }
  if (!message) {
    return Error{.code = base::Code::unsupported,
                 .message = "objects of kind " + base::quoted(kind) +
                            " are not read in protobuf here - accepted media types include: application/json, "
                            "application/yaml"};
  }
  TRY(read_message(*message, raw, out, 0));
  return out;
}

}  // namespace server
