// Whatever the bearer of the token tells an agent to do: a name, a line end, parameters. It is done, refused or fails,
// and no disk is touched but the one that was named by its serial number and WWN, by the steps that write or erase.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "agent/commands.h"
#include "sys/sim/sim.h"

namespace {

using base::Json;
using base::Result;

constexpr uint64_t disk_bytes = 4u << 20;

class Computer : public agent::Hardware {
 public:
  explicit Computer(sys::Sys& sys) : sys_(sys) {}
  const std::map<std::string, std::string>& boot_parameters() const override { return parameters_; }
  std::string medium_ca_pem() const override { return {}; }
  std::string boot_server() const override { return {}; }
  std::string image_roots_pem() const override { return {}; }
  Json inventory() override { return Json::object(); }
  std::vector<agent::DiskIdentity> disks() override {
    agent::DiskIdentity disk;
    disk.name = "/dev/sda";
    disk.serial = "S1";
    disk.wwn = "0x5000";
    disk.bytes = disk_bytes;
    return {disk};
  }
  Result<std::unique_ptr<sys::File>> open_disk(const std::string& name) override {
    if (name != "/dev/sda") std::abort();
    auto file = TRY(sys_.disk.open("sda.disk", true));
    if (file->size() != disk_bytes) TRY(file->resize(disk_bytes));
    return file;
  }
  Result<Json> erase_device(const agent::DiskIdentity& disk, const std::function<void(int)>&) override {
    if (disk.name != "/dev/sda") std::abort();
    return Json::object({{"method", "none"}});
  }
  std::string address() const override { return "10.0.0.10"; }
  std::vector<std::string> macs() const override { return {"52:54:00:12:01:01"}; }
  void reboot_into_disk() override {}
  void power_off() override {}

 private:
  sys::Sys& sys_;
  std::map<std::string, std::string> parameters_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const size_t end = bytes.find('\n');
  if (end == std::string::npos) return 0;
  const auto params = base::parse_json(bytes.substr(end + 1));
  if (!params) return 0;
  sys::SimWorld world(1);
  sys::Sys& sys = world.process("10.0.0.10", "agent");
  Computer computer(sys);
  bool over = false;
  agent::Commands commands(sys, computer, [](const agent::Command&) {});
  sys::spawn(sys.loop, "manager", [&] {
    const auto done = commands.start(bytes.substr(0, end), *params, true);
    if (done) (void)(*done)->document().dump();
    over = true;
  });
  if (!world.loop().run_until([&] { return over; })) std::abort();
  sys.loop.shut();
  return 0;
}
