#include "meta/openapi_doc.h"

#include "base/text.h"

namespace meta {
namespace {

constexpr std::string_view object_meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
constexpr std::string_view list_meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
constexpr std::string_view scale_name = "io.k8s.api.autoscaling.v1.Scale";

enum class Dialect : unsigned char { v2, v3 };

Json reference(Dialect dialect, std::string_view name) {
  const std::string_view where = dialect == Dialect::v2 ? "#/definitions/" : "#/components/schemas/";
  return Json::object({{"$ref", std::string(where) + std::string(name)}});
}

// A member that points elsewhere but has a description of its own.
Json described_reference(Dialect dialect, std::string_view name, const std::string& text) {
  if (dialect == Dialect::v2) return reference(dialect, name).set("description", text);
  return Json::object({{"description", text}, {"allOf", Json::array({reference(dialect, name)})}});
}

Json gvk(const Kind& kind, std::string_view version, std::string_view suffix = "") {
  return Json::object(
      {{"group", kind.group}, {"kind", kind.kind + std::string(suffix)}, {"version", std::string(version)}});
}

Json scale_gvk() { return Json::object({{"group", "autoscaling"}, {"kind", "Scale"}, {"version", "v1"}}); }

// Lists with keys and sets are merged by strategic merge patch; core kinds say so the way client-side apply reads it.
void add_patch_strategy(Json& node) {
  if (node.is_array()) {
    for (size_t i = 0; i < node.size(); ++i) add_patch_strategy(node.item(i));
    return;
  }
  if (!node.is_object()) return;
  const Json keys = node["x-kubernetes-list-map-keys"];
  if (keys.is_array() && !keys.empty()) {
    node.set("x-kubernetes-patch-merge-key", keys.at(0)).set("x-kubernetes-patch-strategy", "merge");
  } else if (node["x-kubernetes-list-type"].string() == "set") {
    node.set("x-kubernetes-patch-strategy", "merge");
  }
  for (size_t i = 0; i < node.members().size(); ++i) add_patch_strategy(node.mutable_members()[i].second);
}

// Fields of users' kinds that field selectors may name.
void add_selectable(const Kind& kind, Json& schema) {
  if (!kind.custom || kind.field_labels.empty()) return;
  Json fields = Json::array();
  for (const auto& [label, path] : kind.field_labels) fields.push(Json::object({{"fieldPath", path}}));
  schema.set("x-kubernetes-selectable-fields", std::move(fields));
}

// Version 2 of users' kinds says nothing about defaults.
void drop_defaults(Json& schema) {
  schema.erase("default");
  for (const char* below : {"items", "additionalProperties"}) {
    if (schema[below].is_object()) drop_defaults(schema.child(below));
  }
  if (!schema["properties"].is_object()) return;
  for (auto& [name, property] : schema.child("properties").mutable_members()) drop_defaults(property);
}

Json object_schema(const Kind& kind, const Version& version, Dialect dialect) {
  const bool v2 = dialect == Dialect::v2;
  Json schema = openapi(*version.schema, v2).set("type", "object");
  if (!kind.custom) add_patch_strategy(schema);
  if (v2 && kind.custom) drop_defaults(schema);
  if (v2 && kind.custom && version.schema->preserve_unknown) {
    schema.erase("x-kubernetes-preserve-unknown-fields");  // anything goes, so there is nothing to say
  } else {
    schema.child("properties").set("metadata", described_reference(dialect, object_meta, "Standard object metadata."));
  }
  schema.set("x-kubernetes-group-version-kind", Json::array({gvk(kind, version.name)}));
  add_selectable(kind, schema);
  return schema;
}

Json list_schema(const Kind& kind, const Version& version, Dialect dialect) {
  const auto text = [](const char* what) { return Json::object({{"type", "string"}, {"description", what}}); };
  Json properties = Json::object();
  properties.set("apiVersion", text("Group and version of this list."));
  properties.set("items",
                 Json::object({{"description", "The objects."},
                               {"items", reference(dialect, openapi_name(kind.group, version.name, kind.kind))},
                               {"type", "array"}}));
  properties.set("kind", text("Kind of this list."));
  properties.set("metadata", described_reference(dialect, list_meta, "Version of the list and how to go on reading."));
  Json schema = Json::object({{"description", kind.list_kind + " is a list of " + kind.kind + " objects."},
                              {"type", "object"},
                              {"required", Json::array({"items"})},
                              {"properties", properties},
                              {"x-kubernetes-group-version-kind", Json::array({gvk(kind, version.name, "List")})}});
  add_selectable(kind, schema);
  return schema;
}

Json list_meta_schema() {
  const auto member = [](const char* type, const char* what) {
    return Json::object({{"type", type}, {"description", what}});
  };
  return Json::object(
      {{"description", "Metadata of a list."},
       {"type", "object"},
       {"properties", Json::object({{"continue", member("string", "Token for the next page; empty on the last one.")},
                                    {"remainingItemCount", member("integer", "How many objects follow, when known.")},
                                    {"resourceVersion", member("string", "Version of the data that the list shows.")},
                                    {"selfLink", member("string", "No longer used.")}})}});
}

// Of every kind with a scale subresource the same.
void add_scale_schema(Dialect dialect, Json& schemas) {
  const auto member = [](std::string_view type, std::string_view what) {
    return Json::object({{"type", type}, {"description", what}});
  };
  const auto count = [&](std::string_view what) { return member("integer", what).set("format", "int32"); };
  const auto part = [&](std::string_view name, std::string_view what, Json properties) {
    schemas.set(std::string(scale_name) + std::string(name),
                Json::object({{"description", what}, {"type", "object"}, {"properties", std::move(properties)}}));
  };
  part("Spec", "How many there should be.", Json::object({{"replicas", count("The wanted number of replicas.")}}));
  part("Status", "How many there are.",
       Json::object({{"replicas", count("The present number of replicas.")},
                     {"selector", member("string", "Label selector of the replicas, as text.")}}));
  schemas.child(std::string(scale_name) + "Status").set("required", Json::array({"replicas"}));
  const std::string own(scale_name);
  part("", "The number of replicas of another object.",
       Json::object({{"apiVersion", member("string", "Group and version of this form.")},
                     {"kind", member("string", "Kind of this form.")},
                     {"metadata", described_reference(dialect, object_meta, "Standard object metadata.")},
                     {"spec", described_reference(dialect, own + "Spec", "What is wanted.")},
                     {"status", described_reference(dialect, own + "Status", "What there is.")}}));
  schemas.child(own).set("x-kubernetes-group-version-kind", Json::array({scale_gvk()}));
}

void add_schemas(const Kind& kind, const Version& version, Dialect dialect, Json& schemas) {
  schemas.set(openapi_name(kind.group, version.name, kind.kind), object_schema(kind, version, dialect));
  schemas.set(openapi_name(kind.group, version.name, kind.list_kind), list_schema(kind, version, dialect));
  if (!version.scale_spec.empty() && !schemas.has(scale_name)) add_scale_schema(dialect, schemas);
  if (schemas.has(object_meta)) return;
  const Property* metadata = version.schema->find("metadata");
  Json meta_schema = metadata ? openapi(*metadata->schema, dialect == Dialect::v2) : Json::object({{"type", "object"}});
  add_patch_strategy(meta_schema);
  schemas.set(object_meta, std::move(meta_schema));
  schemas.set(list_meta, list_meta_schema());
}

Json parameter(Dialect dialect, std::string_view name, std::string_view in, std::string_view type,
               std::string_view text) {
  Json out = Json::object({{"name", name}, {"in", in}, {"description", text}});
  if (dialect == Dialect::v2) {
    out.set("type", type).set("uniqueItems", true);
  } else {
    out.set("schema", Json::object({{"type", type}, {"uniqueItems", true}}));
  }
  if (in == "path") out.set("required", true);
  return out;
}

// One operation of one kind; the extension tells clients which kind it is about.
class Operations {
 public:
  Operations(const Kind& kind, const Version& version, Dialect dialect)
      : kind_(kind), version_(version), dialect_(dialect) {}

