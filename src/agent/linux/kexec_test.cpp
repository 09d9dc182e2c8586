// The system on a disk as the ramdisk finds it: what is mounted how, what is loaded, and that nothing stays mounted.
#include "agent/linux/kexec.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "agent/linux/test_machine.h"
#include "sys/sim/sim.h"

namespace agent {
namespace {

// Its partitions begin with a superblock of some kind.
class Disks : public TestMachine {
 public:
  class Device : public sys::BlockDevice {
   public:
    Device(std::string head, int& reads) : head_(std::move(head)), reads_(reads) { head_.resize(4096); }
    Result<std::string> read_at(uint64_t, size_t) override { return head_; }
    Result<void> write_at(uint64_t, std::string_view) override { return none(); }
    Result<void> zero(uint64_t, uint64_t) override { return none(); }
    Result<void> sync() override { return {}; }
    uint64_t size() const override { return 1u << 30; }
    Result<void> resize(uint64_t) override { return none(); }
    Result<void> discard(uint64_t, uint64_t) override { return none(); }
    Result<void> write_zeroes(uint64_t, uint64_t) override { return none(); }
    Result<std::string> nvme(const sys::NvmeCommand&) override { return none(); }
    Result<uint32_t> nvme_namespace() override { return none(); }
    Result<std::string> ata(const sys::AtaCommand&) override { return none(); }
    Result<void> read_partitions() override {
      ++reads_;
      return {};
    }

   private:
    std::string head_;
    int& reads_;
  };
  Result<std::unique_ptr<sys::BlockDevice>> open_block(const std::string& name, bool read_only) override {
    const bool whole = name == "/dev/sda";
    if (read_only == whole) return none();
    if (!whole && heads.count(name) == 0) return none();
    return std::unique_ptr<sys::BlockDevice>(std::make_unique<Device>(whole ? "" : heads[name], partition_reads));
  }
  Result<void> mount(const std::string& source, const std::string& target, const std::string& type, bool read_only,
                     const std::string& options) override {
    CHECK(read_only);
    if (source == broken) return none();
    mounted.push_back(target);
    said.push_back(source + " " + type + " " + options);
    return {};
  }
  Result<void> unmount(const std::string& target) override {
    std::erase(mounted, target);
    return {};
  }
  Result<void> load_kernel(const std::string& kernel, const std::string& initrd, const std::string& with) override {
    CHECK_FALSE(mounted.empty());
    if (refuses) return base::Error{base::Code::unsupported, "not signed"};
    loaded = kernel + " " + initrd;
    arguments = with;
    return {};
  }

