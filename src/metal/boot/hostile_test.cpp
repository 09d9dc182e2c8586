// A stranger on the provisioning network: what it sends gets nothing, is counted by reason, and at the host it
// concerns.
#include <doctest/doctest.h>

#include "crypto/x509.h"
#include "metal/boot/dhcp_service.h"
#include "metal/boot/endpoint.h"
#include "metal/boot/tftp_service.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace metal {
namespace {

namespace dhcp = wire::dhcp;
namespace tftp = wire::tftp;
using R = RefusedRequests;
constexpr const char* own_mac = "52:54:00:00:00:01";
constexpr const char* foreign_mac = "52:54:00:00:00:66";

std::string ca_of(sys::SimWorld& world, const std::string& key) {
  crypto::CertificateRequest wanted;
  wanted.common_name = "manager CA";
  wanted.is_ca = true;
  wanted.not_before = world.loop().now() - base::hours(1);
  wanted.not_after = world.loop().now() + base::hours(1000);
  return crypto::issue_certificate(wanted, key, "", key).value();
}

// All services of the boot network on one address, a host that boots, and the stranger, who may also have its address.
struct Network {
  sys::SimWorld world{1};
  sys::Sys& sys = world.process("172.22.0.1", "manager");
  sys::Sys& stranger = world.process("172.22.0.66", "stranger");
  sys::Sys& host = world.process("172.22.0.100", "host");
  ExpectedBoots boots{sys.loop, std::string(32, 'k')};
  std::string ca;
  std::unique_ptr<Endpoint> endpoint;
  std::unique_ptr<DhcpService> dhcp_service;
  std::unique_ptr<TftpService> tftp_service;
  ExpectedBoot* boot = nullptr;

  Network() {
    REQUIRE(sys.disk.make_directories("/loaders").ok());
    REQUIRE(sys.disk.make_directories("/ramdisk").ok());
    REQUIRE(sys.disk.write("/ramdisk/ingot-agent", "1").ok());
    REQUIRE(sys.disk.write("/loaders/ipxe.efi", std::string(5000, 'x')).ok());
    EndpointOptions options;
    options.provisioning_listen = {"172.22.0.1", 6385};
    options.boot_listen = {"172.22.0.1", 6180};
    options.ramdisk_dir = "/ramdisk";
    options.ca_key_pem = sys.keys.ec_p256_pem();
    options.ca_certificate_pem = ca = ca_of(world, options.ca_key_pem);
    endpoint = std::make_unique<Endpoint>(sys, boots, options);
    REQUIRE(endpoint->start().ok());
    auto leases = parse_dhcp_range("172.22.0.100-172.22.0.101/24").value();
    leases.listen = {"172.22.0.1", 67};
    leases.tftp = true;
    dhcp_service = std::make_unique<DhcpService>(sys, boots, endpoint->place(), leases);
    REQUIRE(dhcp_service->start().ok());
    TftpOptions files;
    files.listen = {"172.22.0.1", 69};
    files.folder = "/loaders";
    tftp_service = std::make_unique<TftpService>(sys, boots, files);
    REQUIRE(tftp_service->start().ok());
    boot = &boots.expect("uid-1", "boot-1", "one", own_mac, BmcBootMethod::ipxe);
    boot->address = "172.22.0.100";
  }
  ~Network() {
    dhcp_service->stop();
    tftp_service->stop();
    endpoint->stop();
    for (auto* process : {&stranger, &host, &sys}) process->loop.shut();
  }

