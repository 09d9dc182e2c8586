// What would be started, of configurations as distributions have them, and what is refused.
#include "agent/boot_config.h"

#include <doctest/doctest.h>

using agent::BlsEntry;
using agent::BootVariables;
using agent::choose_bls_entry;
using agent::choose_grub_entry;

namespace {

// As grub-mkconfig writes it, shortened.
std::string generated(const std::string& defaults, const std::string& entry) {
  return R"(
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
)" + defaults +
         R"(
function savedefault {
  if [ -z "${boot_once}" ]; then
    saved_entry="${chosen}"
    save_env saved_entry
  fi
}
menuentry 'Debian GNU/Linux' --class debian --class os $menuentry_id_option 'gnulinux-simple-1234' {
	load_video
	insmod gzio
	if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
	search --no-floppy --fs-uuid --set=root 1234
	echo	'Loading Linux ...'
)" + entry +
         R"(
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-1234' {
	menuentry 'Debian GNU/Linux, with Linux 6.1.0-1 (recovery mode)' --class debian {
		linux	/boot/vmlinuz-6.1.0-1 root=UUID=1234 ro single
		initrd	/boot/initrd.img-6.1.0-1
	}
}
if [ "$grub_platform" = "efi" ]; then
	menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' { fwsetup; }
fi
if [ -f  ${config_directory}/custom.cfg ]; then
  source ${config_directory}/custom.cfg
fi
)";
}

constexpr const char* usual_default = R"(
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="0"
fi
)";
constexpr const char* usual_entry =
    "\tlinux\t/boot/vmlinuz-6.1.0-2-amd64 root=UUID=1234 ro  quiet "
    "$vt_handoff\n\tinitrd\t/boot/initrd.img-6.1.0-2-amd64";

std::string refusal(const std::string& config, const BootVariables& variables = {}) {
  const auto chosen = choose_grub_entry(config, variables);
  REQUIRE_FALSE(chosen.ok());
  CHECK(chosen.error().code == base::Code::unsupported);
  return chosen.error().message;
}
bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("GRUB: the default entry of a generated configuration") {
  const auto chosen = choose_grub_entry(generated(usual_default, usual_entry), {});
  REQUIRE_MESSAGE(chosen.ok(), chosen.error().text());
  CHECK(chosen->title == "Debian GNU/Linux");
  CHECK(chosen->kernel == "/boot/vmlinuz-6.1.0-2-amd64");
  CHECK(chosen->initrd == "/boot/initrd.img-6.1.0-2-amd64");
  CHECK(chosen->arguments == "BOOT_IMAGE=/boot/vmlinuz-6.1.0-2-amd64 root=UUID=1234 ro quiet");
}

TEST_CASE("GRUB: saved entries by number, title and id; others are refused") {
  const std::string config = generated("set default=\"${saved_entry}\"", usual_entry);
  for (const char* name : {"", "0", "Debian GNU/Linux", "gnulinux-simple-1234"}) {
    CAPTURE(name);
    CHECK(choose_grub_entry(config, {{"saved_entry", name}}).ok());
  }
  CHECK(contains(refusal(config, {{"saved_entry", "1"}}), "submenu"));
  CHECK(contains(refusal(config, {{"saved_entry", "2"}}), "starts no Linux kernel"));
  CHECK(contains(refusal(config, {{"saved_entry", "9"}}), "no boot entry number 9"));
  CHECK(contains(refusal(config, {{"saved_entry", "gnulinux-advanced-1234>x"}}), "outside of submenus"));
  CHECK(contains(refusal(generated(usual_default, usual_entry), {{"next_entry", "1"}}), "for the next start only"));
  CHECK(contains(refusal(generated("set default=0\nset default=1\n", usual_entry)), "more than one default"));
}

TEST_CASE("GRUB: a configuration without a menu, quotes and continued lines") {
  const auto chosen = choose_grub_entry(
      "search --no-floppy --label root --set=root\nlinux ($root)/boot/vmlinuz \\\n root=LABEL=root \"dyndbg=file a "
      "+p\" "
      "'x=$y' z=\\$1\ninitrd /boot/initrd # the one\nboot\n",
      {});
  REQUIRE_MESSAGE(chosen.ok(), chosen.error().text());
  CHECK(chosen->kernel == "/boot/vmlinuz");
  CHECK(chosen->initrd == "/boot/initrd");
  CHECK(contains(chosen->arguments, "root=LABEL=root \"dyndbg=file a +p\" x=$y z=$1"));
}

