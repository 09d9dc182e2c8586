#include "ramdisk/build.h"

#include <zstd.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "ramdisk/firmware.h"
#include "wire/cpio.h"
#include "wire/fat.h"
#include "wire/kernel_modules.h"

namespace ramdisk {

using base::Code;
using base::Error;
using base::Result;

namespace {

constexpr uint64_t bytes_max = 60'000'000;
constexpr size_t file_bytes_max = 256u << 20;
constexpr int compression_level = 15;
constexpr uint64_t spare_bytes = 500'000;  // packed together, files may need a little more than alone

// Folders of modules that a server needs to be found, wiped and written. What they depend on comes with them.
const std::vector<std::string> wanted = {
    "kernel/crypto/crc32c_generic",
    "kernel/drivers/ata/",
    "kernel/drivers/block/virtio_blk",
    "kernel/drivers/cdrom/",
    "kernel/drivers/char/ipmi/",
    "kernel/drivers/hv/",
    "kernel/drivers/message/",
    "kernel/drivers/net/ethernet/",
    "kernel/drivers/net/hyperv/",
    "kernel/drivers/net/net_failover",
    "kernel/drivers/net/virtio_net",
    "kernel/drivers/net/vmxnet3/",
    "kernel/drivers/nvme/host/",
    "kernel/drivers/scsi/",
    "kernel/drivers/usb/host/",
    "kernel/drivers/usb/storage/",
    "kernel/drivers/virtio/",
    "kernel/fs/efivarfs/",
    "kernel/fs/ext4/",
    "kernel/fs/fat/",
    "kernel/fs/isofs/",
    "kernel/fs/nls/",
    "kernel/fs/xfs/",
};
// Large, and not the way to a disk or network of a server.
const std::vector<std::string> unwanted = {
    "kernel/drivers/net/ethernet/mellanox/mlxsw/",
    "kernel/drivers/scsi/pcmcia/",
    "kernel/drivers/scsi/bfa/",
    "kernel/drivers/net/ethernet/8390/",
};

bool below(const std::string& path, const std::vector<std::string>& folders) {
  return std::any_of(folders.begin(), folders.end(), [&](const auto& folder) { return path.starts_with(folder); });
}

// "kernel/drivers/gpu": where somebody looks for what was left out.
std::string area_of(const std::string& path) {
  const auto parts = base::split(path, '/');
  std::string out;
  for (size_t i = 0; i < parts.size() && i < 3 && i + 1 < parts.size(); ++i) {
    out += (i == 0 ? "" : "/") + std::string(parts[i]);
  }
  return out;
}

using Dependencies = std::map<std::string, std::vector<std::string>>;

std::set<std::string> choose(const Dependencies& all) {
  std::set<std::string> chosen;
  for (const auto& [path, needs] : all) {
    if (!below(path, wanted) || below(path, unwanted)) continue;
    chosen.insert(path);
    chosen.insert(needs.begin(), needs.end());
  }
  return chosen;
}

std::string dependencies_of(const Dependencies& all, const std::set<std::string>& chosen) {
  std::string out;
  for (const auto& path : chosen) {
    const auto found = all.find(path);
    out += path + ":";
    if (found != all.end()) {
      for (const auto& need : found->second) out += " " + need;
    }
    out += "\n";
  }
  return out;
}

std::string aliases_of(std::string_view text, const std::set<std::string>& chosen) {
  std::set<std::string, std::less<>> names;
  for (const auto& path : chosen) names.insert(wire::module_name(path));
  std::string out;
  for (const auto line : base::split(text, '\n')) {
    const size_t space = line.rfind(' ');
    if (!line.starts_with("alias ") || space == std::string_view::npos) continue;
    if (names.count(wire::module_name(line.substr(space + 1)))) {
      out += std::string(line) + "\n";
    }
  }
  return out;
}

Result<std::string> compress(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), compression_level);
  if (ZSTD_isError(size) != 0) return base::internal("zstd: " + std::string(ZSTD_getErrorName(size)));
  out.resize(size);
  return out;
}

