// The rack as a manager meets it, in virtual time: BMCs from the sample inventory, boots from virtual media and from
// the network up to a calling agent, an installation up to the running system, and what people do to hardware.
#include "sim/rack.h"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/text.h"
#include "crypto/hash.h"
#include "metal/agent_client.h"
#include "metal/bmc/bmc.h"
#include "metal/boot/config_drive.h"
#include "metal/boot/dhcp_service.h"
#include "metal/boot/endpoint.h"
#include "sim/rack_control.h"
#include "sim/rack_room.h"
#include "sys/fiber.h"
#include "sys/sim/run_in_fiber.h"

namespace {

using metal::BootDevice;
using metal::PowerAction;
using metal::PowerState;

std::vector<Json> sample(const std::string& path) {
  std::ifstream in(path);
  REQUIRE_MESSAGE(in.good(), "cannot read " << path);
  std::ostringstream text;
  text << in.rdbuf();
  return documents(text.str());
}

struct Site : RackRoom {
  explicit Site(uint64_t seed = 1, std::vector<Json> inventory = documents(two_servers), double speed = 1)
      : RackRoom(seed, std::move(inventory), speed),
        manager(world.process(manager_host, "manager")),
        boots(manager.loop, std::string(32, 'k')) {
    start_endpoint();
  }
  ~Site() {
    manager.loop.shut();
    rack.reset();
  }

  void start_endpoint() {
    metal::EndpointOptions options;
    options.provisioning_listen = {manager_host, 6385};
    options.boot_listen = {manager_host, 6180};
    options.ca_key_pem = ca_key;
    options.ca_certificate_pem = ca;
    endpoint = std::make_unique<metal::Endpoint>(manager, boots, std::move(options));
    REQUIRE(endpoint->start().ok());
    start_dhcp();
  }
  void start_dhcp() {
    auto range = metal::parse_dhcp_range("172.22.0.100-172.22.0.250/24").value();
    range.listen = {manager_host, 67};
    dhcp = std::make_unique<metal::DhcpService>(manager, boots, endpoint->place(), range);
    REQUIRE(dhcp->start().ok());
  }

  std::unique_ptr<metal::Bmc> bmc(std::string_view name, const std::string& password) {
    return metal::make_bmc(manager, manager.net, server(name).spec().bmc, {"admin", password}, false).value();
  }
  std::unique_ptr<metal::Bmc> one() { return bmc("one", "first-secret"); }
  std::unique_ptr<metal::Bmc> two() { return bmc("two", "second-secret"); }

  // Runs `body` as the manager, in a fiber, to its end.
  void do_now(const std::function<void()>& body) { REQUIRE(sys::run_in_fiber(world, manager, body)); }
  const sim::RackEvent* event(std::string_view what, std::string_view subject) const {
    for (const auto& one_event : rack->log().events())
      if (one_event.what == what && one_event.subject == subject) return &one_event;
    return nullptr;
  }

  metal::ExpectedBoot& expect(std::string_view name, metal::BmcBootMethod method) {
    const auto& spec = server(name).spec();
    const std::string uid = "uid-of-" + spec.name;
    return boots.expect(uid, "boot-1", spec.name, spec.identity.nics[0].mac, method);
  }
  // Server "one" with its deploy agent running and calling.
  metal::ExpectedBoot& boot_agent_from_cd() {
    auto& boot = expect("one", metal::BmcBootMethod::virtual_media);
    do_now([&] {
      auto control = one();
      REQUIRE(control->insert_media(metal::iso_url(endpoint->place(), boot)).ok());
      REQUIRE(control->set_boot(BootDevice::cd, false, true).ok());
      REQUIRE(control->set_power(PowerAction::on).ok());
      control->close();
    });
    REQUIRE_MESSAGE(comes([&] { return boot.last_heartbeat.has_value(); }), rack->log().text());
    return boot;
  }
  // Gives the agent a command and waits for its end.
  metal::AgentCommand command(const metal::ExpectedBoot& boot, const std::string& name, const Json& params) {
    metal::AgentCommand last;
    do_now([&] {
      metal::AgentClient agent(manager.loop, manager.net, net::Url::parse(boot.callback_url).value(),
                               boot.verify_ca_pem, boot.agent_token, metal::AgentKind::ours, base::seconds(60));
      auto now = agent.start(name, params, "");
      while (now.ok() && now->status == metal::AgentCommand::Status::running) {
        REQUIRE(sys::sleep(manager.loop, base::seconds(1)).ok());
        now = agent.find(now->id);
      }
      REQUIRE_MESSAGE(now.ok(), now.error().text());
      last = *now;
    });
    return last;
  }