  void add_to(Json& paths) const {
    const std::string root =
        kind_.group.empty() ? "/api/" + version_.name : "/apis/" + kind_.group + "/" + version_.name;
    const std::string scope = kind_.namespaced ? "/namespaces/{namespace}" : "";
    if (kind_.namespaced) paths.set(root + "/" + kind_.plural, all_namespaces());
    const std::string collection = root + scope + "/" + kind_.plural;
    paths.set(collection, of_collection());
    paths.set(collection + "/{name}", of_item(""));
    if (version_.status_subresource) paths.set(collection + "/{name}/status", of_item("Status"));
    if (!version_.scale_spec.empty()) paths.set(collection + "/{name}/scale", of_item("Scale"));
  }

 private:
  // What a path is about.
  struct Form {
    std::string schema;
    Json gvk;
  };
  Form form_of(std::string_view result) const {
    return {openapi_name(kind_.group, version_.name, result), gvk(kind_, version_.name)};
  }

  Json all_namespaces() const { return Json::object({{"get", list("ForAllNamespaces")}}); }

  Json of_collection() const {
    Json out = Json::object({{"get", list("")}, {"post", write("post", "create", "", form_of(kind_.kind))}});
    out.child("get").set("parameters", list_parameters());
    out.set("parameters", path_parameters(false));
    return out;
  }

