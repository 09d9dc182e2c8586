// Which means an erase takes, that it touches its own disk alone, and that what is left over is noticed.
#include "agent/linux/erase.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "agent/linux/test_machine.h"
#include "base/text.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace agent {
namespace {

using base::Result;

constexpr uint64_t disk_bytes = 8u << 20;

// A drive that says what it offers and does it, or does not.
struct Drive {
  std::string identify = std::string(4096, '\0');  // controller
  std::vector<uint32_t> namespaces = {1};
  uint32_t own = 1;
  bool sanitize_works = true, discard_leaves_data = false, discard_offered = true;
  std::string ata_identify = std::string(512, '\0');
  std::vector<std::string> done;  // commands in order
  std::string last_ata_order;
};

class FakeDevice : public sys::BlockDevice {
 public:
  FakeDevice(std::unique_ptr<sys::File> file, Drive& drive) : file_(std::move(file)), drive_(drive) {}
  Result<std::string> read_at(uint64_t offset, size_t bytes) override { return file_->read_at(offset, bytes); }
  Result<void> write_at(uint64_t offset, std::string_view bytes) override { return file_->write_at(offset, bytes); }
  Result<void> zero(uint64_t offset, uint64_t bytes) override { return file_->zero(offset, bytes); }
  Result<void> sync() override { return file_->sync(); }
  uint64_t size() const override { return file_->size(); }
  Result<void> resize(uint64_t bytes) override { return file_->resize(bytes); }
  Result<void> read_partitions() override { return {}; }
  Result<uint32_t> nvme_namespace() override { return drive_.own; }

  Result<void> discard(uint64_t offset, uint64_t bytes) override {
    if (!drive_.discard_offered) return base::Error{base::Code::unsupported, "no discard"};
    drive_.done.push_back("discard");
    return drive_.discard_leaves_data ? Result<void>() : file_->zero(offset, bytes);
  }
  Result<void> write_zeroes(uint64_t offset, uint64_t bytes) override {
    drive_.done.push_back("overwrite");
    return file_->zero(offset, bytes);
  }
  Result<std::string> nvme(const sys::NvmeCommand& command) override {
    std::string data(command.data_bytes, '\0');
    if (command.opcode == 0x06 && command.dword10 == 1) return drive_.identify;
    if (command.opcode == 0x06 && command.dword10 == 2) {
      for (size_t i = 0; i < drive_.namespaces.size(); ++i) data[4 * i] = static_cast<char>(drive_.namespaces[i]);
      return data;
    }
    if (command.opcode == 0x06) {
      data[26] = 3;  // the LBA format in use
      return data;
    }
    if (command.opcode == 0x02) {  // sanitize status: at work twice, then done or failed
      data[2] = ++polls_ < 3 ? 2 : drive_.sanitize_works ? 1 : 3;
      return data;
    }
    drive_.done.push_back((command.opcode == 0x84 ? "sanitize " : "format ") + std::to_string(command.namespace_id) +
                          " " + std::to_string(command.dword10));
    if (command.opcode == 0x80 || drive_.sanitize_works) TRY(file_->zero(0, disk_bytes));
    return data;
  }
  Result<std::string> ata(const sys::AtaCommand& command) override {
    if (command.command == 0xec) return drive_.ata_identify;
    drive_.done.push_back("ata " + base::hex(std::string(1, static_cast<char>(command.command))));
    if (command.command == 0xf2) drive_.ata_identify[256] = static_cast<char>(drive_.ata_identify[256] & ~4);
    if (command.command == 0xf4) {
      drive_.last_ata_order = command.data;
      TRY(file_->zero(0, disk_bytes));
    }
    return std::string();
  }

 private:
  std::unique_ptr<sys::File> file_;
  Drive& drive_;
  int polls_ = 0;
};

class FakeMachine : public TestMachine {
 public:
  FakeMachine(sys::Disk& disk, Drive& drive) : disk_(disk), drive_(drive) {}
  Result<std::unique_ptr<sys::BlockDevice>> open_block(const std::string&, bool) override {
    return std::unique_ptr<sys::BlockDevice>(std::make_unique<FakeDevice>(TRY(disk_.open("disk", true)), drive_));
  }

