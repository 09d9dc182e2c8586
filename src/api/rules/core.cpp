#include "api/rules/core.h"

#include "base/text.h"
#include "base/time.h"

namespace api::rules {
namespace {

constexpr int64_t data_bytes_max = 1 << 20;

using Findings = std::vector<FieldError>;

std::string key_problem(std::string_view key) {
  if (key.size() > 253) return "must be no more than 253 bytes";
  if (key == "." || key == "..") return "must not be '" + std::string(key) + "'";
  if (key.starts_with("..")) return "must not start with '..'";
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  bool good = !key.empty();
  for (const char c : key) good = good && allowed(c);
  if (good) return {};
  return "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',"
         "  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
}

void check_keys(const Json& data, const std::string& field, Findings& found) {
  for (const auto& [key, value] : data.members()) {
    const std::string problem = key_problem(key);
    if (!problem.empty()) found.push_back(meta::field_invalid(field + "[" + key + "]", key, problem));
  }
}

int64_t decoded_size(const Json& data) {
  int64_t size = 0;
  for (const auto& [key, value] : data.members()) {
    size += static_cast<int64_t>(base::unbase64(value.string()).value_or("").size());
  }
  return size;
}

int64_t text_size(const Json& data) {
  int64_t size = 0;
  for (const auto& [key, value] : data.members()) size += static_cast<int64_t>(value.string().size());
  return size;
}

// `immutable: true` cannot be taken back and freezes the given fields.
void check_frozen(const Json& doc, const Json& old, std::initializer_list<const char*> fields, Findings& found) {
  if (!old["immutable"].boolean()) return;
  const std::string why = "field is immutable when `immutable` is set";
  if (!doc["immutable"].boolean()) found.push_back(meta::field_forbidden("immutable", why));
  for (const char* field : fields) {
    const Json& before = old[field];
    const Json& after = doc[field];
    const bool same = before == after || (before.empty() && after.empty());
    if (!same) found.push_back(meta::field_forbidden(field, why));
  }
}

void require_keys(const Json& data, std::initializer_list<const char*> keys, Findings& found) {
  for (const char* key : keys) {
    if (!data.has(key)) found.push_back(meta::field_required("data[" + std::string(key) + "]"));
  }
}

void check_secret_type(const Json& doc, Findings& found) {
  const std::string& type = doc["type"].string();
  const Json& data = doc["data"];
  if (type == "kubernetes.io/tls") require_keys(data, {"tls.crt", "tls.key"}, found);
  if (type == "kubernetes.io/ssh-auth") require_keys(data, {"ssh-privatekey"}, found);
  if (type == "kubernetes.io/dockercfg") require_keys(data, {".dockercfg"}, found);
  if (type == "kubernetes.io/dockerconfigjson") require_keys(data, {".dockerconfigjson"}, found);
  if (type == "kubernetes.io/basic-auth" && !data.has("username") && !data.has("password")) {
    require_keys(data, {"username", "password"}, found);
  }
  const char* account = "kubernetes.io/service-account.name";
  if (type == "kubernetes.io/service-account-token" && doc["metadata"]["annotations"][account].string().empty()) {
    found.push_back(meta::field_required("metadata.annotations[" + std::string(account) + "]"));
  }
}

void to_micro_time(Json& holder, const char* name) {
  const auto time = base::parse_rfc3339(holder[name].string());
  if (time) holder.set(name, base::rfc3339_micro(*time));
}

}  // namespace

void fill_secret(Json& doc, const Json* old) {
  for (const auto& [key, value] : doc["stringData"].members()) {
    doc.child("data").set(key, base::base64(value.string()));
  }
  doc.erase("stringData");
  if (doc["type"].string().empty()) doc.set("type", old ? (*old)["type"].string_or("Opaque") : "Opaque");
}

Findings check_secret(const Json& doc, const Json* old, Operation operation) {
  Findings found;
  if (operation == Operation::remove) return found;
  check_keys(doc["data"], "data", found);
  if (decoded_size(doc["data"]) > data_bytes_max) found.push_back(meta::field_too_long("data", data_bytes_max));
  check_secret_type(doc, found);
  if (!old) return found;
  if (doc["type"] != (*old)["type"]) found.push_back(meta::field_invalid("type", doc["type"], "field is immutable"));
  check_frozen(doc, *old, {"data"}, found);
  return found;
}

Findings check_config_map(const Json& doc, const Json* old, Operation operation) {
  Findings found;
  if (operation == Operation::remove) return found;
  check_keys(doc["data"], "data", found);
  check_keys(doc["binaryData"], "binaryData", found);
  for (const auto& [key, value] : doc["data"].members()) {
    if (!doc["binaryData"].has(key)) continue;
    found.push_back(meta::field_invalid("data[" + key + "]", key, "duplicate of key present in binaryData"));
  }
  if (text_size(doc["data"]) + decoded_size(doc["binaryData"]) > data_bytes_max) {
    found.push_back(meta::field_too_long("data", data_bytes_max));
  }
  if (old) check_frozen(doc, *old, {"data", "binaryData"}, found);
  return found;
}

void fill_lease(Json& doc, const Json*) {
  if (!doc["spec"].is_object()) return;
  to_micro_time(doc.child("spec"), "acquireTime");
  to_micro_time(doc.child("spec"), "renewTime");
}

Findings check_lease(const Json& doc, const Json*, Operation operation) {
  Findings found;
  if (operation == Operation::remove) return found;
  const Json& spec = doc["spec"];
  const Json& duration = spec["leaseDurationSeconds"];
  if (!duration.is_null() && duration.integer() <= 0) {
    found.push_back(meta::field_invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"));
  }
  const Json& transitions = spec["leaseTransitions"];
  if (!transitions.is_null() && transitions.integer() < 0) {
    found.push_back(meta::field_invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"));
  }
  return found;
}

void fill_event(Json& doc, const Json*) {
  to_micro_time(doc, "eventTime");
  if (doc["series"].is_object()) to_micro_time(doc.child("series"), "lastObservedTime");
}

Findings check_event(const Json& doc, const Json*, Operation operation) {
  Findings found;
  if (operation == Operation::remove) return found;
  const std::string& about = doc["involvedObject"]["namespace"].string();
  const std::string& here = doc["metadata"]["namespace"].string();
  // Events about cluster-scoped objects live in the default namespace.
  const bool fits = about.empty() ? here == "default" || here == "kube-system" : about == here;
  if (!fits) {
    found.push_back(meta::field_invalid("involvedObject.namespace", about, "does not match event.namespace"));
  }
  return found;
}

void fill_binding(Json& doc, const Json*) {
  for (size_t i = 0; i < doc["subjects"].size(); ++i) {
    const Json subject = doc["subjects"].at(i);
    if (subject.has("apiGroup") || subject["kind"].string() == "ServiceAccount") continue;
    doc.child("subjects").item(i).set("apiGroup", "rbac.authorization.k8s.io");
  }
}

Findings check_binding(const Json& doc, const Json* old, Operation operation) {
  Findings found;
  if (operation == Operation::remove) return found;
  if (old && doc["roleRef"] != (*old)["roleRef"]) {
    found.push_back(meta::field_invalid("roleRef", doc["roleRef"], "cannot change roleRef"));
  }
  for (size_t i = 0; i < doc["subjects"].size(); ++i) {
    const Json& subject = doc["subjects"].at(i);
    const std::string field = "subjects[" + std::to_string(i) + "]";
    const std::string& kind = subject["kind"].string();
    if (kind != "User" && kind != "Group" && kind != "ServiceAccount") {
      found.push_back(meta::field_not_supported(field + ".kind", kind, {"Group", "ServiceAccount", "User"}));
    }
    const bool needs_namespace = kind == "ServiceAccount" && subject["namespace"].string().empty();
    if (needs_namespace) found.push_back(meta::field_required(field + ".namespace"));
  }
  return found;
}

}  // namespace api::rules
