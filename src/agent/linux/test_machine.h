// A machine for tests: every call that a test does not override is none of it and fails.
#pragma once

#include "sys/machine.h"

namespace agent {

class TestMachine : public sys::Machine {
 public:
  template <class T>
  using Result = base::Result<T>;
  Result<std::unique_ptr<sys::BlockDevice>> open_block(const std::string&, bool) override { return none(); }
  Result<void> mount(const std::string&, const std::string&, const std::string&, bool, const std::string&) override {
    return none();
  }
  Result<void> load_kernel(const std::string&, const std::string&, const std::string&) override { return none(); }
  Result<void> unmount(const std::string&) override { return none(); }
  Result<void> load_module(const std::string&) override { return none(); }
  Result<void> set_link(const std::string&, bool) override { return none(); }
  Result<void> add_address(const std::string&, const std::string&, int) override { return none(); }
  Result<void> add_default_route(const std::string&, const std::string&) override { return none(); }
  Result<std::unique_ptr<sys::Datagram>> open_broadcast(const std::string&, uint16_t) override { return none(); }
  Result<std::unique_ptr<sys::Datagram>> open_multicast(const std::string&, const std::string&, uint16_t) override {
    return none();
  }
  Result<std::unique_ptr<sys::Datagram>> open_frames(const std::string&, uint16_t) override { return none(); }
  Result<std::string> link_target(const std::string&) override { return none(); }
  Result<void> set_hostname(const std::string&) override { return none(); }
  Result<void> set_variable(const std::string&, std::string_view) override { return none(); }
  Result<void> remove_variable(const std::string&) override { return none(); }
  Result<std::string> kernel_log() override { return none(); }
  Result<std::string> ipmi(const sys::IpmiCommand&) override { return none(); }
  void end(sys::MachineEnd) override {}

 protected:
  static base::Error none() { return base::internal("not of this test"); }
};

}  // namespace agent
