#include "server/audit_record.h"

#include <algorithm>

#include "base/text.h"
#include "server/authentication.h"
#include "server/body.h"
#include "server/protobuf_body.h"
#include "server/protobuf_write.h"
#include "wire/yaml.h"

namespace server {
namespace {

using base::Json;

constexpr size_t user_agent_max = 1024;

// From the client to the last proxy before this server.
Json source_addresses(const net::Headers& headers, const sys::Address& peer) {
  std::vector<std::string> out;
  const auto add = [&](std::string_view address) {
    const std::string text(base::trim(address));
    if (!text.empty() && std::find(out.begin(), out.end(), text) == out.end()) out.push_back(text);
  };
  for (const auto part : base::split(headers.get("X-Forwarded-For"), ',')) add(part);
  add(headers.get("X-Real-Ip"));
  add(peer.host);
  return Json::strings(out);
}

Json object_ref(const Route& route) {
  Json out = Json::object({{"resource", route.plural}});
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) out.set(name, value);
  };
  add("namespace", route.ns);
  add("name", route.name);
  add("apiGroup", route.group);
  add("apiVersion", route.version);
  add("subresource", route.subresource);
  return out;
}

Json parsed_answer(const net::Response& response) {
  const std::string type = base::lower(response.headers.get("Content-Type"));
  if (type.starts_with("application/json")) return base::parse_json(response.body).value_or(nullptr);
  if (type == protobuf_type) return parse_protobuf(response.body).value_or(nullptr);
  if (!type.starts_with("application/yaml")) return nullptr;
  auto documents = wire::parse_yaml(response.body);
  return documents && documents->size() == 1 ? documents->front() : Json();
}

// A patch is not an object, but logged in the same place. A protobuf body is what it says in JSON.
Json parsed_request(const net::Request& request) {
  net::Request readable;
  readable.body = request.body;
  const auto type = media_type(request);
  const bool patch = type.ends_with("-patch+json"), apply = type == "application/apply-patch+yaml";
  readable.headers.set("Content-Type", patch ? "application/json" : apply ? "application/yaml" : type);
  return parse_body(readable).value_or(nullptr);
}

}  // namespace

AuditRecord::AuditRecord(AuditLog& log, AuditDecision decision, std::string id, base::Time received)
    : log_(log), decision_(std::move(decision)), received_(base::rfc3339_micro(received)) {
  event_ = Json::object({{"kind", "Event"},
                         {"apiVersion", "audit.k8s.io/v1"},
                         {"level", name_of(decision_.level)},
                         {"auditID", std::move(id)},
                         {"stage", ""}});
}

void AuditRecord::set_request(const net::Request& request, const Route& route, const Attributes& asked,
                              const sys::Address& peer) {
  is_resource_ = route.is_resource;
  event_.set("requestURI", request.target).set("verb", asked.verb);
  event_.set("user", Json::object()).set("sourceIPs", source_addresses(request.headers, peer));
  const std::string& agent = request.headers.get("User-Agent");
  if (!agent.empty()) event_.set("userAgent", agent.substr(0, user_agent_max));
  if (is_resource_) event_.set("objectRef", object_ref(route));
}

void AuditRecord::set_user(const User& user) { event_.set("user", user_info(user)); }
void AuditRecord::set_impersonated(const User& user) { event_.set("impersonatedUser", user_info(user)); }

void AuditRecord::set_request_object(const net::Request& request) {
  if (!is_resource_ || request.body.empty()) return;
  const Json object = parsed_request(request);
  const Json& metadata = object["metadata"];
  Json& ref = event_.child("objectRef");
  for (const char* field : {"namespace", "name", "uid", "resourceVersion"}) {
    if (!ref.has(field) && !metadata[field].string().empty()) ref.set(field, metadata[field]);
  }
  if (decision_.level >= AuditLevel::request) request_object_ = without_managed_fields(object);
}

void AuditRecord::set_response_code(int http_status) {
  response_status_ = Json::object({{"metadata", Json::object()}, {"code", http_status}});
}

void AuditRecord::set_response(const net::Response& response) {
  set_response_code(response.status);
  if (!is_resource_) return;
  const bool failed = response.status >= 400;
  const bool wanted = decision_.level == AuditLevel::request_response;
  if (!failed && !wanted) return;
  Json object = parsed_answer(response);
  if (object["kind"].string() == "Status" && object["apiVersion"].string() == "v1") {
    for (const char* field : {"status", "message", "reason", "details"}) {
      if (object.has(field)) response_status_.set(field, object[field]);
    }
  }
  if (wanted) response_object_ = without_managed_fields(std::move(object));
}

Json AuditRecord::without_managed_fields(Json object) const {
  if (!decision_.omit_managed_fields) return object;
  const auto strip = [](Json& one) {
    if (one["metadata"].has("managedFields")) one.child("metadata").erase("managedFields");
  };
  if (object.is_object()) strip(object);
  for (size_t i = 0; i < object["items"].size(); ++i) strip(object.child("items").item(i));
  return object;
}

void AuditRecord::annotate(const std::string& key, std::string value) {
  if (!annotations_.has(key)) annotations_.set(key, std::move(value));
}

void AuditRecord::reach(std::string_view stage, base::Time now) {
  const auto& omitted = decision_.omit_stages;
  if (std::find(omitted.begin(), omitted.end(), stage) != omitted.end()) return;
  Json out = event_;
  out.set("stage", stage);
  const auto add = [&](const char* name, const Json& value) {
    if (!value.is_null()) out.set(name, value);
  };
  add("responseStatus", response_status_);
  add("requestObject", request_object_);
  add("responseObject", response_object_);
  out.set("requestReceivedTimestamp", received_).set("stageTimestamp", base::rfc3339_micro(now));
  add("annotations", annotations_);
  log_.write(out);
}

}  // namespace server
