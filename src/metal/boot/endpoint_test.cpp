// Who gets what from the boot network: only what is expected now, only with this boot's token.
#include "metal/boot/endpoint.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "crypto/x509.h"
#include "sys/sim/sim.h"

namespace metal {
namespace {

constexpr const char* mac = "52:54:00:00:00:01";

struct Desk {
  sys::SimWorld world{1};
  sys::Sys& sys = world.process("192.168.99.1", "manager");
  ExpectedBoots boots{sys.loop, std::string(32, 'k')};
  std::unique_ptr<Endpoint> endpoint;

  explicit Desk(bool own_ramdisk = false) {
    crypto::CertificateRequest wanted;
    wanted.common_name = "manager CA";
    wanted.is_ca = true;
    wanted.not_before = world.loop().now() - base::hours(1);
    wanted.not_after = world.loop().now() + base::hours(1000);
    EndpointOptions options;
    options.provisioning_listen = {"192.168.99.1", 6385};
    options.boot_listen = {"192.168.99.1", 6180};
    options.loader_dir = "/loaders";
    if (own_ramdisk) {
      options.ramdisk_dir = "/ramdisk";
      REQUIRE(sys.disk.make_directories("/ramdisk").ok());
      REQUIRE(sys.disk.write("/ramdisk/ingot-agent", "1").ok());
    }
    options.ca_key_pem = sys.keys.ec_p256_pem();
    options.ca_certificate_pem = crypto::issue_certificate(wanted, options.ca_key_pem, "", options.ca_key_pem).value();
    endpoint = std::make_unique<Endpoint>(sys, boots, options);
    REQUIRE(endpoint->start().ok());
  }
  ~Desk() { sys.loop.shut(); }

