#include "meta/schema.h"

#include "base/field_path.h"
#include "meta/schema_document.h"

namespace meta {

const Property* Schema::find(std::string_view name) const {
  for (const auto& property : properties) {
    if (property.name == name) return &property;
  }
  return nullptr;
}

namespace {

using base::FieldPath;

bool is_type_meta(std::string_view name) { return name == "apiVersion" || name == "kind" || name == "metadata"; }

class Pruner {
 public:
  explicit Pruner(std::vector<std::string>* unknown) : unknown_(unknown) {}

  // Reading first and changing only on a finding keeps shared documents shared. True when something has to go.
  bool prune(const Schema& schema, Json& doc, bool root, const FieldPath& path) {
    if (schema.format == schema_document_format) return prune_schema_document(doc, path.text(), unknown_);
    if (schema.type == SchemaType::array) return schema.items && prune_items(*schema.items, doc, path);
    if (!doc.is_object()) return false;
    if (schema.type == SchemaType::map) return schema.items && prune_values(*schema.items, doc, path);
    if (schema.type != SchemaType::object && schema.properties.empty()) return false;
    return prune_members(schema, doc, root || schema.embedded_resource, path);
  }

 private:
  static bool is_scalar(const Json& value) { return !value.is_object() && !value.is_array(); }

  bool prune_items(const Schema& items, Json& doc, const FieldPath& path) {
    bool changed = false;
    for (size_t i = 0; i < doc.items().size(); ++i) {
      if (is_scalar(doc.items()[i])) continue;
      Json item = doc.items()[i];
      if (!prune(items, item, false, path.item(i))) continue;
      doc.item(i) = std::move(item);
      changed = true;
    }
    return changed;
  }

  bool prune_values(const Schema& items, Json& doc, const FieldPath& path) {
    bool changed = false;
    for (size_t i = 0; i < doc.members().size(); ++i) {
      if (is_scalar(doc.members()[i].second)) continue;
      Json value = doc.members()[i].second;
      if (!prune(items, value, false, path.member(doc.members()[i].first))) continue;
      doc.mutable_members()[i].second = std::move(value);
      changed = true;
    }
    return changed;
  }

  bool prune_members(const Schema& schema, Json& doc, bool type_meta, const FieldPath& path) {
    bool changed = false;
    for (size_t i = 0; i < doc.members().size();) {
      const auto& [name, value] = doc.members()[i];
      const Property* property = schema.find(name);
      if (!property) {
        const bool keep = schema.preserve_unknown || (type_meta && is_type_meta(name));
        if (keep) {
          ++i;
          continue;
        }
        if (unknown_) unknown_->push_back(path.member(name).text());
        auto& members = doc.mutable_members();
        members.erase(members.begin() + static_cast<std::ptrdiff_t>(i));
        changed = true;
        continue;
      }
      ++i;
      if (is_scalar(value)) continue;
      Json copy = value;
      if (!prune(*property->schema, copy, false, path.member(name))) continue;
      doc.mutable_members()[i - 1].second = std::move(copy);
      changed = true;
    }
    return changed;
  }

  std::vector<std::string>* unknown_;
};

bool default_into(const Schema& schema, Json& doc);

// Null members that may not be null go; a default may then take their place.
bool drop_nulls(const Schema& schema, Json& doc) {
  bool changed = false;
  for (size_t i = 0; i < doc.members().size();) {
    const auto& [name, value] = doc.members()[i];
    const Property* property = schema.type == SchemaType::object ? schema.find(name) : nullptr;
    const Schema* below = schema.type == SchemaType::map ? schema.items.get()
                          : property                     ? property->schema.get()
                                                         : nullptr;
    if (value.is_null() && below && !below->nullable && below->type != SchemaType::any) {
      auto& members = doc.mutable_members();
      members.erase(members.begin() + static_cast<std::ptrdiff_t>(i));
      changed = true;
    } else {
      ++i;
    }
  }
  return changed;
}

bool default_properties(const Schema& schema, Json& doc) {
  bool changed = drop_nulls(schema, doc);
  for (const auto& property : schema.properties) {
    const Json* value = doc.find(property.name);
    if (!value) {
      if (property.schema->default_value.is_null()) continue;
      Json fresh = property.schema->default_value;
      default_into(*property.schema, fresh);
      doc.set(property.name, std::move(fresh));
      changed = true;
      continue;
    }
    if (!value->is_object() && !value->is_array()) continue;
    Json copy = *value;
    if (default_into(*property.schema, copy)) {
      doc.set(property.name, std::move(copy));
      changed = true;
    }
  }
  return changed;
}

bool default_into(const Schema& schema, Json& doc) {
  if (doc.is_array() && schema.type == SchemaType::array && schema.items) {
    bool changed = false;
    for (size_t i = 0; i < doc.items().size(); ++i) {
      Json item = doc.items()[i];
      if (!default_into(*schema.items, item)) continue;
      doc.item(i) = std::move(item);
      changed = true;
    }
    return changed;
  }
  if (!doc.is_object()) return false;
  if (schema.type == SchemaType::map && schema.items) {
    bool changed = drop_nulls(schema, doc);
    for (size_t i = 0; i < doc.members().size(); ++i) {
      Json value = doc.members()[i].second;
      if (!default_into(*schema.items, value)) continue;
      doc.mutable_members()[i].second = std::move(value);
      changed = true;
    }
    return changed;
  }
  return default_properties(schema, doc);
}

}  // namespace

void prune(const Schema& schema, Json& doc, bool root, std::vector<std::string>* unknown) {
  Pruner(unknown).prune(schema, doc, root, {});
}

void apply_defaults(const Schema& schema, Json& doc) { default_into(schema, doc); }

}  // namespace meta
