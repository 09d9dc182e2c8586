#include "sim/bmc/redfish_resources.h"

#include <array>

namespace sim {

using base::Json;

namespace {

const std::string root = "/redfish/v1";
const std::string session_service_path = root + "/SessionService";
const std::string sessions_path = session_service_path + "/Sessions";
const std::string tasks_path = root + "/TaskService/Tasks";
const std::string account_service_path = root + "/AccountService";

constexpr std::array<std::pair<BootTarget, std::string_view>, 8> boot_targets{{
    {BootTarget::none, "None"},
    {BootTarget::pxe, "Pxe"},
    {BootTarget::disk, "Hdd"},
    {BootTarget::cd, "Cd"},
    {BootTarget::usb, "Usb"},
    {BootTarget::uefi_http, "UefiHttp"},
    {BootTarget::bios_setup, "BiosSetup"},
    {BootTarget::diagnostics, "Diags"},
}};
constexpr std::array<std::pair<BootEnabled, std::string_view>, 3> boot_enableds{{
    {BootEnabled::disabled, "Disabled"},
    {BootEnabled::once, "Once"},
    {BootEnabled::continuous, "Continuous"},
}};

template <class Table, class Value>
std::string_view name_in(const Table& table, Value value) {
  for (const auto& [known, name] : table)
    if (known == value) return name;
  return {};
}
template <class Value, class Table>
std::optional<Value> value_in(const Table& table, std::string_view name) {
  for (const auto& [value, known] : table)
    if (known == name) return value;
  return std::nullopt;
}
template <class Table>
Json names_of(const Table& table) {
  Json out = Json::array();
  for (const auto& entry : table) out.push(entry.second);
  return out;
}

Json link(const std::string& path) { return Json::object({{"@odata.id", path}}); }

Json head(const std::string& path, const std::string& type, const std::string& name) {
  Json out = Json::object({{"@odata.id", path}, {"@odata.type", "#" + type}});
  return out.set("Id", path.substr(path.rfind('/') + 1)).set("Name", name);
}

Json healthy(std::string_view state = "Enabled") { return Json::object({{"State", state}, {"Health", "OK"}}); }

Json collection(const std::string& path, const std::string& type, const std::string& name,
                const std::vector<std::string>& ids) {
  Json members = Json::array();
  for (const auto& id : ids) members.push(link(path + "/" + id));
  Json out = Json::object({{"@odata.id", path}, {"@odata.type", "#" + type + "." + type}, {"Name", name}});
  return out.set("Members@odata.count", ids.size()).set("Members", members);
}

std::string role_id(BmcRole role) {
  switch (role) {
    case BmcRole::administrator:
      return "Administrator";
    case BmcRole::operator_:
      return "Operator";
    case BmcRole::read_only:
      return "ReadOnly";
  }
  return "ReadOnly";
}

Json privileges_of(BmcRole role) {
  if (role == BmcRole::read_only) return Json::strings({"Login", "ConfigureSelf"});
  if (role == BmcRole::operator_) return Json::strings({"Login", "ConfigureSelf", "ConfigureComponents"});
  return Json::strings({"Login", "ConfigureSelf", "ConfigureComponents", "ConfigureUsers", "ConfigureManager"});
}

std::string allow_of(RedfishKind kind) {
  switch (kind) {
    case RedfishKind::system:
    case RedfishKind::media:
    case RedfishKind::session_service:
    case RedfishKind::bios_settings:
    case RedfishKind::secure_boot:
      return "GET, HEAD, PATCH";
    case RedfishKind::sessions:
    case RedfishKind::volumes:
    case RedfishKind::subscriptions:
      return "GET, HEAD, POST";
    case RedfishKind::session:
    case RedfishKind::volume:
    case RedfishKind::subscription:
      return "GET, HEAD, DELETE";
    case RedfishKind::reset_system:
    case RedfishKind::reset_manager:
    case RedfishKind::insert_media:
    case RedfishKind::eject_media:
    case RedfishKind::simple_update:
    case RedfishKind::push_update:
      return "POST";
    default:
      return "GET, HEAD";
  }
}

}  // namespace

std::string_view redfish_name_of(BootTarget target) { return name_in(boot_targets, target); }
std::string_view redfish_name_of(BootEnabled enabled) { return name_in(boot_enableds, enabled); }
std::optional<BootTarget> boot_target_of(std::string_view name) { return value_in<BootTarget>(boot_targets, name); }
std::optional<BootEnabled> boot_enabled_of(std::string_view name) { return value_in<BootEnabled>(boot_enableds, name); }

Json RedfishResource::unstamped() const {
  Json out = document;
  out.erase("DateTime");
  return out;
}

RedfishResources::RedfishResources(sys::Loop& loop, ServerControls& server, const RedfishSessions& sessions,
                                   const RedfishFirmware& firmware, const RedfishStorage& storage,
                                   const RedfishEvents& events, std::string system_id, std::string service_uuid)
    : loop_(loop),
      server_(server),
      sessions_(sessions),
      firmware_(firmware),
      storage_(storage),
      events_(events),
      service_uuid_(std::move(service_uuid)),
      system_(root + "/Systems/" + system_id),
      manager_(root + "/Managers/1"),
      chassis_(root + "/Chassis/1") {
  add_service();
  add_system();
  add_manager();
  add_accounts();
  add_firmware();
}

void RedfishResources::add(const std::string& path, RedfishKind kind, std::function<Json()> read) {
  entries_[path] = {kind, allow_of(kind), std::move(read)};
}

void RedfishResources::add_collection(const std::string& path, const std::string& type, const std::string& name,
                                      const std::vector<std::string>& ids) {
  add(path, RedfishKind::document, [=] { return collection(path, type, name, ids); });
}

std::optional<RedfishResource> RedfishResources::find(const std::string& path) const {
  if (const auto found = entries_.find(path); found != entries_.end()) {
    const Entry& entry = found->second;
    return RedfishResource{entry.kind, path, entry.allow, entry.read ? entry.read() : Json(), ""};
  }
  if (path.starts_with(tasks_path + "/")) {
    const auto id = path.substr(tasks_path.size() + 1);
    Json task = firmware_.task(id);
    if (task.is_null()) task = storage_.task(id);
    if (task.is_null()) return std::nullopt;
    return RedfishResource{RedfishKind::document, path, allow_of(RedfishKind::document), std::move(task), ""};
  }
  if (path.starts_with(storage_.path())) return find_storage(path);
  if (path.starts_with(RedfishEvents::service_path())) return find_events(path);
  if (!path.starts_with(sessions_path + "/")) return std::nullopt;
  const auto* one = sessions_.find(path.substr(sessions_path.size() + 1));
  if (one == nullptr) return std::nullopt;
  return RedfishResource{RedfishKind::session, path, allow_of(RedfishKind::session), session(*one), one->id};
}

std::optional<RedfishResource> RedfishResources::find_storage(const std::string& path) const {
  Json document = storage_.find(path);
  if (document.is_null()) return std::nullopt;
  const auto kind = storage_.is_volume(path)          ? RedfishKind::volume
                    : path == storage_.volumes_path() ? RedfishKind::volumes
                                                      : RedfishKind::document;
  return RedfishResource{kind, path, allow_of(kind), std::move(document), ""};
}

std::optional<RedfishResource> RedfishResources::find_events(const std::string& path) const {
  if (path == RedfishEvents::stream_path()) return RedfishResource{RedfishKind::event_stream, path, "GET", {}, ""};
  Json document = events_.find(path);
  if (document.is_null()) return std::nullopt;
  const auto kind = events_.is_subscription(path)                 ? RedfishKind::subscription
                    : path == RedfishEvents::subscriptions_path() ? RedfishKind::subscriptions
                                                                  : RedfishKind::document;
  return RedfishResource{kind, path, allow_of(kind), std::move(document), ""};
}

void RedfishResources::add_service() {
  add("/redfish", RedfishKind::open_document, [] { return Json::object({{"v1", root + "/"}}); });
  add(root, RedfishKind::open_document, [this] { return service_root(); });
  add(root + "/$metadata", RedfishKind::metadata, nullptr);
  add(root + "/odata", RedfishKind::open_document, [] {
    Json services = Json::array();
    services.push(Json::object({{"name", "Service"}, {"kind", "Singleton"}, {"url", root + "/"}}));
    for (const char* name : {"Systems", "Managers", "Chassis", "SessionService", "AccountService"})
      services.push(Json::object({{"name", name}, {"kind", "Singleton"}, {"url", root + "/" + name}}));
    return Json::object({{"@odata.context", root + "/$metadata"}, {"value", services}});
  });
  add(session_service_path, RedfishKind::session_service, [this] { return session_service(); });
  add(sessions_path, RedfishKind::sessions, [this] { return sessions(); });
  add_collection(root + "/Chassis", "ChassisCollection", "Chassis", {"1"});
  add(chassis_, RedfishKind::document, [this] { return chassis(); });
}

const std::string& RedfishResources::metadata() {
  static const std::string text = [] {
    std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    out += "<edmx:Edmx xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\" Version=\"4.0\">\n";
    for (const char* name : {"ServiceRoot", "ComputerSystem", "Manager", "VirtualMedia", "Chassis", "Session"}) {
      out += std::string("  <edmx:Reference Uri=\"http://redfish.dmtf.org/schemas/v1/") + name + "_v1.xml\">";
      out += std::string("<edmx:Include Namespace=\"") + name + "\"/></edmx:Reference>\n";
    }
    out +=
        "  <edmx:DataServices>\n    <Schema xmlns=\"http://docs.oasis-open.org/odata/ns/edm\" Namespace=\"Service\">";
    out += "<EntityContainer Name=\"Service\" Extends=\"ServiceRoot.v1_15_0.ServiceContainer\"/></Schema>\n";
    return out + "  </edmx:DataServices>\n</edmx:Edmx>\n";
  }();
  return text;
}

Json RedfishResources::service_root() const {
  Json out = Json::object({{"@odata.id", root + "/"}, {"@odata.type", "#ServiceRoot.v1_15_0.ServiceRoot"}});
  out.set("Id", "RootService").set("Name", "Root Service").set("RedfishVersion", "1.15.0").set("UUID", service_uuid_);
  out.set("Vendor", server_.identity().manufacturer).set("Product", server_.identity().model);
  for (const char* name : {"Systems", "Managers", "Chassis", "SessionService", "AccountService", "UpdateService",
                           "Registries", "EventService"})
    out.set(name, link(root + "/" + name));
  out.set("Tasks", link(root + "/TaskService"));
  out.set("Links", Json::object({{"Sessions", link(sessions_path)}}));
  const Json no_expand =
      Json::object({{"ExpandAll", false}, {"Levels", false}, {"Links", false}, {"NoLinks", false}, {"MaxLevels", 1}});
  return out.set("ProtocolFeaturesSupported", Json::object({{"ExpandQuery", no_expand},
                                                            {"FilterQuery", false},
                                                            {"SelectQuery", false},
                                                            {"ExcerptQuery", false},
                                                            {"OnlyMemberQuery", false}}));
}

void RedfishResources::add_system() {
  add_collection(root + "/Systems", "ComputerSystemCollection", "Systems", {system_.substr(system_.rfind('/') + 1)});
  add(system_, RedfishKind::system, [this] { return system(); });
  add(system_ + "/Actions/ComputerSystem.Reset", RedfishKind::reset_system, nullptr);
  if (server_.secure_boot().supported)
    add(system_ + "/SecureBoot", RedfishKind::secure_boot, [this] { return secure_boot(); });

  const auto& identity = server_.identity();
  const auto processors = system_ + "/Processors";
  std::vector<std::string> ids;
  for (int i = 1; i <= identity.processors; ++i) {
    ids.push_back("CPU" + std::to_string(i));
    add(processors + "/" + ids.back(), RedfishKind::document, [this, i] { return processor(i); });
  }
  add_collection(processors, "ProcessorCollection", "Processors", ids);

  const auto interfaces = system_ + "/EthernetInterfaces";
  ids.clear();
  for (const auto& nic_spec : identity.nics) {
    ids.push_back(nic_spec.id);
    const auto path = interfaces + "/" + nic_spec.id;
    add(path, RedfishKind::document, [this, path, nic_spec] { return nic(path, nic_spec); });
  }
  add_collection(interfaces, "EthernetInterfaceCollection", "Network interfaces of the host", ids);
}

Json RedfishResources::system() const {
  const auto& identity = server_.identity();
  const bool on = server_.powered_on();
  Json out = head(system_, "ComputerSystem.v1_20_0.ComputerSystem", identity.name);
  out.set("SystemType", "Physical").set("HostName", identity.name);
  out.set("Manufacturer", identity.manufacturer).set("Model", identity.model);
  out.set("SerialNumber", identity.serial).set("SKU", identity.sku).set("UUID", identity.uuid);
  out.set("Bios", link(firmware_.bios_path()))
      .set("BiosVersion", firmware_.bios_version())
      .set("PowerState", on ? "On" : "Off");
  out.set("Status", healthy(on ? "Enabled" : "StandbyOffline")).set("Boot", boot());
  Json cpus = Json::object({{"Count", identity.processors}, {"Model", identity.processor_model}});
  cpus.set("CoreCount", identity.processors * identity.cores_per_processor);
  cpus.set("LogicalProcessorCount", identity.processors * identity.cores_per_processor * 2);
  out.set("ProcessorSummary", cpus);
  out.set("MemorySummary", Json::object({{"TotalSystemMemoryGiB", identity.memory_gib}}));
  out.set("Processors", link(system_ + "/Processors")).set("Storage", link(storage_.path()));
  if (server_.secure_boot().supported) out.set("SecureBoot", link(system_ + "/SecureBoot"));
  out.set("EthernetInterfaces", link(system_ + "/EthernetInterfaces"));
  if (server_.has_virtual_media()) out.set("VirtualMedia", link(manager_ + "/VirtualMedia"));
  if (const auto* serial = server_.serial(); serial && serial->ipmi_port != 0) {
    const Json by_ipmi = Json::object({{"ServiceEnabled", true}, {"Port", int64_t{serial->ipmi_port}}});
    out.set("SerialConsole", Json::object({{"MaxConcurrentSessions", 1}, {"IPMI", by_ipmi}}));
  }
  out.set("Links",
          Json::object({{"ManagedBy", Json::array({link(manager_)})}, {"Chassis", Json::array({link(chassis_)})}}));
  Json reset = Json::object({{"target", system_ + "/Actions/ComputerSystem.Reset"}});
  reset.set("ResetType@Redfish.AllowableValues",
            Json::strings({"On", "ForceOn", "ForceOff", "GracefulShutdown", "ForceRestart", "GracefulRestart",
                           "PowerCycle", "PushPowerButton", "Nmi"}));
  return out.set("Actions", Json::object({{"#ComputerSystem.Reset", reset}}));
}

Json RedfishResources::boot() const {
  const auto now = server_.boot_override();
  Json out = Json::object({{"BootSourceOverrideEnabled", redfish_name_of(now.enabled)}});
  out.set("BootSourceOverrideEnabled@Redfish.AllowableValues", names_of(boot_enableds));
  out.set("BootSourceOverrideTarget", redfish_name_of(now.target));
  out.set("BootSourceOverrideTarget@Redfish.AllowableValues", names_of(boot_targets));
  out.set("BootSourceOverrideMode", now.uefi ? "UEFI" : "Legacy");
  out.set("BootSourceOverrideMode@Redfish.AllowableValues", Json::strings({"Legacy", "UEFI"}));
  return out.set("HttpBootUri", now.http_boot_uri.empty() ? Json() : Json(now.http_boot_uri));
}

Json RedfishResources::secure_boot() const {
  const auto now = server_.secure_boot();
  Json out = head(system_ + "/SecureBoot", "SecureBoot.v1_1_1.SecureBoot", "Secure Boot");
  out.set("SecureBootEnable", now.enabled).set("SecureBootMode", now.enabled ? "DeployedMode" : "UserMode");
  return out.set("SecureBootCurrentBoot", now.in_force ? "Enabled" : "Disabled");
}

Json RedfishResources::processor(int index) const {
  const auto& identity = server_.identity();
  const auto id = "CPU" + std::to_string(index);
  Json out = head(system_ + "/Processors/" + id, "Processor.v1_18_0.Processor", "Processor " + std::to_string(index));
  out.set("Socket", id).set("ProcessorType", "CPU").set("ProcessorArchitecture", "x86").set("InstructionSet", "x86-64");
  out.set("Model", identity.processor_model).set("TotalCores", identity.cores_per_processor);
  return out.set("TotalThreads", identity.cores_per_processor * 2).set("Status", healthy());
}

Json RedfishResources::nic(const std::string& path, const ServerNic& nic) const {
  Json out = head(path, "EthernetInterface.v1_10_0.EthernetInterface", "Network interface " + nic.id);
  out.set("MACAddress", nic.mac).set("PermanentMACAddress", nic.mac).set("SpeedMbps", nic.speed_mbps);
  return out.set("LinkStatus", nic.link_up ? "LinkUp" : "LinkDown").set("Status", healthy());
}

void RedfishResources::add_manager() {
  add_collection(root + "/Managers", "ManagerCollection", "Managers", {"1"});
  add(manager_, RedfishKind::document, [this] { return manager(); });
  add(manager_ + "/Actions/Manager.Reset", RedfishKind::reset_manager, nullptr);
  const auto interfaces = manager_ + "/EthernetInterfaces";
  add_collection(interfaces, "EthernetInterfaceCollection", "Network interfaces of the BMC", {"eth0"});
  add(interfaces + "/eth0", RedfishKind::document, [this, path = interfaces + "/eth0"] {
    return nic(path, {"eth0", server_.identity().bmc_mac, 1'000, true});
  });
  if (!server_.has_virtual_media()) return;
  add_collection(manager_ + "/VirtualMedia", "VirtualMediaCollection", "Virtual media", {"CD"});
  add(manager_ + "/VirtualMedia/CD", RedfishKind::media, [this] { return media(); });
  const auto actions = manager_ + "/VirtualMedia/CD/Actions/";
  add(actions + "VirtualMedia.InsertMedia", RedfishKind::insert_media, nullptr);
  add(actions + "VirtualMedia.EjectMedia", RedfishKind::eject_media, nullptr);
}

Json RedfishResources::manager() const {
  const auto& identity = server_.identity();
  Json out = head(manager_, "Manager.v1_19_0.Manager", "BMC of " + identity.name);
  out.set("ManagerType", "BMC").set("Manufacturer", identity.manufacturer).set("Model", "BMC of " + identity.model);
  out.set("FirmwareVersion", firmware_.bmc_version())
      .set("UUID", service_uuid_)
      .set("ServiceEntryPointUUID", service_uuid_);
  out.set("DateTime", base::rfc3339(loop_.now())).set("DateTimeLocalOffset", "+00:00");
  out.set("PowerState", "On").set("Status", healthy());
  out.set("EthernetInterfaces", link(manager_ + "/EthernetInterfaces"));
  if (server_.has_virtual_media()) out.set("VirtualMedia", link(manager_ + "/VirtualMedia"));
  if (const auto* serial = server_.serial(); serial && serial->ipmi_port != 0) {
    Json console = Json::object({{"ServiceEnabled", true}, {"MaxConcurrentSessions", 1}});
    out.set("SerialConsole", console.set("ConnectTypesSupported", Json::strings({"IPMI"})));
  }
  const Json here = Json::array({link(chassis_)});
  out.set("Links", Json::object({{"ManagerForServers", Json::array({link(system_)})},
                                 {"ManagerForChassis", here},
                                 {"ManagerInChassis", link(chassis_)}}));
  Json reset = Json::object({{"target", manager_ + "/Actions/Manager.Reset"}});
  reset.set("ResetType@Redfish.AllowableValues", Json::strings({"GracefulRestart", "ForceRestart"}));
  return out.set("Actions", Json::object({{"#Manager.Reset", reset}}));
}

Json RedfishResources::media() const {
  const auto path = manager_ + "/VirtualMedia/CD";
  const auto now = server_.media();
  Json out = head(path, "VirtualMedia.v1_6_3.VirtualMedia", "Virtual CD");
  out.set("MediaTypes", Json::strings({"CD", "DVD"})).set("Inserted", now.inserted);
  out.set("WriteProtected", now.write_protected).set("ConnectedVia", now.inserted ? "URI" : "NotConnected");
  out.set("Image", now.image.empty() ? Json() : Json(now.image));
  const auto name = now.image.substr(now.image.rfind('/') + 1);
  out.set("ImageName", name.empty() ? Json() : Json(name.substr(0, name.find('?'))));
  out.set("TransferMethod", now.inserted ? Json("Stream") : Json());
  Json insert = Json::object({{"target", path + "/Actions/VirtualMedia.InsertMedia"}});
  insert.set("TransferProtocolType@Redfish.AllowableValues", Json::strings({"HTTP", "HTTPS"}));
  insert.set("TransferMethod@Redfish.AllowableValues", Json::strings({"Stream"}));
  const Json eject = Json::object({{"target", path + "/Actions/VirtualMedia.EjectMedia"}});
  return out.set("Actions", Json::object({{"#VirtualMedia.InsertMedia", insert}, {"#VirtualMedia.EjectMedia", eject}}));
}

Json RedfishResources::chassis() const {
  const auto& identity = server_.identity();
  Json out = head(chassis_, "Chassis.v1_25_0.Chassis", "Chassis of " + identity.name);
  out.set("ChassisType", "RackMount").set("Manufacturer", identity.manufacturer).set("Model", identity.model);
  out.set("SerialNumber", identity.serial).set("PowerState", server_.powered_on() ? "On" : "Off");
  out.set("Status", healthy());
  return out.set("Links", Json::object({{"ComputerSystems", Json::array({link(system_)})},
                                        {"ManagedBy", Json::array({link(manager_)})}}));
}

Json RedfishResources::session_service() const {
  Json out = head(session_service_path, "SessionService.v1_1_9.SessionService", "Session Service");
  const auto idle = std::chrono::duration_cast<base::seconds>(sessions_.idle_limit()).count();
  out.set("ServiceEnabled", true).set("SessionTimeout", idle).set("Status", healthy());
  return out.set("Sessions", link(sessions_path));
}

Json RedfishResources::sessions() const {
  std::vector<std::string> ids;
  for (const auto& one : sessions_.all()) ids.push_back(one.id);
  return collection(sessions_path, "SessionCollection", "Sessions", ids);
}

Json RedfishResources::session(const RedfishSession& one) const {
  Json out = head(sessions_path + "/" + one.id, "Session.v1_7_0.Session", "Session of " + one.user);
  out.set("UserName", one.user).set("Password", nullptr).set("SessionType", "Redfish");
  return out.set("ClientOriginIPAddress", one.origin).set("CreatedTime", base::rfc3339(one.created));
}

void RedfishResources::add_firmware() {
  const auto& firmware = firmware_;
  add(firmware.bios_path(), RedfishKind::document, [&firmware] { return firmware.bios(); });
  add(firmware.bios_path() + "/Settings", RedfishKind::bios_settings, [&firmware] { return firmware.bios_settings(); });
  add_collection(root + "/Registries", "MessageRegistryFileCollection", "Registries", {"BiosAttributeRegistry"});
  const auto registry = root + "/Registries/BiosAttributeRegistry";
  add(registry, RedfishKind::document, [&firmware] { return firmware.registry_file(); });
  add(registry + "/BiosAttributeRegistry.v1_0_0", RedfishKind::document, [&firmware] { return firmware.registry(); });
  const auto update = root + "/UpdateService";
  add(update, RedfishKind::document, [&firmware] { return firmware.update_service(); });
  add(update + "/Actions/UpdateService.SimpleUpdate", RedfishKind::simple_update, nullptr);
  add(update + "/update-multipart", RedfishKind::push_update, nullptr);
  add_collection(update + "/FirmwareInventory", "SoftwareInventoryCollection", "Firmware", {"BIOS", "BMC"});
  for (const char* id : {"BIOS", "BMC"})
    add(update + "/FirmwareInventory/" + id, RedfishKind::document, [&firmware, id] { return firmware.component(id); });
  add(root + "/TaskService", RedfishKind::document, [] {
    Json out = head(root + "/TaskService", "TaskService.v1_2_1.TaskService", "Task Service");
    return out.set("ServiceEnabled", true).set("Status", healthy()).set("Tasks", link(tasks_path));
  });
  add(tasks_path, RedfishKind::document, [this] {
    auto ids = firmware_.tasks();
    for (const auto& id : storage_.tasks()) ids.push_back(id);
    return collection(tasks_path, "TaskCollection", "Tasks", ids);
  });
}

void RedfishResources::add_accounts() {
  add(account_service_path, RedfishKind::document, [] {
    Json out = head(account_service_path, "AccountService.v1_15_0.AccountService", "Account Service");
    out.set("ServiceEnabled", true).set("Status", healthy()).set("Accounts", link(account_service_path + "/Accounts"));
    return out.set("Roles", link(account_service_path + "/Roles"));
  });
  std::vector<std::string> ids;
  for (const auto& one : server_.accounts()) {
    ids.push_back(std::to_string(ids.size() + 1));
    const auto path = account_service_path + "/Accounts/" + ids.back();
    add(path, RedfishKind::document, [path, user = one.user, role = role_id(one.role)] {
      Json out = head(path, "ManagerAccount.v1_12_0.ManagerAccount", "Account " + user);
      out.set("UserName", user).set("Password", nullptr).set("Enabled", true).set("Locked", false);
      out.set("RoleId", role).set("AccountTypes", Json::strings({"Redfish"}));
      return out.set("Links", Json::object({{"Role", link(account_service_path + "/Roles/" + role)}}));
    });
  }
  add_collection(account_service_path + "/Accounts", "ManagerAccountCollection", "Accounts", ids);
  ids.clear();
  for (const auto role : {BmcRole::administrator, BmcRole::operator_, BmcRole::read_only}) {
    ids.push_back(role_id(role));
    const auto path = account_service_path + "/Roles/" + ids.back();
    add(path, RedfishKind::document, [path, role] {
      Json out = head(path, "Role.v1_3_2.Role", role_id(role));
      out.set("RoleId", role_id(role)).set("IsPredefined", true);
      return out.set("AssignedPrivileges", privileges_of(role));
    });
  }
  add_collection(account_service_path + "/Roles", "RoleCollection", "Roles", ids);
}

}  // namespace sim
