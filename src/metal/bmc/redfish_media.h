// The virtual CD drive, wherever a BMC keeps it and however it wants to be told.
#pragma once

#include "metal/bmc/redfish_client.h"

namespace metal {

class RedfishMedia {
 public:
  explicit RedfishMedia(RedfishClient& client) : client_(client) {}
  base::Result<void> insert(const base::Json& system, const std::string& url);
  base::Result<void> eject(const base::Json& system);

 private:
  struct Slot {
    std::string path;
    base::Json document;
    bool patch_allowed = false;  // by the Allow header
  };
  base::Result<std::vector<Slot>> slots(const base::Json& system);
  base::Result<std::vector<std::string>> collections(const base::Json& system);
  base::Result<void> insert_into(const Slot& slot, const std::string& url);
  base::Result<void> insert_by_action(const std::string& path, const std::string& action, const std::string& url);
  base::Result<void> wait_for_insertion(const std::string& path, const RedfishReply& accepted, const std::string& url);
  base::Result<void> eject_from(const Slot& slot);

  RedfishClient& client_;
};

}  // namespace metal
