#include "registry/admission.h"

#include <algorithm>

#include "base/text.h"
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

std::vector<FieldError> schema_findings(const Kind& kind, const Json& doc, const Json* stored) {
  const auto& schema = *kind.storage().schema;
  auto findings = meta::validate(schema, doc);
  // Said already, in other words.
  std::erase_if(findings, [](const FieldError& finding) {
    return finding.field.starts_with("metadata.ownerReferences") || finding.field.starts_with("metadata.managedFields");
  });
  if (findings.empty() || !stored || !kind.custom) return findings;
  const auto before = meta::validate(schema, *stored);
  std::erase_if(findings, [&](const FieldError& finding) {
    return std::find(before.begin(), before.end(), finding) != before.end() &&
           at_field(doc, finding.field) == at_field(*stored, finding.field);
  });
  return findings;
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
    return invalid(kind, doc["metadata"]["name"].string(), {meta::field_invalid("kind", type, "must be " + kind.kind)});
  }
  // In front, where readers look for them and lists leave them out.
  const auto& given = doc.members();
  if (given.size() < 2 || given[0].first != "apiVersion" || given[1].first != "kind") {
    doc.erase("apiVersion");
    doc.erase("kind");
    auto& members = doc.mutable_members();
    members.insert(members.begin(), {{"apiVersion", wanted}, {"kind", kind.kind}});
  }
  return normalise_metadata(kind, doc);
}

void fill_in(const Kind& kind, Json& doc, const Json* stored, meta::Operation operation) {
  const auto& schema = *kind.storage().schema;
  meta::prune(schema, doc, true);
  meta::apply_defaults(schema, doc);
  if (kind.fill_defaults && operation != meta::Operation::update_status) kind.fill_defaults(doc, stored);
}

Result<void> check_object(const Kind& kind, const Json& doc, const Json* stored, meta::Operation operation) {
  auto findings = check_metadata(kind, doc, stored);
  for (auto& finding : schema_findings(kind, doc, stored)) findings.push_back(std::move(finding));
  // The kind's own rules may rely on a document that fits its schema.
  if (findings.empty() && kind.check) findings = kind.check(doc, stored, operation);
  if (findings.empty()) return {};
  return invalid(kind, doc["metadata"]["name"].string(), std::move(findings));
}

}  // namespace registry