  void run(sys::Sys& as, const std::function<void()>& body) {
    bool over = false;
    sys::spawn(as.loop, "client", [&] {
      body();
      over = true;
    });
    REQUIRE(world.loop().run_until([&] { return over; }));
  }
  // The first answer within three seconds; nullopt: silence.
  std::optional<std::string> datagram(sys::Sys& as, const std::string& from, uint16_t port, const std::string& bytes) {
    std::optional<std::string> out;
    run(as, [&] {
      auto socket = as.net.open_udp({from, 0}, {}).value();
      REQUIRE(socket->send({"172.22.0.1", port}, bytes).ok());
      if (auto packet = socket->receive(base::seconds(3))) out = packet->bytes;
    });
    return out;
  }
  std::optional<std::string> from_stranger(uint16_t port, const std::string& bytes) {
    return datagram(stranger, "172.22.0.66", port, bytes);
  }
  std::optional<std::string> from_host(uint16_t port, const std::string& bytes) {
    return datagram(host, "172.22.0.100", port, bytes);
  }
  // Status of the answer; 0: none.
  int http(net::Request request, bool api) {
    int out = 0;
    run(stranger, [&] {
      net::ClientOptions options;
      options.server = api ? sys::Address{"172.22.0.1", 6385} : sys::Address{"172.22.0.1", 6180};
      options.tls = api;
      options.tls_options.ca_pem = ca;
      net::HttpClient client(stranger.loop, stranger.net, options);
      if (const auto answer = client.send(std::move(request))) out = answer->status;
    });
    return out;
  }
  int get(const std::string& target, bool api, const std::string& token = "") {
    net::Request request;
    request.target = target;
    if (!token.empty()) request.headers.set("X-Ingot-Agent-Token", token);
    return http(std::move(request), api);
  }
  int beat(const std::string& token, const std::string& deploy_id, const std::string& more = "",
           const std::string& refused = "") {
    net::Request request;
    if (!refused.empty()) request.headers.set("X-Ingot-Refused-Requests", refused);
    request.method = "POST";
    request.target = "/v1/heartbeat/uid-1";
    base::Json body = base::Json::object({{"agent_token", token}, {"deploy_id", deploy_id}});
    body.set("callback_url", "https://172.22.0.100:9999").set("agent_verify_ca", "pem").set("more", more);
    request.body = body.dump();
    return http(std::move(request), true);
  }
};

// Counts of one reason, in all and at the host, since it was made.
struct Count {
  Network& network;
  Refusal reason;
  uint64_t all = network.boots.refused.*reason, of_host = network.boot->refused.*reason;
  void check(uint64_t in_all, uint64_t at_host) const {
    CHECK(network.boots.refused.*reason - all == in_all);
    CHECK(network.boot->refused.*reason - of_host == at_host);
  }
};

std::string discover(const char* mac) {
  dhcp::Message out;
  out.set_mac(mac);
  out.set_type(dhcp::MessageType::discover);
  out.options[dhcp::vendor_class] = "PXEClient:Arch:00007";
  out.options[dhcp::client_arch] = std::string("\0\7", 2);
  return dhcp::serialize(out).value();
}
std::string read(const char* file) { return tftp::serialize(tftp::Request{false, file, "octet", {}}); }

}  // namespace

