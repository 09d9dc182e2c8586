// Calls of webhooks, for admission and conversion: JSON posted over HTTPS to a URL or to a service whose address is
// known. One kept-alive client for each place and trust.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "net/http.h"

namespace server {

// Where services are, since there is no cluster network: "namespace/name" or "namespace/name:port" -> address.
using ServiceAddresses = std::map<std::string, sys::Address>;
// "namespace/name[:port]=host:port"; the error says what is wrong.
base::Result<std::pair<std::string, sys::Address>> parse_service_address(std::string_view text);

class WebhookClients {
 public:
  WebhookClients(sys::Loop& loop, sys::Net& net, ServiceAddresses services)
      : loop_(loop), net_(net), services_(std::move(services)) {}

  // `config` is a clientConfig (url or service, caBundle). Parks until the answer is there. `limit` is told to the
  // webhook as ?timeout=Ns when `tell_limit`. Error messages are what kube-apiserver says after "failed to call
  // webhook: ".
  base::Result<base::Json> post(const base::Json& config, const base::Json& body, base::Duration limit,
                                bool tell_limit);

 private:
  struct Place {
    std::string url;  // as in messages, without the query
    std::string target, host_header, server_name;
    sys::Address address;
    bool tls = true;
  };
  base::Result<Place> place_of(const base::Json& config, const std::string& query) const;
  std::shared_ptr<net::HttpClient> client(const Place& place, const std::string& ca_bundle, base::Duration limit);

  sys::Loop& loop_;
  sys::Net& net_;
  ServiceAddresses services_;
  std::map<std::string, std::shared_ptr<net::HttpClient>> clients_;
};

}  // namespace server
