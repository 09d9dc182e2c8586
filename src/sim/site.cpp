#include "sim/site.h"

#include "sim/node/workload_cluster.h"

namespace sim {

Site::Site(sys::Sys& sys_in, double speed)
    : sys(sys_in), pace(speed), log(sys_in.loop, pace), clusters(std::make_unique<WorkloadClusters>()) {}

Site::~Site() = default;

}  // namespace sim
