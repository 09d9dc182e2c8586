// The agent against a small manager and image server in a simulated world.
#include "agent/agent.h"

#include <doctest/doctest.h>

#include "agent/config_drive.h"
#include "agent/disk_layout.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "net/http.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"
#include "wire/gzip.h"
#include "wire/tar.h"

namespace {

using base::Json;
using base::Result;

constexpr const char* token = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
constexpr const char* host_uuid = "11111111-2222-4333-8444-555555555555";
constexpr uint64_t disk_bytes = 480'103'981'056;

class FakeHardware : public agent::Hardware {
 public:
  FakeHardware(sys::Sys& sys, std::string ca) : sys_(sys), ca_(std::move(ca)) {
    parameters_ = {{"ipa-api-url", "https://manager:6385"}, {"ipa-agent-token", token}, {"ingot-host-uuid", host_uuid}};
  }
  const std::map<std::string, std::string>& boot_parameters() const override { return parameters_; }
  std::string medium_ca_pem() const override { return ca_; }
  std::string boot_server() const override { return "http://manager:6180"; }
  std::string image_roots_pem() const override { return ca_; }
  Json inventory() override { return Json::object({{"hostname", "u01"}}); }
  std::vector<agent::DiskIdentity> disks() override {
    agent::DiskIdentity disk;
    disk.name = "/dev/sda";
    disk.serial = "S1";
    disk.wwn = "0x5000";
    disk.bytes = disk_bytes;
    return {disk};
  }
  Result<std::unique_ptr<sys::File>> open_disk(const std::string&) override {
    auto file = TRY(sys_.disk.open("sda.disk", true));
    if (file->size() != disk_bytes) TRY(file->resize(disk_bytes));
    return file;
  }
  Result<Json> erase_device(const agent::DiskIdentity& disk, const std::function<void(int)>& progress) override {
    progress(50);
    auto file = TRY(open_disk(""));
    TRY(file->zero(0, disk_bytes));
    return Json::object({{"disk", disk.name}, {"method", "overwrite with zeros"}});
  }
  std::string address() const override { return "10.0.0.10"; }
  std::vector<std::string> macs() const override { return {"52:54:00:12:01:01"}; }
  void reboot_into_disk() override { ++reboots; }
  Result<Json> load_system(const std::string& disk) override {
    asked_for.push_back(disk);
    if (loading > base::Duration::zero()) TRY(sys::sleep(sys_.loop, loading));
    if (!loads) return base::Error{base::Code::unsupported, "two kernels"};
    return Json::object({{"kernel", "/vmlinuz"}});
  }
  void start_loaded_system() override { ++kexecs; }
  void power_off() override { ++power_offs; }

  std::map<std::string, std::string> parameters_;
  int reboots = 0, power_offs = 0, kexecs = 0;
  std::vector<std::string> asked_for;  // load_system
  bool loads = true;
  base::Duration loading{};