 private:
  sys::Disk& disk_;
  Drive& drive_;
};

// Erases a disk that is full of data; the result, and whether anything of it is left.
struct Bench {
  sys::SimWorld world{7};
  sys::Sys& sys = world.process("10.0.0.1", "agent");
  Drive drive;
  DiskIdentity disk;
  bool data_left = true;

  Result<Json> erase(const char* transport) {
    disk.name = "/dev/disk";
    disk.transport = transport;
    const auto file = sys.disk.open("disk", true).value();
    REQUIRE(file->resize(disk_bytes).ok());
    REQUIRE(file->write_at(0, std::string(disk_bytes, 'D')).ok());
    FakeMachine machine(sys.disk, drive);
    std::optional<Result<Json>> result;
    sys::spawn(sys.loop, "erase", [&] { result = erase_disk(sys, machine, disk, [](int) {}); });
    REQUIRE(world.loop().run_until([&] { return result.has_value(); }));
    data_left = file->read_at(0, disk_bytes).value().find('D') != std::string::npos;
    return *result;
  }
  ~Bench() { sys.loop.shut(); }
};

std::string method(const Result<Json>& result) { return result ? (*result)["method"].string() : result.error().text(); }

}  // namespace

TEST_CASE("erase: NVMe sanitize is waited for, and is proved by blocks that were read before and after") {
  Bench bench;
  bench.drive.identify[328] = 2;  // block erase
  const auto result = bench.erase("nvme");
  CHECK(method(result) == "NVMe sanitize");
  CHECK(bench.drive.done == std::vector<std::string>{"sanitize 0 2"});
  CHECK((*result)["blocks_checked"].integer() > 60);
  CHECK_FALSE(bench.data_left);
}

TEST_CASE("erase: of a drive with several namespaces only the disk's own is formatted") {
  Bench bench;
  bench.drive.identify[328] = 3;  // sanitize would take all of them
  bench.drive.identify[256] = 2;
  bench.drive.namespaces = {1, 2};
  bench.drive.own = 2;
  CHECK(method(bench.erase("nvme")) == "NVMe format");
  CHECK(bench.drive.done == std::vector<std::string>{"format 2 " + std::to_string(3 | 1 << 9)});
}

TEST_CASE("erase: a format that acts on all namespaces is not used when there are several") {
  Bench bench;
  bench.drive.identify[256] = 2;
  bench.drive.identify[524] = 2;
  bench.drive.namespaces = {1, 2};
  CHECK(method(bench.erase("nvme")) == "discard");
  CHECK(bench.drive.done == std::vector<std::string>{"discard"});
}

TEST_CASE("erase: what a method leaves behind is seen, and the next one follows") {
  Bench bench;
  bench.drive.identify[328] = 1;
  bench.drive.sanitize_works = false;
  bench.drive.discard_leaves_data = true;
  const auto result = bench.erase("nvme");
  CHECK(method(result) == "overwrite with zeros");
  CHECK((*result)["not_used"].string().find("sanitize failed") != std::string::npos);
  CHECK((*result)["not_used"].string().find("still has data") != std::string::npos);
  CHECK_FALSE(bench.data_left);
}

TEST_CASE("erase: ATA secure erase, enhanced where offered; after a lost erase the empty password unlocks the drive") {
  Bench bench;
  bench.drive.ata_identify[164] = 2;       // word 82: security
  bench.drive.ata_identify[256] = 32 | 4;  // word 128: enhanced, locked
  CHECK(method(bench.erase("sata")) == "ATA secure erase");
  CHECK(bench.drive.done == std::vector<std::string>{"ata f2", "ata f1", "ata f3", "ata f4"});
  CHECK(bench.drive.last_ata_order[0] == 2);
}

TEST_CASE("erase: a frozen drive is overwritten, and says why") {
  Bench bench;
  bench.drive.ata_identify[164] = 2;
  bench.drive.ata_identify[256] = 8;
  bench.drive.discard_offered = false;
  const auto result = bench.erase("sata");
  CHECK(method(result) == "overwrite with zeros");
  CHECK((*result)["not_used"].string().find("frozen") != std::string::npos);
  CHECK(bench.drive.done.front() == "overwrite");
}

}  // namespace agent