Result<std::string> read(sys::Disk& disk, const std::string& path, const std::string& fix) {
  auto bytes = disk.read(path, file_bytes_max);
  if (bytes) return bytes;
  return std::move(bytes).error().with_fix(fix);
}

// A dynamically linked program could not start: there is nothing else in the ramdisk (ELF: a PT_INTERP segment).
bool is_static_program(std::string_view elf) {
  return elf.starts_with(
             "\x7f"
             "ELF") &&
         elf.substr(0, 1u << 20).find("/ld-linux") == std::string_view::npos;
}

using FirmwareNames = std::map<std::string, std::set<std::string>>;  // by module

// Without its firmware, and whose it would be.
Result<wire::CpioWriter> archive_of(sys::Disk& disk, const Parts& parts, Built& built, FirmwareNames& firmware) {
  const std::string depmod = "run depmod for this kernel (package kmod): depmod -b ROOT VERSION";
  const std::string dep_text = TRY(read(disk, parts.modules + "/modules.dep", depmod));
  const std::string alias_text = TRY(read(disk, parts.modules + "/modules.alias", depmod));
  const Dependencies all = wire::parse_module_dependencies(dep_text);
  const std::set<std::string> chosen = choose(all);

  wire::CpioWriter cpio;
  const std::string agent = TRY(read(disk, parts.agent, "name the agent with --agent"));
  if (!is_static_program(agent)) {
    return base::invalid(parts.agent + " is not a statically linked program").with_fix("build the target ingot-agent");
  }
  cpio.add_file("init", agent, 0755);
  for (const char* folder : {"dev", "proc", "sys", "run", "tmp", "mnt", "media", "etc"}) cpio.add_directory(folder);
  if (disk.exists(parts.roots)) {
    cpio.add_file("usr/lib/ssl/cert.pem", TRY(read(disk, parts.roots, "")));
  } else {
    built.left_out.push_back("certificates of public authorities: " + parts.roots + " is absent");
  }
  cpio.add_file("lib/modules/modules.dep", dependencies_of(all, chosen));
  cpio.add_file("lib/modules/modules.alias", aliases_of(alias_text, chosen));
  for (const auto& path : chosen) {
    const std::string bytes = TRY(read(disk, parts.modules + "/" + path, depmod));
    if (auto names = firmware_of(bytes); !names.empty()) firmware[wire::module_name(path)] = std::move(names);
    cpio.add_file("lib/modules/" + path, bytes);
  }
  std::set<std::string> areas;
  for (const auto& [path, needs] : all) {
    if (!chosen.count(path)) areas.insert(area_of(path));
  }
  built.left_out.insert(built.left_out.end(), areas.begin(), areas.end());
  built.modules = static_cast<int>(chosen.size());
  built.modules_left_out = static_cast<int>(all.size() - chosen.size());
  return cpio;
}

// Adds what fits beside the rest, which has to be packed for once to know.
Result<void> add_firmware(sys::Disk& disk, const Parts& parts, const FirmwareNames& asked, uint64_t kernel_bytes,
                          wire::CpioWriter& cpio, Built& built) {
  std::set<std::string> all;
  for (const auto& [module, names] : asked) all.insert(names.begin(), names.end());
  FirmwareChoice choice;
  if (!all.empty() && disk.exists(parts.firmware)) {
    wire::CpioWriter rest = cpio;
    const std::string packed = TRY(compress(rest.finish()));
    const uint64_t used = kernel_bytes + packed.size() + spare_bytes;
    choice = TRY(choose_firmware(disk, parts.firmware, all, used < bytes_max ? bytes_max - used : 0));
  }
  for (const auto& [path, bytes] : choice.files) cpio.add_file("lib/firmware/" + path, bytes);
  built.firmware = static_cast<int>(choice.files.size());
  built.firmware_no_room = std::move(choice.no_room);
  const auto in_it = [&](const std::string& name) {
    return choice.files.count(name) + choice.files.count(name + ".zst") + choice.files.count(name + ".xz") > 0;
  };
  for (const auto& [module, names] : asked) {
    if (std::none_of(names.begin(), names.end(), in_it)) built.need_firmware.push_back(module);
  }
  return {};
}

