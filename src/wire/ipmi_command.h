// IPMI messages (13.8) and the few commands that Ingot and its simulated BMC speak. Raw byte meanings cite the tables
// of IPMI 2.0 revision 1.1.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/ipmi_packet.h"

namespace wire::ipmi {

enum class NetFn : uint8_t { chassis = 0x00, sensor = 0x04, app = 0x06, storage = 0x0A, transport = 0x0C };

// A command as (net function, code).
struct CommandId {
  NetFn net_fn = NetFn::app;
  uint8_t code = 0;
  bool operator==(const CommandId&) const = default;
};
namespace command {
constexpr CommandId get_device_id{NetFn::app, 0x01}, cold_reset{NetFn::app, 0x02}, warm_reset{NetFn::app, 0x03},
    get_self_test{NetFn::app, 0x04}, get_device_guid{NetFn::app, 0x08}, get_system_guid{NetFn::app, 0x37},
    get_auth_capabilities{NetFn::app, 0x38}, set_session_privilege{NetFn::app, 0x3B}, close_session{NetFn::app, 0x3C},
    get_session_info{NetFn::app, 0x3D}, get_channel_info{NetFn::app, 0x42}, get_cipher_suites{NetFn::app, 0x54};
constexpr CommandId get_chassis_capabilities{NetFn::chassis, 0x00}, get_chassis_status{NetFn::chassis, 0x01},
    chassis_control{NetFn::chassis, 0x02}, chassis_identify{NetFn::chassis, 0x04},
    get_restart_cause{NetFn::chassis, 0x07}, set_boot_options{NetFn::chassis, 0x08},
    get_boot_options{NetFn::chassis, 0x09};
constexpr CommandId get_fru_area{NetFn::storage, 0x10}, read_fru{NetFn::storage, 0x11},
    get_sdr_info{NetFn::storage, 0x20}, reserve_sdr{NetFn::storage, 0x22}, get_sel_info{NetFn::storage, 0x40},
    reserve_sel{NetFn::storage, 0x42}, get_sel_entry{NetFn::storage, 0x43}, get_sel_time{NetFn::storage, 0x48},
    set_sel_time{NetFn::storage, 0x49};
}  // namespace command

// Table 5-2.
namespace completion {
constexpr uint8_t ok = 0x00, parameter_unsupported = 0x80, node_busy = 0xC0, invalid_command = 0xC1, timeout = 0xC3,
                  out_of_space = 0xC4, bad_length = 0xC7, out_of_range = 0xC9, not_present = 0xCB, invalid_field = 0xCC,
                  initializing = 0xD2, insufficient_privilege = 0xD4, not_supported_in_state = 0xD5, unspecified = 0xFF;
}
std::string name_of_completion(uint8_t code);  // "node busy (C0h)"

struct Command {
  CommandId id;
  uint8_t sequence = 0;  // 0-63, chosen by the asker
  std::string data;
};
struct Answer {
  CommandId id;
  uint8_t sequence = 0;
  uint8_t completion = completion::ok;
  std::string data;
};
std::string encode(const Command& command);
std::string encode(const Answer& answer);
base::Result<Command> decode_command(std::string_view message);  // checks both checksums
base::Result<Answer> decode_answer(std::string_view message);

// Table 22-15, channel 0Eh (the one the question came by), with the 2.0 bit.
std::string auth_capabilities_request(uint8_t privilege);
struct AuthCapabilities {
  uint8_t channel = 0;
  bool rmcp_plus = false;   // IPMI 2.0 sessions
  bool kg_needed = false;   // a BMC key other than null is set
  bool users_named = true;  // non-null user names enabled
  bool user_null = false, user_anonymous = false;
};
std::string encode(const AuthCapabilities& capabilities);
base::Result<AuthCapabilities> decode_auth_capabilities(std::string_view data);

// Table 22-18: suite records in pieces of 16 bytes. `decode` takes all pieces joined and skips what it does not know.
std::string cipher_suites_request(uint8_t list_index);
std::string encode_cipher_suites(const std::vector<Suite>& suites);
std::vector<Suite> decode_cipher_suites(std::string_view records);

// Table 28-3.
struct ChassisStatus {
  bool power_on = false;
  bool power_fault = false;
  uint8_t last_event = 0;  // bit 4: on by IPMI command
};
std::string encode(const ChassisStatus& status);
base::Result<ChassisStatus> decode_chassis_status(std::string_view data);

// Table 28-4.
enum class ChassisControl : uint8_t { off = 0, on = 1, cycle = 2, reset = 3, nmi = 4, soft_off = 5 };

// Table 28-14, parameter 5.
enum class IpmiBoot : uint8_t {
  none = 0x0,
  pxe = 0x1,
  disk = 0x2,
  disk_safe = 0x3,
  diagnostics = 0x4,
  cd = 0x5,
  bios_setup = 0x6
};
struct BootFlags {
  bool valid = false, persistent = false, efi = false;
  IpmiBoot device = IpmiBoot::none;
  uint8_t rest[3] = {};  // data 3 to 5, passed through
  bool operator==(const BootFlags&) const = default;
};
std::string encode(const BootFlags& flags);  // the five data bytes
base::Result<BootFlags> decode_boot_flags(std::string_view data);
constexpr uint8_t boot_parameter_progress = 0, boot_parameter_clearing = 3, boot_parameter_acknowledge = 4,
                  boot_parameter_flags = 5;

// Table 20-2, as far as anybody uses it.
struct DeviceId {
  uint8_t device_id = 0x20, device_revision = 1, major = 0, minor_bcd = 0, additional = 0;
  uint32_t manufacturer = 0;  // IANA enterprise number
  uint16_t product = 0;
  std::string firmware() const;  // "2.14"
};
std::string encode(const DeviceId& device);
base::Result<DeviceId> decode_device_id(std::string_view data);
std::string_view name_of_manufacturer(uint32_t iana);  // "" when unknown

// Between a textual UUID and the 16 bytes of Get System GUID, least significant byte first (20.8).
std::string encode_guid(std::string_view uuid);   // 16 zero bytes when it is not a UUID
std::string decode_guid(std::string_view bytes);  // "" when it is not 16 bytes or all zero

// IPMI FRU information storage 1.3: the product area of FRU 0.
struct FruProduct {
  std::string manufacturer, name, part_number, version, serial;
};
std::string encode_fru(const FruProduct& product);
base::Result<FruProduct> decode_fru(std::string_view bytes);

}  // namespace wire::ipmi
