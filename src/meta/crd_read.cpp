#include "meta/crd_read.h"

#include <algorithm>

#include "base/text.h"
#include "meta/schema_document.h"
#include "meta/structural.h"

namespace meta {
namespace {

std::vector<std::string> strings_of(const Json& list) {
  std::vector<std::string> out;
  for (const auto& item : list.items()) out.push_back(item.string());
  return out;
}

// As the CRD describes it, else in our words.
SchemaRef text_field(const Schema& root, std::string_view name, const char* text) {
  const Property* given = root.find(name);
  if (given && given->schema->type == SchemaType::string && !given->schema->text.empty()) return given->schema;
  auto schema = std::make_shared<Schema>();
  schema->type = SchemaType::string;
  schema->text = text;
  return schema;
}

// The CRD may narrow the name; all else about metadata is the server's.
SchemaRef metadata_of(const Schema* given, const SchemaRef& object_meta) {
  if (!given || given->properties.empty()) return object_meta;
  auto made = std::make_shared<Schema>(*object_meta);
  for (auto& property : made->properties) {
    const Property* narrowed = given->find(property.name);
    if (narrowed) property.schema = narrowed->schema;
  }
  return made;
}

bool has_embedded(const Schema& node) {
  const auto& all = node.properties;
  return node.embedded_resource || (node.items && has_embedded(*node.items)) ||
         std::any_of(all.begin(), all.end(), [](const Property& one) { return has_embedded(*one.schema); });
}

// Objects inside of objects have metadata too.
SchemaRef with_embedded_metadata(const SchemaRef& node, const SchemaRef& object_meta) {
  if (!node || !has_embedded(*node)) return node;
  auto made = std::make_shared<Schema>(*node);
  for (auto& property : made->properties) {
    property.schema = with_embedded_metadata(property.schema, object_meta);
  }
  made->items = with_embedded_metadata(node->items, object_meta);
  if (node->embedded_resource && !node->find("metadata")) made->properties.push_back({"metadata", object_meta, false});
  return made;
}

SchemaRef root_of(const Json& version, const SchemaRef& object_meta) {
  std::vector<FieldError> unused;
  auto root = std::make_shared<Schema>(*read_structural(version["schema"]["openAPIV3Schema"], "", unused));
  const Property* given = root->find("metadata");
  const SchemaRef metadata = metadata_of(given ? given->schema.get() : nullptr, object_meta);
  SchemaRef version_field = text_field(*root, "apiVersion", "Group and version of this object.");
  SchemaRef kind_field = text_field(*root, "kind", "Kind of this object.");
  const auto required = [&](const char* name) {
    const Property* own = root->find(name);
    const auto& others = root->required_others;
    return (own && own->required) || std::find(others.begin(), others.end(), name) != others.end();
  };
  const std::vector<Property> first = {{"apiVersion", std::move(version_field), required("apiVersion")},
                                       {"kind", std::move(kind_field), required("kind")},
                                       {"metadata", metadata, required("metadata")}};
  const auto is_first = [](std::string_view name) {
    return name == "apiVersion" || name == "kind" || name == "metadata";
  };
  std::erase_if(root->properties, [&](const Property& property) { return is_first(property.name); });
  std::erase_if(root->required_others, is_first);
  root->properties.insert(root->properties.begin(), first.begin(), first.end());
  for (auto& property : root->properties) {
    if (property.name != "metadata") property.schema = with_embedded_metadata(property.schema, object_meta);
  }
  return root;
}

std::vector<Column> columns_of(const Json& version) {
  std::vector<Column> out;
  for (const auto& column : version["additionalPrinterColumns"].items()) {
    out.push_back({column["name"].string(), column["jsonPath"].string(), column["type"].string(),
                   column["format"].string(), column["description"].string(),
                   static_cast<int>(column["priority"].integer())});
  }
  return out;
}

// Which version to use instead: the best of those that are served, not deprecated and newer.
std::string deprecation_of(const Json& spec, const std::string& version) {
  const auto named = [&](const std::string& one) {
    return spec["group"].string() + "/" + one + " " + spec["names"]["kind"].string();
  };
  std::string best = version;
  for (const auto& other : spec["versions"].items()) {
    if (!other["served"].boolean() || other["deprecated"].boolean()) continue;
    if (version_before(other["name"].string(), best)) best = other["name"].string();
  }
  return named(version) + " is deprecated" + (best == version ? "" : "; use " + named(best));
}

Version version_of(const Json& crd, const Json& doc, const SchemaRef& object_meta) {
  const auto& spec = crd["spec"];
  Version out;
  out.name = doc["name"].string();
  out.schema = root_of(doc, object_meta);
  std::vector<FieldError> unused;  // refused before it came here
  out.rules = Rules::compile(out.schema, "", unused);
  out.served = doc["served"].boolean();
  out.deprecated = doc["deprecated"].boolean();
  if (out.deprecated) out.deprecation_warning = doc["deprecationWarning"].string_or(deprecation_of(spec, out.name));
  out.columns = columns_of(doc);
  const auto& subresources = doc["subresources"];
  out.status_subresource = subresources.has("status");
  out.scale_spec = subresources["scale"]["specReplicasPath"].string();
  out.scale_status = subresources["scale"]["statusReplicasPath"].string();
  out.scale_selector = subresources["scale"]["labelSelectorPath"].string();
  return out;
}

// Either side keeps what its schema knows.
void add_conversions(Kind& kind, const Converter& converter, uint64_t revision) {
  const std::string stored = kind.api_version(kind.storage_version);
  for (auto& version : kind.versions) {
    version.from_storage = UserForm{kind.api_version(version.name), version.schema, converter, revision};
    if (version.name == kind.storage_version) continue;
    version.to_storage = [=](Json doc) -> Result<Json> {
      if (!converter) return std::move(doc.set("apiVersion", stored));
      auto all = TRY(converter({std::move(doc)}, stored));
      return std::move(all.front());
    };
  }
}

Result<std::vector<Json>> no_converter(const std::vector<Json>&, const std::string&) {
  return base::unavailable("nothing here can call conversion webhooks");
}

}  // namespace

Result<Json> UserForm::operator()(Json doc) const {
  if (convert) {
    auto all = TRY(convert({std::move(doc)}, api_version));
    doc = std::move(all.front());
  } else {
    doc.set("apiVersion", api_version);
  }
  prune(*schema, doc, true);
  apply_defaults(*schema, doc);
  return doc;
}

void fill_crd(Json& crd, bool created) {
  if (created) {
    crd.child("status").set("conditions", nullptr);
    crd.child("status").set("acceptedNames", Json::object({{"plural", ""}, {"kind", ""}}));
  }
  auto& spec = crd.child("spec");
  const std::string kind = spec["names"]["kind"].string();
  if (!kind.empty()) {
    auto& names = spec.child("names");
    if (names["singular"].string().empty()) names.set("singular", base::lower(kind));
    if (names["listKind"].string().empty()) names.set("listKind", kind + "List");
  }
  if (spec["conversion"].empty()) spec.set("conversion", Json::object({{"strategy", "None"}}));
  for (size_t i = 0; i < spec["versions"].size(); ++i) {
    auto& version = spec.child("versions").item(i);
    if (version["schema"].has("openAPIV3Schema")) drop_zero_values(version.child("schema").child("openAPIV3Schema"));
  }
  Json stored = crd["status"]["storedVersions"];
  for (const auto& version : spec["versions"].items()) {
    if (!version["storage"].boolean()) continue;
    const auto all = strings_of(stored);
    if (std::find(all.begin(), all.end(), version["name"].string()) == all.end()) stored.push(version["name"]);
    break;
  }
  if (!stored.empty()) crd.child("status").set("storedVersions", std::move(stored));
}

std::string crd_type_problem(const Json& crd) {
  for (const auto& version : crd["spec"]["versions"].items()) {
    const auto& schema = version["schema"]["openAPIV3Schema"];
    if (schema.is_null()) continue;
    auto problem = schema_document_problem(schema, "spec.versions.schema.openAPIV3Schema");
    if (!problem.empty()) return problem;
  }
  return {};
}

Kind kind_of_crd(const Json& crd, const SchemaRef& object_meta, Converter converter, uint64_t revision) {
  const auto& spec = crd["spec"];
  const auto& names = spec["names"];
  Kind out;
  out.group = spec["group"].string();
  out.kind = names["kind"].string();
  out.list_kind = names["listKind"].string();
  out.plural = names["plural"].string();
  out.singular = names["singular"].string();
  out.short_names = strings_of(names["shortNames"]);
  out.categories = strings_of(names["categories"]);
  out.namespaced = spec["scope"].string() == "Namespaced";
  out.terminating = crd["metadata"].has("deletionTimestamp");
  for (const auto& version : spec["versions"].items()) {
    out.versions.push_back(version_of(crd, version, object_meta));
    if (version["storage"].boolean()) out.storage_version = version["name"].string();
    for (const auto& field : version["selectableFields"].items()) {
      const std::string path = field["jsonPath"].string().substr(1);  // without the dot in front
      const std::pair<std::string, std::string> label(path, path);
      if (std::find(out.field_labels.begin(), out.field_labels.end(), label) == out.field_labels.end()) {
        out.field_labels.push_back(label);
      }
    }
  }
  std::stable_sort(out.versions.begin(), out.versions.end(),
                   [](const Version& a, const Version& b) { return version_before(a.name, b.name); });
  if (spec["conversion"]["strategy"].string() != "Webhook") converter = nullptr;
  if (spec["conversion"]["strategy"].string() == "Webhook" && !converter) converter = no_converter;
  add_conversions(out, converter, revision);
  return out;
}

bool is_established(const Json& crd) {
  for (const auto& condition : crd["status"]["conditions"].items()) {
    if (condition["type"].string() == "Established") return condition["status"].string() == "True";
  }
  return false;
}

}  // namespace meta
