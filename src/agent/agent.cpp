#include "agent/agent.h"

#include <algorithm>

#include "agent/commands.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "net/http.h"
#include "sys/fiber.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;

namespace {
constexpr const char* token_header = "X-Ingot-Agent-Token";
constexpr const char* refused_header = "X-Ingot-Refused-Requests";  // of a heartbeat: how many got 401 here
}  // namespace

Result<std::string> certificate_sha256(std::string_view pem) {
  constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view end = "-----END CERTIFICATE-----";
  const size_t from = pem.find(begin);
  const size_t to = pem.find(end);
  if (from == std::string_view::npos || to == std::string_view::npos || to < from) {
    return base::invalid("there is no PEM certificate");
  }
  std::string body;
  for (const char c : pem.substr(from + begin.size(), to - from - begin.size())) {
    if (c != '\n' && c != '\r' && c != ' ') body += c;
  }
  auto der = base::unbase64(body);
  if (!der) return base::invalid("the certificate is not base64");
  return base::hex(crypto::sha256(*der));
}

struct Agent::State : std::enable_shared_from_this<Agent::State> {
  State(sys::Sys& sys_in, Hardware& hardware_in, Timing timing_in)
      : sys(sys_in),
        hardware(hardware_in),
        timing(timing_in),
        commands(sys_in, hardware_in, [this](const Command&) { beat_now.set(); }),
        beat_now(sys_in.loop) {}

  sys::Sys& sys;
  Hardware& hardware;
  Timing timing;
  Commands commands;
  sys::Signal beat_now;
  std::string phase = "starting";
  std::string ca_pem, certificate_pem, callback_url, token, host_uuid;
  base::Duration heartbeat_timeout = base::seconds(300);
  uint64_t refused = 0;  // requests without the token
  std::unique_ptr<net::HttpClient> manager;
  std::unique_ptr<net::HttpServer> server;

  std::string parameter(const char* key) const {
    const auto& all = hardware.boot_parameters();
    const auto found = all.find(key);
    return found == all.end() ? std::string() : found->second;
  }

  void run();
  Result<void> trust_manager();
  Result<void> fetch_ca();
  Result<void> listen();
  Result<void> look_up();
  Result<void> look_up_once();
  Result<void> beat();
  void beat_for_ever();
  void answer(net::Exchange& exchange);
  net::Response dispatch(const net::Request& request);
  net::Response run_command(const net::Request& request, const std::string& query);
};

// After a network boot the CA comes over plain HTTP and is believed only for its pinned digest.
Result<void> Agent::State::fetch_ca() {
  const std::string pin = base::lower(parameter("ingot-ca-sha256"));
  if (pin.empty()) return Error{Code::invalid, "boot parameter ingot-ca-sha256 is missing", Layer::agent};
  std::string where = parameter("ingot-ca-url");
  if (where.empty()) where = hardware.boot_server() + "/boot/ca.crt";
  const net::Url url = TRY(net::Url::parse(where));
  net::ClientOptions options;
  options.server = url.address();
  options.tls = false;
  options.request_limit = timing.request_limit;
  options.body_bytes_max = 64u << 10;
  net::HttpClient client(sys.loop, sys.net, std::move(options));
  net::Request request;
  request.target = url.target();
  const auto answered = TRY(client.send(request).context("GET " + where));
  if (answered.status != 200) {
    return Error{Code::unavailable, "GET " + where + " answered " + std::to_string(answered.status), Layer::agent};
  }
  const std::string found = TRY(certificate_sha256(answered.body));
  if (!base::equal_constant_time(found, pin)) {
    return Error{Code::unauthenticated, "the CA at " + where + " has digest " + found + ", not the pinned " + pin,
                 Layer::agent};
  }
  ca_pem = answered.body;
  return {};
}

