// The firmware's variables by efivarfs (Linux: Documentation/filesystems/efivarfs.rst).
#pragma once

#include "agent/boot_entry.h"
#include "sys/machine.h"

namespace agent {

class EfiVariables : public FirmwareVariables {
 public:
  EfiVariables(sys::Disk& disk, sys::Machine& machine) : disk_(disk), machine_(machine) {}
  bool there() const;  // firmware without variables, or a kernel that may not use them, shows none
  Result<std::vector<std::string>> names() override;
  Result<std::string> read(const std::string& name) override;
  Result<void> write(const std::string& name, std::string_view value) override;
  Result<void> remove(const std::string& name) override;

 private:
  sys::Disk& disk_;
  sys::Machine& machine_;
};

}  // namespace agent
