#include "cli/ramdisk_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/json.h"
#include "base/text.h"
#include "cli/session.h"
#include "ramdisk/build.h"

namespace cli {

using base::Json;
using base::Result;

namespace {

Result<ramdisk::Parts> parts_of(sys::Disk& disk, const RamdiskFlags& flags) {
  ramdisk::Parts parts;
  if (flags.kernel.empty() != flags.modules.empty()) return base::invalid("--kernel and --modules go together");
  if (flags.kernel.empty()) {
    parts = TRY(ramdisk::find_kernel(disk, flags.root));
  } else {
    parts.kernel = flags.kernel;
    parts.modules = flags.modules;
    parts.firmware = flags.modules + "/../../firmware";
  }
  while (parts.modules.ends_with("/")) parts.modules.pop_back();
  parts.agent = flags.agent;
  parts.output = flags.output;
  if (!flags.shim.empty()) parts.shim = flags.shim;
  if (!flags.grub.empty()) parts.grub = flags.grub;
  return parts;
}

std::string megabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

void tell(const ramdisk::Built& built, const RamdiskFlags& flags) {
  if (flags.as_json) {
    Json out = Json::object({{"version", built.version}, {"kernelBytes", built.kernel_bytes}});
    out.set("initrdBytes", built.initrd_bytes)
        .set("loaderBytes", built.loader_bytes)
        .set("biosLoader", built.bios_loader);
    out.set("modules", int64_t{built.modules}).set("modulesLeftOut", int64_t{built.modules_left_out});
    out.set("leftOut", Json::strings(built.left_out)).set("needFirmware", Json::strings(built.need_firmware));
    out.set("firmware", int64_t{built.firmware}).set("firmwareNoRoom", Json::strings(built.firmware_no_room));
    std::printf("%s\n", out.dump().c_str());
    return;
  }
  std::printf("%s: vmlinuz %s, initrd %s, esp.img %s (kernel %s, %d modules)\n", flags.output.c_str(),
              megabytes(built.kernel_bytes).c_str(), megabytes(built.initrd_bytes).c_str(),
              megabytes(built.loader_bytes).c_str(), built.version.c_str(), built.modules);
  std::printf("left out: %d modules, of %s\n", built.modules_left_out, base::join(built.left_out, ", ").c_str());
  std::printf("firmware: %d files\n", built.firmware);
  if (!built.firmware_no_room.empty()) {
    std::printf("left out: firmware files for which there is no room: %s\n",
                base::join(built.firmware_no_room, ", ").c_str());
  }
  if (!built.need_firmware.empty()) {
    std::printf("left out: firmware that these drivers may ask for and the root does not have: %s\n",
                base::join(built.need_firmware, ", ").c_str());
  }
  if (!built.bios_loader) {
    std::printf("left out: virtual media for BIOS firmware, which needs the packages isolinux and syslinux-common\n");
  }
  std::printf("next: ingot serve --ramdisk %s ...\n", flags.output.c_str());
}

}  // namespace

CLI::App* add_ramdisk(CLI::App& app, RamdiskFlags& flags, const std::string& program) {
  auto* group = app.add_subcommand("ramdisk", "Make what servers boot to be inspected, wiped and written");
  group->require_subcommand(1);
  auto* build = group->add_subcommand("build", "Make the deploy ramdisk from a Linux kernel and the agent");
  build->footer(
      "Writes vmlinuz, initrd and, for virtual media, esp.img with signed boot loaders (Secure Boot works with the\n"
      "distribution's own kernel). Example, on Debian:\n"
      "  apt-get download linux-image-6.1.0-56-amd64 && dpkg-deb -x linux-image-*.deb kernel\n"
      "  depmod -b kernel 6.1.0-56-amd64\n"
      "  ingot ramdisk build --root kernel --output ramdisk");
  build->add_option("--root", flags.root, "Folder with boot/vmlinuz-V and lib/modules/V; default: this system");
  build->add_option("--kernel", flags.kernel, "Instead of --root: the kernel");
  build->add_option("--modules", flags.modules, "Instead of --root: its modules (the folder with modules.dep)");
  const size_t slash = program.rfind('/');
  flags.agent = slash == std::string::npos ? "/usr/bin/ingot-agent" : program.substr(0, slash) + "/ingot-agent";
  build->add_option("--agent", flags.agent, "The statically linked agent")->capture_default_str();
  build->add_option("--shim", flags.shim, "First boot loader; default: Debian's shim-signed");
  build->add_option("--grub", flags.grub, "Second boot loader; default: Debian's grub-efi-amd64-signed for CDs");
  build->add_option("--output", flags.output, "Folder")->capture_default_str();
  build->add_flag("--json", flags.as_json, "Print what was made as JSON");
  return build;
}

int build_ramdisk(sys::RealSystem& system, const RamdiskFlags& flags) {
  sys::Disk& disk = system.sys().disk;
  const auto built = [&]() -> Result<ramdisk::Built> {
    const auto parts = TRY(parts_of(disk, flags));
    return ramdisk::build(disk, parts, [&](const std::string& line) {
      if (!flags.as_json) std::fprintf(stderr, "%s\n", line.c_str());
    });
  }();
  if (!built) return fail(built.error());
  tell(*built, flags);
  return 0;
}

}  // namespace cli
