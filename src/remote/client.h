// A client of one Kubernetes API server that the whole program depends on: credentials read anew each minute, a limit
// on what it asks, patience where the server asks for it (Retry-After). Calls park the fiber. Copies are the same
// client.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "remote/access.h"
#include "sys/sys.h"

namespace remote {

struct ClientLimits {
  double requests_per_second = 100;  // on average; watches count once
  double burst = 200;
  int tries_max = 10;  // of a request that is answered with Retry-After
  base::Duration retry_after_max = base::seconds(30);
  base::Duration request_limit = base::seconds(30);
  base::Duration reread = base::minutes(1);  // kubeconfig, tokens and certificates
};

// What an error answer of the API means, with the server's message. `body` may be anything.
base::Error status_error(int status, std::string_view body);

class Client {
 public:
  Client(sys::Sys& sys, AccessSource source, ClientLimits limits = {});

  // Reads the credentials for the first time, so that mistakes show at once.
  Result<void> start();
  const Access& access() const;
  // Whether the last request got an answer, whatever it was.
  bool answered() const;

  // Paths begin with /api or /apis. Errors: as the server's status says (conflict, not_found, ...), unavailable or
  // timeout when there was no answer: then a write may or may not have been done.
  Result<Json> get(const std::string& path);
  Result<Json> post(const std::string& path, const Json& body);
  Result<Json> put(const std::string& path, const Json& body);
  Result<Json> merge_patch(const std::string& path, const Json& patch);
  Result<Json> remove(const std::string& path, const Json& delete_options);

  // Streams a watch until it ends (success), `event` returns false (success) or an ERROR event comes (its error).
  // Nothing for `idle_limit` is Code::timeout.
  Result<void> watch(const std::string& path_and_query, base::Duration idle_limit,
                     const std::function<bool(const std::string& type, const Json& object)>& event);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace remote
