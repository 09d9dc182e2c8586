#include "sim/inventory.h"

#include <cstdio>
#include <map>
#include <set>

#include "base/text.h"
#include "crypto/hash.h"

namespace sim {

using base::Error;
using base::Json;
using base::Result;

namespace {

constexpr uint64_t disk_bytes = 480'103'981'056;  // a "480 GB" disk

std::string secret_value(const Json& secret, std::string_view key) {
  if (secret["stringData"].has(key)) return secret["stringData"][key].string();
  return base::unbase64(secret["data"][key].string()).value_or("");
}

// Stable made-up identities: digests of the server's name.
std::string digest_of(const std::string& name, const char* what) {
  return base::hex(crypto::sha256(name + "/" + what));
}

std::string uuid_of(const std::string& name) {
  const std::string d = digest_of(name, "uuid");
  return d.substr(0, 8) + "-" + d.substr(8, 4) + "-4" + d.substr(13, 3) + "-8" + d.substr(17, 3) + "-" +
         d.substr(20, 12);
}

std::string mac_of(const std::string& name, const char* what) {
  const std::string d = digest_of(name, what);
  std::string mac = "52:54";
  for (size_t i = 0; i < 4; ++i) mac += ":" + d.substr(i * 2, 2);
  return mac;
}

agent::DiskIdentity disk_of(const std::string& name, const std::string& device, bool nvme) {
  const std::string digest = digest_of(name, device.c_str());
  agent::DiskIdentity disk;
  disk.name = "/dev/" + device;
  disk.model = nvme ? "Ingot NVMe 480" : "Ingot SSD 480";
  disk.vendor = nvme ? "" : "INGOT";
  disk.serial = "S" + base::upper(digest.substr(0, 11));
  disk.wwn = (nvme ? "eui." : "0x5") + digest.substr(16, nvme ? 16 : 15);
  disk.wwn_with_extension = disk.wwn;
  disk.hctl = nvme ? "" : "0:0:0:0";
  disk.by_path = nvme ? "/dev/disk/by-path/pci-0000:01:00.0-nvme-1" : "/dev/disk/by-path/pci-0000:00:17.0-ata-1";
  disk.transport = nvme ? "nvme" : "sata";
  disk.bytes = disk_bytes;
  return disk;
}

ServerIdentity identity_of(const std::string& name, const std::string& boot_mac) {
  ServerIdentity identity;
  identity.name = name;
  identity.serial = "SN" + base::upper(digest_of(name, "serial").substr(0, 8));
  identity.sku = "SIM-1U-2P";
  identity.uuid = uuid_of(name);
  identity.bmc_mac = mac_of(name, "bmc");
  identity.nics = {{.id = "NIC1", .mac = boot_mac}, {.id = "NIC2", .mac = mac_of(name, "nic2"), .link_up = false}};
  return identity;
}

Result<ServerSpec> server_from(const Json& host, const std::map<std::string, const Json*>& secrets, size_t index) {
  ServerSpec spec;
  spec.name = host.path("metadata.name").string();
  spec.ns = host.path("metadata.namespace").string_or("default");
  spec.index = index;
  spec.site_address = site_address_of(index);
  spec.bmc = TRY(metal::parse_bmc_address(host.path("spec.bmc.address").string()));
  const std::string& secret_name = host.path("spec.bmc.credentialsName").string();
  const auto secret = secrets.find(spec.ns + "/" + secret_name);
  if (secret == secrets.end()) return base::invalid("Secret " + secret_name + " is not in the inventory");
  spec.account = {secret_value(*secret->second, "username"), secret_value(*secret->second, "password"),
                  BmcRole::administrator};
  if (spec.account.user.empty()) return base::invalid("Secret " + secret_name + " has no username");
  std::string mac = base::lower(host.path("spec.bootMACAddress").string());
  if (mac.empty()) mac = mac_of(spec.name, "nic1");
  spec.identity = identity_of(spec.name, mac);
  spec.disks = {disk_of(spec.name, "nvme0n1", true), disk_of(spec.name, "sda", false)};
  return spec;
}

}  // namespace

std::string site_address_of(size_t index) {
  char text[32];
  if (index < 80) {
    std::snprintf(text, sizeof text, "10.0.0.%u", static_cast<unsigned>(10 + index));
  } else {
    const size_t rest = index - 80;
    std::snprintf(text, sizeof text, "10.0.%u.%u", static_cast<unsigned>(1 + rest / 250),
                  static_cast<unsigned>(1 + rest % 250));
  }
  return text;
}

Result<std::vector<ServerSpec>> servers_from_inventory(const std::vector<Json>& documents) {
  std::map<std::string, const Json*> secrets;
  for (const auto& doc : documents) {
    if (doc["kind"].string() != "Secret") continue;
    secrets[doc.path("metadata.namespace").string_or("default") + "/" + doc.path("metadata.name").string()] = &doc;
  }
  std::vector<ServerSpec> servers;
  std::set<std::string> macs, endpoints;
  for (const auto& doc : documents) {
    if (doc["kind"].string() != "BareMetalHost") continue;
    auto spec = server_from(doc, secrets, servers.size());
    if (!spec) return std::move(spec).error().context("BareMetalHost " + doc.path("metadata.name").string());
    if (!macs.insert(spec->identity.nics[0].mac).second) {
      return base::invalid("MAC address " + spec->identity.nics[0].mac + " is used by two hosts");
    }
    if (!endpoints.insert(spec->bmc.endpoint() + spec->bmc.system_path).second) {
      return base::invalid("BMC " + spec->bmc.endpoint() + " is used by two hosts");
    }
    servers.push_back(std::move(*spec));
  }
  return servers;
}

}  // namespace sim
