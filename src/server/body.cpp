#include "server/body.h"

#include <algorithm>

#include "base/text.h"
#include "server/errors.h"
#include "server/protobuf_body.h"
#include "wire/yaml.h"

namespace server {
namespace {

constexpr size_t field_manager_max = 128;

Result<Json> parse_yaml_body(const std::string& text) {
  auto documents = TRY(wire::parse_yaml(text));
  if (documents.size() == 1) return std::move(documents.front());
  return registry::bad_request("the body has " + std::to_string(documents.size()) + " YAML documents, not one");
}

std::string cannot_be_handled(const Call& call) {
  return call.kind().kind + " in version \"" + call.version().name + "\" cannot be handled as a " + call.kind().kind +
         ": ";
}

Result<void> check_type(const Call& call, const Json& doc) {
  const auto& kind = call.kind();
  const auto& given_version = doc["apiVersion"];
  const std::string wanted = call.api_version();
  const bool left_out = given_version.is_null() && !kind.custom;
  if (!left_out && given_version.string() != wanted) {
    return registry::bad_request("the API version in the data (" + given_version.string() +
                                 ") does not match the expected API version (" + wanted + ")");
  }
  const auto& given = doc["kind"];
  if (given.is_null() || given.string() == kind.kind) return {};
  if (kind.custom) {
    return registry::wrong_kind(kind, doc);
  }
  return registry::bad_request(given.string() + " in version \"" + call.version().name + "\" cannot be handled as a " +
                               kind.kind + ": the kind in the data does not match");
}

}  // namespace

std::string media_type(const net::Request& request) {
  const std::string_view header = request.headers.get("Content-Type");
  const auto type = base::lower(base::trim(header.substr(0, header.find(';'))));
  return type.empty() ? "application/json" : type;
}

Result<Json> parse_body(const net::Request& request, std::vector<std::string>* duplicates) {
  const auto type = media_type(request);
  if (type == "application/json") {
    base::JsonParse how;
    how.duplicates = duplicates;
    return base::parse_json(request.body, how);
  }
  if (type == "application/yaml" || type == "text/yaml" || type == "application/x-yaml") {
    return parse_yaml_body(request.body);
  }
  if (type == "application/vnd.kubernetes.protobuf") return parse_protobuf(request.body);
  return Error{.code = base::Code::unsupported,
               .message =
                   "the body of the request was in an unknown format - accepted media types include: "
                   "application/json, application/yaml, application/vnd.kubernetes.protobuf"};
}

Result<void> check_identity(const Call& call, Json& doc) {
  if (!doc.is_object()) return registry::bad_request("an object is expected, not " + std::string(doc.type_name()));
  TRY(check_type(call, doc));
  if (!doc.has("apiVersion") || !doc.has("kind")) {
    doc.set("apiVersion", call.api_version()).set("kind", call.kind().kind);
  }
  const auto& given = doc["metadata"];
  if (!given.is_null() && !given.is_object()) return registry::bad_request("metadata must be an object");
  const auto& name = given["name"].string();
  if (call.request.method == "PUT" && name.empty()) {
    return registry::bad_request("the name of the object (" + call.route.name +
                                 " based on URL) was undeterminable: name must be provided");
  }
  if (!call.route.name.empty() && !name.empty() && name != call.route.name) {
    return registry::bad_request("the name of the object (" + name + ") does not match the name on the URL (" +
                                 call.route.name + ")");
  }
  const auto& ns = given["namespace"].string();
  if (!call.kind().namespaced) return {};
  if (!ns.empty() && ns != call.route.ns) {
    return registry::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request");
  }
  if (ns.empty()) doc.child("metadata").set("namespace", call.route.ns);
  return {};
}

// The start of a body, for people: as it is, or in hexadecimal digits when it does not look like an object.
std::string summary(const std::string& body) {
  constexpr size_t shown_max = 30;
  if (body.empty()) return "<empty>";
  const std::string start = body.substr(0, shown_max);
  return (body[0] == '{' ? start : base::hex(start)) + (body.size() > shown_max ? " ..." : "");
}

Error unrecognised(const Call& call, const std::string& why) {
  return registry::bad_request("the object provided is unrecognized (must be of type " + call.kind().kind +
                               "): " + why + " (" + summary(call.request.body) + ")");
}

// Only an object can say what it is.
Result<void> check_says_what(const Call& call, const Json& doc) {
  if (!doc.is_object()) {
    return unrecognised(call, "couldn't get version/kind; json parse error: json: cannot unmarshal " +
                                  std::string(doc.type_name()) +
                                  " into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty"
                                  "\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }");
  }
  if (call.kind().custom && doc["kind"].string().empty()) {
    return unrecognised(call, "Object 'Kind' is missing in '" + call.request.body + "'");
  }
  return {};
}

// The registry keeps one of each; who sent more should know.
void warn_about_owners(Call& call, const Json& doc) {
  std::vector<std::string> seen, twice;
  for (const auto& owner : doc["metadata"]["ownerReferences"].items()) {
    const auto& uid = owner["uid"].string();
    auto& list = std::find(seen.begin(), seen.end(), uid) == seen.end() ? seen : twice;
    list.push_back(uid);
  }
  if (twice.empty()) return;
  call.warn(
      ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may "
      "reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: " +
      base::join(twice, ", "));
}

void warn_about_version(Call& call, const Json& doc) {
  const auto& given = doc["apiVersion"].string();
  const auto [group, version] = meta::split_api_version(given);
  const bool other = group == call.kind().group && !call.kind().version(version);
  if (!call.kind().custom || !other || call.route.query.get("fieldValidation") == "Ignore") return;
  std::vector<std::string> names;
  for (const auto& [name, member] : doc.members()) {
    if (name != "apiVersion" && name != "kind" && name != "metadata") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  for (const auto& name : names) call.warn("unknown field " + base::quoted(name));
}

Result<Json> parse_object(Call& call) {
  std::vector<std::string> duplicates;
  auto doc = parse_body(call.request, &duplicates);
  if (!doc) {
    if (doc.error().code != base::Code::bad_request) return std::move(doc).error();
    if (call.request.body.empty()) {
      return unrecognised(call, "couldn't get version/kind; json parse error: unexpected end of JSON input");
    }
    return unrecognised(call, "couldn't get version/kind; json parse error: " + doc.error().message);
  }
  if (doc->is_null()) *doc = Json::object();
  TRY(check_says_what(call, *doc));
  warn_about_version(call, *doc);
  TRY(check_identity(call, *doc));
  TRY(check_fields(call, *doc, duplicates));
  warn_about_owners(call, *doc);
  return doc;
}

Result<void> check_fields(Call& call, const Json& doc, const std::vector<std::string>& duplicates) {
  const auto& how = call.route.query.get("fieldValidation");
  if (how == "Ignore") return {};
  std::vector<std::string> problems, unknown;
  for (const auto& field : duplicates) problems.push_back("duplicate field " + base::quoted(field));
  Json copy = doc;
  meta::prune(*call.version().schema, copy, true, &unknown);
  if (call.kind().custom) std::sort(unknown.begin(), unknown.end());
  for (const auto& field : unknown) problems.push_back("unknown field " + base::quoted(field));
  if (problems.empty()) return {};
  if (how == "Strict") {
    return registry::bad_request(cannot_be_handled(call) + "strict decoding error: " + base::join(problems, ", "));
  }
  for (auto& problem : problems) call.warn(std::move(problem));
  return {};
}

Result<void> check_write_options(const Call& call, std::string_view options) {
  const auto& query = call.route.query;
  for (const auto& value : query.all("dryRun")) {
    if (value == "All") continue;
    return invalid_options(options, meta::field_not_supported("dryRun", Json::strings(query.all("dryRun")), {"All"}));
  }
  const auto& how = query.get("fieldValidation");
  if (!how.empty() && how != "Ignore" && how != "Warn" && how != "Strict") {
    return invalid_options(options,
                           meta::field_not_supported("fieldValidation", how, {"", "Ignore", "Strict", "Warn"}));
  }
  const auto& manager = query.get("fieldManager");
  if (manager.size() > field_manager_max) {
    return invalid_options(options, meta::field_too_long("fieldManager", field_manager_max));
  }
  for (size_t i = 0; i < manager.size(); ++i) {
    const auto byte = static_cast<unsigned char>(manager[i]);
    if (byte >= 0x20 && byte != 0x7f) continue;
    const std::string code = base::upper(base::hex(std::string_view(&manager[i], 1)));
    return invalid_options(
        options, meta::field_invalid("fieldManager", manager,
                                     "invalid character U+00" + code + " (at position " + std::to_string(i) + ")"));
  }
  return {};
}

Json query_options(const Call& call) {
  Json out = Json::object();
  const auto& query = call.route.query;
  if (is_dry_run(call)) out.set("dryRun", Json::array({"All"}));
  for (const char* name : {"fieldManager", "fieldValidation", "propagationPolicy"}) {
    if (const auto& value = query.get(name); !value.empty()) out.set(name, value);
  }
  for (const char* name : {"force", "orphanDependents"}) {
    if (query.has(name)) out.set(name, query.flag(name));
  }
  return out;
}

bool is_dry_run(const Call& call) { return call.route.query.has("dryRun"); }

}  // namespace server
