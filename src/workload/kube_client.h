// A small client of one Kubernetes API server: what manager and rack need of a workload cluster. Calls park the fiber.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "net/http.h"

namespace workload {

using base::Json;
using base::Result;

class KubeClient {
 public:
  // From kubeconfig text (current-context; certificate data or token inline). Errors: invalid, naming what is missing.
  static Result<std::unique_ptr<KubeClient>> from_kubeconfig(sys::Loop& loop, sys::Net& net, std::string_view text);

  Result<Json> get(const std::string& path);
  Result<Json> create(const std::string& path, const Json& doc);
  Result<Json> merge_patch(const std::string& path, const Json& patch);
  Result<Json> remove(const std::string& path);
  // Watches until the stream ends or `event` returns false. `event` gets type and object; an ERROR event ends it with
  // Code::expired (410) or its own code.
  Result<void> watch(const std::string& path_and_query,
                     const std::function<bool(const std::string& type, const Json& object)>& event);
  void close();
  // The certificate (PEM) of an API server of the same cluster at another address, verified against the same CA.
  Result<std::string> server_certificate(const sys::Address& at);

 private:
  KubeClient(sys::Loop& loop, sys::Net& net, net::ClientOptions options, std::string token);
  Result<Json> send(net::Request request);
  sys::Net& net_;
  sys::TlsClient tls_;
  net::HttpClient http_;
  std::string token_;
};

// The error that a Kubernetes Status (or any other error body) means.
base::Error status_error(int status, std::string_view body);

}  // namespace workload
