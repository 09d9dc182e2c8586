// A cluster's certificate authorities and kubeconfig, as Secrets named <cluster>-ca, -etcd, -proxy, -sa, -kubeconfig.
#pragma once

#include "api/core.h"
#include "control/contract.h"

namespace control::kubeadm {

// A certificate (or public key, for service accounts) and its private key, PEM.
struct KeyPair {
  std::string certificate, key;
};
struct Certificates {
  KeyPair ca, etcd, proxy, service_account;
};

constexpr std::string_view secret_type = "cluster.x-k8s.io/secret";

// Reads all four; those that are missing are made and stored, owned by `owner`. Secrets that a user supplied are kept
// as they are. Errors: invalid when a supplied one lacks tls.crt or tls.key.
Result<Certificates> ensure_certificates(Context& ctx, const Cluster& cluster, const api::OwnerReference& owner);
// Null result value when any is missing yet; nothing is made.
Result<std::optional<Certificates>> read_certificates(const Context& ctx, std::string_view ns,
                                                      std::string_view cluster);

// Makes the Secret <cluster>-kubeconfig, or renews its client certificate when less than half of its life is left.
Result<void> ensure_kubeconfig(Context& ctx, const Cluster& cluster, const KeyPair& ca,
                               const api::OwnerReference& owner);

}  // namespace control::kubeadm
