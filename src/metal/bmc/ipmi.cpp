#include "metal/bmc/ipmi.h"

#include "metal/bmc/ipmi_console.h"
#include "metal/bmc/ipmi_session.h"
#include "metal/bmc/sol_settings.h"
#include "wire/ipmi_bytes.h"

namespace metal {
namespace {

namespace ipmi = wire::ipmi;
namespace command = wire::ipmi::command;
namespace completion = wire::ipmi::completion;

constexpr uint32_t supermicro = 10876;
constexpr auto supermicro_uefi_disk = ipmi::IpmiBoot(0x9);  // 24h on the wire
constexpr size_t fru_bytes_max = 1024, fru_piece = 16;

ipmi::ChassisControl control_of(PowerAction action) {
  switch (action) {
    case PowerAction::on:
      return ipmi::ChassisControl::on;
    case PowerAction::off:
      return ipmi::ChassisControl::off;
    case PowerAction::soft_off:
      return ipmi::ChassisControl::soft_off;
    case PowerAction::reset:
      return ipmi::ChassisControl::reset;
    case PowerAction::cycle:
      return ipmi::ChassisControl::cycle;
  }
  return ipmi::ChassisControl::on;
}

std::string boot_parameter(uint8_t parameter, std::string_view value) {
  std::string data;
  ipmi::put_u8(data, parameter);
  return data += value;
}

class IpmiBmc final : public Bmc {
 public:
  IpmiBmc(sys::Sys& sys, sys::Net& net, const BmcAddress& address, const BmcCredentials& credentials,
          const BmcLimits& limits)
      : sys_(sys), endpoint_(address.endpoint()), session_(sys, net, address, credentials, limits) {}

  base::Result<BmcSystem> connect() override;
  base::Result<PowerState> power() override;
  base::Result<void> set_power(PowerAction action) override;
  base::Result<void> set_boot(BootDevice device, bool persistent, bool uefi, const std::string&) override;
  base::Result<void> insert_media(const std::string&) override { return no_media(); }
  base::Result<void> eject_media() override { return no_media(); }
  bool has_virtual_media() const override { return false; }
  base::Result<std::unique_ptr<Console>> open_console(bool take_over) override {
    auto console = std::make_unique<IpmiConsole>(sys_, session_);
    TRY(console->open(take_over));
    return std::unique_ptr<Console>(std::move(console));
  }
  base::Result<std::vector<std::pair<std::string, std::string>>> console_settings() override {
    return sol_for_people(TRY(read_sol(session_)));
  }
  base::Result<void> set_console(const std::string& name, const std::string& value) override {
    return change_sol(session_, name, value);
  }
  std::vector<std::string> quirks() override { return session_.quirks().names(); }
  void close() override { session_.close(); }

 private:
  base::Error no_media() const {
    return base::Error{base::Code::unsupported, endpoint_ + ": IPMI has no virtual media", base::Layer::bmc}.with_fix(
        "boot this host from the network, or use a redfish-virtualmedia address");
  }
  base::Result<const ipmi::DeviceId*> device();
  base::Result<ipmi::FruProduct> read_fru();
  base::Result<ipmi::IpmiBoot> boot_device(BootDevice device, bool uefi);
  base::Result<void> set_flags_in_steps(const std::string& flags);