Result<void> Agent::State::trust_manager() {
  token = parameter("ipa-agent-token");
  host_uuid = parameter("ingot-host-uuid");
  const net::Url url = TRY(net::Url::parse(parameter("ipa-api-url")).context("boot parameter ipa-api-url"));
  if (token.empty() || host_uuid.empty()) {
    return Error{Code::invalid, "boot parameters ipa-agent-token and ingot-host-uuid are needed", Layer::agent};
  }
  ca_pem = hardware.medium_ca_pem();
  if (ca_pem.empty() && url.scheme == "https") TRY(fetch_ca());
  net::ClientOptions options;
  options.server = url.address();
  options.tls = url.scheme == "https";
  options.tls_options.ca_pem = ca_pem;
  options.request_limit = timing.request_limit;
  options.user_agent = agent_version;
  manager = std::make_unique<net::HttpClient>(sys.loop, sys.net, std::move(options));
  return {};
}

Result<void> Agent::State::listen() {
  crypto::CertificateRequest wanted;
  wanted.common_name = hardware.address();
  wanted.ip_addresses = {hardware.address()};
  wanted.server_auth = true;
  wanted.not_before = sys.loop.now() - base::hours(1);
  wanted.not_after = sys.loop.now() + base::hours(24 * 90);
  wanted.serial_hex = base::hex(sys.random.bytes(16));
  const std::string key = sys.keys.ec_p256_pem();
  certificate_pem = TRY(crypto::issue_certificate(wanted, key, "", key));

  net::ServerOptions options;
  options.listen = {{hardware.address(), command_port}};
  options.tls_options.certificate_pem = certificate_pem;
  options.tls_options.key_pem = key;
  options.body_bytes_max = 96u << 20;  // a config drive travels inside
  options.connections_max = 16;
  server = std::make_unique<net::HttpServer>(sys.loop, sys.net, std::move(options),
                                             [this](net::Exchange& exchange) { answer(exchange); });
  TRY(server->start());
  callback_url = "https://" + sys::Address{hardware.address(), command_port}.text();
  return {};
}

Result<void> Agent::State::look_up_once() {
  net::Request request;
  request.target = "/v1/lookup?addresses=" + net::percent_encode(base::join(hardware.macs(), ",")) +
                   "&node_uuid=" + net::percent_encode(host_uuid);
  request.headers.set(token_header, token);
  const auto answered = TRY(manager->send(request));
  if (answered.status != 200) {
    return Error{Code::unavailable, "lookup answered " + std::to_string(answered.status), Layer::agent};
  }
  const Json doc = TRY(base::parse_json(answered.body));
  const std::string& uuid = doc["node"]["uuid"].string();
  if (uuid != host_uuid) return Error{Code::invalid, "lookup answered another host: " + uuid, Layer::agent};
  const int64_t seconds = std::clamp<int64_t>(doc["config"]["heartbeat_timeout"].integer(300), 10, 3600);
  heartbeat_timeout = base::seconds(seconds);
  return {};
}

Result<void> Agent::State::look_up() {
  for (;;) {
    const auto found = look_up_once();
    if (found) return {};
    if (found.error().code == Code::cancelled) return base::cancelled();
    base::log::info("agent lookup failed", {{"host", host_uuid}, {"error", found.error().text()}});
    TRY(sys::sleep(sys.loop, timing.lookup_retry));
  }
}

Result<void> Agent::State::beat() {
  net::Request request;
  request.method = "POST";
  request.target = "/v1/heartbeat/" + net::percent_encode(host_uuid);
  request.headers.set("Content-Type", "application/json");
  if (refused > 0) request.headers.set(refused_header, std::to_string(refused));
  Json body = Json::object({{"callback_url", callback_url}, {"agent_token", token}});
  body.set("agent_version", agent_version).set("agent_verify_ca", certificate_pem);
  body.set("agent_status", Json()).set("agent_status_message", Json());
  if (const std::string id = parameter("deploy_id"); !id.empty()) body.set("deploy_id", id);
  request.body = body.dump();
  const auto answered = TRY(manager->send(std::move(request)));
  if (answered.status == 202 || answered.status == 200) return {};
  const Code code = answered.status == 401 || answered.status == 403 ? Code::unauthenticated : Code::unavailable;
  return Error{code, "heartbeat answered " + std::to_string(answered.status), Layer::agent};
}

