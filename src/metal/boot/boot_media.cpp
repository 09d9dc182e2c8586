#include "metal/boot/boot_media.h"

#include <utility>
#include <vector>

#include "base/text.h"
#include "crypto/hash.h"
#include "wire/iso9660.h"

namespace metal {

using base::Result;

namespace {

// Only our own URLs, UUIDs and tokens go in, so no value can carry a space or a line end into a boot script.
std::vector<std::pair<std::string, std::string>> parameters(const BootPlace& place, const ExpectedBoot& boot) {
  return {
      {"ipa-api-url", place.provisioning_url},
      {"ipa-agent-token", boot.agent_token},
      {"ingot-host-uuid", boot.uid},
      {"deploy_id", boot.boot_id},
  };
}

}  // namespace

std::string iso_url(const BootPlace& place, const ExpectedBoot& boot) {
  return place.boot_url + "/boot/" + boot.path_token + "/" + boot.host_name + ".iso";
}

std::string script_url(const BootPlace& place, std::string_view mac) {
  return place.boot_url + "/boot/ipxe/" + base::replace_all(std::string(mac), ":", "-");
}

Result<std::string> boot_iso(const BootPlace& place, const ExpectedBoot& boot) {
  std::string text = "boot_method=vmedia\n";
  for (const auto& [key, value] : parameters(place, boot)) text += key + "=" + value + "\n";
  return wire::build_iso("VMEDIA_BOOT_ISO", {{"parameters.txt", text}, {"ca.crt", place.ca_pem}});
}

std::string ipxe_script(const BootPlace& place, const ExpectedBoot& boot) {
  const std::string base_url = place.boot_url + "/boot/" + boot.path_token;
  std::string out = "#!ipxe\nkernel " + base_url + "/vmlinuz";
  for (const auto& [key, value] : parameters(place, boot)) out += " " + key + "=" + value;
  out += " ingot-ca-sha256=" + place.ca_sha256 + " ingot-ca-url=" + place.boot_url + "/boot/ca.crt";
  out += " boot_method=pxe initrd=main\n";
  out += "initrd --name main " + base_url + "/initrd\nboot\n";
  return out;
}

Result<std::string> certificate_digest(std::string_view pem) {
  constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view end = "-----END CERTIFICATE-----";
  const size_t from = pem.find(begin);
  const size_t to = pem.find(end);
  if (from == std::string_view::npos || to == std::string_view::npos || to < from) {
    return base::invalid("the CA is not a PEM certificate");
  }
  std::string body;
  for (const char c : pem.substr(from + begin.size(), to - from - begin.size())) {
    if (c != '\n' && c != '\r' && c != ' ') body += c;
  }
  const auto der = base::unbase64(body);
  if (!der) return base::invalid("the CA certificate is not base64");
  return base::hex(crypto::sha256(*der));
}

}  // namespace metal
