#include "server/peers.h"

#include "base/text.h"
#include "server/call.h"
#include "server/errors.h"

namespace server {
namespace {

constexpr std::string_view all_peer_headers = "x-ingot-remote-";

bool reads(const net::Request& request) {
  return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
}

bool goes_on(const std::string& name) {
  const auto low = base::lower(name);
  // What is between two ends of a connection, and credentials that were for us.
  for (const std::string_view ours : {"host", "connection", "keep-alive", "te", "trailer", "upgrade", "authorization",
                                      "content-length", "transfer-encoding", "expect", "http2-settings"}) {
    if (low == ours) return false;
  }
  return !low.starts_with(all_peer_headers) && !low.starts_with(':');
}

bool comes_back(const std::string& name) {
  const auto low = base::lower(name);
  return goes_on(name) && low != "date" && low != "server";
}

// Not a token character or '%': they are sent encoded, as header names cannot hold everything.
std::string header_key(const std::string& key) { return net::percent_encode(key); }

net::Request for_leader(const Call& call, const User& user) {
  net::Request out;
  out.method = call.request.method;
  out.target = call.request.target;
  out.body = call.request.body;
  for (const auto& [name, value] : call.request.headers.all()) {
    if (goes_on(name)) out.headers.add(name, value);
  }
  out.headers.add(peer_user_header, user.name);
  if (!user.uid.empty()) out.headers.add(peer_uid_header, user.uid);
  for (const auto& group : user.groups) out.headers.add(peer_group_header, group);
  for (const auto& [key, values] : user.extra) {
    for (const auto& value : values) out.headers.add(std::string(peer_extra_prefix) + header_key(key), value);
  }
  return out;
}

}  // namespace

bool is_for_leader(const Call& call) {
  const auto& peers = call.api.options.peers;
  return peers && !reads(call.request) && !peers->leads();
}

net::Response ask_leader(const Call& call, const User& user) {
  // Two processes that each take the other for the leader must not send a request round and round.
  if (call.request.headers.has(peer_user_header)) {
    return failure(base::unavailable("the leader has just changed"));
  }
  auto answer = call.api.options.peers->to_leader(for_leader(call, user));
  if (answer) {
    net::Headers headers;
    for (const auto& [name, value] : answer->headers.all()) {
      if (comes_back(name)) headers.add(name, value);
    }
    answer->headers = std::move(headers);
    return std::move(*answer);
  }
  if (answer.error().code == base::Code::unavailable) return failure(answer.error());
  // No Retry-After: clients would do again what may have been done.
  auto out = failure(504, "Timeout",
                     "the leader did not answer, the change may or may not have been made: " + answer.error().message);
  out.headers.remove("Retry-After");
  return out;
}

base::Result<void> catch_up(const Call& call) {
  const auto& peers = call.api.options.peers;
  if (!peers || peers->leads() || !reads(call.request) || !call.route.is_resource) return {};
  // Who names a revision is content with it; a continue token names one.
  const auto& query = call.route.query;
  if (!query.get("resourceVersion").empty() || !query.get("continue").empty()) return {};
  auto done = peers->catch_up();
  if (!done) return base::unavailable("etcd does not answer: " + done.error().message);
  return done;
}

}  // namespace server