  sys::Sys& manager;
  metal::ExpectedBoots boots;
  std::unique_ptr<metal::Endpoint> endpoint;
  std::unique_ptr<metal::DhcpService> dhcp;
};

}  // namespace

TEST_CASE("every BMC of the sample inventory answers with its Secret's password, and with no other") {
  const auto inventory = sample("samples/inventory-20-servers.yaml");
  Site site(3, inventory);
  REQUIRE(site.rack->servers().size() == 20);
  std::map<std::string, std::string> passwords;  // by Secret
  for (const auto& doc : inventory)
    if (doc["kind"].string() == "Secret")
      passwords[doc.path("metadata.name").string()] = doc.path("stringData.password").string();
  size_t redfish = 0, ipmi = 0;
  std::set<std::string> uuids, serials;
  for (const auto& doc : inventory) {
    if (doc["kind"].string() != "BareMetalHost") continue;
    const auto name = doc.path("metadata.name").string();
    CAPTURE(name);
    const auto address = metal::parse_bmc_address(doc.path("spec.bmc.address").string());
    REQUIRE(address.ok());
    const auto password = passwords[doc.path("spec.bmc.credentialsName").string()];
    REQUIRE_FALSE(password.empty());
    ++(address->protocol == metal::BmcProtocol::redfish ? redfish : ipmi);
    site.do_now([&] {
      auto bmc = metal::make_bmc(site.manager, site.manager.net, *address, {"admin", password}, false).value();
      auto system = bmc->connect();
      REQUIRE_MESSAGE(system.ok(), system.error().text());
      CHECK(system->power == PowerState::off);
      uuids.insert(system->uuid);
      serials.insert(system->serial);
      bmc->close();
      auto stranger = metal::make_bmc(site.manager, site.manager.net, *address, {"admin", "not-it"}, false).value();
      auto refused = stranger->power();
      REQUIRE_FALSE(refused.ok());
      CHECK(refused.error().code == base::Code::unauthenticated);
    });
  }
  CHECK(redfish + ipmi == 20);
  CHECK(redfish > 0);
  CHECK(ipmi > 0);
  CHECK(uuids.size() == 20);
  CHECK(serials.size() == 20);
  for (const auto& server : site.rack->servers()) CHECK(server->state() == "off");
}

TEST_CASE("a server boots its virtual CD once, and the agent on it calls the manager") {
  Site site;
  auto& boot = site.boot_agent_from_cd();
  auto& server = site.server("one");
  CHECK(boot.iso_fetched);
  CHECK(boot.looked_up);
  CHECK(boot.callback_url == "https://" + server.spec().site_address + ":9999");
  CHECK_FALSE(boot.kernel_fetched);
  REQUIRE(site.event("ramdisk booted", "one") != nullptr);
  CHECK(site.event("ramdisk booted", "one")->detail == "vmedia");
  // Power within 4 s, then at least 3 minutes of POST, loading, and starting: as long as hardware takes.
  CHECK(site.event("power on", "one")->at <= base::seconds(5));
  CHECK(site.event("ramdisk booted", "one")->at >= base::minutes(3));
  CHECK(server.state().find("agent: ") == 0);
  CHECK(server.counters().agent_boots == 1);

  const auto inspected = site.command(boot, "inspection.collect", Json::object());
  const Json& inventory = inspected.result["inventory"];
  CHECK(inventory.path("system_vendor.serial_number").string() == server.identity().serial);
  CHECK(inventory["interfaces"].at(0)["mac_address"].string() == "52:54:00:00:00:01");
  CHECK(inventory["disks"].size() == 2);

  site.do_now([&] {
    auto bmc = site.one();
    CHECK(*bmc->power() == PowerState::on);
    CHECK(server.boot_override().enabled == sim::BootEnabled::disabled);  // used up
    CHECK(server.media().inserted);
    REQUIRE(bmc->set_power(PowerAction::reset).ok());
  });
  // The CD is in the drive, but the next boot is an ordinary one: empty disks, and no DHCP answer for this server.
  CHECK(site.comes([&] { return server.counters().failed_boots == 1; }));
  CHECK(server.state().find("no bootable device") == 0);
  CHECK(server.counters().resets == 1);
  CHECK(server.counters().agent_boots == 1);
}

