#include "metal/bmc/bmc.h"

#include "metal/bmc/ipmi.h"
#include "metal/bmc/redfish.h"
#include "wire/ipmi_rakp.h"

namespace metal {
namespace {

base::Error cannot(std::string_view what) {
  return base::Error{base::Code::unsupported, "this BMC's protocol cannot " + std::string(what), base::Layer::bmc}
      .with_fix("use a redfish address in spec.bmc.address");
}

base::Error no_sol() {
  return base::Error{base::Code::unsupported, "Serial over LAN is a part of IPMI", base::Layer::bmc}.with_fix(
      "ask with an ipmi address of the same BMC");
}

}  // namespace

base::Result<std::vector<BiosSetting>> Bmc::bios() { return cannot("read BIOS settings"); }

base::Result<void> Bmc::set_bios(const base::Json&) { return cannot("change BIOS settings"); }

base::Result<std::vector<FirmwareComponent>> Bmc::firmware_components() { return cannot("list firmware"); }

base::Result<std::string> Bmc::update_firmware(const std::string&, const std::string&) {
  return cannot("update firmware");
}

base::Result<std::string> Bmc::push_firmware(const std::string&, const std::string&, const std::string&) {
  return cannot("update firmware");
}

base::Result<BmcTask> Bmc::task(const std::string&) { return cannot("have tasks"); }

base::Result<std::vector<BmcStorage>> Bmc::storage() { return cannot("tell of RAID volumes"); }

base::Result<VolumeChange> Bmc::create_volume(const VolumeOrder&) { return cannot("make RAID volumes"); }

base::Result<VolumeChange> Bmc::delete_volume(const std::string&) { return cannot("delete RAID volumes"); }

base::Result<std::vector<std::string>> Bmc::macs() { return std::vector<std::string>(); }

base::Result<SecureBootState> Bmc::secure_boot() { return cannot("tell of Secure Boot"); }

base::Result<void> Bmc::set_secure_boot(bool) { return cannot("switch Secure Boot"); }

base::Result<std::string> Bmc::subscribe(const EventSubscription&) { return cannot("send events"); }

base::Result<void> Bmc::watch_events(base::Duration, const EventSink&) { return cannot("send events"); }

base::Result<void> Bmc::unsubscribe(const std::string&) { return cannot("send events"); }

base::Result<std::unique_ptr<Console>> Bmc::open_console(bool) { return cannot("show the serial console"); }

base::Result<std::vector<std::pair<std::string, std::string>>> Bmc::console_settings() { return no_sol(); }

base::Result<void> Bmc::set_console(const std::string&, const std::string&) { return no_sol(); }

base::Result<std::unique_ptr<Bmc>> make_bmc(sys::Sys& sys, sys::Net& net, const BmcAddress& address,
                                            const BmcCredentials& credentials, bool verify_certificate,
                                            const BmcLimits& limits) {
  const auto bad = [](std::string_view why) { return base::invalid(std::string(why)).at(base::Layer::bmc); };
  if (credentials.user.empty()) return bad("the BMC user name is empty");
  if (address.protocol == BmcProtocol::redfish)
    return make_redfish_bmc(sys, net, address, credentials, verify_certificate, limits);
  if (credentials.user.size() > wire::ipmi::name_bytes_max)
    return bad("the BMC user name has more than the 16 bytes that IPMI allows");
  if (credentials.password.size() > wire::ipmi::password_bytes_max)
    return bad("the BMC password has more than the 20 bytes that IPMI 2.0 allows");
  return make_ipmi_bmc(sys, net, address, credentials, limits);
}

}  // namespace metal
