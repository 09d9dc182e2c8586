#include "server/openapi_protobuf.h"

#include "wire/protobuf.h"
#include "wire/yaml.h"

namespace server {
namespace {

using base::Json;
using wire::ProtobufWriter;

// A field whose encoding follows from the type of the value: string, list of strings, boolean.
struct Plain {
  const char* name;
  int number;
};

template <size_t N>
void put_plain(const Json& value, const Plain (&fields)[N], ProtobufWriter& out) {
  for (const auto& [name, number] : fields) {
    const Json& member = value[name];
    if (member.is_string() && !member.string().empty()) out.text(number, member.string());
    if (member.is_bool() && member.boolean()) out.boolean(number, true);
    for (const auto& item : member.items()) out.text(number, item.string());
  }
}

// openapi.v2.Any: a value as YAML (the field for other messages is never read).
ProtobufWriter any(const Json& value) {
  ProtobufWriter out;
  out.text(2, wire::to_yaml(value));
  return out;
}

// NamedAny, NamedSchema, NamedPathItem...: the entries of maps.
ProtobufWriter named(std::string_view name, const ProtobufWriter& value) {
  ProtobufWriter out;
  out.text(1, name);
  out.message(2, value);
  return out;
}

// A message with one field: the wrappers and one-of messages of the definition.
ProtobufWriter wrapped(int number, const ProtobufWriter& value) {
  ProtobufWriter out;
  out.message(number, value);
  return out;
}

void put_extensions(const Json& value, int number, ProtobufWriter& out) {
  for (const auto& [name, member] : value.members()) {
    if (name.starts_with("x-")) out.message(number, named(name, any(member)));
  }
}

// Bounds have the same names everywhere but other numbers in schemas than in parameters.
struct Bounds {
  int maximum, minimum, max_length, min_length, pattern, max_items, min_items, unique_items, enumeration;
};

void put_bounds(const Json& value, const Bounds& numbers, ProtobufWriter& out) {
  const auto real = [&](const char* name, int number) {
    if (value[name].is_number()) out.real(number, value[name].number());
  };
  const auto whole = [&](const char* name, int number) {
    if (value[name].is_number()) out.integer(number, value[name].integer());
  };
  real("maximum", numbers.maximum);
  if (value["exclusiveMaximum"].boolean()) out.boolean(numbers.maximum + 1, true);
  real("minimum", numbers.minimum);
  if (value["exclusiveMinimum"].boolean()) out.boolean(numbers.minimum + 1, true);
  whole("maxLength", numbers.max_length);
  whole("minLength", numbers.min_length);
  if (value.has("pattern")) out.text(numbers.pattern, value["pattern"].string());
  whole("maxItems", numbers.max_items);
  whole("minItems", numbers.min_items);
  if (value["uniqueItems"].boolean()) out.boolean(numbers.unique_items, true);
  for (const auto& item : value["enum"].items()) out.message(numbers.enumeration, any(item));
}

ProtobufWriter schema_message(const Json& schema);

// Definitions and Properties: maps of schemas.
ProtobufWriter schema_map(const Json& schemas) {
  ProtobufWriter out;
  for (const auto& [name, schema] : schemas.members()) out.message(1, named(name, schema_message(schema)));
  return out;
}

ProtobufWriter additional_properties(const Json& value) {
  ProtobufWriter out;
  if (value.is_bool()) {
    out.boolean(2, value.boolean());
  } else {
    out.message(1, schema_message(value));
  }
  return out;
}

ProtobufWriter schema_message(const Json& schema) {
  static constexpr Plain plain[] = {{"$ref", 1},      {"format", 2},    {"title", 3},         {"description", 4},
                                    {"required", 19}, {"readOnly", 27}, {"discriminator", 26}};
  ProtobufWriter out;
  put_plain(schema, plain, out);
  if (schema.has("default")) out.message(5, any(schema["default"]));
  if (schema["multipleOf"].is_number()) out.real(6, schema["multipleOf"].number());
  put_bounds(schema, {7, 9, 11, 12, 13, 14, 15, 16, 20}, out);
  if (schema["maxProperties"].is_number()) out.integer(17, schema["maxProperties"].integer());
  if (schema["minProperties"].is_number()) out.integer(18, schema["minProperties"].integer());
  if (schema.has("additionalProperties")) out.message(21, additional_properties(schema["additionalProperties"]));
  if (schema["type"].is_string()) {
    ProtobufWriter type;
    type.text(1, schema["type"].string());
    out.message(22, type);
  }
  if (schema.has("items")) out.message(23, wrapped(1, schema_message(schema["items"])));
  for (const auto& part : schema["allOf"].items()) out.message(24, schema_message(part));
  if (schema.has("properties")) out.message(25, schema_map(schema["properties"]));
  if (schema.has("example")) out.message(30, any(schema["example"]));
  put_extensions(schema, 31, out);
  return out;
}

ProtobufWriter body_parameter(const Json& value) {
  static constexpr Plain plain[] = {{"description", 1}, {"name", 2}, {"in", 3}, {"required", 4}};
  ProtobufWriter out;
  put_plain(value, plain, out);
  if (value.has("schema")) out.message(5, schema_message(value["schema"]));
  put_extensions(value, 6, out);
  return out;
}

ProtobufWriter query_parameter(const Json& value) {
  static constexpr Plain plain[] = {{"required", 1}, {"in", 2},   {"description", 3},
                                    {"name", 4},     {"type", 6}, {"format", 7}};
  ProtobufWriter out;
  put_plain(value, plain, out);
  put_bounds(value, {11, 13, 15, 16, 17, 18, 19, 20, 21}, out);
  put_extensions(value, 23, out);
  return out;
}

ProtobufWriter path_parameter(const Json& value) {
  static constexpr Plain plain[] = {{"required", 1}, {"in", 2},   {"description", 3},
                                    {"name", 4},     {"type", 5}, {"format", 6}};
  ProtobufWriter out;
  put_plain(value, plain, out);
  put_bounds(value, {10, 12, 14, 15, 16, 17, 18, 19, 20}, out);
  put_extensions(value, 22, out);
  return out;
}

// ParametersItem{parameter: Parameter{body or NonBodyParameter{query or path}}}.
ProtobufWriter parameters_item(const Json& value) {
  const std::string& in = value["in"].string();
  if (in == "body") return wrapped(1, wrapped(1, body_parameter(value)));
  if (in == "path") return wrapped(1, wrapped(2, wrapped(4, path_parameter(value))));
  return wrapped(1, wrapped(2, wrapped(3, query_parameter(value))));
}

ProtobufWriter responses(const Json& value) {
  ProtobufWriter out;
  for (const auto& [code, response] : value.members()) {
    if (code.starts_with("x-")) continue;
    ProtobufWriter message;
    message.text(1, response["description"].string());
    if (response.has("schema")) message.message(2, wrapped(1, schema_message(response["schema"])));
    put_extensions(response, 5, message);
    out.message(1, named(code, wrapped(1, message)));
  }
  put_extensions(value, 2, out);
  return out;
}

ProtobufWriter operation(const Json& value) {
  static constexpr Plain plain[] = {{"tags", 1},     {"summary", 2},  {"description", 3}, {"operationId", 5},
                                    {"produces", 6}, {"consumes", 7}, {"schemes", 10},    {"deprecated", 11}};
  ProtobufWriter out;
  put_plain(value, plain, out);
  for (const auto& item : value["parameters"].items()) out.message(8, parameters_item(item));
  out.message(9, responses(value["responses"]));
  put_extensions(value, 13, out);
  return out;
}

ProtobufWriter path_item(const Json& value) {
  static constexpr Plain methods[] = {{"get", 2},     {"put", 3},  {"post", 4}, {"delete", 5},
                                      {"options", 6}, {"head", 7}, {"patch", 8}};
  ProtobufWriter out;
  for (const auto& [name, number] : methods) {
    if (value.has(name)) out.message(number, operation(value[name]));
  }
  for (const auto& item : value["parameters"].items()) out.message(9, parameters_item(item));
  put_extensions(value, 10, out);
  return out;
}

ProtobufWriter paths(const Json& value) {
  ProtobufWriter out;
  put_extensions(value, 1, out);
  for (const auto& [path, item] : value.members()) {
    if (!path.starts_with("x-")) out.message(2, named(path, path_item(item)));
  }
  return out;
}

ProtobufWriter info(const Json& value) {
  static constexpr Plain plain[] = {{"title", 1}, {"version", 2}, {"description", 3}, {"termsOfService", 4}};
  ProtobufWriter out;
  put_plain(value, plain, out);
  put_extensions(value, 7, out);
  return out;
}

}  // namespace

std::string openapi_protobuf(const Json& document) {
  static constexpr Plain plain[] = {{"swagger", 1}, {"host", 3},     {"basePath", 4},
                                    {"schemes", 5}, {"consumes", 6}, {"produces", 7}};
  ProtobufWriter out;
  put_plain(document, plain, out);
  out.message(2, info(document["info"]));
  out.message(8, paths(document["paths"]));
  out.message(9, schema_map(document["definitions"]));
  put_extensions(document, 16, out);
  return out.bytes();
}

}  // namespace server