 private:
  sys::Sys& sys_;
  std::string ca_;
};

// Manager, image server and the agent's machine, each a process of its own.
struct Stage {
  explicit Stage(uint64_t seed)
      : world(seed),
        manager(world.process("manager", "m")),
        images(world.process("images", "i")),
        machine(world.process("10.0.0.10", "a")) {
    crypto::CertificateRequest wanted;
    wanted.common_name = "ca";
    wanted.is_ca = true;
    wanted.not_before = world.loop().now() - base::hours(1);
    wanted.not_after = world.loop().now() + base::hours(1000);
    ca_key = manager.keys.ec_p256_pem();
    ca = crypto::issue_certificate(wanted, ca_key, "", ca_key).value();
    wanted.is_ca = false;
    wanted.common_name = "manager";
    wanted.dns_names = {"manager"};
    wanted.server_auth = true;
    net::ServerOptions options;
    options.listen = {{"manager", 6385}};
    options.tls_options.key_pem = manager.keys.ec_p256_pem();
    options.tls_options.certificate_pem =
        crypto::issue_certificate(wanted, options.tls_options.key_pem, ca, ca_key).value();
    endpoint = std::make_unique<net::HttpServer>(
        manager.loop, manager.net, options, [this](net::Exchange& exchange) { exchange.respond(serve(exchange)); });
    REQUIRE(endpoint->start());
    options.listen = {{"manager", 6180}, {"manager", 80}};
    options.tls = false;
    plain = std::make_unique<net::HttpServer>(manager.loop, manager.net, options, [this](net::Exchange& exchange) {
      exchange.respond(net::Response::text(200, exchange.request().target == "/boot/ca.crt" ? ca : image));
    });
    REQUIRE(plain->start());
    image = std::string(200'000, 'x').replace(510, 2, "\x55\xaa");
    hardware = std::make_unique<FakeHardware>(machine, ca);
  }
  ~Stage() {
    machine.loop.shut();
    manager.loop.shut();
  }

  net::Response serve(net::Exchange& exchange) {
    const auto& request = exchange.request();
    if (request.target.starts_with("/v1/lookup?")) {
      ++lookups;
      Json config = Json::object({{"heartbeat_timeout", 300}, {"agent_token", "******"}});
      return net::Response::json(
          200, Json::object({{"node", Json::object({{"uuid", host_uuid}})}, {"config", std::move(config)}}));
    }
    const Json beat = base::parse_json(request.body).value();
    if (beat["agent_token"].string() != token) return net::Response::text(401, "no");
    ++beats;
    refused = request.headers.get("X-Ingot-Refused-Requests");
    callback = beat["callback_url"].string();
    agent_ca = beat["agent_verify_ca"].string();
    return net::Response::json(202, Json::object());
  }
  void boot() {
    agent = std::make_unique<agent::Agent>(machine, *hardware);
    agent->start();
    REQUIRE(world.loop().run_until([&] { return beats > 0; }));
  }
  // A request to the agent from the manager, in a fiber.
  net::Response call(const std::string& method, const std::string& target, const std::string& body = "") {
    net::Response out;
    bool done = false;
    sys::spawn(manager.loop, "call", [&] {
      const auto url = net::Url::parse(callback).value();
      net::ClientOptions options;
      options.server = url.address();
      options.tls_options.ca_pem = agent_ca;
      options.request_limit = base::minutes(5);
      net::HttpClient client(manager.loop, manager.net, options);
      net::Request request;
      request.method = method;
      request.target = target;
      request.body = body;
      auto answer = client.send(request);
      if (answer)
        out = *answer;
      else
        out.status = 0;
      done = true;
    });
    REQUIRE(world.loop().run_until([&] { return done; }));
    return out;
  }
  Json command(const std::string& name, const Json& params) {
    const Json body = Json::object({{"name", name}, {"params", params}});
    const auto answer = call("POST", std::string("/v1/commands/?wait=true&agent_token=") + token, body.dump());
    CHECK(answer.status == 200);
    return base::parse_json(answer.body).value();
  }
  Json write_params(const std::string& sum, const std::string& serial) const {
    Json info = Json::object({{"id", "img"}, {"urls", Json::strings({"http://manager/img"})}});
    info.set("os_hash_algo", "sha256").set("os_hash_value", sum).set("disk_format", format);
    Json args = Json::object({{"image_info", std::move(info)}});
    args.set("root_device", Json::object({{"name", "/dev/sda"}, {"serial", serial}, {"wwn", "0x5000"}}));
    args.set("configdrive", base::base64("an image of a config drive"));
    return Json::object({{"step", Json::object({{"interface", "deploy"}, {"step", "write_image"}, {"args", args}})}});
  }
  std::string sum() const { return base::hex(crypto::sha256(image)); }
  std::string disk(uint64_t offset, size_t bytes) {
    return hardware->open_disk("").value()->read_at(offset, bytes).value();
  }

  sys::SimWorld world;
  sys::Sys &manager, &images, &machine;
  std::string ca, ca_key, image, callback, refused, agent_ca, format = "raw";
  int lookups = 0, beats = 0;
  std::unique_ptr<net::HttpServer> endpoint, plain;
  std::unique_ptr<FakeHardware> hardware;
  std::unique_ptr<agent::Agent> agent;
};

}  // namespace

TEST_CASE("an agent looks up its manager, beats, and obeys only the bearer of its token") {
  Stage stage(7);
  stage.boot();
  CHECK(stage.lookups == 1);
  CHECK(stage.callback == "https://10.0.0.10:9999");
  CHECK(stage.refused == "");
  CHECK(stage.call("GET", "/v1/status").status == 401);
  CHECK(stage.call("POST", "/v1/commands/?wait=true&agent_token=wrong", "{}").status == 401);
  CHECK(stage.call("GET", std::string("/v1/status?agent_token=") + token).status == 200);
  const Json done = stage.command("inspection.collect", Json::object());
  CHECK(done["command_status"].string() == "SUCCEEDED");
  CHECK(done.path("command_result.inventory.disks").at(0)["serial"].string() == "S1");
  // The end of a command is told at once, not at the next regular beat.
  const base::Time before = stage.world.loop().now();
  CHECK(stage.world.loop().run_until([&] { return stage.beats >= 2; }));
  CHECK(stage.world.loop().now() - before < base::seconds(5));
  CHECK(stage.refused == "2");
  CHECK(stage.world.loop().run_until([&] { return stage.beats >= 3; }));
  CHECK(stage.world.loop().now() - before >= base::seconds(90));
  CHECK(stage.world.loop().now() - before <= base::seconds(185));
}

TEST_CASE("after a network boot the CA is believed only for its pinned digest") {
  Stage stage(8);
  const std::string digest = agent::certificate_sha256(stage.ca).value();
  FakeHardware pinned(stage.machine, "");
  pinned.parameters_["ingot-ca-sha256"] = digest;
  agent::Agent good(stage.machine, pinned);
  good.start();
  CHECK(stage.world.loop().run_until([&] { return stage.beats > 0; }));

  Stage other(9);
  FakeHardware wrong(other.machine, "");
  wrong.parameters_["ingot-ca-sha256"] = std::string(64, '0');
  agent::Agent bad(other.machine, wrong);
  bad.start();
  const base::Time until = other.world.loop().now() + base::minutes(5);
  other.world.loop().after(base::minutes(6), [] {});
  CHECK(other.world.loop().run_until([&] { return other.world.loop().now() > until; }));
  CHECK(other.lookups == 0);
  CHECK(bad.doing().find("pinned") != std::string::npos);
  other.machine.loop.shut();
  stage.machine.loop.shut();
}

TEST_CASE("an image with the right checksum becomes bootable and carries its config drive") {
  Stage stage(10);
  stage.boot();
  const Json done = stage.command("deploy.execute_deploy_step", stage.write_params(stage.sum(), "s1"));
  CHECK(done["command_status"].string() == "SUCCEEDED");
  CHECK(done["command_error"].is_null());
  CHECK(stage.disk(0, stage.image.size()) == stage.image);
  CHECK(stage.disk(agent::config_drive_offset(disk_bytes), 8) == "an image");
  auto file = stage.hardware->open_disk("").value();
  CHECK(agent::boot_sector_format(*file).value() == "raw");
  CHECK(agent::read_install_record(*file).value()["format"].string() == "raw");

  const Json erased = stage.command("clean.execute_clean_step",
                                    Json::object({{"step", Json::object({{"step", "erase_devices_metadata"}})}}));
  CHECK(erased["command_status"].string() == "SUCCEEDED");
  CHECK(agent::boot_sector_format(*file).value().empty());
  CHECK(agent::read_install_record(*file).value().is_null());
  CHECK(stage.disk(agent::config_drive_offset(disk_bytes), 8) == std::string(8, '\0'));
}

TEST_CASE("the kernel of a disk is started at once only where it was asked for, was written whole, and can be") {
  Stage stage(16);
  stage.boot();
  FakeHardware& machine = *stage.hardware;
  const auto run = [&](const char* params) {
    return stage.command("standby.run_image", base::parse_json(params).value())["command_result"];
  };
  const auto write = [&](const std::string& sum) {
    return stage.command("deploy.execute_deploy_step", stage.write_params(sum, "S1"))["command_status"].string();
  };
  // Nothing is written: neither at first, nor after a write that failed, nor after a wipe.
  CHECK(run(R"({"kexec":true})")["kexec_refused"].string().find("no image") != std::string::npos);
  REQUIRE(write(stage.sum()) == "SUCCEEDED");
  REQUIRE(write(std::string(64, 'a')) == "FAILED");
  CHECK(run(R"({"kexec":true})").has("kexec_refused"));
  REQUIRE(write(stage.sum()) == "SUCCEEDED");
  stage.command("clean.execute_clean_step", Json::object({{"step", Json::object({{"step", "erase_devices"}})}}));
  CHECK(run(R"({"kexec":true})").has("kexec_refused"));
  CHECK(machine.reboots == 3);
  CHECK(machine.asked_for.empty());

  REQUIRE(write(stage.sum()) == "SUCCEEDED");
  CHECK_FALSE(run("{}").has("kexec"));
  CHECK(machine.reboots == 4);
  CHECK(machine.asked_for.empty());
  machine.loads = false;
  CHECK(run(R"({"kexec":true})")["kexec_refused"].string().find("two kernels") != std::string::npos);
  CHECK(machine.reboots == 5);
  machine.loads = true;
  machine.loading = base::hours(1);  // a file system that hangs
  const base::Time before = stage.world.loop().now();
  CHECK(run(R"({"kexec":true})")["kexec_refused"].string().find("within a minute") != std::string::npos);
  CHECK(stage.world.loop().now() - before < base::minutes(2));
  CHECK(machine.reboots == 6);
  CHECK(machine.kexecs == 0);
  machine.loading = base::seconds(5);
  CHECK(run(R"({"kexec":true})").path("kexec.kernel").string() == "/vmlinuz");
  CHECK(machine.kexecs == 1);
  CHECK(machine.reboots == 6);
  CHECK(machine.asked_for == std::vector<std::string>(3, "/dev/sda"));
}

TEST_CASE("a checksum that does not match names both sums and leaves the disk unbootable") {
  Stage stage(11);
  stage.boot();
  const std::string wanted(64, 'a');
  const Json done = stage.command("deploy.execute_deploy_step", stage.write_params(wanted, "S1"));
  CHECK(done["command_status"].string() == "FAILED");
  const std::string message = done.path("command_error.message").string();
  CHECK(message.find(wanted) != std::string::npos);
  CHECK(message.find(stage.sum()) != std::string::npos);
  auto file = stage.hardware->open_disk("").value();
  CHECK(agent::boot_sector_format(*file).value().empty());
}

TEST_CASE("an image is looked at without the disk being touched, and what is wrong with it is told") {
  Stage stage(15);
  stage.boot();
  auto file = stage.hardware->open_disk("").value();
  const std::string mine(4096, 'm');
  REQUIRE(file->write_at(0, mine).ok());
  const auto look = [&](const char* key, const char* value) {
    Json args = stage.write_params(stage.sum(), "S1").path("step.args");
    if (*key != '\0') args.child("image_info").set(key, value);
    return stage.command("image.look", std::move(args));
  };
  CHECK(look("", "")["command_status"].string() == "SUCCEEDED");
  for (const auto& [key, value] : {std::pair{"disk_format", "qcow2"}, {"url", "http://images.example.com/none"}}) {
    CAPTURE(value);
    const Json seen = look(key, value);
    CHECK(seen["command_status"].string() == "FAILED");
    CHECK_FALSE(seen.path("command_error.message").string().empty());
  }
  CHECK(stage.disk(0, mine.size()) == mine);
}

TEST_CASE("a disk with another serial is not touched") {
  Stage stage(12);
  stage.boot();
  const Json done = stage.command("deploy.execute_deploy_step", stage.write_params(stage.sum(), "S2"));
  CHECK(done["command_status"].string() == "FAILED");
  CHECK(done.path("command_error.message").string().find("serial S1") != std::string::npos);
  CHECK(stage.disk(0, 4096) == std::string(4096, '\0'));
}

TEST_CASE("a disk that other servers may use stops the wipe before any disk is touched") {
  Stage stage(14);
  stage.boot();
  auto file = stage.hardware->open_disk("").value();
  REQUIRE(file->write_at(0, "data").ok());
  REQUIRE(file->write_at(64u << 10, std::string_view("\x01\x16\x19\x70", 4)).ok());  // GFS2
  for (const char* step : {"erase_devices_metadata", "erase_devices"}) {
    const Json done =
        stage.command("clean.execute_clean_step", Json::object({{"step", Json::object({{"step", step}})}}));
    CHECK(done["command_status"].string() == "FAILED");
    CHECK(done.path("command_error.message").string().find("GFS2") != std::string::npos);
    CHECK(stage.disk(0, 4) == "data");
  }
}

TEST_CASE("a disk that is to be skipped is not erased, and one that is not named well enough stops the wipe") {
  Stage stage(15);
  stage.boot();
  auto file = stage.hardware->open_disk("").value();
  REQUIRE(file->write_at(0, "data").ok());
  const auto erase = [&](Json hint) {
    Json node = Json::object({{"uuid", "n1"}});
    node.set("properties", Json::object({{"skip_block_devices", Json::array({std::move(hint)})}}));
    Json params = Json::object({{"step", Json::object({{"step", "erase_devices_metadata"}})}});
    return params.set("node", std::move(node));
  };
  CHECK(stage.command("clean.execute_clean_step", erase(Json::object({{"serial", "s1"}})))["command_status"].string() ==
        "SUCCEEDED");
  CHECK(stage.disk(0, 4) == "data");
  const std::string target = std::string("/v1/commands/?wait=true&agent_token=") + token;
  const Json vague =
      Json::object({{"name", "clean.execute_clean_step"}, {"params", erase(Json::object({{"model", "any"}}))}});
  CHECK(stage.call("POST", target, vague.dump()).status == 400);
  CHECK(stage.disk(0, 4) == "data");
  CHECK(stage.command("clean.execute_clean_step", erase(Json::object({{"serial", "S2"}})))["command_status"].string() ==
        "SUCCEEDED");
  CHECK(stage.disk(0, 4) == std::string(4, '\0'));
}

TEST_CASE("a wrongly declared format and an unknown command are refused") {
  Stage stage(13);
  stage.format = "qcow2";
  stage.boot();
  const Json done = stage.command("deploy.execute_deploy_step", stage.write_params(stage.sum(), "S1"));
  CHECK(done["command_status"].string() == "FAILED");
  CHECK(done.path("command_error.message").string().find("is raw, but qcow2") != std::string::npos);
  const std::string target = std::string("/v1/commands/?wait=true&agent_token=") + token;
  CHECK(stage.call("POST", target, R"({"name":"shell.run","params":{}})").status == 400);
  CHECK(stage.call("POST", target, "{").status == 400);
}

TEST_CASE("the log says what was ordered and what became of it, in the form of the stock agent") {
  Stage stage(1);
  stage.boot();
  stage.command("clean.execute_clean_step", Json::object({{"step", Json::object({{"step", "erase_devices_metadata"}})},
                                                          {"ingot_operation", "op-7"}}));
  stage.command("log.collect_system_logs", Json::object());
  const Json done = stage.command("log.collect_system_logs", Json::object());  // each time anew
  const auto packed = base::unbase64(done["command_result"]["system_logs"].string());
  REQUIRE(packed.has_value());
  const auto files = wire::read_tar(wire::gunzip(*packed, 1 << 20).value(), 10);
  REQUIRE(files.ok());
  REQUIRE(files->size() == 1);
  CHECK(files->at(0).path == "commands");
  CHECK(files->at(0).bytes.starts_with("clean.execute_clean_step SUCCEEDED operation=op-7 "));
}

TEST_CASE("config drives are base64, gzip or not, and bounded") {
  CHECK(agent::decode_config_drive(base::base64("plain")).value() == "plain");
  CHECK_FALSE(agent::decode_config_drive("!!!"));
  CHECK_FALSE(agent::decode_config_drive(base::base64(std::string("\x1f\x8b\x08\0\0", 5))));
}