  ExpectedBoot& expect(BmcBootMethod method = BmcBootMethod::virtual_media, const std::string& boot_id = "boot-1") {
    return boots.expect("uid-1", boot_id, "one", mac, method);
  }
  net::Response get(const std::string& target, bool api = true) {
    net::Request request;
    request.target = target;
    if (const ExpectedBoot* of = boots.find("uid-1")) request.headers.set("X-Ingot-Agent-Token", of->agent_token);
    return api ? endpoint->answer_api(request) : endpoint->answer_boot(request);
  }
  net::Response boot(const std::string& target) { return get(target, false); }
  int beat(const std::string& token, const std::string& callback = "https://10.0.0.10:9999",
           const std::string& deploy_id = "boot-1", const std::string& certificate = "pem") {
    net::Request request;
    request.method = "POST";
    request.target = "/v1/heartbeat/uid-1";
    base::Json body = base::Json::object({{"agent_token", token}, {"callback_url", callback}});
    body.set("deploy_id", deploy_id).set("agent_verify_ca", certificate);
    request.body = body.dump();
    return endpoint->answer_api(request).status;
  }
};

}  // namespace

TEST_CASE("lookup: an expected server is told its host and never its token; any other gets nothing") {
  Desk desk;
  CHECK(desk.get("/v1/lookup?addresses=52:54:00:00:00:01").status == 404);
  auto& boot = desk.expect();
  const auto found = desk.get("/v1/lookup?addresses=52:54:00:00:00:99,52:54:00:00:00:01");
  REQUIRE(found.status == 200);
  const auto doc = base::parse_json(found.body);
  CHECK(doc->path("node.uuid").string() == "uid-1");
  CHECK(doc->path("config.heartbeat_timeout").integer() == 300);
  CHECK(found.body.find(boot.agent_token) == std::string::npos);
  CHECK(boot.looked_up.has_value());
  CHECK(desk.get("/v1/lookup?addresses=52-54-00-00-00-99").status == 404);
  CHECK(desk.get("/v1/lookup?node_uuid=uid-1&addresses=52:54:00:00:00:99").status == 404);
  CHECK(desk.get("/v1/lookup?node_uuid=uid-1").status == 200);
  CHECK(desk.get("/v1/lookup?node_uuid=uid-2").status == 404);
  CHECK(desk.get("/v1/lookup").status == 404);
  CHECK(desk.boot("/v1/lookup?addresses=52:54:00:00:00:01").status == 404);  // not over plain HTTP
  CHECK(desk.boots.refused.lookup == 4);
  CHECK(desk.boots.refused.lookup_mac == 1);  // the expected host, with another machine's MAC address
}

TEST_CASE("lookup: a ramdisk of others asks without its token, and may not show a wrong one") {
  Desk own(true), stock(false);
  net::Request request;
  request.target = "/v1/lookup?node_uuid=uid-1&addresses=52:54:00:00:00:01";
  for (Desk* desk : {&own, &stock}) desk->expect();
  CHECK(own.endpoint->answer_api(request).status == 401);
  CHECK(stock.endpoint->answer_api(request).status == 200);
  request.headers.set("X-Ingot-Agent-Token", "wrong");
  CHECK(stock.endpoint->answer_api(request).status == 401);
}

TEST_CASE("a stock agent asks first for the API's version, and sends its token and certificate from 1.68 on") {
  Desk desk;
  const auto answered = desk.get("/");
  REQUIRE(answered.status == 200);
  CHECK(base::parse_json(answered.body)->path("default_version.version").string() == "1.68");
  CHECK(desk.boot("/").status == 404);
}

TEST_CASE("heartbeat: only with the token of this boot, from an address that can be an agent's") {
  Desk desk;
  CHECK(desk.beat("") == 401);  // nobody is expected
  auto& first = desk.expect();
  const std::string token = first.agent_token;
  CHECK(token.size() == 43);
  CHECK(desk.beat("") == 401);
  CHECK(desk.beat(token.substr(1)) == 401);
  CHECK(desk.beat(first.path_token) == 401);
  CHECK(desk.beat(token, "https://10.0.0.10:9999", "boot-0") == 401);
  CHECK_FALSE(first.last_heartbeat.has_value());
  for (const char* callback :
       {"http://10.0.0.10:9999", "https://127.0.0.1:9999", "https://localhost:9999", "https://169.254.169.254:80",
        "https://[::1]:9999", "https://0.0.0.0:9999", "https://manager.example.com:9999", "https://", ""}) {
    CHECK_MESSAGE(desk.beat(token, callback) == 400, callback);
  }
  CHECK(desk.beat(token, "https://10.0.0.10:9999", "boot-1", "") == 400);
  CHECK_FALSE(first.last_heartbeat.has_value());

  CHECK(desk.beat(token) == 202);
  CHECK(first.callback_url == "https://10.0.0.10:9999");
  CHECK(desk.beat(token, "https://10.0.0.66:9999") == 400);  // does not move during a boot
  CHECK(desk.beat(token, "https://10.0.0.10:9999", "boot-1", "another") == 400);
  CHECK(first.callback_url == "https://10.0.0.10:9999");
  CHECK(desk.beat(token) == 202);

  auto& second = desk.expect(BmcBootMethod::virtual_media, "boot-2");
  CHECK(second.agent_token != token);
  CHECK(desk.beat(token) == 401);
  CHECK(desk.beat(token, "https://10.0.0.10:9999", "") == 401);
  desk.boots.drop("uid-1");
  CHECK(desk.beat(token) == 401);
  CHECK(desk.boots.refused.heartbeat > 0);
}

TEST_CASE("artefacts: under this boot's path, until the agent has called, each by the way it boots") {
  Desk desk;
  CHECK(desk.boot("/boot/ca.crt").status == 200);
  auto& boot = desk.expect();
  const std::string iso = "/boot/" + boot.path_token + "/one.iso";
  REQUIRE(iso_url(desk.endpoint->place(), boot) == "http://192.168.99.1:6180" + iso);
  CHECK(desk.boot("/boot/" + std::string(43, 'x') + "/one.iso").status == 404);
  CHECK(desk.boot("/boot/" + boot.agent_token + "/one.iso").status == 404);
  CHECK(desk.boot("/boot/" + boot.path_token + "/two.iso").status == 404);
  CHECK(desk.boot("/boot/" + boot.path_token + "/..%2f..%2fetc%2fpasswd").status == 404);
  CHECK(desk.boot("/boot/ipxe/52-54-00-00-00-01").status == 404);  // boots from its virtual CD
  CHECK_FALSE(boot.iso_fetched.has_value());
  const auto whole = desk.boot(iso);
  REQUIRE(whole.status == 200);
  CHECK(boot.iso_fetched.has_value());
  CHECK(whole.body.find("ipa-agent-token=" + boot.agent_token) != std::string::npos);

  // BMCs read in pieces.
  const auto piece = [&](const std::string& range) {
    net::Request request;
    request.target = iso;
    request.headers.set("Range", range);
    return desk.endpoint->answer_boot(request);
  };
  CHECK(piece("bytes=2048-4095").status == 206);
  CHECK(piece("bytes=2048-4095").body == whole.body.substr(2048, 2048));
  CHECK(piece("bytes=2048-").body == whole.body.substr(2048));
  CHECK(piece("bytes=0-99999999").body == whole.body);
  CHECK(piece("bytes=-2048").body == whole.body.substr(whole.body.size() - 2048));
  CHECK(piece("bytes=99999999-").status == 416);
  // What is no range is ignored (RFC 9110 14.2).
  for (const char* bad : {"bytes=5-4", "bytes=-5-6", "bytes=x-y", "bytes=", "bytes=1", "lines=1-2", "bytes=0-1,5-6"}) {
    CHECK_MESSAGE(piece(bad).status == 200, bad);
  }

  REQUIRE(desk.beat(boot.agent_token) == 202);
  CHECK(desk.boot(iso).status == 404);
  CHECK(desk.boot("/boot/" + boot.path_token + "/vmlinuz").status == 404);
}

TEST_CASE("network boot: the script goes out once, kernel and initrd follow") {
  Desk desk;
  auto& boot = desk.expect(BmcBootMethod::ipxe);
  CHECK(desk.boot("/boot/ipxe/52-54-00-00-00-02").status == 404);
  CHECK(desk.boot("/boot/ipxe/nonsense").status == 404);
  CHECK(desk.boot("/boot/" + boot.path_token + "/one.iso").status == 404);
  const auto script = desk.boot("/boot/ipxe/52-54-00-00-00-01");
  REQUIRE(script.status == 200);
  CHECK(script.body.starts_with("#!ipxe\n"));
  CHECK(script.body.find(boot.path_token + "/vmlinuz") != std::string::npos);
  CHECK(script.body.find("deploy_id=boot-1") != std::string::npos);
  CHECK(desk.boot("/boot/ipxe/52-54-00-00-00-01").status == 404);  // it carries the token: once
  CHECK(desk.boot("/boot/" + boot.path_token + "/vmlinuz").status == 200);
  CHECK(desk.boot("/boot/" + boot.path_token + "/initrd").status == 200);
  CHECK(boot.kernel_fetched.has_value());
  CHECK(boot.initrd_fetched.has_value());
}

TEST_CASE("expected boots: a restarted manager derives the same tokens, other boots and secrets give others") {
  sys::SimWorld world(1);
  ExpectedBoots before(world.loop(), std::string(32, 'k'));
  ExpectedBoots after(world.loop(), std::string(32, 'k'));
  ExpectedBoots stranger(world.loop(), std::string(32, 'z'));
  const auto token = [](ExpectedBoots& boots, const char* uid, const char* boot_id) {
    return boots.expect(uid, boot_id, "one", mac, BmcBootMethod::ipxe).agent_token;
  };
  const std::string mine = token(before, "uid-1", "boot-1");
  CHECK(token(after, "uid-1", "boot-1") == mine);
  CHECK(token(stranger, "uid-1", "boot-1") != mine);
  CHECK(token(after, "uid-1", "boot-2") != mine);
  CHECK(token(after, "uid-2", "boot-1") != mine);
  CHECK(token(after, "uid-1b", "oot-1") != mine);

  // The same boot again keeps what is known of it, another one forgets.
  auto& boot = before.expect("uid-1", "boot-1", "one", mac, BmcBootMethod::ipxe);
  boot.last_heartbeat = world.loop().now();
  CHECK(before.expect("uid-1", "boot-1", "one", mac, BmcBootMethod::ipxe).last_heartbeat.has_value());
  CHECK_FALSE(before.expect("uid-1", "boot-2", "one", mac, BmcBootMethod::ipxe).last_heartbeat.has_value());
  CHECK(before.by_mac(mac)->boot_id == "boot-2");
  CHECK(before.by_mac("") == nullptr);
}

TEST_CASE("boot loaders: over HTTP, to servers that boot from the network, until their agent has called") {
  Desk desk;
  REQUIRE(desk.sys.disk.make_directories("/loaders").ok());
  REQUIRE(desk.sys.disk.write("/loaders/ipxe.efi", "MZ").ok());
  REQUIRE(desk.sys.disk.write("/loaders/secret", "secret").ok());
  auto& boot = desk.expect(BmcBootMethod::ipxe);
  const std::string folder = "/boot/" + boot.path_token + "/";
  const auto answer = desk.boot(folder + "ipxe.efi");
  CHECK(answer.status == 200);
  CHECK(answer.body == "MZ");
  CHECK(answer.headers.get("Content-Type") == "application/efi");
  CHECK(boot.loader_fetched.has_value());
  CHECK(desk.boot(folder + "secret").status == 404);
  CHECK(desk.boot(folder + "..%2Floaders%2Fsecret").status == 404);
  CHECK(desk.boot("/boot/" + boot.agent_token + "/ipxe.efi").status == 404);
  CHECK(desk.boots.refused.boot_path == 3);
  boot.last_heartbeat = desk.sys.loop.now();
  CHECK(desk.boot(folder + "ipxe.efi").status == 404);
}

TEST_CASE(
    "boot image: one that firmware loads over HTTP tells the kernel everything, as it may not see the image again") {
  Desk desk;
  REQUIRE(desk.sys.disk.make_directories("/ramdisk").ok());
  for (const char* file : {"vmlinuz", "initrd", "esp.img"}) {
    REQUIRE(desk.sys.disk.write(std::string("/ramdisk/") + file, std::string(4096, 'x')).ok());
  }
  BootPlace place = desk.endpoint->place();
  place.ramdisk_dir = "/ramdisk";
  const auto grub = [&](const ExpectedBoot& boot) {
    const auto plan = boot_iso(desk.sys.disk, place, boot);
    REQUIRE(plan);
    std::string out;
    for (const auto& piece : plan->pieces) out += piece.bytes;
    return out.substr(out.find("linux /vmlinuz"), out.find("\nboot\n") + 6 - out.find("linux /vmlinuz"));
  };
  const auto text_of = [&](const ExpectedBoot& boot) {
    const Artefact whole{"", boot_iso(desk.sys.disk, place, boot).value(), ""};
    return read_body(desk.sys.disk, whole, 0, static_cast<size_t>(whole.body.size)).value();
  };
  auto& boot = desk.expect(BmcBootMethod::uefi_http);
  const std::string arguments = grub(boot);
  CHECK(arguments.find("boot_method=pxe") != std::string::npos);
  CHECK(arguments.find("ipa-agent-token=" + boot.agent_token) != std::string::npos);
  CHECK(arguments.find("BOOTIF=01-52-54-00-00-00-01") != std::string::npos);
  CHECK(arguments.find("\ninitrd /initrd\n") != std::string::npos);
  boot.network_data = R"({"links":[]})";
  const std::string with_settings = grub(boot);
  CHECK(with_settings.starts_with(arguments.substr(0, arguments.find("\ninitrd"))));
  CHECK(with_settings.find("\ninitrd /initrd /settings\n") != std::string::npos);
  const auto image = wire::read_iso(text_of(boot)).value();
  REQUIRE(image.find("settings") != nullptr);
  const std::string archive = image.find("settings")->bytes;
  CHECK(archive.starts_with("070701"));
  CHECK(archive.find("ingot-boot/network_data.json") != std::string::npos);
  CHECK(archive.find(boot.network_data) != std::string::npos);
  boot.network_data.clear();
  boot.method = BmcBootMethod::virtual_media;
  CHECK(grub(boot).find("boot_method=vmedia") != std::string::npos);
  CHECK(grub(boot).find(boot.agent_token) == std::string::npos);
}

}  // namespace metal
