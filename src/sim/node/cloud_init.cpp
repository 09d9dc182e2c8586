#include "sim/node/cloud_init.h"

#include "agent/config_drive.h"
#include "agent/disk_layout.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "wire/iso9660.h"
#include "wire/yaml.h"

namespace sim {

using base::Error;
using base::Json;
using base::Result;

namespace {

constexpr uint64_t sector_bytes = 2048;

// Bytes of the volume by its primary volume descriptor (ECMA-119 8.4.8); 0 when there is none.
uint64_t volume_bytes(std::string_view head) {
  const size_t at = 16 * sector_bytes;
  if (head.size() < at + sector_bytes || head.substr(at + 1, 5) != "CD001") return 0;
  uint64_t sectors = 0;
  for (size_t i = 0; i < 4; ++i) sectors |= uint64_t{static_cast<unsigned char>(head[at + 80 + i])} << (8 * i);
  return sectors * sector_bytes;
}

// A member by its Jinja name: cloud-init offers "local-hostname" as local_hostname too.
const Json* member(const Json& object, std::string_view name) {
  if (const Json* found = object.find(name)) return found;
  for (const auto& [key, value] : object.members()) {
    if (base::replace_all(base::replace_all(key, "-", "_"), ".", "_") == name) return &value;
  }
  return nullptr;
}

Result<std::string> evaluate(std::string_view expression, const Json& meta_data) {
  const std::string name(base::trim(expression));
  const auto parts = base::split(name, '.');
  const Json* value = nullptr;
  if (parts.size() >= 3 && parts[0] == "ds" && parts[1] == "meta_data") {
    value = &meta_data;
    for (size_t i = 2; i < parts.size() && value != nullptr; ++i) value = member(*value, parts[i]);
  } else if (parts.size() == 2 && parts[0] == "v1") {
    const std::string_view key = parts[1] == "instance_id" ? "uuid" : parts[1];
    value = member(meta_data, key);
  } else if (parts.size() == 1) {
    value = member(meta_data, name);
  }
  if (value == nullptr) return base::invalid("user data uses {{ " + name + " }}, which the metadata does not have");
  return value->is_string() ? value->string() : value->dump();
}

Result<std::string> decode_content(std::string content, const std::string& encoding) {
  if (encoding.empty() || encoding == "text/plain") return content;
  if (encoding == "b64" || encoding == "base64") {
    auto bytes = base::unbase64(base::replace_all(std::move(content), "\n", ""));
    if (!bytes) return base::invalid("not base64");
    return std::move(*bytes);
  }
  if (encoding == "gz+b64" || encoding == "gzip+base64" || encoding == "gz+base64" || encoding == "gzip+b64") {
    return agent::decode_config_drive(base::replace_all(std::move(content), "\n", ""));
  }
  return base::invalid("encoding " + base::quoted(encoding) + " is unknown");
}

std::vector<std::string> commands_of(const Json& list) {
  std::vector<std::string> out;
  for (const auto& item : list.items()) {
    if (item.is_array()) {
      std::vector<std::string> words;
      for (const auto& word : item.items()) words.push_back(word.is_string() ? word.string() : word.dump());
      out.push_back(base::join(words, " "));
    } else {
      out.push_back(item.is_string() ? item.string() : item.dump());
    }
  }
  return out;
}

}  // namespace

Result<ConfigDriveContent> read_config_drive(sys::File& disk) {
  const uint64_t start = agent::config_drive_offset(disk.size());
  const std::string head = TRY(disk.read_at(start, 17 * sector_bytes));
  const uint64_t bytes = volume_bytes(head);
  if (bytes == 0) return base::not_found("the disk has no config drive");
  if (bytes > agent::config_drive_bytes) return base::corrupt("the config drive is longer than its partition");
  const std::string iso = TRY(disk.read_at(start, bytes));
  const auto image = TRY(wire::read_iso(iso));
  if (!base::equals_ignore_case(image.volume_id, "config-2")) {
    return base::not_found("the disk's last volume is labelled " + image.volume_id + ", not config-2");
  }
  ConfigDriveContent content;
  content.fingerprint = base::hex(crypto::sha256(iso));
  if (const auto* file = image.find("openstack/latest/meta_data.json")) {
    content.meta_data = TRY(base::parse_json(file->bytes).context("meta_data.json"));
  }
  if (const auto* file = image.find("openstack/latest/user_data")) content.user_data = file->bytes;
  if (const auto* file = image.find("openstack/latest/network_data.json")) content.network_data = file->bytes;
  return content;
}

Result<std::string> render_user_data(const std::string& user_data, const Json& meta_data) {
  constexpr std::string_view header = "## template: jinja";
  if (!base::lower(user_data.substr(0, header.size())).starts_with(header)) return user_data;
  const size_t body = user_data.find('\n');
  if (body == std::string::npos) return std::string();
  std::string out;
  std::string_view rest = std::string_view(user_data).substr(body + 1);
  for (;;) {
    const size_t open = rest.find("{{");
    const size_t close = open == std::string_view::npos ? open : rest.find("}}", open);
    if (close == std::string_view::npos) break;
    out += rest.substr(0, open);
    out += TRY(evaluate(rest.substr(open + 2, close - open - 2), meta_data));
    rest.remove_prefix(close + 2);
  }
  return out.append(rest);
}

Result<CloudConfig> parse_cloud_config(const std::string& rendered) {
  if (!rendered.starts_with("#cloud-config")) return base::invalid("user data is not a #cloud-config");
  const auto documents = TRY(wire::parse_yaml(rendered).context("cloud-config"));
  CloudConfig config;
  if (documents.empty()) return config;
  const Json& doc = documents.front();
  for (const auto& item : doc["write_files"].items()) {
    CloudConfig::File file;
    file.path = item["path"].string();
    file.owner = item["owner"].string();
    file.permissions = item["permissions"].is_string() ? item["permissions"].string() : item["permissions"].dump();
    file.append = item["append"].boolean();
    if (file.path.empty()) return base::invalid("write_files has an entry without path");
    auto content = decode_content(item["content"].string(), item["encoding"].string());
    if (!content) return std::move(content).error().context("file " + file.path);
    file.content = std::move(*content);
    config.files.push_back(std::move(file));
  }
  config.boot_commands = commands_of(doc["bootcmd"]);
  config.commands = commands_of(doc["runcmd"]);
  for (const auto& [key, value] : doc.members()) {
    if (key != "write_files" && key != "bootcmd" && key != "runcmd") config.ignored.push_back(key);
  }
  return config;
}

Result<void> write_files(const CloudConfig& config, FileTree& tree) {
  for (const auto& file : config.files) {
    if (!file.path.starts_with('/')) return base::invalid("write_files path " + file.path + " is not absolute");
    if (file.append) {
      tree[file.path] += file.content;
    } else {
      tree[file.path] = file.content;
    }
  }
  return {};
}

}  // namespace sim
