// The resources of a BMC's Redfish service as documents: which paths there are, what may be done with each, and what a
// GET shows. Schemas are those of DSP8010 2023.3.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "sim/bmc/redfish_events.h"
#include "sim/bmc/redfish_firmware.h"
#include "sim/bmc/redfish_sessions.h"
#include "sim/bmc/redfish_storage.h"
#include "sim/bmc/server_controls.h"

namespace sim {

enum class RedfishKind : unsigned char {
  open_document,  // readable without credentials
  document,
  metadata,  // the XML beside the service root; also open
  system,
  media,
  session_service,
  sessions,
  session,
  reset_system,  // the actions
  reset_manager,
  insert_media,
  eject_media,
  bios_settings,
  simple_update,
  push_update,
  volumes,
  volume,
  secure_boot,
  subscriptions,
  subscription,
  event_stream,
};

struct RedfishResource {
  RedfishKind kind = RedfishKind::document;
  std::string path;
  std::string allow;             // as the Allow header has it
  base::Json document;           // null for actions and metadata
  std::string id;                // of a session
  base::Json unstamped() const;  // without what changes by itself: an ETag is made from this
};

class RedfishResources {
 public:
  RedfishResources(sys::Loop& loop, ServerControls& server, const RedfishSessions& sessions,
                   const RedfishFirmware& firmware, const RedfishStorage& storage, const RedfishEvents& events,
                   std::string system_id, std::string service_uuid);
  // `path` without query and without trailing slash; nullopt when there is nothing.
  std::optional<RedfishResource> find(const std::string& path) const;
  static const std::string& metadata();
  const std::string& system_path() const { return system_; }

 private:
  struct Entry {
    RedfishKind kind;
    std::string allow;
    std::function<base::Json()> read;  // null: no document
  };
  void add(const std::string& path, RedfishKind kind, std::function<base::Json()> read);
  void add_collection(const std::string& path, const std::string& type, const std::string& name,
                      const std::vector<std::string>& ids);
  void add_service();
  void add_system();
  void add_manager();
  void add_accounts();
  void add_firmware();
  base::Json service_root() const;
  base::Json system() const;
  base::Json boot() const;
  base::Json secure_boot() const;
  std::optional<RedfishResource> find_storage(const std::string& path) const;
  std::optional<RedfishResource> find_events(const std::string& path) const;
  base::Json manager() const;
  base::Json media() const;
  base::Json chassis() const;
  base::Json processor(int index) const;
  base::Json nic(const std::string& path, const ServerNic& nic) const;
  base::Json session_service() const;
  base::Json session(const RedfishSession& session) const;
  base::Json sessions() const;

  sys::Loop& loop_;
  ServerControls& server_;
  const RedfishSessions& sessions_;
  const RedfishFirmware& firmware_;
  const RedfishStorage& storage_;
  const RedfishEvents& events_;
  std::string service_uuid_;
  std::string system_, manager_, chassis_;  // paths
  std::map<std::string, Entry> entries_;
};

// The words of the ComputerSystem schema for what the seam calls otherwise.
std::string_view redfish_name_of(BootTarget target);
std::string_view redfish_name_of(BootEnabled enabled);
std::optional<BootTarget> boot_target_of(std::string_view name);
std::optional<BootEnabled> boot_enabled_of(std::string_view name);

}  // namespace sim
