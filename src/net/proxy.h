// Reaching a site through a proxy: SOCKS5 (RFC 1928, CONNECT and UDP ASSOCIATE) or HTTP CONNECT, chosen per destination
// by CIDR or host name. What a site behind a jump host needs, and how the demo reaches its simulated rack.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sys/sys.h"

namespace net {

struct ProxyRule {
  enum class Kind { direct, socks5, http_connect } kind = Kind::direct;
  sys::Address proxy;
  std::string user, password;             // may be empty (RFC 1929, Proxy-Authorization)
  std::vector<std::string> destinations;  // "192.168.0.0/16", "fd00::/8", "images.example.com", "*.example.com", "*"
};

// "socks5://[user:password@]host:port=dest,dest" or "http://…=dest" or "direct=dest"; the first rule that matches a
// destination counts. Errors: invalid.
base::Result<ProxyRule> parse_proxy_rule(std::string_view text);
bool destination_matches(std::string_view pattern, std::string_view host);

// A Net that goes through the proxies where a rule says so and directly otherwise. UDP through an HTTP CONNECT rule is
// refused with Code::unsupported and says to use SOCKS5.
std::unique_ptr<sys::Net> make_proxied_net(sys::Loop& loop, sys::Net& below, std::vector<ProxyRule> rules);

// The other side, for `ingot rack`: accepts both protocols on one listener at `at` (of `outside`) and opens streams and
// datagrams in `inside`. Runs until the returned object goes.
class ProxyServer {
 public:
  virtual ~ProxyServer() = default;
  virtual sys::Address local() const = 0;
};
base::Result<std::unique_ptr<ProxyServer>> start_proxy_server(sys::Loop& loop, sys::Net& outside, sys::Net& inside,
                                                              const sys::Address& at);

}  // namespace net
