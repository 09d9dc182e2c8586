// Firmware of a server: versions, and updates by SimpleUpdate (the BMC fetches) or by multipart push (DSP0266 13.11).
#pragma once

#include <functional>

#include "metal/bmc/redfish_client.h"

namespace metal {

class RedfishFirmware {
 public:
  // `random_word` gives something that occurs in no image, for multipart boundaries.
  RedfishFirmware(RedfishClient& client, std::function<std::string()> random_word)
      : client_(client), random_word_(std::move(random_word)) {}
  base::Result<std::vector<FirmwareComponent>> components(const base::Json& system);
  base::Result<std::string> update(const base::Json& system, const std::string& component, const std::string& url);
  base::Result<std::string> push(const base::Json& system, const std::string& component, const std::string& file_name,
                                 const std::string& image);
  base::Result<BmcTask> task(const std::string& path);

 private:
  base::Result<base::Json> service();
  base::Result<std::vector<std::string>> inventory(const base::Json& service);
  base::Result<void> add_nics(const base::Json& system, std::vector<FirmwareComponent>& out);
  base::Result<FirmwareComponent> find(const base::Json& system, const std::string& component);
  base::Result<std::string> begun(const std::string& path, const RedfishReply& reply) const;

  RedfishClient& client_;
  std::function<std::string()> random_word_;
};

}  // namespace metal