TEST_CASE("a server boots from the network through DHCP and iPXE, only when it is expected") {
  Site site;
  auto& server = site.server("two");
  const auto power_on_for_pxe = [&] {
    site.do_now([&] {
      auto bmc = site.two();
      REQUIRE(bmc->set_boot(BootDevice::pxe, false, true).ok());
      REQUIRE(bmc->set_power(PowerAction::on).ok());
      bmc->close();
    });
  };
  power_on_for_pxe();
  CHECK(site.comes([&] { return server.counters().failed_boots == 1; }));
  CHECK(site.boots.refused.dhcp_unexpected > 0);
  CHECK(server.state().find("no DHCP answer for 52:54:00:00:00:02") != std::string::npos);
  site.do_now([&] { REQUIRE(site.two()->set_power(PowerAction::off).ok()); });
  CHECK(site.comes([&] { return !server.powered_on(); }, base::seconds(10)));

  auto& boot = site.expect("two", metal::BmcBootMethod::ipxe);
  power_on_for_pxe();
  REQUIRE_MESSAGE(site.comes([&] { return boot.last_heartbeat.has_value(); }), site.rack->log().text());
  CHECK(boot.dhcp_seen);
  CHECK(boot.script_fetched);
  CHECK(boot.kernel_fetched);
  CHECK(boot.initrd_fetched);
  CHECK_FALSE(boot.iso_fetched);
  CHECK(site.event("ramdisk booted", "two")->detail == "pxe");
  CHECK(boot.callback_url == "https://10.0.0.11:9999");
}

TEST_CASE("firmware that runs faster than life still waits for a manager that is busy for some seconds") {
  Site site(1, documents(two_servers), 60);
  auto& server = site.server("two");
  auto& boot = site.expect("two", metal::BmcBootMethod::ipxe);
  site.dhcp->stop();
  site.do_now([&] {
    auto bmc = site.two();
    REQUIRE(bmc->set_boot(BootDevice::pxe, false, true).ok());
    REQUIRE(bmc->set_power(PowerAction::on).ok());
    bmc->close();
  });
  site.pass(base::seconds(10));  // POST is over after six
  site.start_dhcp();
  REQUIRE_MESSAGE(site.comes([&] { return boot.last_heartbeat.has_value(); }), site.rack->log().text());
  CHECK(server.counters().failed_boots == 0);
}

TEST_CASE("UEFI HTTP boot loads the image that the override names, without the drive") {
  Site site;
  auto& boot = site.expect("one", metal::BmcBootMethod::uefi_http);
  site.do_now([&] {
    auto bmc = site.one();
    const auto url = metal::iso_url(site.endpoint->place(), boot);
    REQUIRE(bmc->set_boot(BootDevice::uefi_http, false, true, url).ok());
    REQUIRE(bmc->set_power(PowerAction::on).ok());
  });
  CHECK(site.comes([&] { return boot.last_heartbeat.has_value(); }));
  CHECK(site.event("virtual media inserted", "one") == nullptr);
}

