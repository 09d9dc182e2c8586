#include "sys/real/machine.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if_packet.h>
#include <linux/kexec.h>
#include <linux/nvme_ioctl.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <scsi/sg.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sys/compare.h"
#include "sys/real/direct_io.h"
#include "sys/real/resolve.h"
#include "sys/real/watched.h"

namespace sys {

namespace {

using base::Code;

class RealBlockDevice : public BlockDevice, public Comparable {
 public:
  RealBlockDevice(Descriptor device, std::string name, uint64_t bytes)
      : io_(std::move(device), std::move(name), bytes) {}

  Result<std::string> read_at(uint64_t offset, size_t bytes) override { return io_.read_at(offset, bytes); }
  Result<void> write_at(uint64_t offset, std::string_view bytes) override { return io_.write_at(offset, bytes); }
  Result<bool> holds(uint64_t offset, std::string_view bytes) override { return io_.holds(offset, bytes); }
  Result<void> zero(uint64_t offset, uint64_t bytes) override {
    return io_.zero(offset, bytes, [this](uint64_t from, uint64_t count) { return write_zeroes(from, count); });
  }

  Result<void> write_zeroes(uint64_t offset, uint64_t bytes) override {
    uint64_t range[2] = {offset, bytes};
    if (ioctl(io_.number(), BLKZEROOUT, range) != 0) return system_error(errno, "zeroing " + io_.name());
    return {};
  }
  Result<void> discard(uint64_t offset, uint64_t bytes) override {
    uint64_t range[2] = {offset, bytes};
    if (ioctl(io_.number(), BLKDISCARD, range) == 0) return {};
    if (errno == EOPNOTSUPP) return Error{Code::unsupported, io_.name() + " does not support discard"};
    return system_error(errno, "discarding " + io_.name());
  }
  Result<void> sync() override { return io_.sync(); }
  uint64_t size() const override { return io_.size(); }
  Result<void> resize(uint64_t) override { return Error{Code::unsupported, io_.name() + " has the size it has"}; }
  Result<void> read_partitions() override {
    if (ioctl(io_.number(), BLKRRPART) != 0) return system_error(errno, "reading the partitions of " + io_.name());
    return {};
  }

  Result<std::string> nvme(const NvmeCommand& command) override {
    std::string data(command.data_bytes, '\0');
    nvme_admin_cmd raw{};
    raw.opcode = command.opcode;
    raw.nsid = command.namespace_id;
    raw.cdw10 = command.dword10;
    raw.cdw11 = command.dword11;
    raw.addr = reinterpret_cast<uint64_t>(data.data());
    raw.data_len = command.data_bytes;
    raw.timeout_ms = static_cast<uint32_t>(std::chrono::duration_cast<base::milliseconds>(command.limit).count());
    const int status = ioctl(io_.number(), NVME_IOCTL_ADMIN_CMD, &raw);
    if (status < 0) return system_error(errno, "NVMe command to " + io_.name());
    if (status > 0) {
      return Error{Code::unsupported, io_.name() + " answered NVMe status " + std::to_string(status)};
    }
    return data;
  }

  Result<uint32_t> nvme_namespace() override {
    const int id = ioctl(io_.number(), NVME_IOCTL_ID);
    if (id <= 0) return system_error(errno, "asking " + io_.name() + " for its NVMe namespace");
    return static_cast<uint32_t>(id);
  }

  Result<std::string> ata(const AtaCommand& command) override;

