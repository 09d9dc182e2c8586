// BIOS settings: what they are, what they may be (the attribute registry, DSP0270), and changes that wait for a reset.
#pragma once

#include <map>

#include "metal/bmc/redfish_client.h"

namespace metal {

class RedfishBios {
 public:
  explicit RedfishBios(RedfishClient& client) : client_(client) {}
  // `system` is the ComputerSystem document. Errors: unsupported when it has no BIOS resource.
  base::Result<std::vector<BiosSetting>> read(const base::Json& system);
  base::Result<void> change(const base::Json& system, const base::Json& values);

 private:
  struct State {
    std::string path, where;  // of the resource, and of that which takes changes
    base::Json bios, settings;
    std::vector<BiosSetting> list;
  };
  base::Result<State> load(const base::Json& system);
  base::Result<void> read_registry(const std::string& name);
  base::Result<base::Json> registry_document(const std::string& name);
  base::Result<base::Json> checked(const State& state, const base::Json& values) const;

  RedfishClient& client_;
  std::string registry_name_;                    // of `registry_`
  std::map<std::string, BiosSetting> registry_;  // by attribute, without values
};

}  // namespace metal
