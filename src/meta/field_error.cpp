// Field errors with the texts of k8s.io/apimachinery's field package; clients and people match on them.
#include "base/text.h"
#include "meta/schema.h"

namespace meta {

// Strings as %q, numbers and booleans plain, everything else as JSON that could stand in HTML, as Go writes it.
static std::string shown(const Json& value) {
  if (value.is_string()) return base::quoted(value.string());
  std::string out = value.dump();
  for (const auto& [sign, code] : {std::pair("<", "\\u003c"), {">", "\\u003e"}, {"&", "\\u0026"}}) {
    if (out.find(sign) != std::string::npos) out = base::replace_all(std::move(out), sign, code);
  }
  return out;
}

std::string text_of(const FieldError& error) { return error.field + ": " + error.message; }

FieldError field_required(std::string field, std::string detail) {
  std::string message = "Required value";
  if (!detail.empty()) message += ": " + detail;
  return {std::move(field), "FieldValueRequired", std::move(message)};
}

FieldError field_invalid(std::string field, const Json& value, std::string detail) {
  std::string message = "Invalid value: " + shown(value);
  if (!detail.empty()) message += ": " + detail;
  return {std::move(field), "FieldValueInvalid", std::move(message)};
}

FieldError field_type_invalid(std::string field, const Json& value, std::string detail) {
  auto error = field_invalid(std::move(field), value, std::move(detail));
  error.reason = "FieldValueTypeInvalid";
  return error;
}

FieldError field_not_supported(std::string field, const Json& value, const std::vector<std::string>& supported) {
  std::vector<std::string> names;
  for (const auto& name : supported) names.push_back(base::quoted(name));
  return {std::move(field), "FieldValueNotSupported",
          "Unsupported value: " + shown(value) + ": supported values: " + base::join(names, ", ")};
}

FieldError field_forbidden(std::string field, std::string detail) {
  return {std::move(field), "FieldValueForbidden", "Forbidden: " + detail};
}

FieldError field_duplicate(std::string field, const Json& value) {
  return {std::move(field), "FieldValueDuplicate", "Duplicate value: " + shown(value)};
}

FieldError field_too_long(std::string field, int64_t max_length) {
  return {std::move(field), "FieldValueTooLong",
          "Too long: may not be more than " + std::to_string(max_length) + " bytes"};
}

FieldError field_too_many(std::string field, int64_t actual, int64_t max) {
  return {std::move(field), "FieldValueTooMany",
          "Too many: " + std::to_string(actual) + ": must have at most " + std::to_string(max) + " items"};
}

FieldError field_not_found(std::string field, const Json& value) {
  return {std::move(field), "FieldValueNotFound", "Not found: " + shown(value)};
}

}  // namespace meta