TEST_CASE("hostile network: DHCP from a foreign MAC, of a host that boots otherwise, damaged and oversize") {
  Network network;
  REQUIRE(network.from_host(67, discover(own_mac)));  // the same packet of the host itself is answered
  const Count foreign{network, &R::dhcp_unexpected};
  CHECK_FALSE(network.from_stranger(67, discover(foreign_mac)));
  foreign.check(1, 0);
  network.boot->method = BmcBootMethod::virtual_media;
  CHECK_FALSE(network.from_stranger(67, discover(own_mac)));
  foreign.check(2, 1);
  network.boot->method = BmcBootMethod::ipxe;

  const Count malformed{network, &R::dhcp_malformed}, oversize{network, &R::dhcp_oversize};
  CHECK_FALSE(network.from_stranger(67, "what?"));
  CHECK_FALSE(network.from_stranger(67, discover(own_mac).substr(0, 241) + '\x3c'));
  malformed.check(2, 0);
  CHECK_FALSE(network.from_stranger(67, discover(own_mac) + std::string(1300, '\0')));
  CHECK_FALSE(network.from_stranger(67, std::string(60'000, 'x')));
  oversize.check(2, 0);
}

TEST_CASE("hostile network: TFTP of a foreign address, by other paths, for writing, damaged and oversize") {
  Network network;
  REQUIRE(network.from_host(69, read("ipxe.efi")));
  const Count unexpected{network, &R::tftp_unexpected}, path{network, &R::tftp_path};
  CHECK_FALSE(network.from_stranger(69, read("ipxe.efi")));
  unexpected.check(1, 0);
  for (const char* file : {"../etc/passwd", "/etc/passwd", "a/../../etc/passwd", "..\\boot.ini", "/loaders/ipxe.efi"}) {
    const auto answer = network.from_host(69, read(file));
    REQUIRE(answer);
    CHECK(std::holds_alternative<tftp::Failure>(*tftp::parse(*answer)));
  }
  path.check(5, 5);
  const Count oversize{network, &R::tftp_oversize}, malformed{network, &R::tftp_malformed};
  CHECK_FALSE(network.from_host(69, read("ipxe.efi") + std::string(600, '\0')));
  CHECK_FALSE(network.from_stranger(69, std::string(60'000, '\1')));
  oversize.check(2, 1);
  CHECK_FALSE(network.from_host(69, std::string("\0\1ipxe.efi", 10)));
  malformed.check(1, 1);
  const Count write{network, &R::tftp_write}, unknown{network, &R::tftp_unknown_file};
  REQUIRE(network.from_host(69, tftp::serialize(tftp::Request{true, "ipxe.efi", "octet", {}})));
  write.check(1, 1);
  REQUIRE(network.from_host(69, read("shadow")));
  unknown.check(1, 1);
}

TEST_CASE("hostile network: lookups without token, with a wrong one, and with a foreign MAC") {
  Network network;
  const std::string own = std::string("/v1/lookup?node_uuid=uid-1&addresses=") + own_mac;
  const std::string token = network.boot->agent_token;
  const Count none{network, &R::lookup_without_token}, wrong{network, &R::lookup_token}, lookup{network, &R::lookup};
  const Count mac{network, &R::lookup_mac};
  CHECK(network.get(own, true) == 401);
  none.check(1, 1);
  CHECK(network.get(own, true, token.substr(1)) == 401);
  CHECK(network.get(own, true, network.boot->path_token) == 401);
  wrong.check(2, 2);
  CHECK(network.get(std::string("/v1/lookup?addresses=") + foreign_mac, true, token) == 404);
  lookup.check(1, 0);
  CHECK(network.get(std::string("/v1/lookup?node_uuid=uid-1&addresses=") + foreign_mac, true, token) == 404);
  lookup.check(1, 0);
  mac.check(1, 1);
  CHECK_FALSE(network.boot->looked_up.has_value());
  CHECK(network.get(own, false, token) == 404);  // not without TLS
  CHECK(network.get(own, true, token) == 200);
  CHECK(network.boot->looked_up.has_value());
}

TEST_CASE("hostile network: where a lookup gets the token, it is the first of the boot and from the boot MAC") {
  Network network;
  const auto token = [&](const std::string& target) {
    net::Request request;
    request.target = target;
    const auto answer = network.endpoint->answer_api(request);
    return answer.status == 200 ? base::parse_json(answer.body)->path("config.agent_token").string() : "";
  };
  const std::string named = "/v1/lookup?node_uuid=uid-1", own = std::string("/v1/lookup?addresses=") + own_mac;
  CHECK(token(own).empty());  // as ever
  network.boot->gives_token = true;
  const Count again{network, &R::lookup_again};
  CHECK(token(named) == "******");
  CHECK(token(named + "&addresses=" + foreign_mac).empty());
  again.check(0, 0);
  CHECK(token(own) == network.boot->agent_token);
  CHECK(token(own) == "******");
  again.check(1, 1);
  network.boot = &network.boots.expect("uid-1", "boot-2", "one", own_mac, BmcBootMethod::virtual_media);
  CHECK(token(own).empty());
}

TEST_CASE("hostile network: a token of an earlier boot, of another host and without its boot is refused") {
  Network network;
  const std::string old_token = network.boot->agent_token;
  const std::string old_path = "/boot/" + network.boot->path_token;
  const std::string other =
      network.boots.expect("uid-2", "boot-1", "two", foreign_mac, BmcBootMethod::ipxe).agent_token;
  network.boot = &network.boots.expect("uid-1", "boot-2", "one", own_mac, BmcBootMethod::ipxe);
  const Count replayed{network, &R::replayed_token}, heartbeat{network, &R::heartbeat}, path{network, &R::boot_path};
  CHECK(network.beat(old_token, "boot-1") == 401);
  replayed.check(1, 1);
  CHECK(network.beat(old_token, "") == 401);
  CHECK(network.beat(old_token, "boot-2") == 401);
  CHECK(network.beat(other, "boot-1") == 401);
  heartbeat.check(3, 3);
  CHECK_FALSE(network.boot->last_heartbeat.has_value());
  CHECK(network.get(old_path + "/vmlinuz", false) == 404);
  path.check(1, 0);

  // The same after its agent has called, and when nothing is expected of the host any more.
  const std::string token = network.boot->agent_token, closed = "/boot/" + network.boot->path_token;
  CHECK(network.beat(token, "boot-2") == 202);
  CHECK(network.get(closed + "/vmlinuz", false) == 404);
  CHECK(network.get("/boot/ipxe/52-54-00-00-00-01", false) == 404);
  path.check(3, 2);
  CHECK(network.boot->refused.text() == "2 http boot path, 3 agent heartbeat, 1 agent replayed token");
  const uint64_t before = network.boots.refused.replayed_token;
  network.boots.drop("uid-1");
  CHECK(network.beat(token, "boot-2") == 401);
  CHECK(network.boots.refused.replayed_token == before + 1);
}

TEST_CASE("hostile network: HTTP that is too large or no HTTP") {
  Network network;
  const Count oversize{network, &R::http_oversize}, malformed{network, &R::malformed};
  CHECK(network.beat(network.boot->agent_token, "boot-1", std::string(300u << 10, 'x')) == 413);
  oversize.check(1, 0);
  for (const bool api : {false, true}) CHECK(network.get("/" + std::string(70'000, 'x'), api) == 414);
  oversize.check(3, 0);
  CHECK_FALSE(network.boot->last_heartbeat.has_value());
  std::string said;
  network.run(network.stranger, [&] {
    auto stream = network.stranger.net.connect({"172.22.0.1", 6180}, base::seconds(5)).value();
    REQUIRE(stream->write("\x16\x03\x01 what?\r\n\r\n", base::seconds(5)).ok());
    said = stream->read(100, base::seconds(5)).value();
  });
  CHECK(said.starts_with("HTTP/1.1 400"));
  malformed.check(1, 0);
}

TEST_CASE("hostile network: what an agent has refused is in its heartbeats, and counted once") {
  Network network;
  const std::string token = network.boot->agent_token;
  const Count command{network, &R::command};
  CHECK(network.beat("wrong", "boot-1", "", "5") == 401);  // who is no agent is not believed
  command.check(0, 0);
  CHECK(network.beat(token, "boot-1", "", "3") == 202);
  command.check(3, 3);
  for (const char* said : {"3", "2", "-1", "many", ""}) CHECK(network.beat(token, "boot-1", "", said) == 202);
  command.check(3, 3);
  CHECK(network.beat(token, "boot-1", "", "9223372036854775807") == 202);
  command.check(1'000'000, 1'000'000);
}

TEST_CASE("hostile network: a flood of refusals is news ever more seldom") {
  Network network;
  int news = 0;
  network.boots.on_event([&](const std::string&) { ++news; });
  for (int i = 0; i < 1000; ++i) network.boots.refuse(&R::lookup, network.boot);
  CHECK(news == 10);
}

}  // namespace metal
