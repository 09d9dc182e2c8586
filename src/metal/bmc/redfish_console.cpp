#include "metal/bmc/redfish_console.h"

#include "base/text.h"

namespace metal {

using base::Json;
using base::Result;

namespace {

constexpr uint16_t ipmi_port = 623;

bool offers(const Json& manager, std::string_view type) {
  const auto& console = manager["SerialConsole"];
  if (!console["ServiceEnabled"].boolean(false)) return false;
  for (const auto& one : console["ConnectTypesSupported"].items())
    if (one.string() == type) return true;
  return false;
}

}  // namespace

Result<uint16_t> console_by_ipmi(RedfishClient& client, const Json& system) {
  const auto& by_ipmi = system["SerialConsole"]["IPMI"];
  if (by_ipmi["ServiceEnabled"].boolean(false)) {
    const auto port = by_ipmi["Port"].integer(ipmi_port);
    return port > 0 && port < 65536 ? uint16_t(port) : ipmi_port;
  }
  const auto path = link_of(system["Links"]["ManagedBy"].at(0));
  const Json manager = path.empty() ? Json() : TRY(client.get(path)).body;
  if (offers(manager, "IPMI")) return ipmi_port;
  const auto& by_ssh = system["SerialConsole"]["SSH"];
  base::Error error{base::Code::unsupported, "", base::Layer::bmc};
  error.message = client.url(link_of(system)) + ": the BMC offers no serial console by IPMI (Serial over LAN)";
  error.fix = "switch on IPMI over LAN and Serial over LAN in the BMC, if it has them";
  if (by_ssh["ServiceEnabled"].boolean(false) || offers(manager, "SSH")) {
    const auto command = by_ssh["ConsoleEntryCommand"].string();
    error.message += ", only by SSH (port " + std::to_string(by_ssh["Port"].integer(22)) +
                     (command.empty() ? "" : ", command " + base::quoted(command)) + ")";
    error.fix = "use ssh, or " + error.fix;
  }
  return error;
}

}  // namespace metal
