// An API server of ours across the simulated network, for tests of what talks to a foreign one.
#pragma once

#include "base/text.h"
#include "crypto/x509.h"
#include "server/test_server.h"

namespace remote::test {

inline constexpr const char* server_host = "10.0.0.1";

// Plays somebody else's API server, in a process of its own, without controllers.
struct Peer {
  Peer(sys::SimWorld& w, const meta::Scheme& s) : world(w), scheme(s) {
    auto& keys = world.process("10.0.0.9", "keys");
    crypto::CertificateRequest ca;
    ca.common_name = "ca";
    ca.is_ca = true;
    ca.not_before = world.loop().now() - base::hours(1);
    ca.not_after = world.loop().now() + base::hours(1000);
    ca_key = keys.keys.ec_p256_pem();
    ca_pem = *crypto::issue_certificate(ca, ca_key, {}, ca_key);
    crypto::CertificateRequest serving = ca;
    serving.is_ca = false;
    serving.common_name = "api";
    serving.server_auth = true;
    crypto::add_subject_name(serving, server_host);
    key = keys.keys.ec_p256_pem();
    certificate = *crypto::issue_certificate(serving, key, ca_pem, ca_key);
    start();
  }
  void start() {
    sys = &world.process(server_host, "server");
    store = *store::Store::open(sys->loop, store::make_sim_engine(sys->loop, disk, base::milliseconds(2)));
    registry = std::make_unique<registry::Registry>(*sys, *store, scheme);
    server::Options options;
    options.listen = {{server_host, 6443}};
    options.tls.certificate_pem = certificate;
    options.tls.key_pem = key;
    options.tokens = [](std::string_view token) -> std::optional<server::User> {
      if (token != "root") return std::nullopt;
      return server::User{"root", {"system:masters"}};
    };
    api = std::make_unique<server::ApiServer>(*sys, *registry, options);
    REQUIRE(api->start().ok());
  }
  void kill() {
    world.kill(*sys);
    api.reset();
    registry.reset();
    store.reset();
  }
  std::string kubeconfig() const {
    return "current-context: c\ncontexts:\n- {name: c, context: {cluster: c, user: u}}\nclusters:\n- name: c\n"
           "  cluster: {server: 'https://10.0.0.1:6443', certificate-authority-data: " +
           base::base64(ca_pem) + "}\nusers:\n- {name: u, user: {token: root}}\n";
  }

  sys::SimWorld& world;
  const meta::Scheme& scheme;
  sys::Sys* sys = nullptr;
  std::string ca_pem, ca_key, certificate, key;
  std::shared_ptr<store::SimDisk> disk = store::make_sim_disk();
  std::unique_ptr<store::Store> store;
  std::unique_ptr<registry::Registry> registry;
  std::unique_ptr<server::ApiServer> api;
};

}  // namespace remote::test