  Json of_item(std::string_view suffix) const {
    const std::string name = kind_.kind + std::string(suffix);
    const Form form = suffix == "Scale" ? Form{std::string(scale_name), scale_gvk()} : form_of(kind_.kind);
    Json out = Json::object({{"get", operation("get", "read", name, form)},
                             {"put", write("put", "replace", suffix, form)},
                             {"patch", write("patch", "patch", suffix, form)}});
    if (suffix.empty()) out.set("delete", operation("delete", "delete", name, form));
    out.set("parameters", path_parameters(true));
    return out;
  }

  Json list(std::string_view suffix) const {
    Json out = operation("list", "list", kind_.kind + std::string(suffix), form_of(kind_.list_kind));
    return out.set("parameters", list_parameters());
  }

  Json list_parameters() const {
    return Json::array({parameter(dialect_, "labelSelector", "query", "string", "Only objects with these labels."),
                        parameter(dialect_, "fieldSelector", "query", "string", "Only objects with these fields."),
                        parameter(dialect_, "limit", "query", "integer", "Objects per page at most."),
                        parameter(dialect_, "continue", "query", "string", "Token of the next page."),
                        parameter(dialect_, "resourceVersion", "query", "string", "Version to read or watch from."),
                        parameter(dialect_, "timeoutSeconds", "query", "integer", "How long to watch."),
                        parameter(dialect_, "watch", "query", "boolean", "Follow changes instead of listing.")});
  }

  Json path_parameters(bool with_name) const {
    Json out = Json::array();
    if (with_name) out.push(parameter(dialect_, "name", "path", "string", "Name of the " + kind_.kind + "."));
    if (kind_.namespaced) out.push(parameter(dialect_, "namespace", "path", "string", "Namespace of the object."));
    return out;
  }

