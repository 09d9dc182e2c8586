#include "sim/rack_process.h"

#include <set>

#include "sys/sim/sim.h"

namespace sim {

using base::Result;

RackProcess::RackProcess(sys::Sys& real, RackProcessOptions options)
    : real_(real),
      options_(std::move(options)),
      segment_(sys::make_segment(real.loop, real.random, &real.net)),
      bridge_(sys::make_foreign_view(*segment_)),
      inside_(new sys::Sys{real.loop, real.random, real.keys, *segment_, real.disk, real.offload}) {
  options_.rack.relay_net = &real_.net;
  options_.rack.real = &real_;
  rack_ = std::make_unique<Rack>(*inside_, options_.rack);
}

RackProcess::~RackProcess() {
  control_.reset();
  proxy_.reset();
  rack_.reset();
}

Result<void> RackProcess::start() {
  TRY(rack_->start());
  proxy_ = TRY(net::start_proxy_server(real_.loop, real_.net, *bridge_, options_.listen));
  control_ = std::make_unique<RackControl>(real_.loop, real_.net, *rack_, options_.control);
  return control_->start();
}

sys::Address RackProcess::proxy() const { return proxy_ ? proxy_->local() : sys::Address{}; }
sys::Address RackProcess::control() const { return control_ ? control_->local() : sys::Address{}; }

std::vector<std::string> rack_destinations(const Rack& rack, const RackOptions& options) {
  std::set<std::string> all = {options.image_host};
  // QEMU's servers are on the real network: only their BMCs are inside.
  if (!options.qemu) all.insert({"10.0.0.0/8", "172.22.0.0/16"});
  for (const auto& server : rack.servers()) all.insert(server->spec().bmc.host);
  return {all.begin(), all.end()};
}

}  // namespace sim
