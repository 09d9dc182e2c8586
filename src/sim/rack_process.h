// `ingot rack`: a rack in real time, its own network segment inside the process, reached through a proxy (SOCKS5 with
// UDP, or HTTP CONNECT) as a site behind a jump host is.
#pragma once

#include <memory>
#include <string>

#include "net/proxy.h"
#include "sim/rack.h"
#include "sim/rack_control.h"

namespace sim {

struct RackProcessOptions {
  sys::Address listen = {"127.0.0.1", 0};   // of the proxy
  sys::Address control = {"127.0.0.1", 0};  // of the control interface
  RackOptions rack;                         // relay_net is set by the process
};

class RackProcess {
 public:
  RackProcess(sys::Sys& real, RackProcessOptions options);
  ~RackProcess();
  base::Result<void> start();
  sys::Address proxy() const;
  sys::Address control() const;
  Rack& rack() { return *rack_; }

 private:
  sys::Sys& real_;
  RackProcessOptions options_;
  std::unique_ptr<sys::Net> segment_, bridge_;
  std::unique_ptr<sys::Sys> inside_;  // of the rack: the segment instead of the real network
  std::unique_ptr<Rack> rack_;
  std::unique_ptr<net::ProxyServer> proxy_;
  std::unique_ptr<RackControl> control_;
};

// Networks and names that belong to the rack, for the manager's proxy rules: BMC addresses, the site and provisioning
// networks, the image host.
std::vector<std::string> rack_destinations(const Rack& rack, const RackOptions& options);

}  // namespace sim
