// sys/machine.h on Linux. Private to src/sys.
#pragma once

#include "sys/machine.h"
#include "sys/real/epoll_driver.h"

namespace sys {

class RealMachine : public Machine {
 public:
  RealMachine(EpollDriver& driver, Loop& loop) : driver_(driver), loop_(loop) {}
  Result<std::unique_ptr<BlockDevice>> open_block(const std::string& name, bool read_only) override;
  Result<void> mount(const std::string& source, const std::string& target, const std::string& type, bool read_only,
                     const std::string& options) override;
  Result<void> unmount(const std::string& target) override;
  Result<void> load_module(const std::string& path) override;
  Result<void> set_link(const std::string& interface, bool up) override;
  Result<void> add_address(const std::string& interface, const std::string& address, int prefix) override;
  Result<void> add_default_route(const std::string& interface, const std::string& gateway) override;
  Result<std::unique_ptr<Datagram>> open_broadcast(const std::string& interface, uint16_t port) override;
  Result<std::unique_ptr<Datagram>> open_multicast(const std::string& interface, const std::string& group,
                                                   uint16_t port) override;
  Result<std::unique_ptr<Datagram>> open_frames(const std::string& interface, uint16_t ethertype) override;
  Result<std::string> link_target(const std::string& path) override;
  Result<void> set_hostname(const std::string& name) override;
  Result<void> set_variable(const std::string& path, std::string_view bytes) override;
  Result<void> remove_variable(const std::string& path) override;
  Result<std::string> kernel_log() override;
  Result<std::string> ipmi(const IpmiCommand& command) override;
  Result<void> load_kernel(const std::string& kernel, const std::string& initrd, const std::string& arguments) override;
  void end(MachineEnd how) override;

 private:
  EpollDriver& driver_;
  Loop& loop_;
};

}  // namespace sys
