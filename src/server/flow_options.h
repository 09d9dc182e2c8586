// How many requests a server works on at a time: kube-apiserver's flags for it, by their meaning.
#pragma once

#include <cstdint>

namespace server {

struct FlowOptions {
  // With priority and fairness the sum of both is shared out among the priority levels; else each is a limit by itself.
  // 0: no limit.
  uint32_t reads_max = 400, writes_max = 200;
  bool priorities = false;  // where the scheme has the kinds of flowcontrol.apiserver.k8s.io
};

}  // namespace server