TEST_CASE("GRUB: what only GRUB could know is refused") {
  const auto with = [](const char* entry) { return refusal(generated(usual_default, entry)); };
  CHECK(contains(with("linux /vmlinuz root=$somewhere"), "$somewhere"));
  CHECK(contains(with("if [ \"$a\" = 1 ]; then\nlinux /vmlinuz panic=-1\nelse\nlinux /vmlinuz\ninitrd /i\nfi"),
                 "more than one way"));
  CHECK(contains(with("linux /vmlinuz\ninitrd /microcode /initrd"), "more than one initramfs"));
  CHECK(contains(with("chainloader /EFI/Microsoft/bootmgfw.efi"), "starts no Linux kernel"));
  CHECK(contains(with("linux (hd1,gpt2)/vmlinuz"), "names the file"));
  CHECK(contains(with("linux /../../dev/mem"), "names the file"));
  CHECK(contains(with("linux '/vmlinuz"), "does not end"));
  CHECK(contains(refusal("menuentry a {\nlinux /vmlinuz\n"), "does not end"));
  CHECK(contains(refusal("}"), "'}'"));
  CHECK(contains(refusal(""), "starts no Linux kernel"));
  CHECK(contains(refusal("linux /vmlinuz " + std::string(3000, 'a')), "too long"));
}

TEST_CASE("GRUB: a stub on the EFI system partition leads elsewhere, a generated configuration does not") {
  CHECK(agent::grub_leads_elsewhere(
      "search.fs_uuid 1234 root\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg"));
  CHECK_FALSE(agent::grub_leads_elsewhere(generated(usual_default, usual_entry)));
  CHECK(agent::grub_reads_bls("insmod blscfg\nblscfg\n"));
  CHECK_FALSE(agent::grub_reads_bls(generated(usual_default, usual_entry)));
}

TEST_CASE("Boot Loader Specification: the saved entry, or the newest, with variables of the environment") {
  const auto entry = [](const char* version) {
    return "title Fedora (" + std::string(version) + ")\nversion " + version + "\nlinux /vmlinuz-" + version +
           "\ninitrd /initramfs-" + version + ".img $tuned_initrd\noptions $kernelopts $tuned_params\n";
  };
  const std::vector<BlsEntry> entries = {{"abc-0-rescue", entry("0-rescue")},
                                         {"abc-6.9.1", entry("6.9.1")},
                                         {"abc-6.10.0", entry("6.10.0")},
                                         {"abc-6.8.12", entry("6.8.12")}};
  const auto env =
      agent::parse_grubenv("# GRUB Environment Block\nkernelopts=root=UUID=1 ro \nsaved_entry=abc-6.9.1\n####");
  const auto saved = choose_bls_entry(entries, env, "");
  REQUIRE_MESSAGE(saved.ok(), saved.error().text());
  CHECK(saved->kernel == "/vmlinuz-6.9.1");
  CHECK(saved->initrd == "/initramfs-6.9.1.img");
  CHECK(saved->arguments == "root=UUID=1 ro");
  const BootVariables only_options = {{"kernelopts", "ro"}};
  CHECK(choose_bls_entry(entries, only_options, "")->kernel == "/vmlinuz-6.10.0");
  CHECK(choose_bls_entry(entries, only_options, "timeout 3\ndefault abc-6.8*\n")->kernel == "/vmlinuz-6.8.12");
  CHECK_FALSE(choose_bls_entry(entries, {}, "").ok());  // nobody says what $kernelopts is
  CHECK_FALSE(choose_bls_entry(entries, {{"saved_entry", "gone"}}, "").ok());
  CHECK_FALSE(choose_bls_entry({}, {}, "").ok());
  CHECK_FALSE(choose_bls_entry({{"u", "title x\nefi /EFI/Linux/x.efi\n"}}, {}, "").ok());
  CHECK_FALSE(choose_bls_entry({{"u", "linux /l\ninitrd /a\ninitrd /b\n"}}, {}, "").ok());
}