void Agent::State::beat_for_ever() {
  for (;;) {
    beat_now.clear();
    const auto done = beat();
    if (!done && done.error().code == Code::cancelled) return;
    const double share = 0.3 + 0.3 * sys.random.unit();
    auto next = std::chrono::duration_cast<base::Duration>(heartbeat_timeout * (share / timing.speed));
    next = std::min(next, timing.beat_max);
    if (!done) {
      base::log::info("agent heartbeat failed", {{"host", host_uuid}, {"error", done.error().text()}});
      next = std::min(next, timing.lookup_retry);
    }
    const auto waited = beat_now.wait_for(next);
    if (!waited && waited.error().code == Code::cancelled) return;
  }
}

void Agent::State::run() {
  for (;;) {
    phase = "getting ready";
    auto ready = trust_manager();
    if (ready) break;
    if (ready.error().code == Code::cancelled) return;
    phase = ready.error().text();
    base::log::warn("agent cannot trust a manager", {{"error", ready.error().text()}});
    if (!sys::sleep(sys.loop, timing.lookup_retry)) return;
  }
  if (auto listening = listen(); !listening) {
    phase = listening.error().text();
    base::log::error("agent cannot listen", {{"error", listening.error().text()}});
    return;
  }
  phase = "looking up the manager";
  if (!look_up()) return;
  phase = "idle";
  beat_for_ever();
}

void Agent::State::answer(net::Exchange& exchange) { exchange.respond(dispatch(exchange.request())); }

net::Response Agent::State::dispatch(const net::Request& request) {
  const std::string_view target = request.target;
  const size_t mark = target.find('?');
  std::string path(target.substr(0, mark));
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::string query(mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1));
  std::string given = request.headers.get(token_header);
  for (const auto& [key, value] : net::parse_query(query)) {
    if (key == "agent_token") given = value;
  }
  if (given.empty() || !base::equal_constant_time(given, token)) {
    ++refused;
    return net::Response::json(401, Json::object({{"message", "the agent token is missing or wrong"}}));
  }
  if (request.method == "POST" && path == "/v1/commands") return run_command(request, query);
  if (request.method != "GET") return net::Response::json(405, Json::object({{"message", "method not allowed"}}));
  if (path == "/v1/status") {
    return net::Response::json(200, Json::object({{"version", agent_version}, {"doing", phase}}));
  }
  if (path == "/v1/commands") {
    Json::Array all;
    for (const auto& command : commands.all()) all.push_back(command->document());
    return net::Response::json(200, Json::object({{"commands", std::move(all)}}));
  }
  if (constexpr std::string_view prefix = "/v1/commands/"; path.starts_with(prefix)) {
    if (const auto command = commands.find(path.substr(prefix.size()))) {
      return net::Response::json(200, command->document());
    }
  }
  return net::Response::json(404, Json::object({{"message", "no such resource"}}));
}

net::Response Agent::State::run_command(const net::Request& request, const std::string& query) {
  bool wait = false;
  for (const auto& [key, value] : net::parse_query(query)) {
    if (key == "wait") wait = base::equals_ignore_case(value, "true");
  }
  const auto doc = base::parse_json(request.body);
  if (!doc) return net::Response::json(400, Json::object({{"message", doc.error().message}}));
  const auto started = commands.start((*doc)["name"].string(), (*doc)["params"], wait);
  if (started) return net::Response::json(200, (*started)->document());
  const int status = started.error().code == Code::conflict ? 409 : 400;
  return net::Response::json(status, Json::object({{"message", started.error().message}}));
}

Agent::Agent(sys::Sys& sys, Hardware& hardware, Timing timing)
    : state_(std::make_shared<State>(sys, hardware, timing)) {}
Agent::~Agent() = default;

void Agent::start() {
  sys::spawn(state_->sys.loop, "agent", [state = state_] { state->run(); });
}

std::string Agent::doing() const {
  const std::string running = state_->commands.doing();
  return running.empty() ? state_->phase : running;
}

}  // namespace agent
