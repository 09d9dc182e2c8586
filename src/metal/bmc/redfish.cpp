#include "metal/bmc/redfish.h"

#include "base/text.h"
#include "metal/bmc/redfish_bios.h"
#include "metal/bmc/redfish_console.h"
#include "metal/bmc/redfish_events.h"
#include "metal/bmc/redfish_firmware.h"
#include "metal/bmc/redfish_media.h"
#include "metal/bmc/redfish_secure_boot.h"
#include "metal/bmc/redfish_storage.h"
#include "metal/bmc/redfish_system.h"

namespace metal {
namespace {

class RedfishBmc final : public Bmc {
 public:
  RedfishBmc(sys::Sys& sys, sys::Net& net, const BmcAddress& address, const BmcCredentials& credentials,
             bool verify_certificate, const BmcLimits& limits)
      : sys_(sys),
        net_(net),
        address_(address),
        credentials_(credentials),
        limits_(limits),
        client_(sys, net, address, credentials, verify_certificate, limits),
        system_(client_, address.system_path),
        media_(client_),
        bios_(client_),
        firmware_(client_, [&sys] { return "ingot-" + base::hex(sys.random.bytes(16)); }),
        storage_(client_),
        secure_boot_(client_),
        events_(client_) {}

  base::Result<BmcSystem> connect() override;
  base::Result<PowerState> power() override { return system_.power(); }
  base::Result<void> set_power(PowerAction action) override { return system_.set_power(action); }
  base::Result<void> set_boot(BootDevice device, bool persistent, bool uefi,
                              const std::string& http_boot_uri) override {
    return system_.set_boot(device, persistent, uefi, http_boot_uri);
  }
  base::Result<void> insert_media(const std::string& url) override { return media_.insert(TRY(system_.read()), url); }
  base::Result<void> eject_media() override { return media_.eject(TRY(system_.read())); }
  bool has_virtual_media() const override { return true; }
  base::Result<std::vector<BiosSetting>> bios() override { return bios_.read(TRY(system_.read())); }
  base::Result<void> set_bios(const base::Json& values) override { return bios_.change(TRY(system_.read()), values); }
  base::Result<std::vector<FirmwareComponent>> firmware_components() override {
    return firmware_.components(TRY(system_.read()));
  }
  base::Result<std::string> update_firmware(const std::string& component, const std::string& url) override {
    return firmware_.update(TRY(system_.read()), component, url);
  }
  base::Result<std::string> push_firmware(const std::string& component, const std::string& file_name,
                                          const std::string& image) override {
    return firmware_.push(TRY(system_.read()), component, file_name, image);
  }
  base::Result<BmcTask> task(const std::string& path) override { return firmware_.task(path); }
  base::Result<std::vector<BmcStorage>> storage() override { return storage_.read(TRY(system_.read())); }
  base::Result<VolumeChange> create_volume(const VolumeOrder& order) override { return storage_.create(order); }
  base::Result<VolumeChange> delete_volume(const std::string& path) override { return storage_.remove(path); }
  base::Result<std::vector<std::string>> macs() override;
  base::Result<SecureBootState> secure_boot() override { return secure_boot_.read(TRY(system_.read())); }
  base::Result<void> set_secure_boot(bool enabled) override { return secure_boot_.set(TRY(system_.read()), enabled); }
  base::Result<std::string> subscribe(const EventSubscription& wanted) override { return events_.subscribe(wanted); }
  base::Result<void> unsubscribe(const std::string& id) override { return events_.unsubscribe(id); }
  base::Result<void> watch_events(base::Duration idle_limit, const EventSink& sink) override {
    return events_.watch(idle_limit, sink);
  }
  base::Result<std::unique_ptr<Console>> open_console(bool take_over) override;
  std::vector<std::string> quirks() override { return client_.quirks().names(); }
  void close() override { client_.close(); }

 private:
  base::Result<std::string> firmware_version(const base::Json& system);

  sys::Sys& sys_;
  sys::Net& net_;
  BmcAddress address_;
  BmcCredentials credentials_;
  BmcLimits limits_;
  RedfishClient client_;
  RedfishSystem system_;
  RedfishMedia media_;
  RedfishBios bios_;
  RedfishFirmware firmware_;
  RedfishStorage storage_;
  RedfishSecureBoot secure_boot_;
  RedfishEvents events_;
};

// Nice to know, not worth failing for.
base::Result<std::string> RedfishBmc::firmware_version(const base::Json& system) {
  const auto manager = link_of(system["Links"]["ManagedBy"].at(0));
  if (manager.empty()) return std::string();
  auto reply = client_.get(manager);
  if (!reply && reply.error().code == base::Code::cancelled) return std::move(reply).error();
  return reply ? reply->body["FirmwareVersion"].string() : std::string();
}

base::Result<std::vector<std::string>> RedfishBmc::macs() {
  std::vector<std::string> out;
  const auto collection = link_of(TRY(system_.read())["EthernetInterfaces"]);
  if (collection.empty()) return out;
  for (const auto& path : TRY(client_.members(collection))) {
    const auto reply = TRY(client_.get(path));
    for (const char* name : {"PermanentMACAddress", "MACAddress"})
      if (auto mac = base::lower(reply.body[name].string()); !mac.empty()) out.push_back(std::move(mac));
  }
  return out;
}

// With the same account: BMCs have one set of them for both protocols.
base::Result<std::unique_ptr<Console>> RedfishBmc::open_console(bool take_over) {
  BmcAddress address;
  address.scheme = "ipmi";
  address.host = address_.host;
  const auto system = TRY(system_.read());
  address.port = TRY(console_by_ipmi(client_, system));
  client_.close();
  auto bmc = TRY(make_bmc(sys_, net_, address, credentials_, true, limits_));
  auto console = bmc->open_console(take_over);
  if (!console) {
    if (console.error().code != base::Code::cancelled) bmc->close();
    return std::move(console).error().context("the serial console by IPMI");
  }
  return std::unique_ptr<Console>(std::make_unique<OwnedConsole>(std::move(bmc), std::move(*console)));
}

base::Result<BmcSystem> RedfishBmc::connect() {
  const auto document = TRY(system_.read());
  BmcSystem system;
  system.manufacturer = base::trim(document["Manufacturer"].string());
  system.model = base::trim(document["Model"].string());
  system.serial = base::trim(document["SerialNumber"].string());
  const auto sku = base::trim(document["SKU"].string());
  if (!sku.empty() && base::lower(system.manufacturer).find("dell") != std::string::npos) system.serial = sku;
  system.uuid = base::lower(document["UUID"].string());
  system.bios_version = document["BiosVersion"].string();
  system.bmc_version = TRY(firmware_version(document));
  system.system_path = TRY(system_.path());
  system.power = power_state_of(document);
  return system;
}

}  // namespace

std::unique_ptr<Bmc> make_redfish_bmc(sys::Sys& sys, sys::Net& net, const BmcAddress& address,
                                      const BmcCredentials& credentials, bool verify_certificate,
                                      const BmcLimits& limits) {
  return std::make_unique<RedfishBmc>(sys, net, address, credentials, verify_certificate, limits);
}

}  // namespace metal