  sys::Sys& sys_;
  std::string endpoint_;
  IpmiSession session_;
  std::optional<ipmi::DeviceId> device_;
};

base::Result<const ipmi::DeviceId*> IpmiBmc::device() {
  if (!device_) {
    auto decoded = ipmi::decode_device_id(TRY(session_.data_of(command::get_device_id, "")));
    if (!decoded) return std::move(decoded).error().context(endpoint_).at(base::Layer::bmc);
    device_ = *decoded;
  }
  return &*device_;
}

base::Result<ipmi::FruProduct> IpmiBmc::read_fru() {
  const auto area = TRY(session_.data_of(command::get_fru_area, std::string(1, '\0')));
  if (area.size() < 3) return base::corrupt("IPMI: malformed FRU area information");
  const bool by_words = (ipmi::byte_at(area, 2) & 1) != 0;
  const size_t total = std::min<size_t>(ipmi::read_u16(area, 0), fru_bytes_max);
  std::string bytes;
  while (bytes.size() < total && !by_words) {
    std::string data(1, '\0');
    ipmi::put_u16(data, unsigned(bytes.size()));
    ipmi::put_u8(data, unsigned(std::min(fru_piece, total - bytes.size())));
    const auto piece = TRY(session_.data_of(command::read_fru, data));
    if (piece.size() < 2) break;
    bytes += piece.substr(1);
  }
  return ipmi::decode_fru(bytes);
}

base::Result<BmcSystem> IpmiBmc::connect() {
  BmcSystem system;
  system.power = TRY(power());
  const auto* id = TRY(device());
  system.manufacturer = ipmi::name_of_manufacturer(id->manufacturer);
  system.bmc_version = id->firmware();
  system.uuid = ipmi::decode_guid(session_.guid());
  if ((id->additional & 0x08) != 0) {  // FRU inventory device
    auto fru = read_fru();
    if (!fru && fru.error().code == base::Code::cancelled) return std::move(fru).error();
    if (fru) {
      if (!fru->manufacturer.empty()) system.manufacturer = fru->manufacturer;
      system.model = fru->name;
      system.serial = fru->serial;
    }
  }
  return system;
}

base::Result<PowerState> IpmiBmc::power() {
  auto status = ipmi::decode_chassis_status(TRY(session_.data_of(command::get_chassis_status, "")));
  if (!status) return std::move(status).error().context(endpoint_).at(base::Layer::bmc);
  return status->power_on ? PowerState::on : PowerState::off;
}

// Some BMCs call off-when-off an error, so the state is asked first. That also proves the session, which matters for
// reset and cycle: they are not sent again through another session.
base::Result<void> IpmiBmc::set_power(PowerAction action) {
  const auto state = TRY(power());
  if (action == PowerAction::on && state == PowerState::on) return {};
  if ((action == PowerAction::off || action == PowerAction::soft_off) && state == PowerState::off) return {};
  const bool needs_on = action == PowerAction::reset || action == PowerAction::cycle;
  if (needs_on && state == PowerState::off)
    return base::Error{base::Code::unsupported,
                       endpoint_ + ": cannot " + std::string(name_of(action)) + " a server that is off",
                       base::Layer::bmc};
  std::string data;
  ipmi::put_u8(data, unsigned(control_of(action)));
  const auto repeat = needs_on ? IpmiSession::Repeat::carefully : IpmiSession::Repeat::freely;
  auto answer = TRY(session_.ask(command::chassis_control, data, repeat));
  if (answer.completion == completion::ok) return {};
  const auto wanted = action == PowerAction::on ? PowerState::on : PowerState::off;
  if (!needs_on && TRY(power()) == wanted) return {};
  return session_.refusal(command::chassis_control, answer.completion);
}

base::Result<ipmi::IpmiBoot> IpmiBmc::boot_device(BootDevice device, bool uefi) {
  switch (device) {
    case BootDevice::pxe:
      return ipmi::IpmiBoot::pxe;
    case BootDevice::cd:
      return ipmi::IpmiBoot::cd;
    case BootDevice::disk:
      // Supermicro's UEFI firmware ignores 08h.
      if (!uefi || TRY(this->device())->manufacturer != supermicro) return ipmi::IpmiBoot::disk;
      session_.quirks().found(Quirk::uefi_disk_code);
      return supermicro_uefi_disk;
    case BootDevice::uefi_http:
      break;
  }
  return base::Error{base::Code::unsupported, endpoint_ + ": IPMI cannot choose UEFI HTTP boot", base::Layer::bmc};
}

base::Result<void> IpmiBmc::set_boot(BootDevice device, bool persistent, bool uefi, const std::string&) {
  const auto chosen = TRY(boot_device(device, uefi));
  // "Do not clear the flags when no chassis control follows within 60 s" (table 28-14, parameter 3). Refused by some,
  // which then need the power command soon after.
  auto& quirks = session_.quirks();
  if (!quirks.has(Quirk::no_boot_timeout_parameter)) {
    const auto kept =
        TRY(session_.ask(command::set_boot_options, boot_parameter(ipmi::boot_parameter_clearing, "\x08")));
    if (kept.completion == completion::parameter_unsupported) quirks.found(Quirk::no_boot_timeout_parameter);
  }
  const auto flags =
      boot_parameter(ipmi::boot_parameter_flags, ipmi::encode(ipmi::BootFlags{true, persistent, uefi, chosen, {}}));
  if (quirks.has(Quirk::boot_flags_in_steps)) return set_flags_in_steps(flags);
  auto answer = TRY(session_.ask(command::set_boot_options, flags));
  if (answer.completion == completion::ok) return {};
  if (answer.completion == completion::insufficient_privilege)
    return session_.refusal(command::set_boot_options, answer.completion);
  TRY(set_flags_in_steps(flags));
  quirks.found(Quirk::boot_flags_in_steps);
  return {};
}

// Strict BMCs take the flags only between "set in progress" and "set complete", and want the acknowledge bits reset.
base::Result<void> IpmiBmc::set_flags_in_steps(const std::string& flags) {
  const auto progress = [](char value) { return boot_parameter(ipmi::boot_parameter_progress, {&value, 1}); };
  TRY(session_.ask(command::set_boot_options, progress(1)));
  auto acknowledged = session_.ask(command::set_boot_options,
                                   boot_parameter(ipmi::boot_parameter_acknowledge, std::string_view("\x01\x01", 2)));
  base::Result<std::string> done = std::string();
  if (acknowledged) done = session_.data_of(command::set_boot_options, flags);
  TRY(session_.ask(command::set_boot_options, progress(0)));
  if (!acknowledged) return std::move(acknowledged).error();
  if (!done) return std::move(done).error();
  return {};
}

}  // namespace

std::unique_ptr<Bmc> make_ipmi_bmc(sys::Sys& sys, sys::Net& net, const BmcAddress& address,
                                   const BmcCredentials& credentials, const BmcLimits& limits) {
  return std::make_unique<IpmiBmc>(sys, net, address, credentials, limits);
}

}  // namespace metal
