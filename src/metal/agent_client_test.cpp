// The manager's words to a stock ironic-python-agent. The agent here answers as version 13.0.0 of the real one was
// seen to, and like it fails on any parameter that its methods do not have.
#include "metal/agent_client.h"

#include <doctest/doctest.h>

#include <set>

#include "crypto/x509.h"
#include "metal/jobs/agent_orders.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace metal {
namespace {

using base::Json;

constexpr const char* token = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

class StockAgent {
 public:
  StockAgent() {
    crypto::CertificateRequest wanted;
    wanted.common_name = "ramdisk";
    wanted.ip_addresses = {"10.0.0.10"};
    wanted.server_auth = true;
    wanted.not_before = world.loop().now() - base::hours(1);
    wanted.not_after = world.loop().now() + base::hours(24);
    net::ServerOptions options;
    options.listen = {{"10.0.0.10", 9999}};
    options.tls_options.key_pem = machine.keys.ec_p256_pem();
    certificate =
        crypto::issue_certificate(wanted, options.tls_options.key_pem, "", options.tls_options.key_pem).value();
    options.tls_options.certificate_pem = certificate;
    server = std::make_unique<net::HttpServer>(machine.loop, machine.net, options, [this](net::Exchange& exchange) {
      exchange.respond(answer(exchange.request()));
    });
    REQUIRE(server->start().ok());
  }
  ~StockAgent() { world.loop().shut(); }

  // What the manager gets for an order.
  base::Result<AgentCommand> tell(const std::string& name, Json params, const std::string& operation) {
    base::Result<AgentCommand> out = base::cancelled();
    auto fiber = sys::spawn(manager.loop, "test", [&] {
      AgentClient client(manager.loop, manager.net, net::Url::parse("https://10.0.0.10:9999").value(), certificate,
                         token, agent_kind("13.0.0"), base::seconds(60));
      out = client.start(name, std::move(params), operation);
      if (out) out = client.find(out->id);
    });
    REQUIRE(world.loop().run_until([&] { return fiber.done(); }));
    return out;
  }

  net::Response answer(const net::Request& request) {
    if (request.target.find(std::string("agent_token=") + token) == std::string::npos) {
      return net::Response::json(401, *base::parse_json(R"({"faultcode":"Client","faultstring":"Token invalid."})"));
    }
    if (request.target.starts_with("/v1/commands/?") && request.method == "GET") {
      return net::Response::json(200, Json::object({{"commands", Json(commands)}}));
    }
    if (request.method == "POST") return run(*base::parse_json(request.body));
    for (const auto& command : commands) {
      if (request.target.find(command["id"].string()) != std::string::npos) return net::Response::json(200, command);
    }
    return net::Response::json(404, *base::parse_json(R"({"faultcode":"Client","faultstring":"not found"})"));
  }

  net::Response run(const Json& body) {
    ++posted;
    if (busy) {
      return net::Response::json(409, *base::parse_json(R"({"faultcode":"Client","faultstring":
          "Agent is busy: Agent is busy, currently executing command \"execute_deploy_step\""})"));
    }
    const std::string& name = body["name"].string();
    const std::string bare = name.substr(name.find('.') + 1);
    const bool step = bare.starts_with("execute_");
    std::set<std::string> known;
    if (step) known = {"step", "node", "ports"};
    if (bare == "install_bootloader") known = {"root_uuid", "target_boot_mode", "ignore_bootloader_failure"};
    std::string stranger;
    for (const auto& [key, value] : body["params"].members()) {
      if (!known.contains(key)) stranger = key;
    }
    const std::set<std::string> arguments = {"image_info", "configdrive"};
    for (const auto& [key, value] : body["params"]["step"]["args"].members()) {
      if (!arguments.contains(key)) stranger = key;
    }
    Json command = Json::object({{"id", "id-" + std::to_string(posted)}, {"command_name", bare}});
    command.set("command_error", Json()).set("command_result", Json());
    if (!stranger.empty()) {
      Json error = Json::object({{"type", "CommandExecutionError"}, {"code", 500}});
      error.set("message", "Command execution failed").set("details", "unexpected keyword argument '" + stranger + "'");
      command.set("command_status", "FAILED").set("command_error", std::move(error));
    } else {
      command.set("command_status", "SUCCEEDED");
      const std::string kind = bare == "execute_clean_step" ? "clean" : "deploy";
      if (step) {
        command.set("command_result",
                    Json::object({{kind + "_result", Json()}, {kind + "_step", body["params"]["step"]}}));
      }
      if (bare == "get_hardware_info") {
        command.set("command_result", *base::parse_json(R"({"interfaces":[{"name":"eth0"}],"disks":[]})"));
      }
    }
    last = body;
    commands.push_back(command);
    return net::Response::json(200, command);
  }

