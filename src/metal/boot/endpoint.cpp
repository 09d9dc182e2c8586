#include "metal/boot/endpoint.h"

#include <algorithm>
#include <map>
#include <variant>

#include "base/log.h"
#include "base/text.h"
#include "crypto/x509.h"
#include "metal/boot/artefact.h"
#include "metal/boot/boot_loaders.h"
#include "wire/dhcp.h"

namespace metal {

using base::Json;
using base::Result;
using net::Request;
using net::Response;

namespace {

constexpr size_t request_bytes_max = 256u << 10;
constexpr const char* agent_token_header = "X-Ingot-Agent-Token";  // as in commands to the agent
constexpr const char* refused_header = "X-Ingot-Refused-Requests";
constexpr int64_t refused_of_boot_max = 1'000'000;  // that an agent is believed
// `ingot ramdisk build` puts it beside its ramdisk; without it the agent is somebody else's.
constexpr const char* agent_mark = "ingot-agent";
constexpr size_t whole_bytes_max = 1u << 30;  // of an artefact that is answered as a whole

Response refuse(int status, std::string_view message) {
  return Response::json(status, Json::object({{"faultstring", message}}));
}

struct Target {
  std::vector<std::string> parts;  // of the path, decoded
  std::string query;
};

Target take_apart(std::string_view target) {
  Target out;
  const auto mark = target.find('?');
  if (mark != std::string_view::npos) out.query = target.substr(mark + 1);
  for (const auto part : base::split(target.substr(0, mark), '/')) {
    if (!part.empty()) out.parts.push_back(net::percent_decode(part));
  }
  return out;
}

// The stock agent asks for this first and sends what that version of Ironic's API takes: 1.62 brought the token, 1.68
// the certificate of the agent's command server. Without an answer it would send neither.
Json api_versions() {
  Json v1 = Json::object({{"id", "v1"}, {"version", "1.68"}, {"min_version", "1.62"}, {"status", "CURRENT"}});
  Json out = Json::object({{"name", "Ingot's agent API"}, {"versions", Json::array({v1})}});
  return out.set("default_version", std::move(v1));
}

// Addresses that are never an agent's; refusing them keeps a forged heartbeat from turning the manager against itself.
bool never_an_agent(const std::string& host, bool allow_loopback) {
  const std::string lower = base::lower(host);
  if (lower.starts_with("169.254.") || lower.starts_with("0.") || lower.starts_with("fe80:") || lower == "::") {
    return true;
  }
  if (lower == "::1" || lower.starts_with("127.") || lower == "localhost") return !allow_loopback;
  // IP literals only: a name could resolve to anything later.
  return lower.find_first_not_of("0123456789abcdef.:") != std::string::npos;
}

constexpr base::Duration told_gap = base::hours(1);
constexpr size_t told_max = 1000;

// An answer is small and complete, or a file that is sent in pieces.
using Answer = std::variant<Response, Artefact>;

}  // namespace

struct Endpoint::State {
  State(sys::Sys& sys_in, ExpectedBoots& boots_in, EndpointOptions options_in)
      : sys(sys_in), boots(boots_in), options(std::move(options_in)) {}

  sys::Sys& sys;
  ExpectedBoots& boots;
  EndpointOptions options;
  BootPlace place;
  std::unique_ptr<net::HttpServer> api, boot;
  std::function<Result<Artefact>(const std::string& key)> images;
  std::map<std::string, base::Time> told;  // refused heartbeats that were logged, by host

