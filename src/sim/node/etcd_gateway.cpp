#include "sim/node/etcd_gateway.h"

#include "base/text.h"

namespace sim {

using base::Code;
using base::Error;
using base::Json;
using base::Result;

namespace {

// gRPC status codes as the gateway shows them.
net::Response failure(const Error& error) {
  int grpc = 2, http = 500;
  if (error.code == Code::not_found) grpc = 5, http = 404;
  if (error.code == Code::unavailable) grpc = 14, http = 503;
  if (error.code == Code::bad_request) grpc = 3, http = 400;
  if (error.code == Code::conflict) grpc = 9, http = 400;
  Json body = Json::object({{"error", error.message}, {"code", grpc}, {"message", error.message}});
  return net::Response::json(http, body);
}

// uint64 fields are strings in proto3 JSON; numbers are accepted too.
uint64_t id_from(const Json& value) {
  if (value.is_string()) return base::parse_uint(value.string()).value_or(0);
  return base::parse_uint(value.dump()).value_or(0);
}

}  // namespace

EtcdGateway::EtcdGateway(sys::Sys& sys, EtcdMembers& members, std::string member,
                         std::function<void(std::string)> on_change)
    : sys_(sys), members_(members), member_(std::move(member)), on_change_(std::move(on_change)) {}

Result<void> EtcdGateway::start(const sys::Address& at, const sys::TlsServer& tls) {
  net::ServerOptions options;
  options.listen = {at};
  options.tls_options = tls;
  options.body_bytes_max = 64u << 10;
  server_ = std::make_unique<net::HttpServer>(sys_.loop, sys_.net, std::move(options), [this](net::Exchange& exchange) {
    exchange.respond(answer(exchange.request()));
  });
  return server_->start();
}

net::Response EtcdGateway::answer(const net::Request& request) {
  const std::string path(std::string_view(request.target).substr(0, request.target.find('?')));
  if (request.method == "GET" && path == "/health") {
    const bool healthy = members_.has_quorum() && members_.find(member_) != nullptr;
    return net::Response::json(healthy ? 200 : 503, Json::object({{"health", healthy ? "true" : "false"}}));
  }
  if (request.method != "POST") return net::Response::text(405, "Method Not Allowed");
  auto body = request.body.empty() ? Result<Json>(Json::object()) : base::parse_json(request.body);
  if (!body) return failure(Error{Code::bad_request, body.error().message});
  if (members_.find(member_) == nullptr) return failure(base::unavailable("etcdserver: server stopped"));
  if (path == "/v3/cluster/member/list") return list(*body);
  if (path == "/v3/maintenance/status") return status();
  if (path == "/v3/cluster/member/remove") return remove(*body);
  if (path == "/v3/maintenance/transfer-leadership") return move_leader(*body);
  return failure(base::not_found("Not Found"));
}

Json EtcdGateway::header() const {
  const EtcdPeer* self = members_.find(member_);
  Json out = Json::object({{"cluster_id", std::to_string(members_.cluster_id())}});
  out.set("member_id", std::to_string(self == nullptr ? 0 : self->id)).set("revision", "1");
  return out.set("raft_term", std::to_string(members_.term()));
}

net::Response EtcdGateway::list(const Json& body) const {
  if (body["linearizable"].boolean() && !members_.has_quorum()) {
    return failure(base::unavailable("etcdserver: request timed out"));
  }
  Json::Array all;
  for (const auto& peer : members_.all()) {
    Json one = Json::object({{"ID", std::to_string(peer.id)}, {"name", peer.name}});
    one.set("peerURLs", Json::strings({"https://" + peer.address + ":2380"}));
    one.set("clientURLs", Json::strings({"https://" + peer.address + ":2379"}));
    all.push_back(std::move(one));
  }
  return net::Response::json(200, Json::object({{"header", header()}, {"members", std::move(all)}}));
}

net::Response EtcdGateway::status() const {
  const EtcdPeer* leader = members_.leader();
  Json out = Json::object({{"header", header()}, {"version", "3.5.16"}, {"dbSize", "4194304"}});
  out.set("leader", std::to_string(leader == nullptr ? 0 : leader->id)).set("raftIndex", "1");
  out.set("raftTerm", std::to_string(members_.term())).set("raftAppliedIndex", "1");
  if (leader == nullptr) out.set("errors", Json::strings({"etcdserver: no leader"}));
  return net::Response::json(200, out);
}

net::Response EtcdGateway::remove(const Json& body) {
  const EtcdPeer* peer = members_.find(id_from(body["ID"]));
  const std::string name = peer == nullptr ? "" : peer->name;
  if (auto removed = members_.remove(id_from(body["ID"])); !removed) return failure(removed.error());
  on_change_("etcd member " + name + " removed");
  return list(Json());
}

net::Response EtcdGateway::move_leader(const Json& body) {
  if (auto moved = members_.move_leader(id_from(body["targetID"])); !moved) return failure(moved.error());
  on_change_("etcd leadership moved");
  return net::Response::json(200, Json::object({{"header", header()}}));
}

}  // namespace sim
