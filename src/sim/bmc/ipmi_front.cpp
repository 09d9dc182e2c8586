#include "sim/bmc/ipmi_front.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "base/text.h"
#include "sim/bmc/ipmi_commands.h"
#include "sim/bmc/sol_service.h"
#include "sys/fiber.h"
#include "wire/ipmi_bytes.h"
#include "wire/ipmi_packet.h"
#include "wire/ipmi_rakp.h"

namespace sim {
namespace {

namespace ipmi = wire::ipmi;
namespace command = wire::ipmi::command;
namespace completion = wire::ipmi::completion;
using Status = ipmi::RakpStatus;

ipmi::Privilege privilege_of(BmcRole role) {
  switch (role) {
    case BmcRole::administrator:
      return ipmi::Privilege::administrator;
    case BmcRole::operator_:
      return ipmi::Privilege::operator_;
    case BmcRole::read_only:
      return ipmi::Privilege::user;
  }
  return ipmi::Privilege::user;
}

struct Session {
  ipmi::Exchange exchange;
  ipmi::SessionKeys keys;
  bool active = false;
  ipmi::Privilege wanted = ipmi::Privilege::none;  // of the open request
  ipmi::Privilege highest = ipmi::Privilege::none, present = ipmi::Privilege::user;
  ipmi::SequenceWindow window;
  uint32_t sent = 0;
  base::Time used;
  sys::Address peer;  // where its last packet came from
  // The last command and its answer: a repeated question (lost answer) must not act twice.
  std::string last_message, last_answer;
};

}  // namespace

struct IpmiFront::State : std::enable_shared_from_this<IpmiFront::State> {
  State(sys::Sys& s, sys::Net& n, ServerControls& controls, IpmiFrontOptions o)
      : sys(s),
        net(n),
        server(controls),
        options(std::move(o)),
        commands(s.loop, controls, options.profile),
        sol(s.loop, controls.serial(), options.profile,
            [this](uint32_t id, const ipmi::SolPacket& packet) { send_sol(id, packet); }),
        busy_commands(options.profile.busy_commands) {}

  sys::Sys& sys;
  sys::Net& net;
  ServerControls& server;
  IpmiFrontOptions options;
  IpmiCommands commands;
  SolService sol;
  int busy_commands;  // still to refuse
  std::optional<base::Time> last_command;
  base::Time deaf_until{};
  BmcFaults faults;
  std::shared_ptr<sys::Datagram> socket;
  sys::Address local;
  std::map<uint32_t, Session> sessions;  // by our id

  bool chance(double probability) { return probability > 0 && sys.random.unit() < probability; }

