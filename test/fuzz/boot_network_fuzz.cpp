// Whatever is said to the services of the boot network while a host boots: they answer or refuse, what they send can be
// parsed, and no agent is believed that has not got the token. The first byte says who is spoken to.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "metal/boot/dhcp6_service.h"
#include "metal/boot/dhcp_service.h"
#include "metal/boot/endpoint.h"
#include "metal/boot/tftp_service.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace {

using namespace metal;

struct Services {
  sys::SimWorld world{1};
  sys::Sys& sys = world.process("10.0.0.1", "manager");
  sys::Sys& client = world.process("10.0.0.5", "client");
  ExpectedBoots boots{sys.loop, std::string(32, 'k')};
  BootPlace place{"https://10.0.0.1:6385", "http://10.0.0.1:6180", "", "", "", "", "/loaders"};
  ExpectedBoot& boot = boots.expect("uid-1", "boot-1", "one", "52:54:00:00:00:01", BmcBootMethod::ipxe);

  Services() {
    boot.address = "10.0.0.5";
    (void)sys.disk.make_directories("/loaders");
    (void)sys.disk.write("/loaders/ipxe.efi", std::string(3000, 'x'));
  }
  ~Services() {
    sys.loop.shut();
    client.loop.shut();
  }
  DhcpOptions dhcp(bool proxy) const {
    auto out = parse_dhcp_range("10.0.0.100-10.0.0.101/24").value();
    out.server_address = *wire::Ipv4::parse("10.0.0.1");
    out.tftp = true;
    out.proxy = proxy;
    return out;
  }
};

void to_dhcp(const std::string& bytes, bool proxy) {
  const auto asked = wire::dhcp::parse(bytes);
  if (!asked) return;
  Services at;
  DhcpService service(at.sys, at.boots, at.place, at.dhcp(proxy));
  for (const auto& answer : {service.answer(*asked), service.answer_boot_server(*asked)}) {
    if (!answer) continue;
    if (asked->mac() != at.boot.mac) std::abort();
    const auto packet = wire::dhcp::serialize(*answer);
    if (packet && !wire::dhcp::parse(*packet)) std::abort();
  }
}

void to_dhcp6(const std::string& bytes) {
  const auto asked = wire::dhcp6::parse(bytes);
  if (!asked) return;
  Services at;
  at.place.boot_url = "http://[fd00::1]:6180";
  auto options = parse_dhcp6_range("fd00::100-fd00::101/64").value();
  options.tftp = true;
  Dhcp6Service service(at.sys, at.boots, at.place, options);
  // From the host's own NIC: whatever else it says, it may get an address and its boot file, and nobody else's.
  for (int round = 0; round < 2; ++round) {
    auto named = *asked;
    if (round == 1) named.message.add(wire::dhcp6::server_id, service.server_id());
    const auto answer = service.answer(named, "fe80::5054:ff:fe00:1");
    if (!answer) continue;
    for (const auto& association : answer->message.associations()) {
      for (const auto& each : association.addresses) {
        const bool ours = each.address >= options.range_begin && each.address <= options.range_end;
        if (each.valid_seconds != 0 && !ours) std::abort();
      }
    }
    const auto packet = wire::dhcp6::serialize(*answer);
    if (packet && asked->relays.empty() && !wire::dhcp6::parse(*packet)) std::abort();
  }
}

void to_tftp(const std::string& bytes) {
  Services at;
  TftpOptions options;
  options.listen = {"10.0.0.1", 69};
  options.folder = "/loaders";
  TftpService service(at.sys, at.boots, options);
  if (!service.start()) std::abort();
  bool over = false;
  sys::spawn(at.client.loop, "client", [&] {
    auto socket = at.client.net.open_udp({"10.0.0.5", 0}, {}).value();
    (void)socket->send({"10.0.0.1", 69}, bytes);
    if (const auto first = socket->receive(base::seconds(2))) {
      (void)socket->send(first->from, bytes);  // and in the middle of a transfer
      (void)socket->receive(base::seconds(2));
    }
    over = true;
  });
  if (!at.world.loop().run_until([&] { return over; })) std::abort();
  service.stop();
}

// A target up to the first line end, then the body.
void to_endpoint(const std::string& bytes, bool api) {
  Services at;
  Endpoint endpoint(at.sys, at.boots, {});
  const size_t end = bytes.find('\n');
  net::Request request;
  request.target = bytes.substr(0, end);
  if (end != std::string::npos) {
    request.body = bytes.substr(end + 1);
    request.method = "POST";
  }
  const auto answer = api ? endpoint.answer_api(request) : endpoint.answer_boot(request);
  if (answer.status < 200 || answer.status > 599) std::abort();
  const bool knows = bytes.find(at.boot.agent_token) != std::string::npos;
  if (at.boot.last_heartbeat && !knows) std::abort();
  if (answer.body.find(at.boot.agent_token) != std::string::npos && !request.target.starts_with("/boot/ipxe") &&
      bytes.find(at.boot.path_token) == std::string::npos && bytes.find("ipxe") == std::string::npos)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      to_dhcp(bytes, false);
      break;
    case 1:
      to_dhcp(bytes, true);
      break;
    case 2:
      to_tftp(bytes);
      break;
    case 5:
      to_dhcp6(bytes);
      break;
    default:
      to_endpoint(bytes, data[0] % 6 == 3);
  }
  return 0;
}
