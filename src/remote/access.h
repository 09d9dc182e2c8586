// How to reach a Kubernetes API server: a kubeconfig (all credentials that need no other program) or the files that a
// pod finds. Everything is read anew from time to time, because tokens and certificates in files are rotated.
#pragma once

#include <optional>
#include <string>

#include "net/http.h"
#include "net/proxy.h"
#include "sys/sys.h"

namespace remote {

using base::Json;
using base::Result;

struct Access {
  net::Url server;  // its path goes in front of every request's
  sys::TlsClient tls;
  std::string token;                    // "" without one
  std::optional<net::ProxyRule> proxy;  // proxy-url, for every destination
  std::string ns;                       // of the context; "default" when it names none
  std::string fingerprint() const;      // equal when nothing that matters to a connection differs
};

struct AccessSource {
  std::string kubeconfig;  // a file; "" reads the pod's files
  std::string context;     // "" is current-context
  // For pods: KUBERNETES_SERVICE_HOST and _PORT, and where the ServiceAccount is mounted.
  std::string pod_host, pod_port;
  std::string pod_directory = "/var/run/secrets/kubernetes.io/serviceaccount";
};

// Errors: not_found (no such file), invalid (what is missing or contradictory), unsupported (exec and auth-provider
// plugins, impersonation, proxies over TLS).
Result<Access> read_access(sys::Sys& sys, const AccessSource& source);
// The kubeconfig's text alone; `directory` is what file names in it are relative to. Also for fuzzing.
Result<Access> parse_kubeconfig(sys::Disk& disk, std::string_view text, const std::string& directory,
                                const std::string& context);

}  // namespace remote