TEST_CASE("an image is written, and from then on the server starts its installed system") {
  Site site;
  auto& boot = site.boot_agent_from_cd();
  auto& server = site.server("one");
  const auto image = site.rack->images().image("/node.qcow2");
  const auto& disk = server.spec().disks[0];
  metal::ConfigDrive drive;
  drive.meta_data = Json::object({{"name", "one"}, {"local-hostname", "one"}});
  Json info = Json::object({{"id", "img"}, {"urls", Json::strings({image_url})}, {"disk_format", "qcow2"}});
  info.set("os_hash_algo", "sha256").set("os_hash_value", base::hex(crypto::sha256(image)));
  Json args = Json::object({{"image_info", info}});
  args.set("root_device", Json::object({{"name", disk.name}, {"serial", disk.serial}, {"wwn", disk.wwn}}));
  args.set("configdrive", metal::pack_config_drive(drive).value());
  const auto step = [](const char* name, const Json& arguments) {
    return Json::object({{"step", Json::object({{"step", name}, {"args", arguments}})}});
  };
  const auto before = site.world.loop().now();
  const auto written = site.command(boot, "deploy.execute_deploy_step", step("write_image", args));
  CHECK_MESSAGE(written.status == metal::AgentCommand::Status::succeeded, written.error.text());
  CHECK(site.world.loop().now() - before >= base::minutes(2));
  CHECK(server.counters().disks.image_writes == 1);
  CHECK(site.command(boot, "standby.run_image", Json::object()).status == metal::AgentCommand::Status::succeeded);
  REQUIRE(site.comes([&] { return server.state() == "running, not a node"; }));
  CHECK(server.counters().disk_boots == 1);

  // A graceful shutdown takes its time; the disk still boots afterwards.
  site.do_now([&] {
    auto bmc = site.one();
    REQUIRE(bmc->set_power(PowerAction::soft_off).ok());
    CHECK(*bmc->power() == PowerState::on);
  });
  CHECK(site.comes([&] { return !server.powered_on(); }, base::seconds(60)));
  site.do_now([&] { REQUIRE(site.one()->set_power(PowerAction::on).ok()); });
  CHECK(site.comes([&] { return server.counters().disk_boots == 2; }));
  // After the metadata is erased it does not.
  site.do_now([&] { REQUIRE(site.one()->set_power(PowerAction::off).ok()); });
  CHECK(site.comes([&] { return !server.powered_on(); }, base::seconds(10)));
  auto& again =
      site.boots.expect("uid-of-one", "boot-2", "one", "52:54:00:00:00:01", metal::BmcBootMethod::virtual_media);
  site.do_now([&] {
    auto bmc = site.one();
    REQUIRE(bmc->insert_media(metal::iso_url(site.endpoint->place(), again)).ok());
    REQUIRE(bmc->set_boot(BootDevice::cd, false, true).ok());
    REQUIRE(bmc->set_power(PowerAction::on).ok());
  });
  REQUIRE(site.comes([&] { return again.last_heartbeat.has_value(); }));
  const auto wiped = site.command(again, "clean.execute_clean_step", step("erase_devices_metadata", Json::object()));
  CHECK_MESSAGE(wiped.status == metal::AgentCommand::Status::succeeded, wiped.error.text());
  CHECK(site.command(again, "standby.run_image", Json::object()).status == metal::AgentCommand::Status::succeeded);
  CHECK(site.comes([&] { return server.counters().failed_boots == 1; }));
  CHECK(server.counters().disk_boots == 2);
}

TEST_CASE("a corrupted image is noticed by its checksum and does not boot") {
  Site site;
  auto& boot = site.boot_agent_from_cd();
  site.rack->images().corrupt("/node.qcow2", true);
  const auto& disk = site.server("one").spec().disks[0];
  Json info = Json::object({{"id", "img"}, {"urls", Json::strings({image_url})}, {"disk_format", "qcow2"}});
  info.set("os_hash_algo", "sha256");
  info.set("os_hash_value", base::hex(crypto::sha256(site.rack->images().image("/node.qcow2"))));
  Json args = Json::object({{"image_info", info}});
  args.set("root_device", Json::object({{"name", disk.name}, {"serial", disk.serial}, {"wwn", disk.wwn}}));
  const Json params = Json::object({{"step", Json::object({{"step", "write_image"}, {"args", args}})}});
  const auto written = site.command(boot, "deploy.execute_deploy_step", params);
  CHECK(written.status == metal::AgentCommand::Status::failed);
  CHECK(written.error.message.find("sha256") != std::string::npos);
  CHECK(site.command(boot, "standby.run_image", Json::object()).status == metal::AgentCommand::Status::succeeded);
  CHECK(site.comes([&] { return site.server("one").counters().failed_boots == 1; }));
  CHECK(site.server("one").counters().disk_boots == 0);
}

