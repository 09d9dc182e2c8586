#include "metal/agent_client.h"

namespace metal {

using base::Code;
using base::Error;
using base::Json;
using base::Layer;
using base::Result;

namespace {

net::ClientOptions client_options(const net::Url& callback, const std::string& certificate_pem,
                                  base::Duration request_limit) {
  net::ClientOptions options;
  options.server = callback.address();
  options.tls = true;
  options.tls_options.ca_pem = certificate_pem;
  options.request_limit = request_limit;
  options.body_bytes_max = 4u << 20;
  return options;
}

Result<AgentCommand> command_from(const Json& doc) {
  AgentCommand out;
  out.id = doc["id"].string();
  const std::string& status = doc["command_status"].string();
  if (out.id.empty() || status.empty()) {
    return Error{Code::internal, "the agent's answer is no command", Layer::agent};
  }
  out.result = doc["command_result"];
  if (status == "RUNNING") return out;
  if (status == "SUCCEEDED") {
    out.status = AgentCommand::Status::succeeded;
    return out;
  }
  out.status = AgentCommand::Status::failed;
  const Json& error = doc["command_error"];
  out.error = Error{Code::internal, error["message"].string_or(error.string()), Layer::agent, error["fix"].string()};
  if (out.error.message.empty()) out.error.message = "the agent's command ended with " + status;
  if (error["type"].string() == "Corrupt" || error["type"].string() == "corrupt") out.error.code = Code::corrupt;
  return out;
}

Code code_of(int status) {
  switch (status) {
    case 400:
      return Code::bad_request;
    case 401:
    case 403:
      return Code::unauthenticated;
    case 404:
      return Code::not_found;
    case 409:
      return Code::conflict;
    default:
      return Code::unavailable;
  }
}

}  // namespace

AgentClient::AgentClient(sys::Loop& loop, sys::Net& net, const net::Url& callback, const std::string& certificate_pem,
                         std::string token, base::Duration request_limit)
    : token_(std::move(token)), client_(loop, net, client_options(callback, certificate_pem, request_limit)) {}

Result<AgentCommand> AgentClient::call(net::Request request, const std::string& what) {
  auto answered = client_.send(std::move(request));
  if (!answered) return std::move(answered).error().context("agent " + what).at(Layer::agent);
  const auto doc = base::parse_json(answered->body);
  if (answered->status != 200) {
    const std::string why = doc ? (*doc)["message"].string() : std::string();
    return Error{code_of(answered->status),
                 "agent " + what + " answered " + std::to_string(answered->status) + (why.empty() ? "" : ": " + why),
                 Layer::agent};
  }
  if (!doc) return Error{Code::internal, "agent " + what + " answered no JSON", Layer::agent};
  return command_from(*doc);
}

Result<AgentCommand> AgentClient::start(const std::string& name, Json params) {
  net::Request request;
  request.method = "POST";
  request.target = "/v1/commands/?wait=false&agent_token=" + token_;
  request.headers.set("Content-Type", "application/json");
  request.body = Json::object({{"name", name}, {"params", std::move(params)}}).dump();
  return call(std::move(request), name);
}

Result<AgentCommand> AgentClient::find(const std::string& id) {
  net::Request request;
  request.target = "/v1/commands/" + net::percent_encode(id) + "?agent_token=" + token_;
  return call(std::move(request), "command status");
}

}  // namespace metal
