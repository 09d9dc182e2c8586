// What the manager counts, in Prometheus' text format 0.0.4, served as /metrics of its API.
#pragma once

#include <string>

#include "metal/engine.h"

namespace cli {

struct Counted {
  bool leads = false;
  uint64_t reconciles = 0;
  metal::RefusedRequests refused;  // in all, since this process leads
  std::vector<metal::StartedEngine::RefusedOfHost> by_host;
  metal::BadAnswers bad_answers;  // of BMCs, since this process leads
};
std::string metrics_text(const Counted& counted);

}  // namespace cli
