// Types of the Common Expression Language as expressions are checked against them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cel {

enum class TypeKind : unsigned char {
  dyn,  // anything: checked when it is used
  null,
  boolean,
  integer,
  unsigned_integer,
  real,
  string,
  bytes,
  timestamp,
  duration,
  list,       // parameters: item
  map,        // parameters: key, value
  object,     // a record with known fields
  type,       // parameters: the type it names; may be empty
  optional,   // parameters: value
  opaque,     // a host object; `name` says which
  parameter,  // a type variable of a function's declaration
  error,      // what could not be typed; fits everything, so that one mistake is reported once
};

struct Type;
using TypeRef = std::shared_ptr<const Type>;

struct Field {
  std::string name;       // as expressions write it (escaped)
  std::string json_name;  // in documents
  TypeRef type;
};

struct Type {
  TypeKind kind = TypeKind::dyn;
  std::string name;  // of object, opaque and parameter
  std::vector<TypeRef> parameters;
  std::vector<Field> fields;  // of object, sorted by name (sort_fields)
  bool nullable = false;      // null may stand in its place
  bool whole_document = false;
  // Lists of Kubernetes: the order of a set or a keyed list means nothing when two are compared.
  enum class Order : unsigned char { list, set, keyed } order = Order::list;
  std::vector<std::string> list_keys;  // JSON names, for Order::keyed
  // How many items, bytes or members there can be, for the estimate of costs; -1: not known.
  int64_t size_max = -1;

  const Field* find(std::string_view field) const;
  void sort_fields();
  // As messages print it: "list(int)", "map(string, dyn)".
  std::string text() const;
};

// Shared, so that comparing and passing them is cheap.
const TypeRef& dyn_type();
const TypeRef& null_type();
const TypeRef& bool_type();
const TypeRef& int_type();
const TypeRef& uint_type();
const TypeRef& double_type();
const TypeRef& string_type();
const TypeRef& bytes_type();
const TypeRef& timestamp_type();
const TypeRef& duration_type();
const TypeRef& error_type();
TypeRef list_type(TypeRef item);
TypeRef map_type(TypeRef key, TypeRef value);
TypeRef optional_type(TypeRef value);
TypeRef type_type(TypeRef named);
TypeRef opaque_type(std::string name);
TypeRef parameter_type(std::string name);
// Fields need not be sorted.
TypeRef object_type(std::string name, std::vector<Field> fields);

// How Kubernetes writes a property's name in expressions: "a.b" as "a__dot__b", "for" as "__for__". Empty when a name
// cannot be written (such as "a b" or "9x").
std::string escape_name(std::string_view json_name);

}  // namespace cel