  std::map<std::string, std::string> heads;
  std::vector<std::string> mounted, said;
  std::string loaded, arguments, broken;
  int partition_reads = 0;
  bool refuses = false;
};

std::string at(size_t place, const std::string& mark) { return std::string(place, '\0') + mark; }

struct Room {
  sys::SimWorld world{4};
  sys::Sys& sys = world.process("10.0.0.10", "ramdisk");
  Disks machine;
  Room() {
    partition("sda1", at(0x52, "FAT32"));
    partition("sda2", at(0x438, "\x53\xef"));
    partition("sda3", "not a file system");
    put("/mnt/sda1/EFI/debian/grub.cfg", "search.fs_uuid 1 root\nconfigfile $prefix/grub.cfg\n");
  }
  ~Room() { sys.loop.shut(); }
  void put(const std::string& path, const std::string& text) {
    REQUIRE(sys.disk.make_directories(path.substr(0, path.rfind('/'))).ok());
    REQUIRE(sys.disk.write(path, text).ok());
  }
  void partition(const std::string& name, const std::string& head) {
    put("/sys/block/sda/" + name + "/partition", "1\n");
    machine.heads["/dev/" + name] = head;
  }
  void debian() {
    put("/mnt/sda2/boot/grub/grub.cfg", "menuentry D {\nlinux /boot/vmlinuz root=UUID=1 ro\ninitrd /boot/initrd\n}\n");
    put("/mnt/sda2/boot/vmlinuz", "kernel");
    put("/mnt/sda2/boot/initrd", "initrd");
  }
  std::string refusal() {
    const auto loaded = load_system_of(sys.disk, machine, "/dev/sda");
    REQUIRE_FALSE(loaded.ok());
    CHECK(machine.loaded.empty());
    CHECK(machine.mounted.empty());
    return loaded.error().message;
  }
};

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("kexec: file systems are mounted without writing, the kernel is loaded, nothing stays mounted") {
  Room room;
  room.debian();
  const auto loaded = load_system_of(room.sys.disk, room.machine, "/dev/sda");
  REQUIRE_MESSAGE(loaded.ok(), loaded.error().text());
  CHECK(room.machine.loaded == "/mnt/sda2/boot/vmlinuz /mnt/sda2/boot/initrd");
  CHECK(room.machine.arguments == "BOOT_IMAGE=/boot/vmlinuz root=UUID=1 ro");
  CHECK(room.machine.said == std::vector<std::string>{"/dev/sda1 vfat ", "/dev/sda2 ext4 noload"});
  CHECK(room.machine.partition_reads == 1);
  CHECK(room.machine.mounted.empty());
  CHECK((*loaded)["kernel"].string() == "/boot/vmlinuz");
}

TEST_CASE("kexec: a boot partition of its own, with entries of the Boot Loader Specification") {
  Room room;
  room.partition("sda3", "XFSB");
  room.put("/mnt/sda2/grub2/grub.cfg", "insmod blscfg\nset default=\"${saved_entry}\"\nblscfg\n");
  room.put("/mnt/sda2/grub2/grubenv", "saved_entry=abc-2\n");
  for (const char* id : {"1", "2", "3"}) {
    room.put(std::string("/mnt/sda2/loader/entries/abc-") + id + ".conf",
             std::string("title T\nlinux /vmlinuz-") + id + "\ninitrd /initrd-" + id + "\noptions root=/dev/sda3\n");
    room.put(std::string("/mnt/sda2/vmlinuz-") + id, "kernel");
    room.put(std::string("/mnt/sda2/initrd-") + id, "initrd");
  }
  const auto loaded = load_system_of(room.sys.disk, room.machine, "/dev/sda");
  REQUIRE_MESSAGE(loaded.ok(), loaded.error().text());
  CHECK(room.machine.loaded == "/mnt/sda2/vmlinuz-2 /mnt/sda2/initrd-2");
  CHECK(room.machine.said.back() == "/dev/sda3 xfs norecovery,nouuid");
}

TEST_CASE("kexec: whatever is not plain is refused, and nothing stays mounted") {
  Room room;
  SUBCASE("no configuration") { CHECK(contains(room.refusal(), "no boot configuration")); }
  SUBCASE("a unified kernel image") {
    room.put("/mnt/sda1/EFI/Linux/linux.efi", "MZ");
    CHECK(contains(room.refusal(), "unified kernel image"));
  }
  SUBCASE("two systems") {
    room.debian();
    room.put("/mnt/sda1/grub/grub.cfg", "");
    CHECK(contains(room.refusal(), "more than one configuration"));
  }
  SUBCASE("two kernels of that name") {
    room.debian();
    room.put("/mnt/sda1/boot/vmlinuz", "kernel");
    CHECK(contains(room.refusal(), "more than one file"));
  }
  SUBCASE("no such kernel") {
    room.debian();
    REQUIRE(room.sys.disk.remove("/mnt/sda2/boot/vmlinuz").ok());
    CHECK(contains(room.refusal(), "no file system of the disk has the kernel"));
  }
  SUBCASE("no such initramfs") {
    room.debian();
    REQUIRE(room.sys.disk.remove("/mnt/sda2/boot/initrd").ok());
    CHECK(contains(room.refusal(), "a file that is not there"));
  }
  SUBCASE("somebody's own additions") {
    room.debian();
    room.put("/mnt/sda2/boot/grub/custom.cfg", "set default=3\n");
    CHECK(contains(room.refusal(), "custom.cfg"));
  }
  SUBCASE("a kernel that may not be started") {
    room.debian();
    room.machine.refuses = true;
    CHECK(contains(room.refusal(), "not signed"));
  }
  SUBCASE("nothing that can be mounted") {
    room.machine.heads = {{"/dev/sda1", "LVM"}};
    CHECK(contains(room.refusal(), "no file system"));
  }
  SUBCASE("its file system is not mounted") {
    room.machine.broken = "/dev/sda2";
    CHECK(contains(room.refusal(), "no boot configuration"));
  }
}

}  // namespace agent
