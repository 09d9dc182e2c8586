#include "registry/custom_checks.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "registry/metadata.h"
#include "registry/sorted.h"

namespace registry {
namespace {

using base::FieldError;

// As Go prints a decoded JSON value (%v), and its type (%T).
std::string go_value(const Json& value) {
  if (value.is_string()) return value.string();
  if (value.is_null()) return "<nil>";
  std::string out;
  if (value.is_array()) {
    for (const auto& item : value.items()) out += (out.empty() ? "" : " ") + go_value(item);
    return "[" + out + "]";
  }
  if (!value.is_object()) return value.dump();
  std::vector<std::string> members;
  for (const auto& [name, member] : value.members()) members.push_back(name + ":" + go_value(member));
  std::sort(members.begin(), members.end());
  return "map[" + base::join(members, " ") + "]";
}

std::string go_type(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_bool()) return "bool";
  if (value.is_integer()) return "int64";
  if (value.is_double()) return "float64";
  if (value.is_array()) return "[]interface {}";
  return value.is_object() ? "map[string]interface {}" : "<nil>";
}

// What stands at a path such as ".spec.replicas"; null when nothing does. `problem` says why it cannot be read.
const Json* at_path(const Json& doc, const std::string& path, std::string& problem) {
  const Json* at = &doc;
  std::string walked;
  for (const auto part : base::split(std::string_view(path).substr(path.starts_with('.') ? 1 : 0), '.')) {
    walked += "." + std::string(part);
    if (at->is_null()) return nullptr;
    if (!at->is_object()) {
      problem = walked + " accessor error: " + go_value(*at) + " is of the type " + go_type(*at) +
                ", expected map[string]interface{}";
      return nullptr;
    }
    at = at->find(part);
    if (!at) return nullptr;
  }
  return at;
}

std::string wrong_type(const std::string& path, const Json& value, const char* wanted) {
  return path + " accessor error: " + go_value(value) + " is of the type " + go_type(value) + ", expected " + wanted;
}

void check_count(const std::string& path, const Json& doc, std::vector<FieldError>& found) {
  std::string problem;
  const Json* value = path.empty() ? nullptr : at_path(doc, path, problem);
  if (value && !value->is_integer()) problem = wrong_type(path, *value, "int64");
  if (!problem.empty()) return found.push_back(meta::field_invalid(path, 0, problem));
  if (!value) return;
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  if (value->integer() < 0) found.push_back(meta::field_invalid(path, *value, "should be a non-negative integer"));
  if (value->integer() > most) {
    found.push_back(meta::field_invalid(path, *value, "should be less than or equal to " + std::to_string(most)));
  }
}

// Calls `visit` with each embedded object and its field path.
template <class Visit>
void each_embedded(const meta::Schema& schema, const Json& value, const std::string& path, const Visit& visit) {
  if (schema.embedded_resource && value.is_object()) visit(value, path);
  if (value.is_array() && schema.items) {
    for (size_t i = 0; i < value.size(); ++i) {
      each_embedded(*schema.items, value.at(i), path + "[" + std::to_string(i) + "]", visit);
    }
  }
  for (const auto& [name, member] : value.members()) {
    if (!member.is_object() && !member.is_array()) continue;
    const auto* property = schema.find(name);
    const auto* below = property                               ? property->schema.get()
                        : schema.type == meta::SchemaType::map ? schema.items.get()
                                                               : nullptr;
    if (below) each_embedded(*below, member, path.empty() ? name : path + "." + name, visit);
  }
}

}  // namespace

std::vector<FieldError> check_scale_fields(const meta::Version& version, const Json& doc, bool status) {
  std::vector<FieldError> found;
  if (version.scale_spec.empty()) return found;
  if (!status) check_count(version.scale_spec, doc, found);
  check_count(version.scale_status, doc, found);
  const auto& path = version.scale_selector;
  std::string problem;
  const Json* selector = path.empty() ? nullptr : at_path(doc, path, problem);
  if (selector && !selector->is_string()) problem = wrong_type(path, *selector, "string");
  if (!problem.empty()) found.push_back(meta::field_invalid(path, "", problem));
  return found;
}

Result<void> decode_embedded(const Kind& kind, const Json& doc) {
  std::vector<FieldError> found;
  each_embedded(*kind.storage().schema, doc, "", [&](const Json& object, const std::string& at) {
    for (const char* name : {"apiVersion", "kind"}) {
      if (!object.has(name) || object[name].is_string()) continue;
      found.push_back(meta::field_invalid(at + "." + name, object[name], "must be a string"));
    }
    const auto problem = metadata_problem(object["metadata"]);
    if (!problem.empty()) found.push_back(meta::field_invalid(at + ".metadata", sorted(object["metadata"]), problem));
  });
  if (found.empty()) return {};
  return bad_request(kind.kind + " in version \"" + kind.storage_version + "\" cannot be handled as a " + kind.kind +
                     ": " + meta::text_of(found.front()));
}

std::vector<FieldError> check_embedded(const Kind& kind, const Json& doc) {
  std::vector<FieldError> found;
  each_embedded(*kind.storage().schema, doc, "", [&](const Json& object, const std::string& at) {
    for (auto& finding : check_embedded_metadata(kind, object, at)) found.push_back(std::move(finding));
  });
  return found;
}

}  // namespace registry
