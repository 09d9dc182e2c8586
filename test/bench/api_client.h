// What programs outside of the product need to speak to a running manager: kubeconfig, requests, clocks, percentiles.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "net/http.h"
#include "wire/yaml.h"

namespace client {

using base::Json;
using base::Result;
using Clock = std::chrono::steady_clock;

inline const Json& named(const Json& list, const std::string& name) {
  static const Json none;
  for (const Json& one : list.items()) {
    if (one["name"].string() == name) return one;
  }
  return none;
}

inline Result<std::string> inline_data(const Json& holder, const char* key) {
  const auto decoded = base::unbase64(holder[key].string());
  if (!decoded) return base::invalid(std::string("kubeconfig: ") + key + " is not base64");
  return *decoded;
}

struct Api {
  sys::Sys& sys;
  net::ClientOptions options;
  std::string token;
  std::string ns;
  int process = 0;  // of the manager, where it is known

  net::Request request(std::string method, std::string target, std::string body = {}) const {
    net::Request made{.method = std::move(method), .target = std::move(target), .body = std::move(body)};
    made.headers.set("Accept", "application/json");
    if (!made.body.empty()) made.headers.set("Content-Type", "application/json");
    if (!token.empty()) made.headers.set("Authorization", "Bearer " + token);
    return made;
  }
  std::string maps() const { return "/api/v1/namespaces/" + ns + "/configmaps"; }
};

inline Result<Api> read_kubeconfig(sys::Sys& sys, const std::string& file) {
  const std::string text = TRY(sys.disk.read(file));
  const auto docs = TRY(wire::parse_yaml(text));
  if (docs.empty()) return base::invalid("kubeconfig is empty");
  const Json& config = docs.front();
  const Json& context = named(config["contexts"], config["current-context"].string())["context"];
  const Json& cluster = named(config["clusters"], context["cluster"].string())["cluster"];
  const Json& user = named(config["users"], context["user"].string())["user"];
  const auto url = TRY(net::Url::parse(cluster["server"].string()).context("kubeconfig: server"));
  Api api{sys, {}, user["token"].string(), "bench-" + std::to_string(getpid())};
  api.options.server = url.address();
  api.options.tls = url.scheme != "http";
  api.options.tls_options.ca_pem = TRY(inline_data(cluster, "certificate-authority-data"));
  api.options.tls_options.verify = !cluster["insecure-skip-tls-verify"].boolean();
  api.options.tls_options.server_name = cluster["tls-server-name"].string();
  api.options.tls_options.certificate_pem = TRY(inline_data(user, "client-certificate-data"));
  api.options.tls_options.key_pem = TRY(inline_data(user, "client-key-data"));
  api.options.body_bytes_max = 256u << 20;
  return api;
}

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Milliseconds below which that share of the sorted samples lies.
inline double percentile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1, size_t(share * double(sorted.size())))];
}

inline Result<net::Response> send(net::HttpClient& client, net::Request request) {
  const std::string what = request.method + " " + request.target;
  auto response = TRY(client.send(std::move(request)).context(what));
  if (response.status < 300) return response;
  return base::unavailable(what + ": status " + std::to_string(response.status) + ": " + response.body.substr(0, 300));
}

// Processor time that a process has used, in seconds (proc(5)); 0 when it is not known.
inline double processor_seconds(sys::Sys& sys, int process) {
  const auto text = sys.disk.read("/proc/" + std::to_string(process) + "/stat");
  if (process == 0 || !text) return 0;
  const auto words = base::split(text->substr(text->rfind(')') + 2), ' ');
  return double(base::parse_uint(words[11]).value_or(0) + base::parse_uint(words[12]).value_or(0)) /
         double(sysconf(_SC_CLK_TCK));
}

// Resident memory of a process in KiB; 0 when it is not known.
inline double resident_kib(sys::Sys& sys, int process) {
  const auto text = sys.disk.read("/proc/" + std::to_string(process) + "/statm");
  if (process == 0 || !text) return 0;
  return double(base::parse_uint(base::split(*text, ' ')[1]).value_or(0)) * double(sysconf(_SC_PAGESIZE)) / 1024;
}

}  // namespace client