 private:
  DirectIo io_;
};

Result<std::string> RealBlockDevice::ata(const AtaCommand& command) {
  std::string data = command.reads ? std::string(512, '\0') : command.data;
  // ATA PASS-THROUGH (16): protocol 3 no data, 4 in, 5 out; length in sectors taken from the count register.
  std::array<uint8_t, 16> cdb{};
  cdb[0] = 0x85;
  const int protocol = data.empty() ? 3 : command.reads ? 4 : 5;
  cdb[1] = static_cast<uint8_t>(protocol << 1);
  cdb[2] = static_cast<uint8_t>((data.empty() ? 0 : 0x06) | (command.reads ? 0x08 : 0));
  cdb[4] = command.feature;
  cdb[6] = command.count;
  cdb[14] = command.command;
  std::array<uint8_t, 32> sense{};
  sg_io_hdr_t io{};
  io.interface_id = 'S';
  io.cmdp = cdb.data();
  io.cmd_len = cdb.size();
  io.sbp = sense.data();
  io.mx_sb_len = sense.size();
  io.dxferp = data.data();
  io.dxfer_len = static_cast<unsigned>(data.size());
  io.dxfer_direction = data.empty() ? SG_DXFER_NONE : command.reads ? SG_DXFER_FROM_DEV : SG_DXFER_TO_DEV;
  io.timeout = static_cast<unsigned>(std::chrono::duration_cast<base::milliseconds>(command.limit).count());
  if (ioctl(io_.number(), SG_IO, &io) != 0) return system_error(errno, "ATA command to " + io_.name());
  if (io.status != 0 || io.host_status != 0) {
    return Error{Code::unsupported, io_.name() + " refused ATA command " + std::to_string(command.command)};
  }
  return command.reads ? data : std::string();
}

// An interface request with the name filled in.
Result<ifreq> request_for(const std::string& interface) {
  ifreq request{};
  if (interface.empty() || interface.size() >= sizeof request.ifr_name) {
    return base::invalid("bad interface name " + interface);
  }
  std::memcpy(request.ifr_name, interface.data(), interface.size());
  return request;
}

Result<Descriptor> control_socket(int family) {
  Descriptor socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return system_error(errno, "opening a socket");
  return socket;
}

// Datagrams of a socket that is not bound to one peer or address.
class PlainSocket : public Datagram {
 public:
  PlainSocket(EpollDriver& driver, Loop& loop, Descriptor socket, bool addressed)
      : loop_(loop), socket_(driver, loop, std::move(socket)), addressed_(addressed) {}
  Result<void> send(const Address& to, std::string_view bytes) override {
    const auto target = socket_address(to);
    if (!target) return base::invalid("not an address: " + to.text());
    const ssize_t sent =
        sendto(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL, target->raw(), target->bytes);
    if (sent >= 0 || errno == EAGAIN || errno == ENOBUFS) return {};
    return system_error(errno, "sending to " + to.text());
  }
  Result<Packet> receive(Duration limit) override {
    std::array<char, 9216> buffer;
    const Deadline deadline(loop_, limit);
    for (;;) {
      if (socket_.is_closed()) return base::unavailable("the socket is closed");
      SocketAddress from;
      from.bytes = sizeof from.storage;
      const ssize_t count = recvfrom(socket_.number(), buffer.data(), buffer.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from.storage), &from.bytes);
      if (count >= 0) {
        return Packet{addressed_ ? from.address() : Address{}, std::string(buffer.data(), size_t(count))};
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return system_error(errno, "receiving");
      TRY(socket_.wait_readable(deadline.left()));
    }
  }
  Address local() const override { return {}; }
  void close() override { socket_.close(); }