  Json write(std::string_view action, std::string_view verb, std::string_view suffix, const Form& form) const {
    Json out = operation(action, verb, kind_.kind + std::string(suffix), form);
    Json parameters = Json::array(
        {parameter(dialect_, "dryRun", "query", "string", "All: do everything but store."),
         parameter(dialect_, "fieldManager", "query", "string", "Who writes, for managedFields."),
         parameter(dialect_, "fieldValidation", "query", "string", "Ignore, Warn or Strict on unknown fields.")});
    const Json body_schema = action == "patch" ? Json::object({{"type", "object"}}) : reference(dialect_, form.schema);
    if (dialect_ == Dialect::v2) {
      parameters.push(Json::object({{"name", "body"}, {"in", "body"}, {"required", true}, {"schema", body_schema}}));
      out.set("consumes", Json::strings(media_types(action)));
    } else {
      Json content = Json::object();
      for (const auto& type : media_types(action)) content.set(type, Json::object({{"schema", body_schema}}));
      out.set("requestBody", Json::object({{"content", content}, {"required", true}}));
    }
    return out.set("parameters", std::move(parameters));
  }

  std::vector<std::string> media_types(std::string_view action) const {
    if (action != "patch") return {"application/json", "application/yaml"};
    std::vector<std::string> types{"application/json-patch+json", "application/merge-patch+json"};
    if (!kind_.custom) types.emplace_back("application/strategic-merge-patch+json");
    return types;
  }

  Json operation(std::string_view action, std::string_view verb, std::string_view what, const Form& form) const {
    const Json schema = reference(dialect_, form.schema);
    Json ok = Json::object({{"description", "OK"}});
    Json out = Json::object({{"description", std::string(verb) + " " + kind_.kind}});
    if (dialect_ == Dialect::v2) {
      out.set("produces", Json::array({"application/json", "application/yaml"}));
      ok.set("schema", schema);
    } else {
      ok.set("content", Json::object({{"application/json", Json::object({{"schema", schema}})}}));
    }
    std::string id(verb);
    for (const auto part : base::split(kind_.group, '.')) id += capitalised(part);
    id += capitalised(version_.name) + (kind_.namespaced ? "Namespaced" : "") + std::string(what);
    out.set("operationId", id);
    out.set("responses", Json::object({{"200", ok}}));
    out.set("x-kubernetes-action", action);
    out.set("x-kubernetes-group-version-kind", form.gvk);
    return out;
  }

  static std::string capitalised(std::string_view word) {
    std::string out(word);
    if (!out.empty()) out[0] = base::upper(out.substr(0, 1))[0];
    return out;
  }

  const Kind& kind_;
  const Version& version_;
  Dialect dialect_;
};

Json info() { return Json::object({{"title", "Kubernetes"}, {"version", "ingot"}}); }

}  // namespace

std::string openapi_name(std::string_view group, std::string_view version, std::string_view kind) {
  std::string out;
  if (group.empty()) {
    out = "io.k8s.api.core";
  } else if (group.find('.') == std::string_view::npos) {
    out = "io.k8s.api." + std::string(group);
  } else {
    for (const auto part : base::split(group, '.')) out = std::string(part) + (out.empty() ? "" : "." + out);
  }
  return out + "." + std::string(version) + "." + std::string(kind);
}

Json openapi_v3_document(const Scheme& scheme, std::string_view group, std::string_view version) {
  Json schemas = Json::object(), paths = Json::object();
  for (const Kind* kind : scheme.kinds()) {
    const Version* found = kind->group == group ? kind->version(version) : nullptr;
    if (!found || !found->served) continue;
    add_schemas(*kind, *found, Dialect::v3, schemas);
    Operations(*kind, *found, Dialect::v3).add_to(paths);
  }
  return Json::object(
      {{"openapi", "3.0.0"}, {"info", info()}, {"paths", paths}, {"components", Json::object({{"schemas", schemas}})}});
}

Json openapi_v2_document(const Scheme& scheme) {
  Json definitions = Json::object(), paths = Json::object();
  for (const Kind* kind : scheme.kinds()) {
    for (const auto& version : kind->versions) {
      if (!version.served) continue;
      add_schemas(*kind, version, Dialect::v2, definitions);
      Operations(*kind, version, Dialect::v2).add_to(paths);
    }
  }
  return Json::object({{"swagger", "2.0"}, {"info", info()}, {"paths", paths}, {"definitions", definitions}});
}

}  // namespace meta
