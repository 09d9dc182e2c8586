#include "metal/agent_client.h"

#include "base/text.h"

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
  options.body_bytes_max = 32u << 20;  // logs
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
  std::string message = error["message"].string_or(error["error"].string_or(error.string()));
  const std::string& fix = error["fix"].string();
  // The stock agent's message is the kind of error; what happened is in the details.
  if (const std::string& details = error["details"].string(); fix.empty() && !details.empty())
    message += ": " + details;
  if (message.empty()) message = "the agent's command ended with " + status;
  out.error = Error{Code::internal, message, Layer::agent, fix};
  const std::string& type = error["type"].string();
  if (base::lower(type) == "corrupt" || type == "ImageChecksumError") out.error.code = Code::corrupt;
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

AgentKind agent_kind(std::string_view agent_version) {
  return agent_version.starts_with("ingot-agent/") ? AgentKind::ours : AgentKind::stock;
}

AgentClient::AgentClient(sys::Loop& loop, sys::Net& net, const net::Url& callback, const std::string& certificate_pem,
                         std::string token, AgentKind kind, base::Duration request_limit)
    : token_(std::move(token)),
      kind_(kind),
      client_(loop, net, client_options(callback, certificate_pem, request_limit)) {}

Result<Json> AgentClient::call(net::Request request, const std::string& what) {
  auto answered = client_.send(std::move(request));
  if (!answered) return std::move(answered).error().context("agent " + what).at(Layer::agent);
  const auto doc = base::parse_json(answered->body);
  if (answered->status != 200) {
    std::string why;
    if (doc) why = (*doc)["message"].string_or((*doc)["faultstring"].string());
    return Error{code_of(answered->status),
                 "agent " + what + " answered " + std::to_string(answered->status) + (why.empty() ? "" : ": " + why),
                 Layer::agent};
  }
  if (!doc) return Error{Code::internal, "agent " + what + " answered no JSON", Layer::agent};
  return *doc;
}

// The stock agent gives a step back with its success, and what it does not know in it stays.
Result<std::optional<AgentCommand>> AgentClient::succeeded_before(const std::string& operation) {
  net::Request request;
  request.target = "/v1/commands/?agent_token=" + token_;
  // A command whose error it cannot put into JSON spoils the whole list, with 500; the order itself tells what is wrong.
  const auto doc = call(std::move(request), "list of commands");
  if (!doc && doc.error().code == Code::cancelled) return doc.error();
  if (!doc) return std::optional<AgentCommand>();
  for (const auto& command : (*doc)["commands"].items()) {
    if (command["command_status"].string() != "SUCCEEDED") continue;
    for (const char* step : {"clean_step", "deploy_step"}) {
      const Json& given = command["command_result"][step]["ingot_operation"];
      if (given.string() == operation) return std::optional(TRY(command_from(command)));
    }
  }
  return std::optional<AgentCommand>();
}

Result<AgentCommand> AgentClient::start(const std::string& name, Json params, const std::string& operation) {
  if (!operation.empty() && kind_ == AgentKind::ours) params.set("ingot_operation", operation);
  if (!operation.empty() && kind_ == AgentKind::stock && params.has("step")) {
    if (auto before = TRY(succeeded_before(operation))) return std::move(*before);
    Json step = params["step"];
    step.set("ingot_operation", operation);
    params.set("step", std::move(step));
  }
  net::Request request;
  request.method = "POST";
  request.target = "/v1/commands/?wait=false&agent_token=" + token_;
  request.headers.set("Content-Type", "application/json");
  request.body = Json::object({{"name", name}, {"params", std::move(params)}}).dump();
  return command_from(TRY(call(std::move(request), name)));
}

Result<AgentCommand> AgentClient::find(const std::string& id) {
  net::Request request;
  request.target = "/v1/commands/" + net::percent_encode(id) + "?agent_token=" + token_;
  return command_from(TRY(call(std::move(request), "command status")));
}

}  // namespace metal
