// Calls from the manager to a deploy agent: ironic-python-agent's command API over HTTPS, with the certificate that the
// heartbeat brought as the only trusted root. Calls park. Every error has layer agent.
#pragma once

#include <string>

#include "base/json.h"
#include "net/http.h"

namespace metal {

struct AgentCommand {
  enum class Status : unsigned char { running, succeeded, failed };
  std::string id;
  Status status = Status::running;
  base::Json result;  // progress while running
  base::Error error;  // failed
};

class AgentClient {
 public:
  // Errors of the calls: conflict (busy with another command), bad_request, unauthenticated, unavailable, timeout.
  AgentClient(sys::Loop& loop, sys::Net& net, const net::Url& callback, const std::string& certificate_pem,
              std::string token, base::Duration request_limit);
  // Does not wait for the end. A command that the agent was already given under params.ingot_operation is not run
  // again: its state comes back, so this may be repeated after a lost answer.
  base::Result<AgentCommand> start(const std::string& name, base::Json params);
  base::Result<AgentCommand> find(const std::string& id);

 private:
  base::Result<AgentCommand> call(net::Request request, const std::string& what);
  std::string token_;
  net::HttpClient client_;
};

}  // namespace metal