  sys::SimWorld world{1};
  sys::Sys& manager = world.process("manager", "m");
  sys::Sys& machine = world.process("10.0.0.10", "a");
  std::unique_ptr<net::HttpServer> server;
  std::string certificate;
  Json::Array commands;
  Json last;
  int posted = 0;
  bool busy = false;
};

InventoryDisk some_disk() {
  InventoryDisk disk;
  disk.name = "/dev/sda";
  disk.serial = "S 1";
  disk.wwn = "0x5000";
  return disk;
}

}  // namespace

TEST_CASE("stock agent: each order has the parameters that its methods take, and no others") {
  StockAgent agent;
  const AgentOrder inventory = inventory_order(AgentKind::stock);
  const auto found = agent.tell(inventory.name, inventory.params, "op-1");
  REQUIRE_MESSAGE(found.ok(), found.error().text());
  CHECK(found->status == AgentCommand::Status::succeeded);
  CHECK(inventory_of(AgentKind::stock, found->result)["interfaces"].size() == 1);

  const AgentOrder clean = clean_order("uid-1", false, {});
  CHECK(agent.tell(clean.name, clean.params, "op-2")->status == AgentCommand::Status::succeeded);
  CHECK(agent.last["params"]["node"]["uuid"].string() == "uid-1");

  Json image = Json::object({{"id", "op-3"}, {"disk_format", "raw"}});
  const auto write = write_order(AgentKind::stock, "uid-1", image, some_disk(), "drive");
  REQUIRE(write.ok());
  const auto written = agent.tell(write->name, write->params, "op-3");
  CHECK_MESSAGE(written->status == AgentCommand::Status::succeeded, written->error.text());
  const Json& hints = agent.last["params"]["node"]["instance_info"]["root_device"];
  CHECK(hints["serial"].string() == "s== S 1");
  CHECK(hints["wwn"].string() == "s== 0x5000");
  CHECK(hints["name"].string() == "s== /dev/sda");

  const AgentOrder entry = boot_entry_order();
  CHECK(agent.tell(entry.name, entry.params, "op-3")->status == AgentCommand::Status::succeeded);
  CHECK(agent.tell("standby.run_image", Json::object(), "op-3")->status == AgentCommand::Status::succeeded);
  CHECK(agent.posted == 5);
}

TEST_CASE("stock agent: a step that has succeeded under this order is not given again; a failed or other one is") {
  StockAgent agent;
  const auto write = write_order(AgentKind::stock, "uid-1", Json::object({{"id", "i"}}), some_disk(), "drive");
  REQUIRE(write.ok());
  const auto first = agent.tell(write->name, write->params, "op-1");
  const auto again = agent.tell(write->name, write->params, "op-1");
  REQUIRE(again.ok());
  CHECK(again->id == first->id);
  CHECK(agent.posted == 1);
  CHECK(agent.tell(write->name, write->params, "op-2")->id != first->id);
  CHECK(agent.posted == 2);

  Json wrong = write->params;
  wrong.set("stranger", 1);
  const auto failed = agent.tell(write->name, wrong, "op-3");
  CHECK(failed->status == AgentCommand::Status::failed);
  CHECK(failed->error.message == "Command execution failed: unexpected keyword argument 'stranger'");
  CHECK(agent.tell(write->name, write->params, "op-3")->status == AgentCommand::Status::succeeded);

  agent.busy = true;
  const auto refused = agent.tell(write->name, write->params, "op-4");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == base::Code::conflict);
  CHECK(refused.error().text().find("Agent is busy") != std::string::npos);
}

TEST_CASE("a disk that could be any is never written, by whichever agent") {
  InventoryDisk disk = some_disk();
  disk.serial.clear();
  disk.wwn.clear();
  for (const auto kind : {AgentKind::ours, AgentKind::stock}) {
    CHECK_FALSE(write_order(kind, "uid-1", Json::object(), disk, "").ok());
  }
}

}  // namespace metal