TEST_CASE("a power cut takes server and BMC, and what the BMC keeps is there afterwards") {
  Site site;
  site.boot_agent_from_cd();
  auto& server = site.server("one");
  auto bmc = site.one();
  site.do_now([&] {
    REQUIRE(bmc->set_boot(BootDevice::disk, true, true).ok());
    server.cut_power(base::minutes(10));
    CHECK_FALSE(server.powered_on());
    auto power = bmc->power();
    REQUIRE_FALSE(power.ok());
    CHECK(power.error().code == base::Code::unavailable);
  });
  site.pass(base::minutes(11));
  site.do_now([&] {
    auto power = bmc->power();  // with a new session
    REQUIRE_MESSAGE(power.ok(), power.error().text());
    CHECK(*power == PowerState::off);
  });
  CHECK(server.boot_override() == sim::BootOverride{sim::BootTarget::disk, sim::BootEnabled::continuous, true, ""});
  CHECK(server.media().inserted);
  server.cut_power(base::Duration::zero());
  site.pass(base::hours(24));
  site.do_now([&] { CHECK_FALSE(bmc->power().ok()); });
}

TEST_CASE("a restart of the BMC ends its sessions and leaves the server alone") {
  for (const char* name : {"one", "two"}) {
    CAPTURE(name);
    Site site;
    auto& server = site.server(name);
    auto bmc = server.spec().name == "one" ? site.one() : site.two();
    site.do_now([&] {
      REQUIRE(bmc->set_power(PowerAction::on).ok());
      REQUIRE(sys::sleep(site.manager.loop, base::seconds(10)).ok());
      server.restart_bmc();
      auto power = bmc->power();
      REQUIRE_MESSAGE(power.ok(), power.error().text());
      CHECK(*power == PowerState::on);
    });
    CHECK(server.counters().power_ons == 1);
    CHECK(server.counters().power_offs == 0);
  }
}

TEST_CASE("firmware does not listen to a graceful shutdown, and a reset begins POST again") {
  Site site;
  auto& server = site.server("one");
  site.do_now([&] { REQUIRE(site.one()->set_power(PowerAction::on).ok()); });
  site.pass(base::minutes(1));
  CHECK(server.state() == "POST");
  site.do_now([&] { REQUIRE(site.one()->set_power(PowerAction::soft_off).ok()); });
  site.pass(base::minutes(1));
  CHECK(server.powered_on());
  site.do_now([&] { REQUIRE(site.one()->set_power(PowerAction::cycle).ok()); });
  site.pass(base::minutes(1));
  CHECK(server.state() == "POST");
  CHECK(server.counters().power_ons == 2);
  CHECK(server.counters().power_offs == 1);
}

TEST_CASE("hardware that runs faster than life waits for a manager at real speed") {
  const sim::Pace fast(300), alive(1);
  CHECK(fast.scaled(base::minutes(5)) == base::seconds(1));
  CHECK(fast.patience(base::seconds(60)) == base::seconds(15));
  CHECK(fast.patience(base::seconds(5)) == base::seconds(5));
  CHECK(alive.patience(base::seconds(60)) == base::seconds(60));
}

TEST_CASE("work of a server counts once, and ends when the power goes") {
  sim::WorkTime work;
  const base::Time start{};
  work.add(start, base::seconds(10));
  work.add(start + base::seconds(5), base::seconds(10));  // half of it at the same time
  CHECK(work.until(start + base::seconds(10)) == base::seconds(10));
  CHECK(work.until(start + base::minutes(1)) == base::seconds(15));
  work.cut(start + base::seconds(12));
  CHECK(work.until(start + base::minutes(1)) == base::seconds(12));
}

TEST_CASE("the same seed gives the same events, byte for byte, and another seed others") {
  const auto run = [](uint64_t seed) {
    Site site(seed);
    auto& boot = site.boot_agent_from_cd();
    site.command(boot, "clean.execute_clean_step",
                 Json::object({{"step", Json::object({{"step", "erase_devices_metadata"}})}}));
    return site.rack->log().text();
  };
  const auto first = run(5);
  CHECK(first.find("ramdisk booted") != std::string::npos);
  CHECK(run(5) == first);
  CHECK(run(6) != first);
}

