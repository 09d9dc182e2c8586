#include "sim/network_boot.h"

#include <algorithm>

#include "base/text.h"
#include "net/http.h"
#include "sim/boot_medium.h"
#include "sys/fiber.h"
#include "wire/dhcp.h"

namespace sim {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;
using wire::dhcp::Message;
using wire::dhcp::MessageType;

namespace {

Message request_message(const ServerSpec& spec, uint32_t xid, MessageType type, const std::string& relay) {
  Message out;
  out.hops = 1;  // one relay
  out.xid = xid;
  out.broadcast = true;
  out.giaddr = wire::Ipv4::parse(relay).value_or(wire::Ipv4{});
  out.set_mac(spec.identity.nics[0].mac);
  out.set_type(type);
  out.options[wire::dhcp::vendor_class] = "PXEClient:Arch:00007:UNDI:003001";
  out.options[wire::dhcp::user_class] = "iPXE";
  out.options[wire::dhcp::client_arch] = std::string("\0\x07", 2);
  out.options[94] = std::string("\x01\x03\x01", 3);  // UNDI 3.1
  std::string uuid = base::unhex(base::replace_all(spec.identity.uuid, "-", "")).value_or(std::string(16, '\0'));
  // SMBIOS order: the first three fields are little-endian.
  for (const auto& [from, to] : {std::pair<size_t, size_t>{0, 3}, {1, 2}, {4, 5}, {6, 7}})
    std::swap(uuid[from], uuid[to]);
  out.options[wire::dhcp::client_uuid] = std::string(1, '\0') + uuid;
  out.options[wire::dhcp::parameter_list] = std::string("\x01\x03\x06\x0c\x42\x43\x2b\x3c", 8);
  return out;
}

std::string bootfile_of(const Message& answer) {
  const std::string option = answer.option(wire::dhcp::boot_file);
  return option.empty() ? answer.file : std::string(option.c_str());
}

}  // namespace

Result<std::string> NetworkBoot::exchange(sys::Datagram& socket, const std::string& packet, uint32_t xid,
                                          int wanted_type) {
  Site& site = server_.site();
  const base::Time deadline = sys_.loop.now() + site.pace.patience(site.durations.network_boot_patience);
  // RFC 2131 4.1: 4 s, then twice as long each time.
  auto wait = std::max<base::Duration>(site.pace.scaled(base::seconds(4)), base::milliseconds(500));
  while (sys_.loop.now() < deadline) {
    TRY(socket.send(site.dhcp_server, packet));
    const base::Time resend = sys_.loop.now() + wait;
    while (sys_.loop.now() < resend) {
      auto packet_in = socket.receive(resend - sys_.loop.now());
      if (!packet_in && packet_in.error().code == Code::timeout) break;
      if (!packet_in) return std::move(packet_in).error();
      const auto answer = wire::dhcp::parse(packet_in->bytes);
      if (!answer || !answer->reply || answer->xid != xid || !answer->type()) continue;
      if (*answer->type() == MessageType::nak) return base::conflict("DHCP answered NAK");
      if (static_cast<int>(*answer->type()) == wanted_type) return std::move(packet_in->bytes);
    }
    wait *= 2;
  }
  return Error{Code::timeout, "no DHCP answer for " + server_.spec().identity.nics[0].mac, Layer::network_boot};
}

Result<NetworkBoot::Lease> NetworkBoot::dhcp() {
  Site& site = server_.site();
  if (site.dhcp_server.host.empty()) {
    return Error{Code::unavailable, "no DHCP server on the provisioning network", Layer::network_boot};
  }
  sys::Net& outside = site.relay_net != nullptr ? *site.relay_net : site.sys.net;
  auto socket = TRY(outside.open_udp({"", 0}, site.dhcp_server));
  const auto xid = static_cast<uint32_t>(server_.random().next());
  const ServerSpec& spec = server_.spec();

  const Message discover = request_message(spec, xid, MessageType::discover, site.relay_address);
  const std::string asking = TRY(wire::dhcp::serialize(discover));
  const std::string offered = TRY(exchange(*socket, asking, xid, static_cast<int>(MessageType::offer)));
  const Message offer = TRY(wire::dhcp::parse(offered));

  Message request = request_message(spec, xid, MessageType::request, site.relay_address);
  request.set_address(wire::dhcp::requested_address, offer.yiaddr);
  if (const auto id = offer.address_option(wire::dhcp::server_id)) request.set_address(wire::dhcp::server_id, *id);
  const std::string requesting = TRY(wire::dhcp::serialize(request));
  const std::string acked = TRY(exchange(*socket, requesting, xid, static_cast<int>(MessageType::ack)));
  const Message ack = TRY(wire::dhcp::parse(acked));
  Lease lease{ack.yiaddr.text(), bootfile_of(ack), ack.siaddr.text()};
  if (lease.boot_file.empty()) {
    return Error{Code::not_found, "DHCP gave an address but nothing to boot", Layer::network_boot};
  }
  server_.log("DHCP lease", lease.address);
  return lease;
}

Result<std::string> NetworkBoot::get(const std::string& url) {
  const net::Url where = TRY(net::Url::parse(url));
  if (where.scheme != "http") return base::invalid("the boot ROM cannot load " + where.scheme + " URLs");
  net::ClientOptions options;
  options.server = where.address();
  options.tls = false;
  options.body_bytes_max = 1u << 30;
  options.keep_alive = false;
  options.user_agent = "iPXE/1.21.1";
  net::HttpClient client(sys_.loop, sys_.net, std::move(options));
  net::Request request;
  request.target = where.target();
  auto answer = client.send(std::move(request));
  if (!answer) return std::move(answer).error().context("network boot").at(Layer::network_boot);
  if (answer->status != 200 || answer->body.empty()) {
    return Error{Code::unavailable, "loading a boot file answered " + std::to_string(answer->status),
                 Layer::network_boot};
  }
  return std::move(answer->body);
}

Result<Ramdisk> NetworkBoot::run_script(const std::string& script, const std::string& script_url) {
  if (!script.starts_with("#!ipxe")) return base::invalid("the boot file is not an iPXE script");
  std::string kernel, arguments;
  bool initrd = false;
  for (const auto line : base::split(script, '\n')) {
    const std::string_view text = base::trim(line);
    if (text.empty() || text[0] == '#') continue;
    const size_t space = text.find(' ');
    const std::string_view verb = text.substr(0, space);
    const std::string rest(space == std::string_view::npos ? std::string_view() : base::trim(text.substr(space)));
    if (verb == "kernel") {
      const size_t end = rest.find(' ');
      kernel = rest.substr(0, end);
      if (end != std::string::npos) arguments = rest.substr(end + 1);
      TRY(get(kernel));
    } else if (verb == "initrd") {
      TRY(get(rest.substr(rest.rfind(' ') == std::string::npos ? 0 : rest.rfind(' ') + 1)));
      initrd = true;
    } else if (verb == "boot") {
      if (kernel.empty() || !initrd) return base::invalid("the iPXE script boots without kernel or initrd");
      Ramdisk ramdisk;
      ramdisk.parameters = parse_parameters(arguments);
      const net::Url from = TRY(net::Url::parse(kernel));
      ramdisk.boot_server = from.scheme + "://" + from.address().text();
      return ramdisk;
    } else {
      return base::invalid("the boot ROM does not know " + base::quoted(verb) + " in " + script_url);
    }
  }
  return base::invalid("the iPXE script ends without boot");
}

Result<Ramdisk> NetworkBoot::run() {
  const Lease lease = TRY(dhcp());
  const std::string script = TRY(get(lease.boot_file));
  Ramdisk ramdisk = TRY(run_script(script, "the boot script"));
  Site& site = server_.site();
  TRY(sys::sleep(sys_.loop, server_.takes(site.durations.network_load)));
  return ramdisk;
}

}  // namespace sim
