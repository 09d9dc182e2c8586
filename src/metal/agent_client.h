// Calls from the manager to a deploy agent: ironic-python-agent's command API over HTTPS, with the certificate that the
// heartbeat brought as the only trusted root. Calls park. Every error has layer agent.
#pragma once

#include <optional>
#include <string>
#include <string_view>

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

// Ours repeats nothing that it was already given under an order's id; the stock ironic-python-agent knows no orders and
// refuses parameters it does not expect.
enum class AgentKind : unsigned char { ours, stock };
AgentKind agent_kind(std::string_view agent_version);  // as the heartbeat says it

class AgentClient {
 public:
  // Errors of the calls: conflict (busy with another command), bad_request, unauthenticated, unavailable, timeout.
  AgentClient(sys::Loop& loop, sys::Net& net, const net::Url& callback, const std::string& certificate_pem,
              std::string token, AgentKind kind, base::Duration request_limit);
  // Does not wait for the end. What the agent was already given under `operation` (an order's id; may be empty) is not
  // run again: its state comes back, so this may be repeated after a lost answer. A stock agent is only known to have
  // had a step (params.step) once that has succeeded; until then it answers conflict.
  base::Result<AgentCommand> start(const std::string& name, base::Json params, const std::string& operation);
  base::Result<AgentCommand> find(const std::string& id);

 private:
  base::Result<base::Json> call(net::Request request, const std::string& what);
  base::Result<std::optional<AgentCommand>> succeeded_before(const std::string& operation);
  std::string token_;
  AgentKind kind_;
  net::HttpClient client_;
};

}  // namespace metal