 private:
  Loop& loop_;
  Watched socket_;
  bool addressed_;
};

// Of UDP, bound to the interface, beside others on its port.
Result<Descriptor> socket_of(const std::string& interface, int family) {
  Descriptor socket(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return system_error(errno, "opening a socket");
  const int yes = 1;
  setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (setsockopt(socket.number(), SOL_SOCKET, SO_BINDTODEVICE, interface.data(), socklen_t(interface.size())) != 0) {
    return system_error(errno, "binding to " + interface);
  }
  return socket;
}

}  // namespace

Result<std::unique_ptr<BlockDevice>> RealMachine::open_block(const std::string& name, bool read_only) {
  // O_EXCL: the kernel refuses a disk that is mounted or part of an array.
  int flags = O_RDONLY | O_DIRECT | O_CLOEXEC;
  if (!read_only) flags = O_RDWR | O_EXCL | O_DIRECT | O_CLOEXEC;
  Descriptor device(::open(name.c_str(), flags));
  if (!device && errno == EBUSY) {
    return Error{Code::conflict, name + " is in use", base::Layer::agent, "something has it mounted or in an array"};
  }
  if (!device) return system_error(errno, name);
  struct stat about {};
  uint64_t bytes = 0;
  if (fstat(device.number(), &about) != 0 || !S_ISBLK(about.st_mode) ||
      ioctl(device.number(), BLKGETSIZE64, &bytes) != 0) {
    return base::invalid(name + " is not a block device");
  }
  return std::unique_ptr<BlockDevice>(std::make_unique<RealBlockDevice>(std::move(device), name, bytes));
}

Result<void> RealMachine::mount(const std::string& source, const std::string& target, const std::string& type,
                                bool read_only, const std::string& options) {
  unsigned long flags = MS_NOSUID;
  if (read_only) flags |= MS_RDONLY;
  if (::mount(source.c_str(), target.c_str(), type.c_str(), flags, options.c_str()) == 0 || errno == EBUSY) return {};
  return system_error(errno, "mounting " + source + " at " + target);
}

Result<void> RealMachine::unmount(const std::string& target) {
  if (umount2(target.c_str(), 0) != 0) return system_error(errno, "unmounting " + target);
  return {};
}

Result<void> RealMachine::load_module(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return system_error(errno, path);
  if (syscall(SYS_finit_module, file.number(), "", 0) == 0 || errno == EEXIST) return {};
  return system_error(errno, "loading " + path);
}

Result<void> RealMachine::set_link(const std::string& interface, bool up) {
  const Descriptor socket = TRY(control_socket(AF_INET));
  ifreq request = TRY(request_for(interface));
  if (ioctl(socket.number(), SIOCGIFFLAGS, &request) != 0) return system_error(errno, interface);
  const int others = request.ifr_flags & ~int{IFF_UP};
  request.ifr_flags = static_cast<short>(up ? others | int{IFF_UP} : others);
  if (ioctl(socket.number(), SIOCSIFFLAGS, &request) != 0) return system_error(errno, interface);
  return {};
}

Result<void> RealMachine::add_address(const std::string& interface, const std::string& address, int prefix) {
  const auto wanted = socket_address({address, 0});
  if (!wanted) return base::invalid("not an address: " + address);
  const Descriptor socket = TRY(control_socket(wanted->family()));
  ifreq request = TRY(request_for(interface));
  if (wanted->family() == AF_INET6) {
    if (ioctl(socket.number(), SIOCGIFINDEX, &request) != 0) return system_error(errno, interface);
    struct {  // linux/ipv6.h's in6_ifreq, which does not go with netinet/in.h
      in6_addr address;
      uint32_t prefix;
      int index;
    } six{reinterpret_cast<const sockaddr_in6*>(wanted->raw())->sin6_addr, static_cast<uint32_t>(prefix),
          request.ifr_ifindex};
    if (ioctl(socket.number(), SIOCSIFADDR, &six) != 0 && errno != EEXIST) return system_error(errno, address);
    return {};
  }
  std::memcpy(&request.ifr_addr, wanted->raw(), sizeof request.ifr_addr);
  if (ioctl(socket.number(), SIOCSIFADDR, &request) != 0) return system_error(errno, address);
  auto* mask = reinterpret_cast<sockaddr_in*>(&request.ifr_netmask);
  *mask = {};
  mask->sin_family = AF_INET;
  mask->sin_addr.s_addr = prefix == 0 ? 0 : htonl(~uint32_t{0} << (32 - prefix));
  if (ioctl(socket.number(), SIOCSIFNETMASK, &request) != 0) return system_error(errno, address);
  return {};
}

namespace {

Result<void> add_default_route6(const std::string& interface, const SocketAddress& via) {
  const Descriptor socket = TRY(control_socket(AF_INET6));
  ifreq request = TRY(request_for(interface));
  if (ioctl(socket.number(), SIOCGIFINDEX, &request) != 0) return system_error(errno, interface);
  struct {  // linux/ipv6_route.h's in6_rtmsg, which does not go with netinet/in.h
    in6_addr destination, source, gateway;
    uint32_t type;
    uint16_t destination_bits, source_bits;
    uint32_t metric;
    unsigned long info;
    uint32_t flags;
    int index;
  } route{};
  route.gateway = reinterpret_cast<const sockaddr_in6*>(via.raw())->sin6_addr;
  route.metric = 1024;
  route.flags = RTF_UP | RTF_GATEWAY;
  route.index = request.ifr_ifindex;
  if (ioctl(socket.number(), SIOCADDRT, &route) != 0 && errno != EEXIST) {
    return system_error(errno, "default route by " + via.address().host);
  }
  return {};
}

}  // namespace

Result<void> RealMachine::add_default_route(const std::string& interface, const std::string& gateway) {
  const auto via = socket_address({gateway, 0});
  if (!via) return base::invalid("not an address: " + gateway);
  if (via->family() == AF_INET6) return add_default_route6(interface, *via);
  const Descriptor socket = TRY(control_socket(AF_INET));
  std::string name = interface;
  rtentry route{};
  std::memcpy(&route.rt_gateway, via->raw(), sizeof route.rt_gateway);
  route.rt_dst.sa_family = AF_INET;
  route.rt_genmask.sa_family = AF_INET;
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  route.rt_dev = name.data();
  if (ioctl(socket.number(), SIOCADDRT, &route) != 0 && errno != EEXIST) {
    return system_error(errno, "default route by " + gateway);
  }
  return {};
}

Result<std::unique_ptr<Datagram>> RealMachine::open_broadcast(const std::string& interface, uint16_t port) {
  Descriptor socket = TRY(socket_of(interface, AF_INET));
  const int yes = 1;
  setsockopt(socket.number(), SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
  const auto any = socket_address({"0.0.0.0", port});
  if (bind(socket.number(), any->raw(), any->bytes) != 0) return bind_error(errno, "DHCP on " + interface);
  return std::unique_ptr<Datagram>(std::make_unique<PlainSocket>(driver_, loop_, std::move(socket), true));
}

Result<std::unique_ptr<Datagram>> RealMachine::open_multicast(const std::string& interface, const std::string& group,
                                                              uint16_t port) {
  Descriptor socket = TRY(socket_of(interface, AF_INET6));
  ifreq request = TRY(request_for(interface));
  if (ioctl(socket.number(), SIOCGIFINDEX, &request) != 0) return system_error(errno, interface);
  const int yes = 1;
  setsockopt(socket.number(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
  if (!group.empty()) {
    const auto joined = socket_address({group, 0});
    if (!joined || joined->family() != AF_INET6) return base::invalid("not an IPv6 address: " + group);
    ipv6_mreq wanted{};
    wanted.ipv6mr_multiaddr = reinterpret_cast<const sockaddr_in6*>(joined->raw())->sin6_addr;
    wanted.ipv6mr_interface = static_cast<unsigned>(request.ifr_ifindex);
    if (setsockopt(socket.number(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &wanted, sizeof wanted) != 0) {
      return system_error(errno, "joining " + group + " on " + interface);
    }
  }
  const auto any = socket_address({"::", port});
  if (bind(socket.number(), any->raw(), any->bytes) != 0) return bind_error(errno, "DHCPv6 on " + interface);
  return std::unique_ptr<Datagram>(std::make_unique<PlainSocket>(driver_, loop_, std::move(socket), true));
}

Result<std::unique_ptr<Datagram>> RealMachine::open_frames(const std::string& interface, uint16_t ethertype) {
  Descriptor socket(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ethertype)));
  if (!socket) return system_error(errno, "listening for frames");
  ifreq request = TRY(request_for(interface));
  if (ioctl(socket.number(), SIOCGIFINDEX, &request) != 0) return system_error(errno, interface);
  sockaddr_ll place{};
  place.sll_family = AF_PACKET;
  place.sll_protocol = htons(ethertype);
  place.sll_ifindex = request.ifr_ifindex;
  if (bind(socket.number(), reinterpret_cast<sockaddr*>(&place), sizeof place) != 0) {
    return system_error(errno, interface);
  }
  packet_mreq group{};  // LLDP goes to multicast addresses that the NIC filters out
  group.mr_ifindex = request.ifr_ifindex;
  group.mr_type = PACKET_MR_ALLMULTI;
  setsockopt(socket.number(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &group, sizeof group);
  return std::unique_ptr<Datagram>(std::make_unique<PlainSocket>(driver_, loop_, std::move(socket), false));
}

Result<std::string> RealMachine::link_target(const std::string& path) {
  std::array<char, 4096> buffer;
  const ssize_t count = readlink(path.c_str(), buffer.data(), buffer.size());
  if (count < 0) return system_error(errno, path);
  return std::string(buffer.data(), size_t(count));
}

Result<void> RealMachine::set_hostname(const std::string& name) {
  if (sethostname(name.data(), name.size()) != 0) return system_error(errno, "setting the host name");
  return {};
}

Result<void> RealMachine::load_kernel(const std::string& kernel, const std::string& initrd,
                                      const std::string& arguments) {
  const Descriptor kernel_file(::open(kernel.c_str(), O_RDONLY | O_CLOEXEC));
  if (!kernel_file) return system_error(errno, kernel);
  const Descriptor initrd_file(initrd.empty() ? -1 : ::open(initrd.c_str(), O_RDONLY | O_CLOEXEC));
  if (!initrd.empty() && !initrd_file) return system_error(errno, initrd);
  const unsigned long flags = initrd.empty() ? KEXEC_FILE_NO_INITRAMFS : 0;
  if (syscall(SYS_kexec_file_load, kernel_file.number(), initrd_file.number(), arguments.size() + 1, arguments.c_str(),
              flags) == 0) {
    return {};
  }
  const int problem = errno;
  return Error{Code::unsupported, "the running kernel does not start " + kernel + ": " + std::strerror(problem),
               base::Layer::agent,
               problem == EPERM || problem == EKEYREJECTED || problem == ENOKEY
                   ? "with Secure Boot only a kernel that is signed for the running one can be started"
                   : ""};
}

void RealMachine::end(MachineEnd how) {
  ::sync();
  if (how == MachineEnd::kernel) ::reboot(RB_KEXEC);  // returns when there is none
  ::reboot(how == MachineEnd::power_off ? RB_POWER_OFF : RB_AUTOBOOT);
}

}  // namespace sys
