// One etcd member's gRPC gateway (etcd 3.5, /v3/...: JSON over HTTPS with client certificates of the etcd CA).
#pragma once

#include <memory>
#include <string>

#include "net/http.h"
#include "sim/node/etcd_members.h"

namespace sim {

class EtcdGateway {
 public:
  // Runs on `sys` (the member's node). `members` must outlive it. `on_change` is called after a change of membership.
  EtcdGateway(sys::Sys& sys, EtcdMembers& members, std::string member, std::function<void(std::string)> on_change);
  // `tls` must ask for client certificates.
  base::Result<void> start(const sys::Address& at, const sys::TlsServer& tls);

 private:
  net::Response answer(const net::Request& request);
  base::Json header() const;
  net::Response list(const base::Json& body) const;
  net::Response status() const;
  net::Response remove(const base::Json& body);
  net::Response move_leader(const base::Json& body);

  sys::Sys& sys_;
  EtcdMembers& members_;
  std::string member_;
  std::function<void(std::string)> on_change_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace sim