  void serve(const std::shared_ptr<sys::Datagram>& on);
  void send(const sys::Address& to, const std::string& bytes);
  void send_sol(uint32_t id, const ipmi::SolPacket& packet);
  void expire();
  std::string handle(const sys::Packet& datagram);
  bool is_too_much(const ipmi::Command& asked);
  std::string outside_session(const ipmi::Packet& packet);
  std::string open(std::string_view payload);
  std::string rakp1(std::string_view payload);
  std::string rakp3(std::string_view payload);
  Status judge_name(Session& session, const ipmi::Rakp1& message);
  std::string inside_session(const ipmi::Packet& packet, const sys::Address& from);
  ipmi::Answer answer(uint32_t id, Session& session, const ipmi::Command& asked, bool& close);
  ipmi::Answer session_command(uint32_t id, Session& session, const ipmi::Command& asked, bool& close);
  IpmiReply cipher_suites(std::string_view data) const;
  std::optional<IpmiReply> unauthenticated(const ipmi::Command& asked) const;
  uint32_t new_id();
};

void IpmiFront::State::serve(const std::shared_ptr<sys::Datagram>& on) {
  while (true) {
    auto packet = on->receive(sys::no_limit);
    if (socket != on) return;  // stopped or restarted meanwhile
    if (!packet) {
      if (packet.error().code == base::Code::timeout) continue;
      return;
    }
    if (chance(faults.datagram_lost)) continue;
    for (int copies = chance(faults.datagram_twice) ? 2 : 1; copies > 0; --copies)
      if (const auto reply = handle(*packet); !reply.empty()) send(packet->from, reply);
  }
}

void IpmiFront::State::send(const sys::Address& to, const std::string& bytes) {
  if (chance(faults.datagram_lost)) return;
  for (int copies = chance(faults.datagram_twice) ? 2 : 1; copies > 0; --copies)
    if (auto sent = socket->send(to, bytes); !sent) base::log::debug("ipmi reply not sent", {{"to", to.text()}});
}

void IpmiFront::State::send_sol(uint32_t id, const ipmi::SolPacket& packet) {
  const auto found = sessions.find(id);
  if (found == sessions.end() || !socket || sys.loop.now() < deaf_until) return;
  Session& session = found->second;
  send(session.peer, ipmi::encode_sealed(ipmi::PayloadType::sol, ipmi::encode(packet), session.exchange.console_id,
                                         ++session.sent, session.keys, sys.random.bytes(16)));
}

void IpmiFront::State::expire() {
  const auto now = sys.loop.now();
  std::erase_if(sessions, [&](const auto& entry) {
    const bool over = entry.second.used + options.session_idle_limit <= now;
    if (over) sol.session_ended(entry.first);
    return over;
  });
}

// The reply's datagram, or empty when there is nothing to say.
std::string IpmiFront::State::handle(const sys::Packet& datagram) {
  if (sys.loop.now() < deaf_until) return {};
  if (ipmi::is_presence_ping(datagram.bytes)) return ipmi::encode_presence_pong(datagram.bytes);
  auto packet = ipmi::decode_packet(datagram.bytes);
  if (!packet) return {};
  expire();
  if (packet->session_id != 0) return packet->v15 ? std::string() : inside_session(*packet, datagram.from);
  if (packet->authenticated || packet->encrypted) return {};
  const auto wrapped = [](ipmi::PayloadType type, const std::string& payload) {
    return payload.empty() ? payload : ipmi::encode_plain(type, payload);
  };
  switch (packet->type) {
    case ipmi::PayloadType::message:
      return outside_session(*packet);
    case ipmi::PayloadType::open_request:
      return wrapped(ipmi::PayloadType::open_response, open(packet->payload));
    case ipmi::PayloadType::rakp1:
      return wrapped(ipmi::PayloadType::rakp2, rakp1(packet->payload));
    case ipmi::PayloadType::rakp3:
      return wrapped(ipmi::PayloadType::rakp4, rakp3(packet->payload));
    default:
      return {};
  }
}

std::string IpmiFront::State::outside_session(const ipmi::Packet& packet) {
  auto asked = ipmi::decode_command(packet.payload);
  if (!asked) return {};
  ipmi::Answer reply{asked->id, asked->sequence, completion::insufficient_privilege, ""};
  if (auto known = unauthenticated(*asked)) {
    reply.completion = known->completion;
    reply.data = known->data;
  }
  const auto message = ipmi::encode(reply);
  return packet.v15 ? ipmi::encode_v15(message) : ipmi::encode_plain(ipmi::PayloadType::message, message);
}

std::optional<IpmiReply> IpmiFront::State::unauthenticated(const ipmi::Command& asked) const {
  if (asked.id == command::get_auth_capabilities) {
    if (asked.data.size() != 2) return IpmiReply{completion::bad_length, ""};
    ipmi::AuthCapabilities capabilities;
    capabilities.channel = 1;
    capabilities.rmcp_plus = (ipmi::byte_at(asked.data, 0) & 0x80) != 0;
    return IpmiReply{0, ipmi::encode(capabilities)};
  }
  if (asked.id == command::get_cipher_suites) return cipher_suites(asked.data);
  if (asked.id == command::get_system_guid) return IpmiReply{0, ipmi::encode_guid(server.identity().uuid)};
  return std::nullopt;
}

IpmiReply IpmiFront::State::cipher_suites(std::string_view data) const {
  if (data.size() != 3) return {completion::bad_length, ""};
  if (options.profile.silent_suite_17) return {completion::invalid_command, ""};
  std::vector<ipmi::Suite> suites{ipmi::Suite::sha1};
  if (options.suite_17) suites.push_back(ipmi::Suite::sha256);
  const auto records = ipmi::encode_cipher_suites(suites);
  const size_t from = std::min<size_t>(size_t(ipmi::byte_at(data, 2) & 0x3F) * 16, records.size());
  return {0, "\x01" + records.substr(from, 16)};
}

uint32_t IpmiFront::State::new_id() {
  while (true) {
    const auto id = uint32_t(sys.random.next());
    if (id != 0 && !sessions.contains(id)) return id;
  }
}

std::string IpmiFront::State::open(std::string_view payload) {
  auto request = ipmi::decode_open_request(payload);
  if (!request) return {};
  ipmi::OpenResponse response;
  response.tag = request->tag;
  response.console_id = request->console_id;
  const bool sha1 = request->algorithms == ipmi::algorithms_of(ipmi::Suite::sha1);
  const bool sha256 = options.suite_17 && request->algorithms == ipmi::algorithms_of(ipmi::Suite::sha256);
  if (sha256 && options.profile.silent_suite_17) return {};
  if (!sha1 && !sha256) {
    response.status = Status::no_cipher_suite_match;
    return ipmi::encode(response);
  }
  if (request->privilege > ipmi::Privilege::administrator) {
    response.status = Status::invalid_role;
    return ipmi::encode(response);
  }
  if (sessions.size() >= options.sessions_max) {
    // Half-open exchanges make room, the oldest first; active sessions do not.
    auto oldest = sessions.end();
    for (auto it = sessions.begin(); it != sessions.end(); ++it)
      if (!it->second.active && (oldest == sessions.end() || it->second.used < oldest->second.used)) oldest = it;
    if (oldest == sessions.end()) {
      response.status = Status::insufficient_resources;
      return ipmi::encode(response);
    }
    sessions.erase(oldest);
  }
  const auto id = new_id();
  Session& session = sessions[id];
  session.used = sys.loop.now();
  session.wanted = request->privilege;
  session.exchange.suite = sha256 ? ipmi::Suite::sha256 : ipmi::Suite::sha1;
  session.exchange.console_id = request->console_id;
  session.exchange.bmc_id = id;
  session.exchange.guid = ipmi::encode_guid(server.identity().uuid);
  response.bmc_id = id;
  response.privilege =
      request->privilege == ipmi::Privilege::none ? ipmi::Privilege::administrator : request->privilege;
  response.algorithms = request->algorithms;
  return ipmi::encode(response);
}

Status IpmiFront::State::judge_name(Session& session, const ipmi::Rakp1& message) {
  if (message.user.size() > ipmi::name_bytes_max) return Status::invalid_name_length;
  const auto role = ipmi::Privilege(message.role & 0x0F);
  if (role > ipmi::Privilege::administrator) return Status::invalid_role;
  const auto& accounts = server.accounts();
  const auto account =
      std::find_if(accounts.begin(), accounts.end(), [&](const BmcAccount& a) { return a.user == message.user; });
  if (account == accounts.end()) return Status::unauthorized_name;
  const auto limit = privilege_of(account->role);
  if (role > limit) return Status::unauthorized_role;
  session.highest = role == ipmi::Privilege::none ? limit : role;
  session.exchange.password = account->password;
  return Status::ok;
}

std::string IpmiFront::State::rakp1(std::string_view payload) {
  auto message = ipmi::decode_rakp1(payload);
  if (!message) return {};
  ipmi::Rakp2 reply;
  reply.tag = message->tag;
  const auto found = sessions.find(message->bmc_id);
  if (found == sessions.end() || found->second.active) {
    reply.status = Status::invalid_session_id;
    return ipmi::encode(reply);
  }
  Session& session = found->second;
  auto& exchange = session.exchange;
  session.used = sys.loop.now();
  reply.console_id = exchange.console_id;
  reply.status = judge_name(session, *message);
  if (reply.status != Status::ok) {
    sessions.erase(found);
    return ipmi::encode(reply);
  }
  // A repeated message 1 gets the same message 2, else the console would hold keys of a forgotten random number.
  const bool repeated = exchange.console_random == message->console_random && exchange.user == message->user;
  if (!repeated) exchange.bmc_random = sys.random.bytes(ipmi::random_bytes);
  exchange.console_random = message->console_random;
  exchange.role = message->role;
  exchange.user = message->user;
  reply.bmc_random = exchange.bmc_random;
  reply.guid = exchange.guid;
  reply.auth_code = ipmi::rakp2_code(exchange);
  return ipmi::encode(reply);
}

std::string IpmiFront::State::rakp3(std::string_view payload) {
  auto message = ipmi::decode_rakp3(payload);
  if (!message) return {};
  ipmi::Rakp4 reply;
  reply.tag = message->tag;
  const auto found = sessions.find(message->bmc_id);
  if (found == sessions.end() || found->second.exchange.bmc_random.empty()) {
    reply.status = Status::invalid_session_id;
    return ipmi::encode(reply);
  }
  Session& session = found->second;
  reply.console_id = session.exchange.console_id;
  if (message->status != Status::ok) {  // the console gave up, for example because our message 2 did not match
    if (!session.active) sessions.erase(found);
    return {};
  }
  if (!base::equal_constant_time(message->auth_code, ipmi::rakp3_code(session.exchange))) {
    reply.status = Status::invalid_integrity_check;
    if (!session.active) sessions.erase(found);
    return ipmi::encode(reply);
  }
  session.keys = ipmi::session_keys(session.exchange);
  session.active = true;
  session.used = sys.loop.now();
  reply.integrity_code = ipmi::rakp4_code(session.exchange, session.keys);
  return ipmi::encode(reply);
}

std::string IpmiFront::State::inside_session(const ipmi::Packet& packet, const sys::Address& from) {
  const auto found = sessions.find(packet.session_id);
  if (found == sessions.end() || !found->second.active) return {};
  Session& session = found->second;
  auto message = ipmi::open_payload(packet, session.keys);
  if (!message || !session.window.accept(packet.sequence)) return {};
  session.used = sys.loop.now();
  session.peer = from;
  if (packet.type == ipmi::PayloadType::sol) sol.receive(found->first, *message);
  if (packet.type != ipmi::PayloadType::message) return {};
  bool close = false;
  std::string plain;
  if (*message == session.last_message) {
    plain = session.last_answer;
  } else {
    auto asked = ipmi::decode_command(*message);
    if (!asked) return {};
    if (is_too_much(*asked)) return {};
    plain = ipmi::encode(answer(found->first, session, *asked, close));
    session.last_message = *message;
    session.last_answer = plain;
  }
  auto reply = ipmi::encode_sealed(ipmi::PayloadType::message, plain, session.exchange.console_id, ++session.sent,
                                   session.keys, sys.random.bytes(16));
  if (close) {
    sol.session_ended(found->first);
    sessions.erase(found);
  }
  return reply;
}

// A BMC that cannot keep up restarts.
bool IpmiFront::State::is_too_much(const ipmi::Command& asked) {
  const auto gap = options.profile.command_gap;
  if (gap == base::Duration::zero() || asked.id == command::set_session_privilege || asked.id == command::close_session)
    return false;
  const auto before = std::exchange(last_command, sys.loop.now());
  if (!before || sys.loop.now() >= *before + gap) return false;
  deaf_until = sys.loop.now() + gap;
  sol.forget();
  sessions.clear();
  return true;
}

ipmi::Answer IpmiFront::State::answer(uint32_t id, Session& session, const ipmi::Command& asked, bool& close) {
  ipmi::Answer reply{asked.id, asked.sequence, 0, ""};
  if (busy_commands > 0 || chance(faults.node_busy)) {
    if (busy_commands > 0) --busy_commands;
    reply.completion = completion::node_busy;
    return reply;
  }
  if (asked.id == command::set_session_privilege || asked.id == command::close_session)
    return session_command(id, session, asked, close);
  IpmiReply result;
  if (auto open_to_all = unauthenticated(asked)) {
    result = *open_to_all;
  } else if (const auto for_sol = SolService::needs(asked.id)) {
    if (session.present < *for_sol) {
      result.completion = completion::insufficient_privilege;
    } else {
      result = sol.run(id, asked, local.port);
    }
  } else if (const auto needed = IpmiCommands::needs(asked.id); !needed) {
    result.completion = completion::invalid_command;
  } else if (session.present < *needed) {
    result.completion = completion::insufficient_privilege;
  } else {
    result = commands.run(asked);
  }
  reply.completion = result.completion;
  reply.data = result.data;
  return reply;
}

ipmi::Answer IpmiFront::State::session_command(uint32_t id, Session& session, const ipmi::Command& asked, bool& close) {
  ipmi::Answer reply{asked.id, asked.sequence, 0, ""};
  if (asked.id == command::close_session) {
    if (asked.data.size() < 4) {
      reply.completion = completion::bad_length;
    } else if (ipmi::read_u32(asked.data, 0) != id) {
      reply.completion = 0x87;  // invalid session id (table 22-25)
    } else {
      close = true;
    }
    return reply;
  }
  if (asked.data.size() != 1) {
    reply.completion = completion::bad_length;
    return reply;
  }
  const auto level = ipmi::Privilege(ipmi::byte_at(asked.data, 0) & 0x0F);
  if (level > session.highest) {
    reply.completion = 0x81;  // exceeds the user's or the session's limit (table 22-23)
    return reply;
  }
  if (level != ipmi::Privilege::none) session.present = level;
  ipmi::put_u8(reply.data, unsigned(session.present));
  return reply;
}

IpmiFront::IpmiFront(sys::Sys& sys, sys::Net& net, ServerControls& server, IpmiFrontOptions options)
    : state_(std::make_shared<State>(sys, net, server, std::move(options))) {}

IpmiFront::~IpmiFront() {
  stop();
  state_->commands.forget();  // its timer would reach the server after our end
  state_->sol.end();
}

base::Result<void> IpmiFront::start() {
  stop();
  auto opened = TRY(state_->net.open_udp(state_->options.listen, {}));
  state_->socket = std::move(opened);
  state_->local = state_->socket->local();
  if (auto* serial = state_->server.serial()) serial->ipmi_port = state_->local.port;
  sys::spawn(state_->sys.loop, "ipmi " + state_->local.text(),
             [state = state_, socket = state_->socket] { state->serve(socket); });
  return {};
}

void IpmiFront::stop() {
  if (!state_->socket) return;
  auto socket = std::move(state_->socket);
  state_->socket.reset();
  socket->close();
  if (auto* serial = state_->server.serial()) serial->ipmi_port = 0;
}

void IpmiFront::restart_losing_sessions() {
  stop();
  state_->sessions.clear();
  state_->commands.forget();
  state_->sol.forget();
}

sys::Address IpmiFront::local() const { return state_->local; }

size_t IpmiFront::sessions() const {
  state_->expire();
  return size_t(std::count_if(state_->sessions.begin(), state_->sessions.end(),
                              [](const auto& entry) { return entry.second.active; }));
}

BmcFaults& IpmiFront::faults() { return state_->faults; }

}  // namespace sim
