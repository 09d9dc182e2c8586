// /metrics where the API is somebody else's (`ingot serve --kubeconfig`): a listener of its own. On a loopback address
// in plain HTTP, for whoever is on this machine; on any other over HTTPS, for those whom the API server knows by their
// bearer token (TokenReview) and lets get the path /metrics (SubjectAccessReview).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/identity.h"
#include "remote/access.h"
#include "sys/sys.h"

namespace cli {

class MetricsListener {
 public:
  // `text` is called for each answer, on the control thread. The listener must be stopped before what it uses goes.
  MetricsListener(sys::Sys& sys, const sys::Address& listen, const Identity& identity, remote::AccessSource access,
                  std::function<std::string()> text);
  ~MetricsListener();
  base::Result<void> start();  // errors: unavailable (address in use)
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cli
