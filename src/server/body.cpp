#include "server/body.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "meta/go_text.h"
#include "registry/admission.h"
#include "server/errors.h"
#include "server/protobuf_body.h"
#include "wire/json_syntax.h"
#include "wire/yaml.h"

namespace server {
namespace {

constexpr size_t field_manager_max = 128;

constexpr std::string_view no_type = "couldn't get version/kind; json parse error: ";

Result<Json> parse_json_body(const std::string& text, TextProblems* problems) {
  base::JsonParse how;
  if (problems) {
    how.duplicates = &problems->duplicates;
    problems->json = text;
  }
  auto doc = base::parse_json(base::valid_utf8(text) ? text : wire::to_valid_utf8(text), how);
  if (doc || doc.error().code != base::Code::bad_request) return doc;
  const auto why = wire::json_syntax_problem(text);
  return registry::bad_request(std::string(no_type) + (why.empty() ? doc.error().message : why));
}

// The first document of the text counts, as upstream has it.
Result<Json> parse_yaml_body(const std::string& text, TextProblems* problems) {
  TextProblems ignored;
  wire::YamlLimits limits;
  limits.duplicates = &(problems ? problems : &ignored)->yaml;
  limits.lines_as_go = true;
  auto documents = wire::parse_yaml(text, limits);
  if (!documents) {
    if (documents.error().code != base::Code::bad_request) return std::move(documents).error();
    return registry::bad_request("yaml: " + documents.error().message);
  }
  return documents->empty() ? Json() : std::move(documents->front());
}

// Only an object can say what it is.
Result<void> check_says_what(const Json& doc) {
  const auto refuse = [](const Json& value, std::string_view into) {
    return registry::bad_request(std::string(no_type) + "json: cannot unmarshal " + meta::go_json_type(value) +
                                 " into Go " + std::string(into));
  };
  if (doc.is_null()) return {};
  if (!doc.is_object()) {
    return refuse(doc,
                  "value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; "
                  "Kind string \"json:\\\"kind,omitempty\\\"\" }");
  }
  for (const char* name : {"apiVersion", "kind"}) {
    const auto& given = doc[name];
    if (!given.is_null() && !given.is_string()) {
      return refuse(given, std::string("struct field .") + name + " of type string");
    }
  }
  const auto& version = doc["apiVersion"].string();
  if (std::count(version.begin(), version.end(), '/') < 2) return {};
  return registry::bad_request("unexpected GroupVersion string: " + version);
}

std::string cannot_be_handled(const Call& call) {
  return call.kind().kind + " in version \"" + call.version().name + "\" cannot be handled as a " + call.kind().kind +
         ": ";
}

// The kind that a document of a core kind's endpoint says to be, as upstream's scheme knows it; null for none.
const Kind* kind_said(const Call& call, const std::string& api_version, const std::string& name) {
  const auto [group, version] = meta::split_api_version(api_version);
  const Kind* kind = call.api.registry.scheme().by_kind(group, name);
  return kind && !kind->custom && kind->version(version) ? kind : nullptr;
}

// Core kinds are decoded by what the document says, and then turned into what the endpoint is for.
Result<void> check_core_type(const Call& call, const Json& doc, const std::string& given_version,
                             const std::string& given_kind) {
  const auto [group, version] = meta::split_api_version(given_version);
  const auto refuse = [&, version = version](const std::string& why) {
    return registry::bad_request(given_kind + " in version \"" + version + "\" cannot be handled as a " +
                                 call.kind().kind + ": " + why);
  };
  // Upstream still knows the versions in which kinds once were.
  const bool former = given_kind == call.kind().kind && group == call.kind().group &&
                      (version.find("beta") != std::string::npos || version.find("alpha") != std::string::npos);
  if (!former && !kind_said(call, given_version, given_kind)) {
    return refuse("no kind \"" + given_kind + "\" is registered for version \"" + given_version +
                  "\" in scheme \"pkg/runtime/scheme.go:111\"");
  }
  if (given_kind == call.kind().kind && given_version != call.api_version()) {
    return registry::bad_request("the API version in the data (" + given_version +
                                 ") does not match the expected API version (" + call.api_version() + ")");
  }
  const Kind& said = *kind_said(call, given_version, given_kind);
  if (auto decoded = registry::check_decodable(said, doc); !decoded) {
    const auto& why = decoded.error().message;
    const std::string lead = " cannot be handled as a " + given_kind + ": ";
    const size_t at = why.find(lead);
    return refuse(at == std::string::npos ? why : why.substr(at + lead.size()));
  }
  return refuse("converting (" + version + "." + given_kind + ") to (" + go_package(call.kind().group) + "." +
                call.kind().kind + "): unknown conversion");
}

Result<void> check_type(const Call& call, const Json& doc) {
  const auto& kind = call.kind();
  const std::string wanted = call.api_version();
  // Only core kinds may leave it out.
  const auto given_version = doc["apiVersion"].string_or(kind.custom ? "" : wanted),
             given = doc["kind"].string_or(kind.kind);
  if (given_version == wanted && given == kind.kind) return {};
  if (!kind.custom) return check_core_type(call, doc, given_version, given);
  if (given_version == wanted) return registry::wrong_kind(kind, doc);
  return registry::bad_request("the API version in the data (" + given_version +
                               ") does not match the expected API version (" + wanted + ")");
}

}  // namespace

std::string go_package(const std::string& group) {
  if (group.empty() || group == "events.k8s.io") return "core";
  return group.substr(0, group.find('.'));
}

std::string media_type(const net::Request& request) {
  const std::string_view header = request.headers.get("Content-Type");
  const auto type = base::lower(base::trim(header.substr(0, header.find(';'))));
  return type.empty() ? "application/json" : type;
}

Result<Json> parse_body(const net::Request& request, TextProblems* problems) {
  const auto type = media_type(request);
  const bool yaml = type == "application/yaml" || type == "text/yaml" || type == "application/x-yaml";
  if (yaml || type == "application/json") {
    auto doc = yaml ? parse_yaml_body(request.body, problems) : parse_json_body(request.body, problems);
    if (doc) TRY(check_says_what(*doc));
    return doc;
  }
  if (type == "application/vnd.kubernetes.protobuf") return parse_protobuf(request.body);
  return Error{.code = base::Code::unsupported,
               .message =
                   "the body of the request was in an unknown format - accepted media types include: "
                   "application/json, application/yaml, application/vnd.kubernetes.protobuf"};
}

Result<void> check_identity(const Call& call, Json& doc) {
  if (!doc.is_object()) return registry::bad_request("an object is expected, not " + std::string(doc.type_name()));
  if (!call.kind().custom) TRY(check_says_what(doc));
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

Error unrecognised(const Call& call, std::string_view kind, const std::string& why) {
  return registry::bad_request("the object provided is unrecognized (must be of type " + std::string(kind) +
                               "): " + why + " (" + summary(call.request.body) + ")");
}

// Objects of users' kinds must say what they are.
Result<void> check_says_kind(const Call& call, const Json& doc) {
  if (!call.kind().custom || !doc["kind"].string().empty()) return {};
  return unrecognised(call, call.kind().kind, "Object 'Kind' is missing in '" + call.request.body + "'");
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
  TextProblems problems;
  auto doc = parse_body(call.request, &problems);
  if (!doc) {
    if (doc.error().code != base::Code::bad_request) return std::move(doc).error();
    return unrecognised(call, call.kind().kind, doc.error().message);
  }
  if (doc->is_null()) *doc = Json::object();
  TRY(check_says_kind(call, *doc));
  warn_about_version(call, *doc);
  TRY(check_identity(call, *doc));
  TRY(check_fields(call, *doc, problems));
  warn_about_owners(call, *doc);
  return doc;
}

namespace {

// "duplicate field "a"" and "unknown field "b"", in the order in which the text has them; of custom kinds the duplicate
// ones first.
std::vector<std::string> in_order_of_text(const TextProblems& text, const std::vector<std::string>& unknown,
                                          bool custom) {
  std::vector<std::string> out;
  const auto tell = [&](const char* what, const std::string& field) {
    auto told = what + base::quoted(field);
    if (std::find(out.begin(), out.end(), told) == out.end()) out.push_back(std::move(told));
  };
  const auto has = [](const std::vector<std::string>& list, const std::string& path) {
    return std::find(list.begin(), list.end(), path) != list.end();
  };
  if (!custom && !text.duplicates.empty() && !unknown.empty()) {
    std::set<std::string> seen;
    for (const auto& path : wire::json_key_paths(text.json)) {
      if (!seen.insert(path).second && has(text.duplicates, path)) tell("duplicate field ", path);
      if (has(unknown, path)) tell("unknown field ", path);
    }
  }
  for (const auto& path : text.duplicates) tell("duplicate field ", path);
  for (const auto& path : unknown) tell("unknown field ", path);
  return out;
}

}  // namespace

Result<void> check_fields(Call& call, const Json& doc, const TextProblems& text) {
  const auto& how = call.route.query.get("fieldValidation");
  if (how == "Ignore") return {};
  std::vector<std::string> problems, unknown;
  Json copy = doc;
  meta::prune(*call.version().schema, copy, true, &unknown);
  if (call.kind().custom) std::sort(unknown.begin(), unknown.end());
  for (auto& problem : in_order_of_text(text, unknown, call.kind().custom)) problems.push_back(std::move(problem));
  if (problems.empty() && text.yaml.empty()) return {};
  if (how == "Strict") {
    if (!text.yaml.empty()) {
      problems.insert(problems.begin(), "yaml: unmarshal errors:\n  " + base::join(text.yaml, "\n  "));
    }
    if (!call.kind().custom) TRY(registry::check_decodable(call.kind(), doc));
    return registry::bad_request(cannot_be_handled(call) + "strict decoding error: " + base::join(problems, ", "));
  }
  for (const auto& problem : text.yaml) call.warn(problem);
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
