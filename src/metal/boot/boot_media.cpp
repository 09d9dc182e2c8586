#include "metal/boot/boot_media.h"

#include <utility>
#include <vector>

#include "base/text.h"
#include "crypto/hash.h"
#include "wire/cpio.h"
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

// A stock ironic-python-agent takes its settings from this folder of the medium, whatever the BMC calls its drive.
void add_stock_settings(std::vector<wire::IsoFile>& files, const BootPlace& place, const ExpectedBoot& boot) {
  const std::string folder = "etc/ironic-python-agent.d/";
  std::string text = "[DEFAULT]\napi_url = " + place.provisioning_url + "\nagent_token = " + boot.agent_token + "\n";
  files.push_back({folder + "ingot.conf", text + "cafile = /" + folder + "ca.crt\n"});
  files.push_back({folder + "ca.crt", place.ca_pem});
}

// The whole command line of a kernel that was loaded over the network and has nothing but it.
std::string network_arguments(const BootPlace& place, const ExpectedBoot& boot) {
  std::string out;
  for (const auto& [key, value] : parameters(place, boot)) out += key + "=" + value + " ";
  out += "ingot-ca-sha256=" + place.ca_sha256 + " ingot-ca-url=" + place.boot_url + "/boot/ca.crt boot_method=pxe";
  if (!boot.mac.empty()) out += " BOOTIF=01-" + base::replace_all(boot.mac, ":", "-");
  if (!place.kernel_arguments.empty()) out += " " + place.kernel_arguments;
  return out;
}

constexpr const char* isolinux = "isolinux/isolinux.bin";

// False: the ramdisk was made without a loader for BIOS firmware.
Result<bool> add_bios_loader(sys::Disk& disk, const BootPlace& place, const std::string& arguments,
                             std::vector<wire::IsoFile>& files) {
  for (const char* name : {"isolinux.bin", "ldlinux.c32"}) {
    const std::string path = place.ramdisk_dir + "/" + name;
    if (!disk.exists(path)) return false;
    auto bytes = TRY(disk.read(path));
    files.push_back({"isolinux/" + std::string(name), std::move(bytes)});
  }
  files.push_back(
      {"isolinux/isolinux.cfg",
       "default ingot\nprompt 0\nlabel ingot\n linux /vmlinuz\n initrd /initrd\n append " + arguments + "\n"});
  return true;
}

// What the kernel unpacks on top of the initramfs, for the agent to find (agent/linux/ramdisk.h).
std::string settings_archive(const ExpectedBoot& boot) {
  wire::CpioWriter archive;
  archive.add_file("ingot-boot/network_data.json", boot.network_data, 0600);
  return archive.finish();
}

}  // namespace

std::string image_url(const BootPlace& place, const ExpectedBoot& boot) {
  return place.boot_url + "/boot/" + boot.path_token + "/image-" + boot.image_key;
}

std::string iso_url(const BootPlace& place, const ExpectedBoot& boot) {
  return place.boot_url + "/boot/" + boot.path_token + "/" + boot.host_name + ".iso";
}

std::string loader_url(const BootPlace& place, const ExpectedBoot& boot, std::string_view file) {
  return place.boot_url + "/boot/" + boot.path_token + "/" + std::string(file);
}

std::string script_url(const BootPlace& place, std::string_view mac) {
  return place.boot_url + "/boot/ipxe/" + base::replace_all(std::string(mac), ":", "-");
}

Result<wire::IsoPlan> boot_iso(sys::Disk& disk, const BootPlace& place, const ExpectedBoot& boot) {
  std::string text = "boot_method=vmedia\n";
  for (const auto& [key, value] : parameters(place, boot)) text += key + "=" + value + "\n";
  std::vector<wire::IsoFile> files = {{"parameters.txt", text}, {"ca.crt", place.ca_pem}};
  if (!boot.network_data.empty()) files.push_back({"network_data.json", boot.network_data});
  add_stock_settings(files, place, boot);
  if (place.ramdisk_dir.empty()) return wire::plan_iso("VMEDIA_BOOT_ISO", files, {});
  for (const char* name : {"vmlinuz", "initrd", "esp.img"}) {
    const std::string path = place.ramdisk_dir + "/" + name;
    const auto file = TRY(disk.open(path, false).context("the deploy ramdisk"));
    files.push_back({.path = name, .bytes = {}, .source = path, .source_bytes = file->size()});
  }
  // Debian's GRUB for CDs takes the disk that has this file for its own.
  files.push_back({".disk/info", "Ingot deploy ramdisk\n"});
  // What firmware loads over HTTP is in a memory disk, which the kernel may not see, but the boot loader does.
  const bool by_network = boot.method == BmcBootMethod::uefi_http;
  const std::string arguments =
      by_network ? network_arguments(place, boot) : "boot_method=vmedia " + place.kernel_arguments;
  std::string initrds = "/initrd";
  if (by_network && !boot.network_data.empty()) {
    files.push_back({"settings", settings_archive(boot)});
    initrds += " /settings";
  }
  files.push_back(
      {"boot/grub/grub.cfg", "set timeout=0\nlinux /vmlinuz " + arguments + "\ninitrd " + initrds + "\nboot\n"});
  wire::IsoBoot bootable{.uefi = "esp.img"};
  if (TRY(add_bios_loader(disk, place, arguments, files))) bootable.bios = isolinux;
  return wire::plan_iso("VMEDIA_BOOT_ISO", files, bootable);
}

Result<void> check_kernel_arguments(std::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c > '~' || std::string_view("\"'\\`$;|&<>{}").find(c) != std::string_view::npos) {
      return base::invalid("kernel arguments may not have the character " + base::quoted(std::string(1, c)));
    }
  }
  for (const auto word : base::split(text, ' ')) {
    const std::string key(word.substr(0, word.find('=')));
    for (const char* ours : {"ipa-api-url", "ipa-agent-token", "ingot-host-uuid", "deploy_id", "ingot-ca-sha256",
                             "ingot-ca-url", "boot_method", "initrd"}) {
      if (key == ours) return base::invalid("kernel argument " + key + " is set by the manager");
    }
  }
  return {};
}

std::string ipxe_script(const BootPlace& place, const ExpectedBoot& boot) {
  const std::string base_url = place.boot_url + "/boot/" + boot.path_token;
  const auto& image = boot.image;
  std::string arguments = network_arguments(place, boot);
  if (image && !image->arguments.empty()) arguments += " " + image->arguments;
  std::string out = "#!ipxe\nkernel " + (image ? image->kernel_url : base_url + "/vmlinuz") + " " + arguments;
  out += " initrd=main\ninitrd --name main " + (image ? image->initrd_url : base_url + "/initrd") + "\nboot\n";
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