Result<std::string> initramfs(sys::Disk& disk, const Parts& parts, uint64_t kernel_bytes, Built& built,
                              const std::function<void(const std::string&)>& say) {
  FirmwareNames firmware;
  wire::CpioWriter cpio = TRY(archive_of(disk, parts, built, firmware));
  TRY(add_firmware(disk, parts, firmware, kernel_bytes, cpio, built));
  const std::string archive = cpio.finish();
  say("compressing " + std::to_string(archive.size() >> 20) + " MiB");
  return compress(archive);
}

Result<std::string> boot_partition(sys::Disk& disk, const Parts& parts) {
  const std::string fix = "install the packages shim-signed and grub-efi-amd64-signed, or name the files";
  const std::string shim = TRY(read(disk, parts.shim, fix));
  const std::string grub = TRY(read(disk, parts.grub, fix));
  return wire::build_fat("INGOT", {{"EFI/BOOT/BOOTX64.EFI", shim}, {"EFI/BOOT/GRUBX64.EFI", grub}});
}

// Versions by their numbers: 6.1.0-9 comes before 6.1.0-56.
bool is_older(const std::string& a, const std::string& b) {
  size_t i = 0, j = 0;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      size_t x = i, y = j;
      while (x < a.size() && digit(a[x])) ++x;
      while (y < b.size() && digit(b[y])) ++y;
      const auto left = base::parse_uint(a.substr(i, x - i)).value_or(0);
      const auto right = base::parse_uint(b.substr(j, y - j)).value_or(0);
      if (left != right) return left < right;
      i = x;
      j = y;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

}  // namespace

Result<Parts> find_kernel(sys::Disk& disk, const std::string& root) {
  std::string newest;
  if (const auto versions = disk.list(root + "/lib/modules")) {
    for (const auto& version : *versions) {
      if (!disk.exists(root + "/boot/vmlinuz-" + version)) continue;
      if (newest.empty() || is_older(newest, version)) newest = version;
    }
  }
  if (newest.empty()) {
    return base::not_found("there is no kernel with its modules below " + (root.empty() ? "/" : root))
        .with_fix(
            "unpack a kernel package there: apt-get download linux-image-amd64's dependency, dpkg-deb -x FILE "
            "ROOT, depmod -b ROOT VERSION; then --root ROOT");
  }
  Parts parts;
  parts.kernel = root + "/boot/vmlinuz-" + newest;
  parts.modules = root + "/lib/modules/" + newest;
  parts.firmware = root + "/lib/firmware";
  return parts;
}

Result<Built> build(sys::Disk& disk, const Parts& parts, const std::function<void(const std::string&)>& say) {
  Built built;
  built.version = parts.modules.substr(parts.modules.rfind('/') + 1);
  const std::string kernel = TRY(read(disk, parts.kernel, "name the kernel with --kernel"));
  say("kernel " + parts.kernel);
  const std::string initrd = TRY(initramfs(disk, parts, kernel.size(), built, say));
  const std::string loader = TRY(boot_partition(disk, parts));
  built.kernel_bytes = kernel.size();
  built.initrd_bytes = initrd.size();
  built.loader_bytes = loader.size();
  if (kernel.size() + initrd.size() > bytes_max) {
    return Error{Code::too_large, "kernel and initrd would be larger than 60 MB"};
  }
  TRY(disk.make_directories(parts.output));
  TRY(disk.write(parts.output + "/vmlinuz", kernel));
  TRY(disk.write(parts.output + "/initrd", initrd));
  TRY(disk.write(parts.output + "/esp.img", loader));
  built.bios_loader = disk.exists(parts.isolinux) && disk.exists(parts.ldlinux);
  if (built.bios_loader) {
    const std::string isolinux = TRY(disk.read(parts.isolinux)), ldlinux = TRY(disk.read(parts.ldlinux));
    TRY(disk.write(parts.output + "/isolinux.bin", isolinux));
    TRY(disk.write(parts.output + "/ldlinux.c32", ldlinux));
  }
  // Tells the manager that this ramdisk's agent is ours, which shows its token in every request.
  TRY(disk.write(parts.output + "/ingot-agent", built.version + "\n"));
  return built;
}

}  // namespace ramdisk
