// `ingot why KIND NAME`: the way from one object to the decisive wait, and what happened there last.
#pragma once

#include <string>
#include <vector>

#include "cli/causes.h"
#include "sys/real/real.h"
#include "workload/kube_client.h"

namespace cli {

// "md" -> "MachineDeployment"; any of a kind's names in any case; "" when there is no answer for that kind.
std::string kind_from(std::string_view text);

// The answer as text, `width` columns wide (0: endless). `events` are of the last object, oldest first.
std::string render_why(const std::vector<Link>& chain, const std::vector<base::Json>& events, base::Time now,
                       size_t width);

struct WhyFlags {
  std::string kubeconfig, ns, kind, name;
};
// 0 when the object exists, content or not; 1 when it does not.
int why(sys::RealSystem& system, const WhyFlags& flags);

}  // namespace cli
