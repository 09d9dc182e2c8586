// Event subscriptions of a Redfish service (DSP0266 section 12.5, EventService and EventDestination schemas).
#pragma once

#include "metal/bmc/redfish_client.h"

namespace metal {

class RedfishEvents {
 public:
  explicit RedfishEvents(RedfishClient& client) : client_(client) {}
  base::Result<std::string> subscribe(const EventSubscription& subscription);
  base::Result<void> unsubscribe(const std::string& id);
  base::Result<void> watch(base::Duration idle_limit, const EventSink& sink);

 private:
  base::Result<base::Json> service();
  base::Result<std::string> listeners_path();

  RedfishClient& client_;
};

}  // namespace metal
