// What QEMU is started with: firmware, disks with their identities, and the order in which firmware tries them.
#include "sim/qemu/command.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.h"

namespace sim {
namespace {

QemuMachine machine() {
  QemuMachine out;
  out.name = "vm,0";
  out.index = 3;
  out.identity.uuid = "8d2f0ee2-0000-4000-8000-000000000001";
  out.identity.nics = {{.id = "NIC1", .mac = "52:54:00:aa:00:01"}};
  agent::DiskIdentity nvme, scsi;
  nvme.transport = "nvme";
  nvme.serial = "S1";
  scsi.serial = "S2";
  scsi.wwn = "0x5000000000000001";
  scsi.vendor = "INGOT";
  scsi.model = "Ingot SSD 480";
  out.disks = {nvme, scsi};
  out.disk_paths = {"/d/a,b.disk", "/d/sda.disk"};
  out.variables_path = "/d/vars.fd";
  out.console_path = "/d/console.log";
  out.cd_path = "/d/media.iso";
  return out;
}

std::string line(const QemuOptions& options, const QemuMachine& one) {
  return base::join(qemu_command(options, one), " ");
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("QEMU: disks have serial and wwn, names with commas stay whole, software's reset ends the process") {
  QemuOptions options;
  options.tap_prefix = "tap";
  auto one = machine();
  one.order = {QemuSource::cd, QemuSource::disk};
  const std::string command = line(options, one);
  CHECK(has(command, "-name vm,,0"));
  CHECK(has(command, "file=/d/a,,b.disk"));
  CHECK(has(command, "nvme,drive=disk0,serial=S1,bootindex=11"));
  CHECK(has(command, "-serial file:/d/console.log"));
  one.console_port = 4000;
  CHECK(has(line(options, one), "port=4000,server=off,logappend=off,logfile=/d/console.log -serial chardev:console"));
  CHECK(has(command, "scsi-hd,bus=scsi0.0,drive=disk1,serial=S2,wwn=0x5000000000000001"));
  CHECK(has(command, "ide-cd,bus=ide.0,drive=cd0,bootindex=1"));
  CHECK(has(command, "ifname=tap3"));
  CHECK_FALSE(has(command, "mac=52:54:00:aa:00:01,bootindex"));  // the network is not asked for
  CHECK(has(command, "reboot=shutdown"));
  CHECK(has(command, "unit=1,format=raw,file=/d/vars.fd"));
}

TEST_CASE("QEMU: a network boot tries the NIC first; legacy mode has no UEFI firmware; no tap, no NIC") {
  auto one = machine();
  one.order = {QemuSource::network, QemuSource::disk};
  one.uefi = false;
  one.cd_path.clear();
  QemuOptions options;
  CHECK_FALSE(has(line(options, one), "-netdev"));
  options.tap_prefix = "tap";
  const std::string command = line(options, one);
  CHECK(has(command, "mac=52:54:00:aa:00:01,bootindex=1"));
  CHECK(has(command, "drive=disk1"));
  CHECK(has(command, ",bootindex=12"));
  one.first_disk = 1;
  CHECK(has(line(options, one), "serial=S1,bootindex=12"));
  CHECK(has(line(options, one), "rotation_rate=1,bootindex=11"));
  CHECK_FALSE(has(command, "pflash"));
  CHECK_FALSE(has(command, "PXESupport"));
  one.uefi = one.http_boot = true;
  CHECK(has(line(options, one), "-fw_cfg name=opt/org.tianocore/IPv4PXESupport,string=no"));
  CHECK_FALSE(has(command, "media.iso"));
}

}  // namespace sim
