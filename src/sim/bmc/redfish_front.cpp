#include "sim/bmc/redfish_front.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "net/http.h"
#include "sim/bmc/misbehaviour.h"
#include "sim/bmc/redfish_changes.h"
#include "sim/bmc/redfish_resources.h"
#include "sim/bmc/redfish_sessions.h"

namespace sim {

using base::Json;

namespace {

constexpr auto reset_delay = base::milliseconds(500);  // the answer to Manager.Reset gets out before
constexpr auto reset_outage = base::seconds(30);
constexpr size_t body_bytes_max = 64u << 20;  // firmware images
constexpr size_t connections_max = 256;
constexpr const char* stream_type = "text/event-stream";  // of an answer that goes on

struct Caller {
  std::string user;
  BmcRole role = BmcRole::read_only;
  std::string session_id;  // empty with Basic
};

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string etag_of(const RedfishResource& resource) {
  return "\"" + base::hex(crypto::sha256(resource.unstamped().dump()).substr(0, 8)) + "\"";
}

// If-Match compares strongly: a weak tag never matches (RFC 9110 section 13.1.1).
bool lists(const std::string& tags, const std::string& etag) {
  for (const auto one : base::split(tags, ','))
    if (base::trim(one) == etag || base::trim(one) == "*") return true;
  return false;
}

net::Response refused(int status, std::string id, std::string text, std::vector<std::string> arguments = {}) {
  return redfish_refusal({status, std::move(id), std::move(text), std::move(arguments)});
}

net::Response answered(const RedfishProblem& problem) {
  if (problem) return redfish_refusal(*problem);
  return {.status = 204};
}

bool is_reading(const std::string& method) { return method == "GET" || method == "HEAD"; }

bool is_allowed(const RedfishResource& resource, const std::string& method) {
  for (const auto one : base::split(resource.allow, ','))
    if (base::trim(one) == method) return true;
  return false;
}

// Which role changes what (DSP0266 section 13.2.4, the predefined roles).
bool may_change(const Caller& caller, const RedfishResource& resource) {
  switch (resource.kind) {
    case RedfishKind::sessions:
      return true;  // whoever knows a password
    case RedfishKind::session:
      return caller.role == BmcRole::administrator || caller.session_id == resource.id;
    case RedfishKind::session_service:
    case RedfishKind::reset_manager:
      return caller.role == BmcRole::administrator;
    default:
      return caller.role != BmcRole::read_only;
  }
}

// The "$" parameters of OData that this service does not implement (DSP0266 section 7.3.1); others are ignored.
std::string unsupported_query(std::string_view query) {
  for (const auto& [name, value] : net::parse_query(query))
    if (name.starts_with('$')) return name;
  return {};
}

}  // namespace

struct RedfishFront::State : std::enable_shared_from_this<RedfishFront::State> {
  State(sys::Sys& s, sys::Net& n, ServerControls& controls, RedfishFrontOptions o)
      : sys(s),
        net(n),
        server(controls),
        options(std::move(o)),
        sessions(s, options.sessions_max, options.session_idle_limit),
        firmware(s.loop, controls, "/redfish/v1/Systems/" + options.system_id),
        storage(controls, "/redfish/v1/Systems/" + options.system_id),
        events(s, n),
        resources(s.loop, controls, sessions, firmware, storage, events, options.system_id, s.random.uuid()) {
    if (options.profile)
      odd = std::make_unique<Misbehaviour>(s.loop, controls, *options.profile, resources.system_path());
  }

  sys::Sys& sys;
  sys::Net& net;
  ServerControls& server;
  RedfishFrontOptions options;
  RedfishSessions sessions;
  RedfishFirmware firmware;
  RedfishStorage storage;
  RedfishEvents events;
  RedfishResources resources;
  BmcFaults faults;
  int requests = 0;
  std::unique_ptr<Misbehaviour> odd;  // null: none
  std::unique_ptr<net::HttpServer> http;
  sys::Address local;
  sys::TlsServer identity;      // made at the first start, kept over restarts
  sys::TimerId restarting = 0;  // after Manager.Reset

