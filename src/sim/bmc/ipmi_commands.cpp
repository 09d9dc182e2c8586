#include "sim/bmc/ipmi_commands.h"

#include "base/text.h"
#include "wire/ipmi_bytes.h"

namespace sim {
namespace {

namespace ipmi = wire::ipmi;
namespace command = wire::ipmi::command;
namespace completion = wire::ipmi::completion;

constexpr auto flags_valid_for = base::seconds(60);  // table 28-14, parameter 3
constexpr uint32_t supermicro = 10876;               // IANA enterprise number
constexpr auto supermicro_uefi_disk = ipmi::IpmiBoot(0x9);
constexpr uint8_t keep_flags_on_timeout = 0x08;

constexpr unsigned key(ipmi::CommandId id) { return unsigned(id.net_fn) << 8 | id.code; }

BootTarget target_of(ipmi::IpmiBoot device) {
  switch (device) {
    case ipmi::IpmiBoot::pxe:
      return BootTarget::pxe;
    case ipmi::IpmiBoot::disk:
    case ipmi::IpmiBoot::disk_safe:
      return BootTarget::disk;
    case ipmi::IpmiBoot::diagnostics:
      return BootTarget::diagnostics;
    case ipmi::IpmiBoot::cd:
      return BootTarget::cd;
    case ipmi::IpmiBoot::bios_setup:
      return BootTarget::bios_setup;
    case ipmi::IpmiBoot::none:
      break;
  }
  return BootTarget::none;
}

ipmi::IpmiBoot device_of(BootTarget target) {
  switch (target) {
    case BootTarget::pxe:
      return ipmi::IpmiBoot::pxe;
    case BootTarget::disk:
      return ipmi::IpmiBoot::disk;
    case BootTarget::diagnostics:
      return ipmi::IpmiBoot::diagnostics;
    case BootTarget::cd:
    case BootTarget::usb:
      return ipmi::IpmiBoot::cd;
    case BootTarget::bios_setup:
      return ipmi::IpmiBoot::bios_setup;
    case BootTarget::uefi_http:
    case BootTarget::none:
      break;
  }
  return ipmi::IpmiBoot::none;
}

uint8_t bcd(int64_t value) { return uint8_t(((value / 10) % 10) << 4 | value % 10); }

IpmiReply fail(uint8_t code) { return {code, ""}; }

}  // namespace

IpmiCommands::IpmiCommands(sys::Loop& loop, ServerControls& server, const BmcProfile& profile)
    : loop_(loop), server_(server), profile_(profile), flags_rest_(3, '\0') {}

IpmiCommands::~IpmiCommands() { loop_.cancel(flags_timer_); }

std::optional<ipmi::Privilege> IpmiCommands::needs(ipmi::CommandId id) {
  switch (key(id)) {
    case key(command::get_system_guid):
      return ipmi::Privilege::none;
    case key(command::get_device_id):
    case key(command::get_device_guid):
    case key(command::get_self_test):
    case key(command::get_channel_info):
    case key(command::get_chassis_capabilities):
    case key(command::get_chassis_status):
    case key(command::get_restart_cause):
    case key(command::get_fru_area):
    case key(command::read_fru):
    case key(command::get_sdr_info):
    case key(command::get_sel_info):
    case key(command::get_sel_entry):
    case key(command::get_sel_time):
      return ipmi::Privilege::user;
    case key(command::chassis_control):
    case key(command::chassis_identify):
    case key(command::get_boot_options):
    case key(command::set_boot_options):
    case key(command::reserve_sel):
    case key(command::reserve_sdr):
    case key(command::set_sel_time):
      return ipmi::Privilege::operator_;
    default:
      return std::nullopt;
  }
}

IpmiReply IpmiCommands::run(const ipmi::Command& asked) {
  const std::string_view data = asked.data;
  switch (key(asked.id)) {
    case key(command::get_device_id):
      return device_id();
    case key(command::get_system_guid):
    case key(command::get_device_guid):
      return {0, ipmi::encode_guid(server_.identity().uuid)};
    case key(command::get_self_test):
      return {0, std::string("\x55\x00", 2)};
    // LAN, IPMB 1.0 messages, several sessions, IPMI Forum's vendor id 001BF2h
    case key(command::get_channel_info):
      return {0, std::string("\x01\x04\x01\x80\xF2\x1B\x00\x00\x00", 9)};
    case key(command::get_chassis_capabilities):
      return {0, std::string("\x00\x20\x20\x20\x20", 5)};
    case key(command::get_chassis_status):
      return {0, ipmi::encode(ipmi::ChassisStatus{server_.powered_on(), false, last_event_})};
    case key(command::get_restart_cause):
      return {0, std::string("\x01\x0E", 2)};
    case key(command::chassis_identify):
      return {0, ""};
    case key(command::chassis_control):
      return chassis_control(data);
    case key(command::set_boot_options):
      return set_boot_options(data);
    case key(command::get_boot_options):
      return get_boot_options(data);
    case key(command::get_fru_area):
    case key(command::read_fru):
      return fru(asked);
    case key(command::get_sdr_info):
      return {0, std::string("\x51\x00\x00\xFF\xFF", 5) + std::string(9, '\0')};
    case key(command::get_sel_info):
    case key(command::reserve_sel):
    case key(command::reserve_sdr):
    case key(command::get_sel_entry):
    case key(command::get_sel_time):
    case key(command::set_sel_time):
      return sel(asked);
    default:
      return fail(completion::invalid_command);
  }
}

void IpmiCommands::forget() {
  loop_.cancel(flags_timer_);
  flags_timer_ = 0;
  progress_ = clearing_ = last_event_ = 0;
}

IpmiReply IpmiCommands::device_id() const {
  ipmi::DeviceId device;
  const auto version = base::split(server_.identity().bmc_version, '.');
  device.major = uint8_t(base::parse_int(version[0]).value_or(0) & 0x7F);
  device.minor_bcd = bcd(version.size() > 1 ? base::parse_int(version[1]).value_or(0) : 0);
  if (profile_.manufacturer == "Supermicro") device.manufacturer = supermicro;
  device.additional = 0x80 | 0x08 | 0x04;  // chassis device, FRU, SEL
  return {0, ipmi::encode(device)};
}

IpmiReply IpmiCommands::chassis_control(std::string_view data) {
  if (data.size() != 1) return fail(completion::bad_length);
  const bool on = server_.powered_on();
  ServerPowerAction action = ServerPowerAction::on;
  switch (ipmi::ChassisControl(ipmi::byte_at(data, 0) & 0x0F)) {
    case ipmi::ChassisControl::off:
      action = ServerPowerAction::force_off;
      break;
    case ipmi::ChassisControl::on:
      action = ServerPowerAction::on;
      break;
    case ipmi::ChassisControl::cycle:
      action = ServerPowerAction::power_cycle;
      break;
    case ipmi::ChassisControl::reset:
      action = ServerPowerAction::force_restart;
      break;
    case ipmi::ChassisControl::nmi:
      action = ServerPowerAction::nmi;
      break;
    case ipmi::ChassisControl::soft_off:
      action = ServerPowerAction::graceful_shutdown;
      break;
    default:
      return fail(completion::invalid_field);
  }
  // The command counts against the timeout of the boot flags even when it changes nothing.
  loop_.cancel(flags_timer_);
  flags_timer_ = 0;
  const bool wants_off = action == ServerPowerAction::force_off || action == ServerPowerAction::graceful_shutdown;
  if (on && action == ServerPowerAction::on) return {};
  if (!on && wants_off) return profile_.off_when_off_refused ? fail(completion::not_supported_in_state) : IpmiReply{};
  if (!on && action != ServerPowerAction::on) return fail(completion::not_supported_in_state);
  if (!server_.power(action)) return fail(completion::not_supported_in_state);
  if (action == ServerPowerAction::on || action == ServerPowerAction::power_cycle) last_event_ = 0x10;
  return {};
}

IpmiReply IpmiCommands::set_boot_options(std::string_view data) {
  if (data.empty()) return fail(completion::bad_length);
  const unsigned parameter = ipmi::byte_at(data, 0) & 0x7F;
  if (parameter != ipmi::boot_parameter_progress && data.size() < 2) return fail(completion::bad_length);
  switch (parameter) {
    case ipmi::boot_parameter_progress: {
      if (data.size() != 2) return fail(completion::bad_length);
      const uint8_t wanted = ipmi::byte_at(data, 1) & 0x03;
      if (wanted == 1 && progress_ == 1) return fail(0x81);  // already in progress by another party
      progress_ = wanted == 1 ? 1 : 0;
      acknowledged_ = false;
      return {};
    }
    case ipmi::boot_parameter_clearing:
      if (profile_.no_boot_timeout_parameter) return fail(completion::parameter_unsupported);
      clearing_ = ipmi::byte_at(data, 1) & 0x1F;
      return {};
    case ipmi::boot_parameter_acknowledge:
      acknowledged_ = true;
      return {};
    case ipmi::boot_parameter_flags:
      if (profile_.boot_in_steps && (progress_ != 1 || !acknowledged_)) return fail(completion::not_supported_in_state);
      return set_boot_flags(data.substr(1));
    default:
      return fail(completion::parameter_unsupported);
  }
}

IpmiReply IpmiCommands::set_boot_flags(std::string_view data) {
  auto flags = ipmi::decode_boot_flags(data);
  if (!flags) return fail(completion::bad_length);
  if (profile_.manufacturer == "Supermicro" && flags->efi) {
    if (flags->device == ipmi::IpmiBoot::disk) flags->device = ipmi::IpmiBoot::none;  // this means nothing to it
    if (flags->device == supermicro_uefi_disk) flags->device = ipmi::IpmiBoot::disk;
  }
  if (unsigned(flags->device) > unsigned(ipmi::IpmiBoot::bios_setup)) return fail(completion::invalid_field);
  BootOverride setting;
  setting.uefi = flags->efi;
  setting.target = flags->valid ? target_of(flags->device) : BootTarget::none;
  if (setting.target != BootTarget::none)
    setting.enabled = flags->persistent ? BootEnabled::continuous : BootEnabled::once;
  server_.set_boot_override(setting);
  flags_rest_ = data.substr(2, 3);
  clear_flags_later();
  return {};
}

void IpmiCommands::clear_flags_later() {
  loop_.cancel(flags_timer_);
  flags_timer_ = 0;
  if ((clearing_ & keep_flags_on_timeout) != 0) return;
  flags_timer_ = loop_.after(flags_valid_for, [this] {
    flags_timer_ = 0;
    server_.set_boot_override({});
  });
}

IpmiReply IpmiCommands::get_boot_options(std::string_view data) const {
  if (data.size() < 3) return fail(completion::bad_length);
  const unsigned parameter = ipmi::byte_at(data, 0) & 0x7F;
  std::string reply("\x01", 1);
  ipmi::put_u8(reply, parameter);
  switch (parameter) {
    case ipmi::boot_parameter_progress:
      ipmi::put_u8(reply, progress_);
      break;
    case ipmi::boot_parameter_clearing:
      ipmi::put_u8(reply, clearing_);
      break;
    case ipmi::boot_parameter_acknowledge:
      ipmi::put_u16(reply, 0);
      break;
    case ipmi::boot_parameter_flags: {
      const auto setting = server_.boot_override();
      ipmi::BootFlags flags;
      flags.device = device_of(setting.target);
      flags.valid = setting.enabled != BootEnabled::disabled && flags.device != ipmi::IpmiBoot::none;
      flags.persistent = setting.enabled == BootEnabled::continuous;
      flags.efi = flags.valid && setting.uefi;
      for (size_t i = 0; i < 3; ++i) flags.rest[i] = ipmi::byte_at(flags_rest_, i);
      reply += ipmi::encode(flags);
      break;
    }
    default:
      return fail(completion::parameter_unsupported);
  }
  return {0, reply};
}

IpmiReply IpmiCommands::fru(const ipmi::Command& asked) const {
  const std::string_view data = asked.data;
  if (data.empty()) return fail(completion::bad_length);
  if (ipmi::byte_at(data, 0) != 0) return fail(completion::not_present);
  const auto& identity = server_.identity();
  const auto bytes = ipmi::encode_fru({identity.manufacturer, identity.model, identity.sku, "", identity.serial});
  std::string reply;
  if (asked.id == command::get_fru_area) {
    ipmi::put_u16(reply, unsigned(bytes.size()));
    ipmi::put_u8(reply, 0);  // accessed by bytes
    return {0, reply};
  }
  if (data.size() < 4) return fail(completion::bad_length);
  const size_t offset = ipmi::read_u16(data, 1);
  if (offset >= bytes.size()) return fail(completion::out_of_range);
  const auto piece = bytes.substr(offset, std::min<size_t>(ipmi::byte_at(data, 3), 32));
  ipmi::put_u8(reply, unsigned(piece.size()));
  return {0, reply + piece};
}

// The event log is there, always empty.
IpmiReply IpmiCommands::sel(const ipmi::Command& asked) {
  const auto clock = std::chrono::duration_cast<base::seconds>(loop_.now().time_since_epoch()).count();
  std::string reply;
  switch (key(asked.id)) {
    case key(command::get_sel_info):
      reply = std::string("\x51\x00\x00\xF0\xFF", 5) + std::string(8, '\xFF') + std::string("\x02", 1);
      return {0, reply};
    case key(command::reserve_sel):
    case key(command::reserve_sdr):
      return {0, std::string("\x01\x00", 2)};
    case key(command::get_sel_time):
      ipmi::put_u32(reply, uint32_t(clock + sel_clock_offset_));
      return {0, reply};
    case key(command::set_sel_time):
      if (asked.data.size() != 4) return fail(completion::bad_length);
      sel_clock_offset_ = int64_t(ipmi::read_u32(asked.data, 0)) - clock;
      return {};
    default:
      return fail(completion::not_present);
  }
}

}  // namespace sim
