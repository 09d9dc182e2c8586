#include "sim/rack.h"

#include "base/text.h"
#include "crypto/x509.h"
#include "sim/boot.h"
#include "sim/node/workload_cluster.h"
#include "sim/qemu/machine.h"

namespace sim {

using base::Json;
using base::Result;

Rack::Rack(sys::Sys& sys, RackOptions options)
    : options_(std::move(options)), site_(std::make_unique<Site>(sys, options_.speed)) {
  site_->durations = options_.durations;
  site_->seed = options_.seed;
  site_->disk_directory = options_.disk_directory;
  site_->image_bytes = options_.image_bytes;
  site_->bmc_profile = options_.bmc_profile;
  site_->dhcp_server = options_.dhcp_server;
  site_->relay_net = options_.relay_net;
  if (!options_.qemu) return;
  site_->real = options_.real;
  site_->make_body = [this](Server& server) {
    return std::make_unique<QemuBody>(server, *options_.programs, *options_.qemu);
  };
}

Rack::~Rack() { stop(); }

// Kept on disk, so that who trusted the site once goes on doing so after a restart.
Result<void> Rack::make_site_ca() {
  sys::Sys& sys = site_->sys;
  const std::string path = options_.disk_directory + "/site-ca.pem";
  if (sys.disk.exists(path)) {
    const std::string text = TRY(sys.disk.read(path));
    const Json saved = TRY(base::parse_json(text).context(path));
    site_->ca_certificate_pem = saved["certificate"].string();
    site_->ca_key_pem = saved["key"].string();
    return {};
  }
  crypto::CertificateRequest wanted;
  wanted.common_name = "rack site CA";
  wanted.is_ca = true;
  wanted.not_before = sys.loop.now() - base::hours(1);
  wanted.not_after = sys.loop.now() + base::hours(24 * 3650);
  wanted.serial_hex = base::hex(sys.random.bytes(16));
  site_->ca_key_pem = sys.keys.ec_p256_pem();
  site_->ca_certificate_pem = TRY(crypto::issue_certificate(wanted, site_->ca_key_pem, "", site_->ca_key_pem));
  TRY(sys.disk.make_directories(options_.disk_directory));
  const Json saved = Json::object({{"certificate", site_->ca_certificate_pem}, {"key", site_->ca_key_pem}});
  return sys.disk.write(path, saved.dump(), 0600);
}

Result<void> Rack::start() {
  auto specs = TRY(servers_from_inventory(options_.inventory));
  TRY(make_site_ca());
  images_ = std::make_unique<ImageServer>(*site_, options_.image_host);
  TRY(images_->start().context("image server"));
  for (auto& spec : specs) {
    const std::string name = spec.name;
    if (options_.qemu) fit_to_qemu(spec, *options_.qemu);
    servers_.push_back(std::make_unique<Server>(*site_, std::move(spec)));
    TRY(servers_.back()->start().context("BMC of " + name));
  }
  site_->log.add("rack", "started", std::to_string(servers_.size()) + " servers");
  return {};
}

void Rack::stop() {
  for (const auto& server : servers_) server->stop();
  site_->clusters->clear();
  if (images_) images_->stop();
}

Server* Rack::server(std::string_view name) const {
  for (const auto& server : servers_) {
    if (server->spec().name == name) return server.get();
  }
  return nullptr;
}

Server* Rack::server_of_node(std::string_view node) const {
  for (const auto& server : servers_) {
    if (!node.empty() && server->node_name() == node) return server.get();
  }
  return nullptr;
}

std::vector<std::shared_ptr<WorkloadCluster>> Rack::clusters() const { return site_->clusters->all(); }

std::shared_ptr<WorkloadCluster> Rack::cluster(std::string_view name) const {
  for (const auto& cluster : clusters()) {
    if (cluster->name() == name) return cluster;
  }
  return nullptr;
}

Json Rack::document() const {
  Json::Array servers;
  for (const auto& server : servers_) {
    Json one = Json::object({{"name", server->spec().name}, {"powered", server->powered_on()}});
    one.set("state", server->state()).set("node", server->node_name());
    one.set("address", server->spec().site_address).set("bmc", server->spec().bmc.endpoint());
    servers.push_back(one.set("counters", server->counters().document()));
  }
  Json::Array clusters_out;
  for (const auto& cluster : clusters()) {
    Json one = Json::object({{"name", cluster->name()}, {"endpoint", cluster->endpoint().text()}});
    one.set("available", cluster->available());
    Json::Array members;
    for (const auto& peer : cluster->etcd().all()) {
      members.push_back(Json::object({{"name", peer.name}, {"up", peer.up}}));
    }
    clusters_out.push_back(one.set("etcd", std::move(members)));
  }
  return Json::object({{"servers", std::move(servers)}, {"clusters", std::move(clusters_out)}});
}

}  // namespace sim