  bool chance(double probability) { return probability > 0 && sys.random.unit() < probability; }

  base::Result<void> make_certificate();
  base::Result<void> start();
  void stop();
  void restart_soon(base::Duration outage);
  net::Response answer_oddly(net::Exchange& exchange, bool& hang_up);
  void serve(net::Exchange& exchange);
  net::Response handle(const net::Request& request, const sys::Address& peer);
  net::Response handle_found(const net::Request& request, const RedfishResource& resource, const sys::Address& peer);
  base::Result<Caller> authenticate(const net::Request& request);
  const BmcAccount* account(const std::string& user, const std::string& password) const;
  net::Response read(const net::Request& request, const RedfishResource& resource);
  net::Response change(const net::Request& request, const RedfishResource& resource, const sys::Address& peer);
  net::Response patch(const RedfishResource& resource, const Json& body);
  net::Response post(const RedfishResource& resource, const Json& body, const sys::Address& peer);
  net::Response reset(const Json& body);
  net::Response begun(const RedfishProblem& problem, const std::string& task);
  net::Response create_session(const Json& body, const sys::Address& peer);
};

base::Result<void> RedfishFront::State::make_certificate() {
  if (!identity.key_pem.empty()) return {};
  const auto& host = options.listen.host;
  crypto::CertificateRequest wanted;
  wanted.common_name = host;
  crypto::add_subject_name(wanted, host);
  wanted.server_auth = true;
  wanted.not_before = sys.loop.now() - base::hours(1);
  wanted.not_after = sys.loop.now() + base::hours(24 * 3650);
  wanted.serial_hex = base::hex(sys.random.bytes(16));
  auto key = sys.keys.ec_p256_pem();
  identity.certificate_pem = TRY(crypto::issue_certificate(wanted, key, "", key));
  identity.key_pem = std::move(key);
  return {};
}

base::Result<void> RedfishFront::State::start() {
  stop();
  net::ServerOptions wanted;
  wanted.listen = {options.listen};
  wanted.tls = options.tls;
  wanted.body_bytes_max = body_bytes_max;
  wanted.connections_max = connections_max;
  if (options.tls) {
    TRY(make_certificate());
    wanted.tls_options = identity;
  }
  auto made = std::make_unique<net::HttpServer>(sys.loop, net, wanted, [weak = weak_from_this()](net::Exchange& e) {
    // A request may outlive the front by the time its connection needs to end.
    if (auto self = weak.lock()) return self->serve(e);
    e.respond({.status = 503});
  });
  TRY(made->start());
  http = std::move(made);
  events.start();
  local = http->local().at(0);
  return {};
}

void RedfishFront::State::stop() {
  sys.loop.cancel(restarting);
  restarting = 0;
  events.stop();
  http.reset();
}

void RedfishFront::State::restart_soon(base::Duration outage) {
  sys.loop.cancel(restarting);
  restarting = sys.loop.after(reset_delay, [weak = weak_from_this(), outage] {
    const auto self = weak.lock();
    if (!self) return;
    self->stop();
    self->sessions.clear();
    self->restarting = self->sys.loop.after(outage, [weak] {
      const auto back = weak.lock();
      if (!back) return;
      back->restarting = 0;
      if (auto started = back->start(); !started)
        base::log::warn("BMC does not start again", {{"error", started.error().text()}});
    });
  });
}

void RedfishFront::State::serve(net::Exchange& exchange) {
  ++requests;
  if (chance(faults.http_unavailable)) {
    auto busy = refused(503, "ServiceTemporarilyUnavailable", "The service is busy.", {"1"});
    busy.headers.set("Retry-After", "1");
    return exchange.respond(std::move(busy));
  }
  if (chance(faults.http_reset)) {
    if (chance(0.5)) handle(exchange.request(), exchange.peer());
    if (auto stream = exchange.take_over()) (*stream)->close();
    return;
  }
  bool hang_up = false;
  auto response = odd ? answer_oddly(exchange, hang_up) : handle(exchange.request(), exchange.peer());
  if (hang_up) {
    if (auto stream = exchange.take_over()) (*stream)->close();
    return;
  }
  if (response.status == 200 && exchange.request().method == "GET" &&
      response.headers.get("Content-Type") == stream_type)
    return events.stream(exchange);
  response.headers.set("OData-Version", "4.0");
  response.headers.set("Cache-Control", "no-cache");
  exchange.respond(std::move(response));
}

net::Response RedfishFront::State::answer_oddly(net::Exchange& exchange, bool& hang_up) {
  net::Request request = exchange.request();
  auto instead = odd->before(request, exchange.peer());
  hang_up = instead.hang_up;
  if (instead.restart) restart_soon(odd->profile().outage);
  if (hang_up) return {};
  auto response = instead.response ? std::move(*instead.response) : handle(request, exchange.peer());
  odd->after(response);
  return response;
}

net::Response RedfishFront::State::handle(const net::Request& request, const sys::Address& peer) {
  sessions.expire();
  const auto question = request.target.find('?');
  const auto path = without_trailing_slash(request.target.substr(0, question));
  const auto& version = request.headers.get("OData-Version");
  if (!version.empty() && base::trim(version) != "4.0")
    return refused(412, "HeaderInvalid", "OData-Version has to be 4.0.", {"OData-Version"});
  const auto resource = resources.find(path);
  const bool is_login = resource && resource->kind == RedfishKind::sessions && request.method == "POST";
  const bool is_open = resource && is_reading(request.method) &&
                       (resource->kind == RedfishKind::open_document || resource->kind == RedfishKind::metadata);
  if (!is_login && !is_open) {
    if (auto caller = authenticate(request); !caller) {
      auto response = refused(401, "NoValidSession", caller.error().message);
      response.headers.set("WWW-Authenticate", "Basic realm=\"BMC\"");
      return response;
    } else if (resource && !is_reading(request.method) && is_allowed(*resource, request.method) &&
               !may_change(*caller, *resource)) {
      return refused(403, "InsufficientPrivilege", "The account " + caller->user + " may not do that.");
    }
  }
  if (!resource) return refused(404, "ResourceMissingAtURI", "There is nothing at " + path + ".", {path});
  if (!is_allowed(*resource, request.method)) {
    auto response = refused(405, "OperationNotAllowed", request.method + " is not possible here.");
    response.headers.set("Allow", resource->allow);
    return response;
  }
  if (question != std::string::npos)
    if (const auto name = unsupported_query(std::string_view(request.target).substr(question + 1)); !name.empty())
      return refused(501, "QueryNotSupported", "This service does not know the query parameter " + name + ".");
  return handle_found(request, *resource, peer);
}

net::Response RedfishFront::State::handle_found(const net::Request& request, const RedfishResource& resource,
                                                const sys::Address& peer) {
  return is_reading(request.method) ? read(request, resource) : change(request, resource, peer);
}

const BmcAccount* RedfishFront::State::account(const std::string& user, const std::string& password) const {
  for (const auto& one : server.accounts())
    if (one.user == user && base::equal_constant_time(one.password, password)) return &one;
  return nullptr;
}

base::Result<Caller> RedfishFront::State::authenticate(const net::Request& request) {
  const auto no = [](std::string why) { return base::Error{base::Code::unauthenticated, std::move(why)}; };
  if (request.headers.has("X-Auth-Token")) {
    const auto* session = sessions.use(request.headers.get("X-Auth-Token"));
    if (session == nullptr) return no("The session has ended or never was.");
    return Caller{session->user, session->role, session->id};
  }
  const auto& authorization = request.headers.get("Authorization");
  constexpr std::string_view scheme = "basic ";
  if (!base::lower(authorization).starts_with(scheme)) return no("This needs a session or Basic authentication.");
  const auto plain = base::unbase64(base::trim(std::string_view(authorization).substr(scheme.size())));
  const auto colon = plain ? plain->find(':') : std::string::npos;
  if (colon == std::string::npos) return no("The Authorization header is malformed.");
  const auto* known = account(plain->substr(0, colon), plain->substr(colon + 1));
  if (known == nullptr) return no("The user name or the password is wrong.");
  return Caller{known->user, known->role, ""};
}

net::Response RedfishFront::State::read(const net::Request& request, const RedfishResource& resource) {
  net::Response response;
  if (resource.kind == RedfishKind::event_stream) {
    response.headers.set("Content-Type", stream_type);
    return response;
  }
  if (resource.kind == RedfishKind::metadata) {
    response.body = RedfishResources::metadata();
    response.headers.set("Content-Type", "application/xml");
    response.headers.set("Allow", resource.allow);
    return response;
  }
  const auto etag = etag_of(resource);
  if (const auto& known = request.headers.get("If-None-Match"); !known.empty() && lists(known, etag)) {
    response.status = 304;
  } else {
    Json document = resource.document;
    if (document.has("@odata.id")) document.set("@odata.etag", etag);
    response = net::Response::json(200, document);
  }
  response.headers.set("ETag", etag);
  response.headers.set("Allow", resource.allow);
  return response;
}

net::Response RedfishFront::State::change(const net::Request& request, const RedfishResource& resource,
                                          const sys::Address& peer) {
  const auto& wanted = request.headers.get("If-Match");
  if (!wanted.empty() && !resource.document.is_null() && !lists(wanted, etag_of(resource)))
    return refused(412, "PreconditionFailed", "The resource has changed: its ETag is another one now.");
  if (request.method == "DELETE" && resource.kind == RedfishKind::volume) {
    std::string task;
    const auto problem = storage.remove(resource.path, task);
    return begun(problem, task);
  }
  if (request.method == "DELETE" && resource.kind == RedfishKind::subscription) {
    events.unsubscribe(resource.path);
    return {.status = 204};
  }
  if (request.method == "DELETE") {
    sessions.remove(resource.id);
    return {.status = 204};
  }
  if (resource.kind == RedfishKind::push_update) {
    std::string task;
    const auto problem = firmware.push(request, task);
    return begun(problem, task);
  }
  Json body = Json::object();
  if (!request.body.empty()) {
    const auto type = base::lower(request.headers.get("Content-Type"));
    if (!type.empty() && !type.starts_with("application/json"))
      return refused(415, "UnsupportedMediaType", "Request bodies are application/json here.");
    auto parsed = base::parse_json(request.body);
    if (!parsed) return refused(400, "MalformedJSON", "The request body is not JSON: " + parsed.error().message);
    if (!parsed->is_object()) return refused(400, "UnrecognizedRequestBody", "The request body is not a JSON object.");
    body = std::move(*parsed);
  }
  if (request.method != "PATCH") return post(resource, body, peer);
  if (body.empty()) return refused(400, "EmptyJSON", "The request body says nothing.");
  return patch(resource, body);
}

net::Response RedfishFront::State::patch(const RedfishResource& resource, const Json& body) {
  RedfishProblem problem;
  std::optional<base::Duration> timeout;
  if (resource.kind == RedfishKind::system) {
    problem = patch_system(server, resource.document, body);
  } else if (resource.kind == RedfishKind::bios_settings) {
    problem = firmware.change_bios(body);
  } else if (resource.kind == RedfishKind::secure_boot) {
    problem = patch_secure_boot(server, resource.document, body);
  } else if (resource.kind == RedfishKind::media) {
    problem = patch_media(server, resource.document, body);
  } else {
    problem = patch_session_service(resource.document, body, timeout);
    if (timeout && !problem) sessions.set_idle_limit(*timeout);
  }
  if (problem) return redfish_refusal(*problem);
  return read({}, resources.find(resource.path).value_or(resource));
}

net::Response RedfishFront::State::post(const RedfishResource& resource, const Json& body, const sys::Address& peer) {
  switch (resource.kind) {
    case RedfishKind::sessions:
      return create_session(body, peer);
    case RedfishKind::reset_system:
      return reset(body);
    case RedfishKind::simple_update: {
      std::string task;
      const auto problem = firmware.simple_update(body, task);
      return begun(problem, task);
    }
    case RedfishKind::subscriptions: {
      std::string path;
      if (const auto problem = events.subscribe(body, path)) return redfish_refusal(*problem);
      auto response = net::Response::json(201, events.find(path));
      response.headers.set("Location", path);
      return response;
    }
    case RedfishKind::volumes: {
      std::string task;
      const auto problem = storage.create(body, task);
      return begun(problem, task);
    }
    case RedfishKind::insert_media:
      return answered(insert_media(server, body));
    case RedfishKind::eject_media:
      return answered(eject_media(server, body));
    default:
      break;
  }
  const auto problem = check_manager_reset(body);
  if (!problem) restart_soon(reset_outage);
  return answered(problem);
}

net::Response RedfishFront::State::reset(const Json& body) {
  const bool was_on = server.powered_on();
  const auto problem = reset_system(server, body);
  const auto& type = body["ResetType"].string();
  const bool restarts = type.find("Restart") != std::string::npos || type == "PowerCycle";
  // A machine may take its time to come up.
  const bool starts = type == "On" || type == "ForceOn" || type == "PushPowerButton";
  if (!problem && (was_on ? restarts : starts)) {
    firmware.booted();
    if (server.raid()) server.raid()->booted();
  }
  return answered(problem);
}

net::Response RedfishFront::State::begun(const RedfishProblem& problem, const std::string& task) {
  if (problem) return redfish_refusal(*problem);
  const auto path = "/redfish/v1/TaskService/Tasks/" + task;
  auto document = firmware.task(task);
  if (document.is_null()) document = storage.task(task);
  auto response = net::Response::json(202, document);
  response.headers.set("Location", path);
  return response;
}

net::Response RedfishFront::State::create_session(const Json& body, const sys::Address& peer) {
  for (const auto& [name, value] : body.members())
    if (name != "UserName" && name != "Password") return redfish_refusal(property_unknown("#/" + name));
  for (const char* name : {"UserName", "Password"}) {
    const std::string pointer = std::string("#/") + name;
    if (!body.has(name)) return redfish_refusal(property_missing(pointer));
    // A password that is no string may still be one: it is not repeated in the answer.
    if (!body[name].is_string()) return redfish_refusal(property_type_error(pointer, nullptr));
  }
  const auto* known = account(body["UserName"].string(), body["Password"].string());
  if (known == nullptr) {
    auto response = refused(401, "ResourceAtUriUnauthorized", "The user name or the password is wrong.");
    response.headers.set("WWW-Authenticate", "Basic realm=\"BMC\"");
    return response;
  }
  const auto* session = sessions.create(*known, peer.host);
  if (session == nullptr)
    return refused(503, "SessionLimitExceeded", "All sessions are in use; end one or wait until one is idle too long.");
  const auto path = "/redfish/v1/SessionService/Sessions/" + session->id;
  auto response = net::Response::json(201, resources.find(path)->document);
  response.headers.set("Location", path);
  response.headers.set("X-Auth-Token", session->token);
  return response;
}

RedfishFront::RedfishFront(sys::Sys& sys, sys::Net& net, ServerControls& server, RedfishFrontOptions options)
    : state_(std::make_shared<State>(sys, net, server, std::move(options))) {}

RedfishFront::~RedfishFront() { stop(); }

base::Result<void> RedfishFront::start() { return state_->start(); }

void RedfishFront::stop() { state_->stop(); }

void RedfishFront::restart_losing_sessions() {
  stop();
  state_->sessions.clear();
}

void RedfishFront::tell(const std::string& message_id, const std::string& origin) {
  state_->events.tell(message_id, "", origin);
}

void RedfishFront::power_changed() {
  const bool on = state_->server.powered_on();
  state_->events.tell("ResourceEvent.1.3.0.PowerStateChanged", on ? "The server is on." : "The server is off.",
                      state_->resources.system_path());
}

size_t RedfishFront::event_streams() const { return state_->events.streams(); }

sys::Address RedfishFront::local() const { return state_->local; }

size_t RedfishFront::sessions() const {
  state_->sessions.expire();
  return state_->sessions.all().size();
}

int RedfishFront::requests() const { return state_->requests; }

BmcFaults& RedfishFront::faults() { return state_->faults; }

}  // namespace sim
