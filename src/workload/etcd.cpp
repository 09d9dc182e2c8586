#include "workload/etcd.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace workload {

namespace {

constexpr uint16_t client_port = 2379;

// The gateway writes 64-bit ids as decimal strings; people and etcdctl know them in hexadecimal.
std::string hex_id(const Json& id) {
  const auto number = base::parse_uint(id.string());
  if (!number) return id.string();
  char out[20];
  std::snprintf(out, sizeof out, "%llx", static_cast<unsigned long long>(*number));
  return out;
}

std::string decimal_id(const std::string& hex) {
  unsigned long long number = 0;
  for (const char c : hex) number = number * 16 + static_cast<unsigned long long>(c <= '9' ? c - '0' : c - 'a' + 10);
  return std::to_string(number);
}

std::vector<std::string> strings(const Json& list) {
  std::vector<std::string> out;
  for (const auto& one : list.items()) out.push_back(one.string());
  return out;
}

}  // namespace

EtcdClient::EtcdClient(sys::Loop& loop, sys::Net& net, Clusters::EtcdIdentity identity)
    : loop_(loop), net_(net), identity_(std::move(identity)) {}

base::Result<Json> EtcdClient::call(const sys::Address& endpoint, const std::string& method, const Json& body) {
  net::ClientOptions options{.server = endpoint, .tls = true};
  options.tls_options = {
      .ca_pem = identity_.ca_pem, .certificate_pem = identity_.certificate_pem, .key_pem = identity_.key_pem};
  options.connect_limit = base::seconds(5);
  options.request_limit = base::seconds(10);
  options.keep_alive = false;
  net::HttpClient client(loop_, net_, options);
  auto response = client.send({.method = "POST",
                               .target = "/v3/" + method,
                               .headers = {{"Content-Type", "application/json"}},
                               .body = body.dump()});
  const std::string where = "etcd at " + endpoint.text();
  if (!response) return std::move(response).error().at(base::Layer::node).context(where);
  auto doc = base::parse_json(response->body);
  if (response->status != 200) {
    const std::string why = doc ? (*doc)["error"].string_or((*doc)["message"].string()) : std::string();
    return base::Error{base::Code::unavailable,
                       where + " answered " + std::to_string(response->status) + (why.empty() ? "" : ": " + why),
                       base::Layer::node};
  }
  return doc;
}

base::Result<std::vector<EtcdMember>> EtcdClient::members(const std::vector<std::string>& node_addresses) {
  std::string problems;
  Json list;
  for (const auto& host : node_addresses) {
    auto answer = call({host, client_port}, "cluster/member/list", Json::object());
    if (answer) {
      list = (*answer)["members"];
      break;
    }
    problems += (problems.empty() ? "" : "; ") + answer.error().message;
  }
  if (!list.is_array())
    return base::Error{base::Code::unavailable, problems.empty() ? "no control-plane node has an address" : problems,
                       base::Layer::node};
  std::vector<EtcdMember> out;
  for (const auto& one : list.items()) {
    EtcdMember member{.id = hex_id(one["ID"]),
                      .name = one["name"].string(),
                      .peer_urls = strings(one["peerURLs"]),
                      .client_urls = strings(one["clientURLs"]),
                      .learner = one["isLearner"].boolean()};
    if (member.client_urls.empty()) {
      member.problem = "not started yet";
    } else if (const auto url = net::Url::parse(member.client_urls.front()); !url) {
      member.problem = url.error().message;
    } else if (const auto status = call(url->address(), "maintenance/status", Json::object()); !status) {
      member.problem = status.error().message;
    } else {
      member.leader = hex_id((*status)["leader"]) == member.id;
      member.healthy = !(*status)["leader"].string().empty() && (*status)["leader"].string() != "0";
      if (!member.healthy) member.problem = "sees no leader";
      if (!(*status)["errors"].empty()) {
        member.healthy = false;
        member.problem = (*status)["errors"].dump();
      }
    }
    out.push_back(std::move(member));
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return std::tie(a.name, a.id) < std::tie(b.name, b.id); });
  return out;
}

base::Result<void> EtcdClient::remove(const std::vector<std::string>& node_addresses, const std::string& member_name) {
  const auto all = TRY(members(node_addresses));
  const auto member =
      std::find_if(all.begin(), all.end(), [&](const EtcdMember& one) { return one.name == member_name; });
  if (member == all.end()) return {};
  // Asked of a member that stays and is healthy: the one that goes may be unable to answer afterwards.
  std::string problem = "no other member is healthy";
  for (const auto& other : all) {
    if (other.name == member_name || !other.healthy) continue;
    const auto url = net::Url::parse(other.client_urls.front());
    auto done = call(url->address(), "cluster/member/remove", Json::object({{"ID", decimal_id(member->id)}}));
    if (done) return {};
    problem = done.error().message;
  }
  return base::Error{base::Code::unavailable, "etcd member " + member_name + " could not be removed: " + problem,
                     base::Layer::node};
}

base::Result<void> EtcdClient::move_leader(const std::vector<std::string>& node_addresses,
                                           const std::string& member_name) {
  const auto all = TRY(members(node_addresses));
  const auto target =
      std::find_if(all.begin(), all.end(), [&](const EtcdMember& one) { return one.name == member_name; });
  const auto leader = std::find_if(all.begin(), all.end(), [](const EtcdMember& one) { return one.leader; });
  if (target == all.end()) return base::not_found("etcd has no member " + member_name);
  if (leader == all.end()) return base::unavailable("etcd has no leader");
  if (leader->name == member_name) return {};
  const auto url = TRY(net::Url::parse(leader->client_urls.front()));
  TRY(call(url.address(), "maintenance/transfer-leadership", Json::object({{"targetID", decimal_id(target->id)}})));
  return {};
}

}  // namespace workload
