// User data, meta data and network data of a deployment, from the Secrets that the spec names.
#include "base/text.h"
#include "control/baremetalhost/scope.h"
#include "wire/yaml.h"

namespace control::baremetalhost {

namespace {

Error data_error(std::string message, std::string fix) {
  return Error{base::Code::invalid, std::move(message), base::Layer::bootstrap, std::move(fix)};
}

// The Secret beside the host; a namespace in the reference is not honoured.
Result<std::string> data_of(Scope& scope, const std::optional<api::SecretReference>& reference, std::string_view key) {
  if (!reference || reference->name.empty()) return std::string();
  const std::string where = scope.host.meta.ns + "/" + reference->name;
  const Json secret = scope.ctx.document("secrets", scope.host.meta.ns, reference->name);
  if (secret.is_null()) {
    return Error{base::Code::not_found, std::string(key) + " Secret " + where + " does not exist",
                 base::Layer::bootstrap, "create the Secret, or correct the reference"};
  }
  const Json& data = secret["data"];
  const Json& found = data.has(key) ? data[key] : data["value"];
  if (!found.is_string()) {
    return data_error("Secret " + where + " has neither key " + std::string(key) + " nor value", "set one of them");
  }
  auto decoded = base::unbase64(found.string());
  if (!decoded) return data_error("Secret " + where + " is not base64", "write it anew");
  return std::move(*decoded);
}

// JSON or YAML, as data templates render it and people write it.
Result<Json> document_of(const std::string& text, const std::string& what) {
  auto parsed = wire::parse_yaml(text);
  if (!parsed) return data_error(what + " is neither JSON nor YAML: " + parsed.error().message, "correct the Secret");
  if (parsed->size() != 1 || !parsed->front().is_object()) {
    return data_error(what + " is not one document with keys and values", "correct the Secret");
  }
  return std::move(parsed->front());
}

}  // namespace

Result<metal::ConfigDrive> config_drive_of(Scope& scope) {
  const auto& spec = scope.host.spec;
  const auto& meta = scope.host.meta;
  metal::ConfigDrive drive;
  drive.user_data = TRY(data_of(scope, spec.user_data, "userData"));
  drive.meta_data.set("uuid", meta.uid).set("metal3-namespace", meta.ns).set("metal3-name", meta.name);
  for (const char* key : {"local-hostname", "local_hostname", "name"}) drive.meta_data.set(key, meta.name);
  const std::string given = TRY(data_of(scope, spec.meta_data, "metaData"));
  if (!given.empty()) {
    const Json overlay = TRY(document_of(given, "metaData"));
    for (const auto& [key, value] : overlay.members()) drive.meta_data.set(key, value);
  }
  std::optional<api::SecretReference> network = spec.network_data;
  if (!network && !spec.preprovisioning_network_data_name.empty()) {
    network = api::SecretReference{.name = spec.preprovisioning_network_data_name, .ns = {}};
  }
  const std::string layout = TRY(data_of(scope, network, "networkData"));
  if (!layout.empty()) drive.network_data = TRY(document_of(layout, "networkData")).dump();
  return drive;
}

void load_boot_network(Scope& scope) {
  const std::string& name = scope.host.spec.preprovisioning_network_data_name;
  if (name.empty()) return;
  auto text = data_of(scope, api::SecretReference{.name = name, .ns = {}}, "networkData");
  auto document = text && !text->empty() ? document_of(*text, "preprovisioning networkData") : Result<Json>(Json());
  if (!text) {
    scope.access.network_data_error = text.error();
  } else if (!document) {
    scope.access.network_data_error = document.error();
  } else if (!document->is_null()) {
    scope.access.network_data = document->dump();
  }
}

}  // namespace control::baremetalhost
