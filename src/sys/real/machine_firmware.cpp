// What a machine's firmware, BMC and kernel are asked beside its devices.
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/ipmi.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sys/real/descriptor.h"
#include "sys/real/machine.h"

namespace sys {

using base::Code;

namespace {

constexpr int klog_read_all = 3, klog_size = 10;  // syslog(2)
constexpr int ipmi_wait_milliseconds = 2000;

// efivarfs protects its files from an accidental rm.
void make_mutable(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  unsigned flags = 0;
  if (!file || ioctl(file.number(), FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_IMMUTABLE_FL) == 0) return;
  flags &= ~unsigned{FS_IMMUTABLE_FL};
  (void)ioctl(file.number(), FS_IOC_SETFLAGS, &flags);
}

}  // namespace

Result<void> RealMachine::set_variable(const std::string& path, std::string_view bytes) {
  make_mutable(path);
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!file) return system_error(errno, path);
  // One write is one variable.
  const ssize_t written = ::write(file.number(), bytes.data(), bytes.size());
  if (written < 0) return system_error(errno, path);
  if (size_t(written) != bytes.size()) return base::unavailable(path + " was not written whole");
  return {};
}

Result<void> RealMachine::remove_variable(const std::string& path) {
  make_mutable(path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error(errno, path);
  return {};
}

Result<std::string> RealMachine::kernel_log() {
  const int size = klogctl(klog_size, nullptr, 0);
  if (size <= 0) return system_error(errno, "the kernel's log");
  std::string out(size_t(size), '\0');
  const int got = klogctl(klog_read_all, out.data(), size);
  if (got < 0) return system_error(errno, "the kernel's log");
  out.resize(size_t(got));
  return out;
}

Result<std::string> RealMachine::ipmi(const IpmiCommand& command) {
  const Descriptor device(::open("/dev/ipmi0", O_RDWR | O_CLOEXEC));
  if (!device) return system_error(errno, "/dev/ipmi0");
  ipmi_system_interface_addr bmc{};
  bmc.addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE;
  bmc.channel = IPMI_BMC_CHANNEL;
  std::string data = command.data;
  ipmi_req request{};
  request.addr = reinterpret_cast<unsigned char*>(&bmc);
  request.addr_len = sizeof bmc;
  request.msgid = 1;
  request.msg.netfn = command.function;
  request.msg.cmd = command.command;
  request.msg.data = reinterpret_cast<unsigned char*>(data.data());
  request.msg.data_len = static_cast<unsigned short>(data.size());
  if (ioctl(device.number(), IPMICTL_SEND_COMMAND, &request) != 0) return system_error(errno, "asking the BMC");
  pollfd wait{device.number(), POLLIN, 0};
  if (poll(&wait, 1, ipmi_wait_milliseconds) <= 0) return base::timeout("the BMC does not answer /dev/ipmi0");
  std::array<unsigned char, 1024> answer{};
  ipmi_addr from{};
  ipmi_recv received{};
  received.addr = reinterpret_cast<unsigned char*>(&from);
  received.addr_len = sizeof from;
  received.msg.data = answer.data();
  received.msg.data_len = answer.size();
  if (ioctl(device.number(), IPMICTL_RECEIVE_MSG_TRUNC, &received) != 0) return system_error(errno, "the BMC's answer");
  if (received.msg.data_len < 1 || answer[0] != 0) {
    return Error{Code::unsupported, "the BMC refused IPMI command " + std::to_string(command.command)};
  }
  return std::string(reinterpret_cast<char*>(answer.data()) + 1, received.msg.data_len - size_t{1});
}

}  // namespace sys
