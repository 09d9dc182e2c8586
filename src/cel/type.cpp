#include "cel/type.h"

#include <algorithm>
#include <array>

namespace cel {
namespace {

TypeRef make(TypeKind kind, std::vector<TypeRef> parameters = {}, std::string name = {}) {
  auto type = std::make_shared<Type>();
  type->kind = kind;
  type->parameters = std::move(parameters);
  type->name = std::move(name);
  return type;
}

// CEL's own words, which cannot be names; a property with such a name is written in underscores.
constexpr auto keywords = std::to_array<std::string_view>(
    {"as",  "break", "const",     "continue", "else",    "false",  "for",  "function", "if",   "import", "in",
     "let", "loop",  "namespace", "null",     "package", "return", "true", "var",      "void", "while"});

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

#define CEL_SHARED_TYPE(function, kind)       \
  const TypeRef& function() {                 \
    static const TypeRef shared = make(kind); \
    return shared;                            \
  }
CEL_SHARED_TYPE(dyn_type, TypeKind::dyn)
CEL_SHARED_TYPE(null_type, TypeKind::null)
CEL_SHARED_TYPE(bool_type, TypeKind::boolean)
CEL_SHARED_TYPE(int_type, TypeKind::integer)
CEL_SHARED_TYPE(uint_type, TypeKind::unsigned_integer)
CEL_SHARED_TYPE(double_type, TypeKind::real)
CEL_SHARED_TYPE(string_type, TypeKind::string)
CEL_SHARED_TYPE(bytes_type, TypeKind::bytes)
CEL_SHARED_TYPE(timestamp_type, TypeKind::timestamp)
CEL_SHARED_TYPE(duration_type, TypeKind::duration)
CEL_SHARED_TYPE(error_type, TypeKind::error)
#undef CEL_SHARED_TYPE

TypeRef list_type(TypeRef item) { return make(TypeKind::list, {std::move(item)}); }
TypeRef map_type(TypeRef key, TypeRef value) { return make(TypeKind::map, {std::move(key), std::move(value)}); }
TypeRef optional_type(TypeRef value) { return make(TypeKind::optional, {std::move(value)}); }
TypeRef type_type(TypeRef named) { return make(TypeKind::type, {std::move(named)}); }
TypeRef opaque_type(std::string name) { return make(TypeKind::opaque, {}, std::move(name)); }
TypeRef parameter_type(std::string name) { return make(TypeKind::parameter, {}, std::move(name)); }

TypeRef object_type(std::string name, std::vector<Field> fields) {
  auto type = std::make_shared<Type>();
  type->kind = TypeKind::object;
  type->name = std::move(name);
  type->fields = std::move(fields);
  type->sort_fields();
  return type;
}

void Type::sort_fields() {
  std::sort(fields.begin(), fields.end(), [](const Field& a, const Field& b) { return a.name < b.name; });
}

const Field* Type::find(std::string_view field) const {
  const auto at = std::lower_bound(fields.begin(), fields.end(), field,
                                   [](const Field& one, std::string_view wanted) { return one.name < wanted; });
  return at != fields.end() && at->name == field ? &*at : nullptr;
}

std::string Type::text() const {
  const auto with_parameters = [&](std::string word) {
    if (parameters.empty()) return word;
    word += "(";
    for (size_t i = 0; i < parameters.size(); ++i) word += (i > 0 ? ", " : "") + parameters[i]->text();
    return word + ")";
  };
  switch (kind) {
    case TypeKind::dyn:
      return "dyn";
    case TypeKind::null:
      return "null";
    case TypeKind::boolean:
      return "bool";
    case TypeKind::integer:
      return "int";
    case TypeKind::unsigned_integer:
      return "uint";
    case TypeKind::real:
      return "double";
    case TypeKind::string:
      return "string";
    case TypeKind::bytes:
      return "bytes";
    case TypeKind::timestamp:
      return "timestamp";
    case TypeKind::duration:
      return "duration";
    case TypeKind::list:
      return with_parameters("list");
    case TypeKind::map:
      return with_parameters("map");
    case TypeKind::type:
      return with_parameters("type");
    case TypeKind::optional:
      return with_parameters("optional_type");
    case TypeKind::object:
    case TypeKind::opaque:
    case TypeKind::parameter:
      return name;
    case TypeKind::error:
      return "!error!";
  }
  return "dyn";
}

std::string escape_name(std::string_view json_name) {
  if (json_name.empty() || is_digit(json_name.front())) return {};
  if (std::find(keywords.begin(), keywords.end(), json_name) != keywords.end()) {
    return "__" + std::string(json_name) + "__";
  }
  std::string out;
  for (size_t i = 0; i < json_name.size(); ++i) {
    const char c = json_name[i];
    if (c == '_' && json_name.substr(i, 2) == "__") {
      out += "__underscores__";
      ++i;
    } else if (c == '.') {
      out += "__dot__";
    } else if (c == '-') {
      out += "__dash__";
    } else if (c == '/') {
      out += "__slash__";
    } else if (is_letter(c) || is_digit(c)) {
      out += c;
    } else {
      return {};
    }
  }
  return out;
}

}  // namespace cel
