#include "meta/bind.h"

namespace meta {

namespace {
Json empty_of(MemberOps::Shape shape) {
  switch (shape) {
    case MemberOps::Shape::boolean:
      return false;
    case MemberOps::Shape::integer:
      return 0;
    case MemberOps::Shape::number:
      return 0.0;
    case MemberOps::Shape::string:
    case MemberOps::Shape::time:
      return "";
    case MemberOps::Shape::list:
      return Json::array();
    case MemberOps::Shape::any:
      return nullptr;
    case MemberOps::Shape::structure:
    case MemberOps::Shape::map:
      return Json::object();
  }
  return nullptr;
}
}  // namespace

Json Fields::encode(const void* object) const {
  Json out = Json::object();
  for (const auto& field : all) {
    Json value = field.ops->encode(static_cast<const char*>(object) + field.offset);
    if (value.is_null() && field.always) value = empty_of(field.ops->shape);
    if (!value.is_null()) out.mutable_members().emplace_back(std::string(field.name), std::move(value));
  }
  return out;
}

Result<void> Fields::decode(const Json& doc, void* object) const {
  if (!doc.is_object()) return detail::wrong_type("object", doc);
  for (const auto& field : all) {
    const Json* value = doc.find(field.name);
    if (!value || value->is_null()) continue;
    auto decoded = field.ops->decode(*value, static_cast<char*>(object) + field.offset);
    if (!decoded) return std::move(decoded).error().context(field.name);
  }
  return {};
}

namespace detail {
Json encode_time(const base::Time& time) { return base::rfc3339(time); }

Result<base::Time> decode_time(const Json& value) {
  const auto time = base::parse_rfc3339(value.string());
  if (!time) return base::invalid("not an RFC 3339 time: " + value.dump());
  return *time;
}

base::Error wrong_type(std::string_view wanted, const Json& value) {
  return base::invalid("must be " + std::string(wanted) + ", not " + std::string(value.type_name()));
}
}  // namespace detail

}  // namespace meta
