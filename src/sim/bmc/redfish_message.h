// What a Redfish service says when it refuses: the error body of DSP0266 1.15 section 8.6 with messages of the Base
// registry (DSP8011). The client program reads MessageId and MessageArgs, people read Message.
#pragma once

#include <string>
#include <vector>

#include "net/http.h"

namespace sim {

struct RedfishComplaint {
  int status = 400;
  std::string id;                      // without registry and version: "PropertyUnknown"
  std::string text;                    // one sentence
  std::vector<std::string> arguments;  // in the order of the registry
  std::string property = {};           // JSON pointer into the request body, such as "#/Boot/HttpBootUri"; may be empty
};
net::Response redfish_refusal(const RedfishComplaint& complaint);

// About members of a request body. `pointer` as in RedfishComplaint, `name` the last part of it.
RedfishComplaint property_unknown(const std::string& pointer);
RedfishComplaint property_not_writable(const std::string& pointer);
RedfishComplaint property_missing(const std::string& pointer);
RedfishComplaint property_type_error(const std::string& pointer, const base::Json& value);
RedfishComplaint property_not_in_list(const std::string& pointer, const base::Json& value);
// The same for the parameters of an action.
RedfishComplaint parameter_unknown(const std::string& action, const std::string& pointer);
RedfishComplaint parameter_missing(const std::string& action, const std::string& pointer);
RedfishComplaint parameter_type_error(const std::string& action, const std::string& pointer, const base::Json& value);
RedfishComplaint parameter_not_in_list(const std::string& action, const std::string& pointer, const base::Json& value);

}  // namespace sim