TEST_CASE("the control interface shows the rack and reaches into it") {
  Site site;
  sim::RackControl control(site.rack_sys.loop, site.rack_sys.net, *site.rack, {"10.0.0.1", 8080});
  const auto ask = [&](const char* method, const char* target, const char* body = "") {
    return control.answer({method, target, {}, body});
  };
  const auto shown = base::parse_json(ask("GET", "/servers").body);
  REQUIRE(shown.ok());
  REQUIRE((*shown)["servers"].size() == 2);
  CHECK((*shown)["servers"].at(0)["name"].string() == "one");
  CHECK((*shown)["servers"].at(0)["bmc"].string() == "https://192.168.1.21");
  CHECK((*shown)["servers"].at(1)["state"].string() == "off");
  CHECK(ask("GET", "/events").body.find("rack: started: 2 servers") != std::string::npos);
  CHECK(ask("GET", "/events?from=1").body.empty());
  CHECK(ask("GET", "/site-ca").body == site.rack->site_ca_pem());
  CHECK(ask("POST", "/servers/one/bmc-faults", R"({"unavailable":1})").status == 200);
  site.do_now([&] { CHECK(site.one()->power().error().code == base::Code::unavailable); });
  CHECK(ask("POST", "/servers/one/bmc-faults", R"({"unavailable":0})").status == 200);
  site.do_now([&] { CHECK(site.one()->power().ok()); });
  CHECK(ask("POST", "/servers/two/cut-power?seconds=30").status == 200);
  site.do_now([&] { CHECK_FALSE(site.two()->power().ok()); });
  site.pass(base::seconds(31));
  site.do_now([&] { CHECK(site.two()->power().ok()); });
  const agent::DiskIdentity first = site.rack->server("one")->spec().disks.front();
  const auto exchange = [&](const std::string& device, const std::string& serial) {
    return ask("POST", ("/servers/one/exchange-disk?device=" + device + "&serial=" + serial).c_str()).status;
  };
  CHECK(exchange(first.name, "OTHER1") == 200);
  CHECK(site.rack->server("one")->spec().disks.front().serial == "OTHER1");
  CHECK(exchange(first.name, first.serial) == 200);
  CHECK(site.rack->server("one")->spec().disks.front().wwn == first.wwn);
  CHECK(exchange("/dev/none", "OTHER1") == 400);
  CHECK(exchange(first.name, "../up") == 400);
  CHECK(ask("POST", "/servers/three/restart-bmc").status == 404);
  CHECK(ask("POST", "/nodes/dev-cp-1/stop-kubelet").status == 404);
  CHECK(ask("POST", "/servers/one/explode").status == 404);
  CHECK(ask("POST", "/servers/one/bmc-faults", "{").status == 400);
  CHECK(ask("DELETE", "/servers").status == 405);
}

TEST_CASE("an inventory that cannot be right is refused by name of the host") {
  const std::string good = two_servers;
  struct Row {
    const char* from;
    const char* to;
    const char* message;
  };
  const std::vector<Row> rows{
      {"00:00:02", "00:00:01", "MAC address 52:54:00:00:00:01 is used by two hosts"},
      {"ipmi://192.168.1.22", "redfish+https://192.168.1.21/redfish/v1/Systems/System.1",
       "BMC https://192.168.1.21 is used by two hosts"},
      {"credentialsName: two-bmc", "credentialsName: three-bmc",
       "BareMetalHost two: Secret three-bmc is not in the inventory"},
      {"ipmi://192.168.1.22", "telnet://192.168.1.22", "BareMetalHost two: "},
      {"data: {username: YWRtaW4=,", "data: {", "BareMetalHost two: Secret two-bmc has no username"},
  };
  REQUIRE(sim::servers_from_inventory(documents(good)).ok());
  for (const auto& row : rows) {
    CAPTURE(row.to);
    REQUIRE(good.find(row.from) != std::string::npos);
    const auto servers = sim::servers_from_inventory(documents(base::replace_all(good, row.from, row.to)));
    REQUIRE_FALSE(servers.ok());
    CHECK(servers.error().message.find(row.message) != std::string::npos);
  }
}