  Result<void> start();
  Result<sys::TlsServer> identity();
  Answer answer(const Request& request, bool with_api);
  Response whole(const Request& request, bool with_api);
  void respond(net::Exchange& exchange, bool with_api);
  Response lookup(const Request& request, const Target& target);
  std::optional<Response> judge_token(ExpectedBoot& expected, const std::string& given);
  bool hand_token_over(ExpectedBoot& expected, const std::vector<std::string>& macs);
  Response heartbeat(const Request& request, const std::string& uid);
  void note_refused(ExpectedBoot& boot, const std::string& said);
  Response accept_heartbeat(ExpectedBoot& boot, const Json& body);
  Response script(const std::string& dashed_mac);
  Answer boot_artefact(const std::string& token, const std::string& file);
  Answer ramdisk_file(ExpectedBoot& boot, const std::string& file);
  Answer loader_file(ExpectedBoot& boot, const std::string& file);
  // By the HTTP server, which could not make a request of it.
  void refused_unheard(int status) {
    const bool oversize = status == 413 || status == 414 || status == 431;
    boots.refuse(oversize ? &RefusedRequests::http_oversize : &RefusedRequests::malformed);
  }
  // An agent that nobody waits for beats until its server is switched off: one line in an hour is enough.
  bool is_news(const std::string& uid) {
    const base::Time now = boots.now();
    const auto known = told.find(uid);
    if (known != told.end() && now - known->second < told_gap) return false;
    if (told.size() >= told_max) told.clear();
    told[uid] = now;
    return true;
  }
  Response lost(ExpectedBoot* of = nullptr) {
    boots.refuse(&RefusedRequests::boot_path, of);
    return refuse(404, "no such boot artefact");
  }
};

Result<sys::TlsServer> Endpoint::State::identity() {
  const auto url = TRY(net::Url::parse(place.provisioning_url));
  crypto::CertificateRequest wanted;
  wanted.common_name = url.host;
  crypto::add_subject_name(wanted, url.host);
  wanted.server_auth = true;
  wanted.not_before = sys.loop.now() - base::hours(1);
  wanted.not_after = sys.loop.now() + base::hours(24 * 365);
  wanted.serial_hex = base::hex(sys.random.bytes(16));
  sys::TlsServer out;
  out.key_pem = sys.keys.ec_p256_pem();
  out.certificate_pem =
      TRY(crypto::issue_certificate(wanted, out.key_pem, options.ca_certificate_pem, options.ca_key_pem));
  return out;
}

Result<void> Endpoint::State::start() {
  place.ca_pem = options.ca_certificate_pem;
  place.ramdisk_dir = options.ramdisk_dir;
  place.kernel_arguments = options.kernel_arguments;
  place.loader_dir = options.loader_dir;
  place.agent_shows_token = !place.ramdisk_dir.empty() && sys.disk.exists(place.ramdisk_dir + "/" + agent_mark);
  TRY(check_kernel_arguments(place.kernel_arguments));
  place.ca_sha256 = TRY(certificate_digest(options.ca_certificate_pem));
  net::ServerOptions plain;
  plain.listen = {options.boot_listen};
  plain.tls = false;
  plain.body_bytes_max = request_bytes_max;
  plain.refused = [this](int status) { refused_unheard(status); };
  boot = std::make_unique<net::HttpServer>(sys.loop, sys.net, plain,
                                           [this](net::Exchange& exchange) { respond(exchange, false); });
  TRY(boot->start().context("boot listener " + options.boot_listen.text()));
  place.boot_url = options.boot_url.empty() ? "http://" + boot->local().at(0).text() : options.boot_url;

  // The certificate names the host of the URL, so a port chosen by the system does not matter to it.
  place.provisioning_url =
      options.provisioning_url.empty() ? "https://" + options.provisioning_listen.text() : options.provisioning_url;
  net::ServerOptions secure;
  secure.listen = {options.provisioning_listen};
  secure.tls_options = TRY(identity().context("certificate of the provisioning endpoint"));
  secure.body_bytes_max = request_bytes_max;
  secure.refused = plain.refused;
  api = std::make_unique<net::HttpServer>(sys.loop, sys.net, secure,
                                          [this](net::Exchange& exchange) { respond(exchange, true); });
  TRY(api->start().context("provisioning listener " + options.provisioning_listen.text()));
  if (options.provisioning_url.empty()) place.provisioning_url = "https://" + api->local().at(0).text();
  return {};
}

// For callers that want one document; what is too large for that is for respond().
Response Endpoint::State::whole(const Request& request, bool with_api) {
  Answer made = answer(request, with_api);
  if (auto* response = std::get_if<Response>(&made)) return std::move(*response);
  const Artefact& artefact = std::get<Artefact>(made);
  const ArtefactHead head = head_of(request, artefact);
  if (head.bytes > whole_bytes_max) return refuse(500, "the artefact is too large");
  auto body = read_body(sys.disk, artefact, head.from, static_cast<size_t>(head.bytes));
  if (!body) return refuse(503, "the ramdisk is not available");
  return Response{head.status, head.headers, std::move(*body)};
}

void Endpoint::State::respond(net::Exchange& exchange, bool with_api) {
  Answer made = answer(exchange.request(), with_api);
  if (auto* response = std::get_if<Response>(&made)) return exchange.respond(std::move(*response));
  const auto sent = send_artefact(sys.disk, std::get<Artefact>(made), exchange);
  if (!sent) base::log::info("a boot artefact was not sent to its end", {{"error", sent.error().text()}});
}

Answer Endpoint::State::answer(const Request& request, bool with_api) {
  const Target target = take_apart(request.target);
  const auto& parts = target.parts;
  const bool read = request.method == "GET" || request.method == "HEAD";
  if (with_api && parts.empty() && read) return Response::json(200, api_versions());
  if (with_api && parts.size() == 2 && parts[0] == "v1" && parts[1] == "lookup" && read) return lookup(request, target);
  if (with_api && parts.size() == 3 && parts[0] == "v1" && parts[1] == "heartbeat" && request.method == "POST") {
    return heartbeat(request, parts[2]);
  }
  if (!parts.empty() && parts[0] == "boot" && read) {
    if (parts.size() == 2 && parts[1] == "ca.crt") {
      return artefact_of("application/x-pem-file", place.ca_pem);
    }
    if (parts.size() == 3 && parts[1] == "ipxe") return script(parts[2]);
    if (parts.size() == 3) return boot_artefact(parts[1], parts[2]);
    return lost();
  }
  boots.refuse(&RefusedRequests::malformed);
  return refuse(404, "not found");
}

// Lookup gives no secret away, so a stock ironic-python-agent may ask without a token, as it always does. Our own agent
// shows the one of its boot.
std::optional<Response> Endpoint::State::judge_token(ExpectedBoot& expected, const std::string& given) {
  if (given.empty() && (!place.agent_shows_token || expected.gives_token)) return std::nullopt;
  if (base::equal_constant_time(given, expected.agent_token)) return std::nullopt;
  boots.refuse(given.empty() ? &RefusedRequests::lookup_without_token : &RefusedRequests::lookup_token, &expected);
  return refuse(401, "the lookup needs the agent token of the present boot of this host");
}

// Once in a boot, and to who names the boot MAC. A second asker may be the host itself, come too late.
bool Endpoint::State::hand_token_over(ExpectedBoot& expected, const std::vector<std::string>& macs) {
  if (!expected.gives_token || expected.mac.empty()) return false;
  if (std::find(macs.begin(), macs.end(), expected.mac) == macs.end()) return false;
  if (expected.token_given) {
    boots.refuse(&RefusedRequests::lookup_again, &expected);
    return false;
  }
  expected.token_given = boots.now();
  base::log::info("the first lookup was given the agent token", {{"host", expected.uid}});
  return true;
}

Response Endpoint::State::lookup(const Request& request, const Target& target) {
  std::string uid;
  std::vector<std::string> macs;
  for (const auto& [key, value] : net::parse_query(target.query)) {
    if (key == "node_uuid") uid = value;
    if (key != "addresses") continue;
    for (const auto mac : base::split(value, ',')) macs.push_back(base::lower(mac));
  }
  ExpectedBoot* expected = uid.empty() ? nullptr : boots.find(uid);
  for (const auto& mac : macs) {
    if (uid.empty() && !expected) expected = boots.by_mac(mac);
  }
  const bool mac_fits = expected && (expected->mac.empty() || macs.empty() ||
                                     std::find(macs.begin(), macs.end(), expected->mac) != macs.end());
  if (!expected || !mac_fits) {
    boots.refuse(expected ? &RefusedRequests::lookup_mac : &RefusedRequests::lookup, expected);
    return refuse(404, "no host with these addresses is expected to boot now");
  }
  if (auto no = judge_token(*expected, request.headers.get(agent_token_header))) return std::move(*no);
  if (!expected->looked_up) {
    expected->looked_up = boots.now();
    boots.happened(*expected);
  }
  // The token does not leave by this door, but for ISO images made elsewhere: whoever boots has it from its boot
  // artefact, and asking proves nothing.
  const bool first = hand_token_over(*expected, macs);
  Json node = Json::object({{"uuid", expected->uid}, {"properties", Json::object()}});
  node.set("instance_info", Json::object()).set("driver_internal_info", Json::object());
  const auto seconds = std::chrono::duration_cast<base::seconds>(options.heartbeat_timeout).count();
  Json config =
      Json::object({{"heartbeat_timeout", seconds}, {"agent_token", first ? expected->agent_token : "******"}});
  config.set("agent_token_required", true).set("agent_md5_checksum_enable", false).set("tls_min_version", "1.2");
  return Response::json(200, Json::object({{"node", std::move(node)}, {"config", std::move(config)}}));
}

Response Endpoint::State::heartbeat(const Request& request, const std::string& uid) {
  const auto body = base::parse_json(request.body, {.bytes_max = request_bytes_max});
  if (!body || !body->is_object()) {
    boots.refuse(&RefusedRequests::malformed);
    return refuse(400, "the heartbeat is not a JSON object");
  }
  ExpectedBoot* expected = boots.find(uid);
  const std::string& deploy_id = (*body)["deploy_id"].string();
  const std::string& token = (*body)["agent_token"].string();
  const bool right_token = base::equal_constant_time(token, expected ? expected->agent_token : std::string());
  if (!expected || !right_token || (!deploy_id.empty() && deploy_id != expected->boot_id)) {
    const bool replayed = (!expected || deploy_id != expected->boot_id) && boots.is_token_of(uid, deploy_id, token);
    boots.refuse(replayed ? &RefusedRequests::replayed_token : &RefusedRequests::heartbeat, expected);
    if (is_news(uid)) {
      base::log::warn("heartbeat refused", {{"host", uid}, {"expected", expected != nullptr}, {"replayed", replayed}});
    }
    return refuse(401, "the agent token does not belong to the present boot of this host");
  }
  note_refused(*expected, request.headers.get(refused_header));
  return accept_heartbeat(*expected, *body);
}

// What strangers asked of the agent itself; it says how many there were since it started.
void Endpoint::State::note_refused(ExpectedBoot& boot_seen, const std::string& said) {
  const int64_t all = std::clamp<int64_t>(base::parse_int(said).value_or(0), 0, refused_of_boot_max);
  const auto known = static_cast<int64_t>(boot_seen.refused.command);
  if (all > known) boots.refuse(&RefusedRequests::command, &boot_seen, static_cast<uint64_t>(all - known));
}

Response Endpoint::State::accept_heartbeat(ExpectedBoot& boot_seen, const Json& body) {
  const std::string& callback = body["callback_url"].string();
  const std::string& certificate = body["agent_verify_ca"].string();
  const auto url = net::Url::parse(callback);
  const bool moved =
      !boot_seen.callback_url.empty() && (boot_seen.callback_url != callback || boot_seen.verify_ca_pem != certificate);
  if (!url || url->scheme != "https" || certificate.empty() || moved ||
      never_an_agent(url->host, options.allow_loopback_agents)) {
    boots.refuse(&RefusedRequests::callback_url, &boot_seen);
    base::log::warn("heartbeat refused for its callback URL", {{"host", boot_seen.uid}, {"moved", moved}});
    return refuse(400, moved ? "callback_url and agent_verify_ca cannot change during a boot"
                             : "callback_url must be https with an address, and agent_verify_ca its certificate");
  }
  boot_seen.callback_url = callback;
  boot_seen.verify_ca_pem = certificate;
  boot_seen.agent_version = body["agent_version"].string().substr(0, 100);
  boot_seen.last_heartbeat = boots.now();
  boots.happened(boot_seen);
  return Response::json(202, Json::object());
}

Response Endpoint::State::script(const std::string& dashed_mac) {
  const auto mac = wire::normal_mac(dashed_mac);
  ExpectedBoot* expected = mac ? boots.by_mac(*mac) : nullptr;
  if (!expected || expected->method == BmcBootMethod::virtual_media || !expected->artefacts_open() ||
      expected->script_fetched) {
    return lost(expected);
  }
  expected->script_fetched = boots.now();
  boots.happened(*expected);
  return Response::text(200, ipxe_script(place, *expected));
}

Answer Endpoint::State::boot_artefact(const std::string& token, const std::string& file) {
  ExpectedBoot* expected = boots.by_path_token(token);
  if (expected && images && !expected->image_key.empty() && file == "image-" + expected->image_key) {
    auto image = images(expected->image_key);
    return image ? Answer(std::move(*image)) : Answer(lost(expected));
  }
  if (!expected || !expected->artefacts_open()) return lost(expected);
  if (file == "vmlinuz" || file == "initrd") return ramdisk_file(*expected, file);
  if (is_boot_loader(file)) return loader_file(*expected, file);
  if (file != expected->host_name + ".iso" || expected->method == BmcBootMethod::ipxe) return lost(expected);
  auto iso = boot_iso(sys.disk, place, *expected);
  if (!iso) {
    base::log::error("the boot image cannot be made", {{"host", expected->uid}, {"error", iso.error().text()}});
    return refuse(503, iso.error().message);
  }
  if (!expected->iso_fetched) {
    expected->iso_fetched = boots.now();
    boots.happened(*expected);
  }
  return Artefact{"application/vnd.efi-iso", std::move(*iso)};
}

Answer Endpoint::State::loader_file(ExpectedBoot& expected, const std::string& file) {
  if (place.loader_dir.empty() || expected.method != BmcBootMethod::ipxe) return lost(&expected);
  // UEFI firmware judges by the media type what it has got (UEFI 2.10 section 24.7.4).
  auto made = artefact_of_file(sys.disk, "application/efi", place.loader_dir + "/" + file);
  if (!made) {
    base::log::error("a boot loader cannot be read", {{"file", file}, {"error", made.error().text()}});
    return refuse(503, "the boot loader is not available");
  }
  if (!expected.loader_fetched) {
    expected.loader_file = file;
    expected.loader_size = expected.loader_bytes = made->body.size;
    expected.loader_fetched = boots.now();
    boots.happened(expected);
  }
  return std::move(*made);
}

Answer Endpoint::State::ramdisk_file(ExpectedBoot& expected, const std::string& file) {
  // Without a ramdisk: what simulated firmware loads.
  Artefact made = artefact_of("application/octet-stream", "ingot deploy ramdisk: " + file + "\n");
  if (!place.ramdisk_dir.empty()) {
    auto found = artefact_of_file(sys.disk, made.type, place.ramdisk_dir + "/" + file);
    if (!found) {
      base::log::error("ramdisk file cannot be read", {{"file", file}, {"error", found.error().text()}});
      return refuse(503, "the ramdisk is not available");
    }
    made = std::move(*found);
  }
  auto& seen = file == "vmlinuz" ? expected.kernel_fetched : expected.initrd_fetched;
  if (!seen) {
    seen = boots.now();
    boots.happened(expected);
  }
  return made;
}

Endpoint::Endpoint(sys::Sys& sys, ExpectedBoots& boots, EndpointOptions options)
    : state_(std::make_unique<State>(sys, boots, std::move(options))) {}
Endpoint::~Endpoint() = default;

Result<void> Endpoint::start() { return state_->start(); }

void Endpoint::stop() {
  if (state_->api) state_->api->stop();
  if (state_->boot) state_->boot->stop();
}

void Endpoint::serve_images(std::function<Result<Artefact>(const std::string& key)> images) {
  state_->images = std::move(images);
}

const BootPlace& Endpoint::place() const { return state_->place; }
sys::Address Endpoint::provisioning_local() const { return state_->api->local().at(0); }
sys::Address Endpoint::boot_local() const { return state_->boot->local().at(0); }
Response Endpoint::answer_api(const Request& request) { return state_->whole(request, true); }
Response Endpoint::answer_boot(const Request& request) { return state_->whole(request, false); }

}  // namespace metal
