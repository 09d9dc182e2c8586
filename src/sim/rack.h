// The other side of the wire: servers with BMCs, firmware and disks, an image server, and the clusters their nodes
// form. The same rack runs behind a proxy in real time (rack_process.h) and inside a test on virtual time: give it the
// Sys of a SimWorld process, whose Net is the segment that all its addresses live in.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "sim/image_server.h"
#include "sim/qemu/command.h"
#include "sim/server.h"
#include "sim/site.h"
#include "sys/process.h"

namespace sim {

class WorkloadCluster;

struct RackOptions {
  std::vector<base::Json> inventory;  // parsed manifests: BareMetalHosts and Secrets; other kinds are skipped
  double speed = 1;                   // hardware runs this much faster than life
  uint64_t seed = 1;
  Durations durations = {};
  std::string disk_directory = "rack";  // of sys.disk; disks found there keep their content
  std::string image_host = "images.example.com";
  uint64_t image_bytes = 1u << 20;
  // Where the relay of the provisioning network sends DHCP packets; an empty host: network boots get no answer.
  sys::Address dhcp_server = {};
  sys::Net* relay_net = nullptr;  // how it gets there; null: through the segment
  BmcProfile bmc_profile = {};    // how all BMCs misbehave
  // Servers that are QEMU processes on the real network; null: simulated ones.
  std::optional<QemuOptions> qemu;
  sys::Programs* programs = nullptr;  // with qemu
  sys::Sys* real = nullptr;           // with qemu
};

class Rack {
 public:
  // sys.net must be a segment (sys::make_segment, or of a SimWorld process).
  Rack(sys::Sys& sys, RackOptions options);
  ~Rack();
  Rack(const Rack&) = delete;
  base::Result<void> start();  // AC power: BMCs and the image server answer, all servers are off
  void stop();

  const std::vector<std::unique_ptr<Server>>& servers() const { return servers_; }
  Server* server(std::string_view name) const;          // by BareMetalHost name; null when unknown
  Server* server_of_node(std::string_view node) const;  // the server a node runs on now
  ImageServer& images() { return *images_; }
  EventLog& log() { return site_->log; }
  const std::string& site_ca_pem() const { return site_->ca_certificate_pem; }  // vouches for the image server
  std::vector<std::shared_ptr<WorkloadCluster>> clusters() const;
  std::shared_ptr<WorkloadCluster> cluster(std::string_view name) const;  // null when unknown
  // Servers with state and counters, clusters with nodes and etcd members.
  base::Json document() const;

 private:
  base::Result<void> make_site_ca();
  RackOptions options_;
  std::unique_ptr<Site> site_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::unique_ptr<ImageServer> images_;
};

}  // namespace sim
