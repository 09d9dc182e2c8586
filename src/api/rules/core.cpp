#include "api/rules/core.h"

#include "api/rules/tls_pair.h"
#include "base/text.h"
#include "meta/go_text.h"
#include "wire/json_syntax.h"

namespace api::rules {
namespace {

constexpr int64_t data_bytes_max = 1 << 20;

using Findings = std::vector<FieldError>;

std::vector<std::string> key_problems(std::string_view key) {
  std::vector<std::string> out;
  if (key.size() > 253) out.emplace_back("must be no more than 253 characters");
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  bool good = !key.empty();
  for (const char c : key) good = good && allowed(c);
  if (!good) {
    out.emplace_back(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',"
        "  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')");
  }
  if (key == "." || key == "..") {
    out.push_back("must not be '" + std::string(key) + "'");
  } else if (key.starts_with("..")) {
    out.emplace_back("must not start with '..'");
  }
  return out;
}

void check_keys(const Json& data, const std::string& field, Findings& found) {
  for (const auto& [key, value] : data.members()) {
    for (const auto& problem : key_problems(key)) {
      found.push_back(meta::field_invalid(field + "[" + key + "]", key, problem));
    }
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

// Configurations of registries are JSON objects; what is wrong with one is told, what is in it is not.
void check_registry_config(const Json& data, const char* key, Findings& found) {
  const Json* entry = data.find(key);
  if (!entry) return;
  const std::string text = base::unbase64(entry->string()).value_or("");
  std::string why = wire::json_syntax_problem(text);
  if (why.empty()) {
    const auto value = base::parse_json(text);
    const bool fits = !value || value->is_object() || value->is_null();
    if (!fits) {
      why = "json: cannot unmarshal " + meta::go_json_type(*value) + " into Go value of type map[string]interface {}";
    }
  }
  if (why.empty()) return;
  found.push_back(meta::field_invalid("data[" + std::string(key) + "]", "<secret contents redacted>", why));
}

void check_secret_type(const Json& doc, Findings& found) {
  const std::string& type = doc["type"].string();
  const Json& data = doc["data"];
  if (type == "kubernetes.io/tls") require_keys(data, {"tls.crt", "tls.key"}, found);
  if (type == "kubernetes.io/ssh-auth") require_keys(data, {"ssh-privatekey"}, found);
  if (type == "kubernetes.io/dockercfg") require_keys(data, {".dockercfg"}, found);
  if (type == "kubernetes.io/dockerconfigjson") require_keys(data, {".dockerconfigjson"}, found);
  if (type == "kubernetes.io/dockercfg") check_registry_config(data, ".dockercfg", found);
  if (type == "kubernetes.io/dockerconfigjson") check_registry_config(data, ".dockerconfigjson", found);
  if (type == "kubernetes.io/basic-auth" && !data.has("username") && !data.has("password")) {
    require_keys(data, {"username", "password"}, found);
  }
  const char* account = "kubernetes.io/service-account.name";
  if (type == "kubernetes.io/service-account-token" && doc["metadata"]["annotations"][account].string().empty()) {
    found.push_back(meta::field_required("metadata.annotations[" + std::string(account) + "]"));
  }
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

std::vector<std::string> warn_secret(const Json& doc) {
  if (doc["type"].string() != "kubernetes.io/tls") return {};
  const auto entry = [&](const char* name) {
    if (const Json* text = doc["stringData"].find(name)) return text->string();
    return base::unbase64(doc["data"][name].string()).value_or("");
  };
  auto why = tls_pair_problem(entry("tls.crt"), entry("tls.key"));
  return why.empty() ? std::vector<std::string>() : std::vector<std::string>{std::move(why)};
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

}  // namespace api::rules
