#include "registry/core_values.h"

#include <algorithm>
#include <array>

#include "base/field_path.h"
#include "base/text.h"
#include "base/time.h"
#include "meta/go_time.h"
#include "meta/quantity.h"

namespace registry {
namespace {

using meta::Schema;
using meta::SchemaType;

// The times with six digits of a second: metav1.MicroTime.
constexpr auto micro_times =
    std::to_array<std::string_view>({"acquireTime", "renewTime", "eventTime", "lastObservedTime"});

// In core kinds the only ones of this type that have a pattern.
bool is_quantity(const Schema& schema) { return schema.type == SchemaType::int_or_string && !schema.pattern.empty(); }

class Decoder {
 public:
  explicit Decoder(const Kind& kind) : kind_(kind) {}

  // What `value` becomes; nullopt when it stays as it is. Documents share their parts, so nothing is written in vain.
  Result<std::optional<Json>> decoded(const Schema& schema, std::string_view name, const Json& value) {
    if (value.is_string() && schema.format == "date-time") return time(name, value.string());
    if (is_quantity(schema)) return quantity(value);
    if (value.is_array() && schema.items) return list(*schema.items, name, value);
    if (value.is_object()) return object(schema, value);
    return std::optional<Json>();
  }

  Result<std::optional<Json>> object(const Schema& schema, const Json& value, bool root = false) {
    std::optional<Json> out;
    const auto& members = value.members();
    for (size_t i = 0; i < members.size(); ++i) {
      const auto& [name, member] = members[i];
      if (root && name == "metadata") continue;
      const Schema* below = below_of(schema, name);
      if (!below) continue;
      auto fresh = schema.type == SchemaType::map ? item(*below, name, member) : decoded(*below, name, member);
      if (!fresh) return fresh.error();
      if (!*fresh) continue;
      if (!out) out = value;
      out->mutable_members()[i].second = std::move(**fresh);
    }
    return out;
  }

 private:
  static const Schema* below_of(const Schema& schema, std::string_view name) {
    if (schema.type == SchemaType::map) return schema.items.get();
    const auto* property = schema.find(name);
    return property ? property->schema.get() : nullptr;
  }

  // Where Go has a text, null is the empty one.
  Result<std::optional<Json>> item(const Schema& schema, std::string_view name, const Json& value) {
    if (value.is_null() && schema.type == SchemaType::string && schema.format != "date-time") {
      return std::optional<Json>("");
    }
    return decoded(schema, name, value);
  }

  Result<std::optional<Json>> list(const Schema& items, std::string_view name, const Json& value) {
    std::optional<Json> out;
    for (size_t i = 0; i < value.size(); ++i) {
      auto fresh = item(items, name, value.at(i));
      if (!fresh) return fresh.error();
      if (!*fresh) continue;
      if (!out) out = value;
      out->item(i) = std::move(**fresh);
    }
    return out;
  }

  Error refusal(std::string_view why) const {
    return bad_request(kind_.kind + " in version \"" + kind_.storage_version + "\" cannot be handled as a " +
                       kind_.kind + ": " + std::string(why));
  }

  Result<std::optional<Json>> time(std::string_view name, const std::string& text) const {
    const bool micro = std::find(micro_times.begin(), micro_times.end(), name) != micro_times.end();
    if (const auto why = meta::go_time_problem(text, micro); !why.empty()) return refusal(why);
    const auto time = base::parse_rfc3339(text);
    if (!time) return std::optional<Json>();
    auto same = micro ? base::rfc3339_micro(*time) : base::rfc3339(*time);
    return same == text ? std::optional<Json>() : std::optional<Json>(std::move(same));
  }

  Result<std::optional<Json>> quantity(const Json& value) const {
    if (!value.is_string() && !value.is_number()) return std::optional<Json>();
    const std::string text = value.is_string() ? value.string() : value.dump();
    auto canonical = meta::canonical_quantity(text);
    if (!canonical) return refusal(meta::quantity_problem);
    if (value.is_string() && *canonical == text) return std::optional<Json>();
    return std::optional<Json>(std::move(*canonical));
  }

  const Kind& kind_;
};

void add_fractions(const Schema& schema, const Json& value, const base::FieldPath& path,
                   std::vector<base::FieldError>& out) {
  if (schema.type == SchemaType::integer && value.is_double()) {
    out.push_back(meta::field_type_invalid(path.text(), value, "has a fraction"));
  }
  for (size_t i = 0; schema.items && i < value.items().size(); ++i) {
    add_fractions(*schema.items, value.at(i), path.item(i), out);
  }
  for (const auto& [name, member] : value.members()) {
    const auto* property = schema.find(name);
    const Schema* below = schema.type == SchemaType::map ? schema.items.get()
                          : property                     ? property->schema.get()
                                                         : nullptr;
    if (below) add_fractions(*below, member, path.member(name), out);
  }
}

}  // namespace

std::vector<base::FieldError> fractions(const Kind& kind, const Json& doc) {
  std::vector<base::FieldError> out;
  if (const auto& schema = kind.storage().schema) add_fractions(*schema, doc, {}, out);
  return out;
}

Result<void> decode_values(const Kind& kind, Json& doc) {
  const auto& schema = kind.storage().schema;
  if (!schema) return {};
  auto fresh = TRY(Decoder(kind).object(*schema, doc, true));
  if (fresh) doc = std::move(*fresh);
  return {};
}

}  // namespace registry
