#include "base/text.h"
#include "server/server.h"
#include "wire/yaml.h"

namespace server {

std::string kubeconfig(std::string_view cluster_name, std::string_view server_url, std::string_view ca_pem,
                       std::string_view client_certificate_pem, std::string_view client_key_pem) {
  using base::Json;
  // The names kubeadm and Cluster API give to user and context.
  const std::string cluster(cluster_name), user = cluster + "-admin", context = user + "@" + cluster;
  const Json where = Json::object({{"certificate-authority-data", base::base64(ca_pem)}, {"server", server_url}});
  const Json who = Json::object({{"client-certificate-data", base::base64(client_certificate_pem)},
                                 {"client-key-data", base::base64(client_key_pem)}});
  const Json both = Json::object({{"cluster", cluster}, {"user", user}});
  return wire::to_yaml(Json::object({{"apiVersion", "v1"},
                                     {"kind", "Config"},
                                     {"clusters", Json::array({Json::object({{"cluster", where}, {"name", cluster}})})},
                                     {"contexts", Json::array({Json::object({{"context", both}, {"name", context}})})},
                                     {"current-context", context},
                                     {"preferences", Json::object()},
                                     {"users", Json::array({Json::object({{"name", user}, {"user", who}})})}}));
}

}  // namespace server
