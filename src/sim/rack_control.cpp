#include "sim/rack_control.h"

#include <algorithm>

#include "base/text.h"

namespace sim {

using base::Json;
using base::Result;

namespace {
net::ServerOptions options_for(const sys::Address& listen) {
  net::ServerOptions options;
  options.listen = {listen};
  options.tls = false;
  options.body_bytes_max = 64u << 10;
  return options;
}

std::string query_value(const net::Request& request, std::string_view key) {
  const size_t mark = request.target.find('?');
  if (mark == std::string::npos) return {};
  for (const auto& [name, value] : net::parse_query(std::string_view(request.target).substr(mark + 1))) {
    if (name == key) return value;
  }
  return {};
}

net::Response failure(int status, std::string why) {
  return net::Response::json(status, Json::object({{"message", std::move(why)}}));
}
}  // namespace

RackControl::RackControl(sys::Loop& loop, sys::Net& net, Rack& rack, const sys::Address& listen)
    : rack_(rack), server_(loop, net, options_for(listen), [this](net::Exchange& exchange) {
        exchange.respond(answer(exchange.request()));
      }) {}

Result<void> RackControl::start() { return server_.start(); }
sys::Address RackControl::local() const { return server_.local().empty() ? sys::Address{} : server_.local().front(); }

net::Response RackControl::answer(const net::Request& request) {
  const std::string path(std::string_view(request.target).substr(0, request.target.find('?')));
  if (request.method == "GET") {
    if (path == "/servers") return net::Response::json(200, rack_.document());
    if (path == "/site-ca") return net::Response::text(200, rack_.site_ca_pem());
    if (path != "/events") return failure(404, "no such path");
    const auto& events = rack_.log().events();
    std::string out;
    for (size_t i = base::parse_uint(query_value(request, "from")).value_or(0); i < events.size(); ++i) {
      out += events[i].line() + "\n";
    }
    return net::Response::text(200, std::move(out));
  }
  if (request.method != "POST") return failure(405, "method not allowed");
  if (path == "/images/corrupt") {
    rack_.images().corrupt(query_value(request, "path"), query_value(request, "on") != "false");
    return net::Response::json(200, Json::object());
  }
  const auto parts = base::split(path, '/');
  if (parts.size() != 4 || (parts[1] != "servers" && parts[1] != "nodes")) return failure(404, "no such path");
  return act(std::string(parts[1]), net::percent_decode(parts[2]), std::string(parts[3]), request);
}

net::Response RackControl::act(const std::string& target, const std::string& name, const std::string& verb,
                               const net::Request& request) {
  Server* server = target == "nodes" ? rack_.server_of_node(name) : rack_.server(name);
  if (server == nullptr) return failure(404, "no server is called or runs as " + base::quoted(name));
  const int64_t asked = base::parse_int(query_value(request, "seconds")).value_or(0);
  const base::Duration seconds = base::seconds(std::clamp<int64_t>(asked, 0, 86'400));
  if (verb == "stop-kubelet") {
    server->stop_kubelet();
  } else if (verb == "start-kubelet") {
    server->start_kubelet();
  } else if (verb == "cut-power") {
    const bool goes_on = query_value(request, "on") == "true";
    server->cut_power(seconds, goes_on ? Server::WhenBack::as_before : Server::WhenBack::off);
  } else if (verb == "crash-bmc") {
    server->crash_bmc(seconds);
  } else if (verb == "hang") {
    server->hang();
  } else if (verb == "forget-boots") {
    server->forget_boots(
        static_cast<int>(std::min<uint64_t>(base::parse_uint(query_value(request, "count")).value_or(1), 1000)));
  } else if (verb == "exchange-disk") {
    const auto done = server->exchange_disk(query_value(request, "device"), query_value(request, "serial"));
    if (!done) return failure(400, done.error().message);
  } else if (verb == "restart-bmc") {
    server->restart_bmc();
  } else if (verb == "bmc-faults") {
    const auto body = base::parse_json(request.body);
    if (!body) return failure(400, body.error().message);
    BmcFaults& faults = server->bmc_faults();
    faults.http_unavailable = faults.node_busy = (*body)["unavailable"].number();
    faults.http_reset = (*body)["reset"].number();
    faults.datagram_lost = (*body)["lost"].number();
  } else {
    return failure(404, "no such action: " + verb);
  }
  return net::Response::json(200, Json::object({{"server", server->spec().name}, {"state", server->state()}}));
}

}  // namespace sim
