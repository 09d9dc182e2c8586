#include "agent/linux/firmware_variables.h"

#include "wire/little_endian.h"

namespace agent {

namespace {

constexpr const char* folder = "/sys/firmware/efi/efivars";
constexpr std::string_view global = "-8be4df61-93ca-11d2-aa0d-00e098032b8c";  // EFI_GLOBAL_VARIABLE
constexpr uint32_t attributes = 7;  // non-volatile, for boot services and for the running system
constexpr size_t value_bytes_max = 64u << 10;

std::string path_of(const std::string& name) { return std::string(folder) + "/" + name + std::string(global); }

}  // namespace

bool EfiVariables::there() const {
  const auto all = disk_.list(folder);
  return all && !all->empty();
}

Result<std::vector<std::string>> EfiVariables::names() {
  std::vector<std::string> out;
  for (const auto& file : TRY(disk_.list(folder))) {
    if (file.ends_with(global)) out.push_back(file.substr(0, file.size() - global.size()));
  }
  return out;
}

Result<std::string> EfiVariables::read(const std::string& name) {
  const std::string bytes = TRY(disk_.read(path_of(name), value_bytes_max));
  if (bytes.size() < 4) return base::unavailable("variable " + name + " is empty");
  return bytes.substr(4);
}

Result<void> EfiVariables::write(const std::string& name, std::string_view value) {
  std::string bytes;
  wire::append_le(bytes, attributes, 4);
  return machine_.set_variable(path_of(name), bytes + std::string(value));
}

Result<void> EfiVariables::remove(const std::string& name) { return machine_.remove_variable(path_of(name)); }

}  // namespace agent
