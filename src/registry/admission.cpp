#include "registry/admission.h"

#include <algorithm>

#include "api/rules/rules.h"
#include "base/text.h"
#include "meta/crd_read.h"
#include "meta/go_text.h"
#include "registry/core_values.h"
#include "registry/custom_checks.h"
#include "registry/metadata.h"

namespace registry {
namespace {

using base::FieldError;

// The value at a field path such as spec.nics[0].mac or spec.labels[a.b]; the null value when there is none.
const Json& at_field(const Json& doc, std::string_view path) {
  const Json* at = &doc;
  while (!path.empty()) {
    if (path.front() == '.') path.remove_prefix(1);
    if (path.starts_with('[')) {
      const size_t end = path.find(']');
      if (end == std::string_view::npos) break;
      const auto inside = path.substr(1, end - 1);
      const auto index = at->is_array() ? base::parse_uint(inside) : std::nullopt;
      at = index ? &at->at(*index) : &(*at)[inside];
      path.remove_prefix(end + 1);
    } else {
      const size_t end = std::min(path.find_first_of(".["), path.size());
      at = &(*at)[path.substr(0, end)];
      path.remove_prefix(end);
    }
  }
  return *at;
}

// Findings after which a document is too strange for CEL rules.
bool is_blocking(const FieldError& finding) {
  for (const char* reason : {"FieldValueRequired", "FieldValueNotSupported", "FieldValueTooLong", "FieldValueTooMany",
                             "FieldValueTypeInvalid"}) {
    if (finding.reason == reason) return true;
  }
  return false;
}

// With `stored`: of what a custom resource has changed.
std::vector<FieldError> schema_findings(const Kind& kind, const Json& doc, const Json* stored) {
  auto findings = meta::validate(*kind.storage().schema, doc, kind.custom ? stored : nullptr);
  // A number that is too large for its format is refused where it is decoded into such a number: not in custom kinds.
  if (kind.custom) {
    std::erase_if(findings, [](const FieldError& finding) {
      return finding.message.find(" in body must be of type integer with format int") != std::string::npos;
    });
  }
  // Said already, in other words.
  std::erase_if(findings, [](const FieldError& finding) {
    return finding.field.starts_with("metadata.ownerReferences") || finding.field.starts_with("metadata.finalizers") ||
           finding.field.starts_with("metadata.managedFields");
  });
  return findings;
}

void check_rules(const meta::Rules& rules, const Json& doc, const Json* stored, std::vector<FieldError>& findings,
                 std::vector<std::string>* warnings) {
  if (std::any_of(findings.begin(), findings.end(), is_blocking)) {
    findings.push_back(meta::field_invalid("<nil>", nullptr,
                                           "some validation rules were not checked because the object was invalid; "
                                           "correct the existing errors to complete validation"));
    return;
  }
  std::vector<std::string> ignored;
  for (auto& finding : rules.check(doc, stored, warnings ? *warnings : ignored)) findings.push_back(std::move(finding));
}

// Core kinds have no empty maps and lists: there they are as good as none.
void drop_empty(const meta::Schema& schema, Json& doc) {
  for (const auto& property : schema.properties) {
    const bool collection =
        property.schema->type == meta::SchemaType::map || property.schema->type == meta::SchemaType::array;
    const Json* value = collection && property.name != "rules" ? doc.find(property.name) : nullptr;
    if (value && (value->is_object() || value->is_array()) && value->empty()) doc.erase(property.name);
  }
}

// At /status the path in the words after the value starts below status.
void name_within_status(FieldError& finding) {
  const auto words = ": " + finding.field + " in body";
  const size_t at = finding.message.find(words);
  if (!finding.field.starts_with("status.") || at == std::string::npos) return;
  finding.message.erase(at + 2, std::string_view("status.").size());
}

// The name of the Go struct that a field of a core kind is in, as far as names follow a rule.
std::string struct_of(const Kind& kind, std::string_view field) {
  if (field.starts_with("metadata.")) return "ObjectMeta";
  if (field.starts_with("spec.") && field.find('.', 5) == std::string_view::npos) return kind.kind + "Spec";
  if (field.starts_with("status.") && field.find('.', 7) == std::string_view::npos) return kind.kind + "Status";
  return kind.kind;
}

const meta::Schema* schema_at(const meta::Schema* schema, std::string_view field, bool& declared) {
  declared = true;
  for (const auto part : base::split(field, '.')) {
    const auto* property = schema ? schema->find(part) : nullptr;
    declared = property != nullptr;
    schema = property ? property->schema.get() : schema ? schema->items.get() : nullptr;
  }
  return schema;
}

std::string go_type(const meta::Schema* schema) {
  using meta::SchemaType;
  if (!schema) return "string";
  switch (schema->type) {
    case SchemaType::string:
      return "string";
    case SchemaType::boolean:
      return "bool";
    case SchemaType::integer:
      return schema->format.empty() ? "int64" : schema->format;
    case SchemaType::map:
      return "map[string]" + go_type(schema->items.get());
    case SchemaType::array:
      return "[]" + go_type(schema->items.get());
    default:
      return "struct";
  }
}

Error cannot_be_handled(const Kind& kind, const std::string& why) {
  return bad_request(kind.kind + " in version \"" + kind.storage_version + "\" cannot be handled as a " + kind.kind +
                     ": " + why);
}

// Objects of core kinds are decoded into types: what does not fit is no object, and so a bad request.
Result<void> check_types(const Kind& kind, const Json& doc, const std::vector<FieldError>& findings) {
  const auto refuse = [&](const std::string& why) { return cannot_be_handled(kind, why); };
  for (const auto& finding : findings) {
    const bool number = finding.message.find(" in body must be of type integer with format ") != std::string::npos;
    if (finding.reason != "FieldValueTypeInvalid" && !number) continue;
    const Json& value = at_field(doc, finding.field);
    bool declared = true;
    const auto* schema = schema_at(kind.storage().schema.get(), finding.field, declared);
    if (schema && schema->format == "byte" && value.is_string()) {
      return refuse("illegal base64 data at input byte " +
                    std::to_string(meta::base64_problem(value.string()).value_or(0)));
    }
    const bool time = schema && schema->format.starts_with("date-time") && value.is_string();
    if (time) return refuse("parsing time " + base::quoted(value.string()) + ": it is not in the form of RFC 3339");
    std::string got(value.is_number() ? "number" : value.is_bool() ? "bool" : value.type_name());
    if (value.is_number() && schema && schema->type == meta::SchemaType::integer) {
      const bool bare = value.is_double() && value.dump().find_first_of(".e") == std::string::npos;
      got += " " + value.dump() + (bare ? ".0" : "");
    }
    const size_t dot = finding.field.rfind('.');
    const std::string place = declared ? finding.field : finding.field.substr(0, dot);
    return refuse("json: cannot unmarshal " + got + " into Go struct field " + struct_of(kind, place) + "." + place +
                  " of type " + go_type(schema));
  }
  return {};
}

void append(std::vector<FieldError>& to, std::vector<FieldError> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// Upstream looks at metadata several times on update, and all that it finds is told.
size_t times_found(const Kind& kind, const FieldError& finding, meta::Operation operation) {
  const bool once_more = operation == meta::Operation::update && kind.resource() != "services" &&
                         (kind.group.empty() || kind.group == "rbac.authorization.k8s.io");
  const std::string_view field = finding.field;
  for (const std::string_view often : {"metadata.labels", "metadata.annotations", "metadata.ownerReferences"}) {
    if (field.starts_with(often)) return once_more ? 4 : 3;
  }
  if (!field.starts_with("metadata.finalizers")) return 1;
  return once_more || finding.reason == "FieldValueForbidden" ? 2 : 1;
}

std::vector<FieldError> metadata_findings(const Kind& kind, const Json& doc, const Json* stored,
                                          meta::Operation operation) {
  auto findings = check_metadata(kind, doc, stored);
  if (!stored) return findings;
  std::vector<FieldError> out;
  for (const auto& finding : findings) out.insert(out.end(), times_found(kind, finding, operation), finding);
  return out;
}

}  // namespace

Result<void> decode_object(const Kind& kind, Json& doc) {
  if (!doc.is_object()) return bad_request("an object is expected, not " + std::string(doc.type_name()));
  const std::string wanted = kind.api_version(kind.storage_version);
  const auto& version = doc["apiVersion"];
  if (!version.is_null() && version.string() != wanted) {
    return bad_request("the API version in the data (" + version.string() +
                       ") does not match the expected API version (" + wanted + ")");
  }
  const auto& type = doc["kind"];
  if (!type.is_null() && type.string() != kind.kind) {
    return wrong_kind(kind, doc);
  }
  // In front, where readers look for them and lists leave them out.
  const auto& given = doc.members();
  if (given.size() < 2 || given[0].first != "apiVersion" || given[1].first != "kind") {
    doc.erase("apiVersion");
    doc.erase("kind");
    auto& members = doc.mutable_members();
    members.insert(members.begin(), {{"apiVersion", wanted}, {"kind", kind.kind}});
  }
  TRY(normalise_metadata(kind, doc));
  return kind.custom ? decode_embedded(kind, doc) : decode_values(kind, doc);
}

Result<void> check_decodable(const Kind& kind, Json doc) {
  TRY(normalise_metadata(kind, doc));
  return check_types(kind, doc, meta::validate(*kind.storage().schema, doc));
}

void fill_in(const Kind& kind, Json& doc, const Json* stored, meta::Operation operation) {
  const auto& schema = *kind.storage().schema;
  meta::prune(schema, doc, true);
  meta::apply_defaults(schema, doc);
  if (!kind.custom) drop_empty(schema, doc);
  // Core kinds are defaulted whenever they are decoded, whatever of them is taken then.
  const bool whole =
      (!kind.custom && kind.group != "apiextensions.k8s.io") || operation != meta::Operation::update_status;
  if (kind.fill_defaults && whole) kind.fill_defaults(doc, stored);
}

namespace {

// Adds what the kind's own rules find. Those of custom kinds may rely on a document that fits its schema; those of core
// kinds find all else that is wrong, in fields that nothing was found in yet.
void check_further(const Kind& kind, const Json& doc, const Json* stored, meta::Operation operation,
                   std::vector<FieldError>& findings) {
  if (kind.custom && !findings.empty()) return;
  auto more = kind.check(doc, stored, operation);
  std::erase_if(more, [&](const FieldError& one) {
    return std::any_of(findings.begin(), findings.end(), [&](const auto& known) { return known.field == one.field; });
  });
  append(findings, std::move(more));
}

}  // namespace

Result<void> check_object(const Kind& kind, const Json& doc, const Json* stored, meta::Operation operation,
                          std::string_view api_version, std::vector<std::string>* warnings) {
  auto findings = metadata_findings(kind, doc, stored, operation);
  const auto& version = kind.storage();
  auto by_schema = schema_findings(kind, doc, stored);
  if (!kind.custom) {
    TRY(check_types(kind, doc, by_schema));
    TRY(check_types(kind, doc, fractions(kind, doc)));
  }
  const bool status = operation == meta::Operation::update_status;
  if (kind.custom && status) std::for_each(by_schema.begin(), by_schema.end(), name_within_status);
  if (kind.resource() == "customresourcedefinitions.apiextensions.k8s.io") {
    const auto problem = meta::crd_type_problem(doc);
    if (!problem.empty()) return cannot_be_handled(kind, problem);
  }
  auto all = api::rules::all_findings(kind, doc, stored, operation, api_version);
  append(findings, all ? std::move(*all) : std::move(by_schema));
  if (kind.custom) {
    append(findings, check_scale_fields(version, doc, status));
    append(findings, check_embedded(kind, doc));
  }
  if (version.rules) check_rules(*version.rules, doc, stored, findings, warnings);
  if (!all && kind.check) check_further(kind, doc, stored, operation, findings);
  if (findings.empty()) return {};
  return invalid(kind, doc["metadata"]["name"].string(), std::move(findings));
}

}  // namespace registry
