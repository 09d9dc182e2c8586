#include "metal/bmc/ipmi_session.h"

#include <algorithm>

#include "base/text.h"
#include "sys/fiber.h"
#include "wire/ipmi_bytes.h"

namespace metal {
namespace {

namespace ipmi = wire::ipmi;
namespace command = wire::ipmi::command;
namespace completion = wire::ipmi::completion;
using Status = ipmi::RakpStatus;

// BMCs drop idle sessions after 60 s, give or take 3 (6.12.15): one that idled for so long is not worth asking.
constexpr auto slow_gap = base::seconds(5);  // between commands to a BMC that cannot keep up
constexpr auto session_idle_max = base::seconds(50);
// A session that worked before and is silent now was probably lost with a restart of the BMC.
constexpr int sends_before_reopening = 3;
// Enough to see that an optional question is not answered.
constexpr int sends_of_optional = 2;
constexpr size_t cipher_records_max = 64;

bool asks_for_patience(uint8_t code) {
  return code == completion::node_busy || code == completion::timeout || code == completion::out_of_space ||
         code == completion::initializing;
}

std::string name_of(ipmi::CommandId id) {
  std::string bytes;
  ipmi::put_u8(bytes, unsigned(id.net_fn));
  ipmi::put_u8(bytes, id.code);
  const auto digits = base::hex(bytes);
  if (id == command::get_auth_capabilities) return "Get Channel Authentication Capabilities";
  if (id == command::chassis_control) return "Chassis Control";
  if (id == command::get_chassis_status) return "Get Chassis Status";
  if (id == command::set_boot_options) return "Set System Boot Options";
  if (id == command::set_session_privilege) return "Set Session Privilege Level";
  if (id == command::get_device_id) return "Get Device ID";
  if (id == command::activate_payload) return "Activate Payload";
  if (id == command::set_sol) return "Set SOL Configuration Parameters";
  return "command " + digits.substr(0, 2) + "h/" + digits.substr(2) + "h";
}

}  // namespace

IpmiSession::IpmiSession(sys::Sys& sys, sys::Net& net, BmcAddress address, BmcCredentials credentials, BmcLimits limits)
    : sys_(sys),
      net_(net),
      address_(std::move(address)),
      credentials_(std::move(credentials)),
      limits_(limits),
      peer_{address_.host, address_.port},
      quirks_(address_.endpoint()) {
  if (!limits_.bad) limits_.bad = std::make_shared<BadAnswers>();
}

IpmiSession::~IpmiSession() {
  if (socket_) socket_->close();
}

base::Error IpmiSession::failed(base::Code code, const std::string& what) const {
  return base::Error{code, address_.endpoint() + ": " + what, base::Layer::bmc};
}

ipmi::Privilege IpmiSession::privilege() const {
  if (address_.privilege_level == "USER") return ipmi::Privilege::user;
  if (address_.privilege_level == "OPERATOR") return ipmi::Privilege::operator_;
  return ipmi::Privilege::administrator;
}

base::Result<void> IpmiSession::open_socket() {
  if (socket_) return {};
  auto opened = net_.open_udp({}, peer_);
  if (!opened) return std::move(opened).error().context("UDP socket toward " + peer_.text()).at(base::Layer::bmc);
  socket_ = std::move(*opened);
  return {};
}

base::Result<void> IpmiSession::exchange(const std::string& what, Patience patience,
                                         const std::function<std::string()>& make, const Accept& accept) {
  TRY(open_socket());
  const auto started = sys_.loop.now();
  auto wait = patience.first_wait;
  for (int send = 0; send < patience.sends; ++send, wait += wait / 2) {
    if (auto sent = socket_->send(peer_, make()); !sent)
      return std::move(sent).error().context(address_.endpoint()).at(base::Layer::bmc);
    const auto deadline = sys_.loop.now() + wait;
    while (sys_.loop.now() < deadline) {
      auto packet = socket_->receive(deadline - sys_.loop.now());
      if (!packet) {
        if (packet.error().code == base::Code::timeout) break;
        return std::move(packet).error().context(address_.endpoint() + ": " + what).at(base::Layer::bmc);
      }
      const auto decoded = decode(packet->bytes);
      if (decoded && accept(*decoded)) return {};
    }
  }
  const auto spent = std::chrono::duration_cast<base::seconds>(sys_.loop.now() - started);
  return failed(base::Code::timeout, "no answer to " + what + " on UDP port " + std::to_string(peer_.port) + " after " +
                                         std::to_string(patience.sends) + " tries in " + base::human_duration(spent))
      .with_fix("check spec.bmc.address, that IPMI over LAN is enabled and that UDP port " +
                std::to_string(peer_.port) + " is reachable from here");
}

std::optional<ipmi::Packet> IpmiSession::decode(std::string_view datagram) {
  auto packet = ipmi::decode_packet(datagram);
  if (packet) return std::move(*packet);
  ++limits_.bad->ipmi_malformed;
  return std::nullopt;
}

std::optional<std::string> IpmiSession::open_message(const ipmi::Packet& packet) {
  // Of a session before this one, or of none.
  if (!active_ || packet.session_id != console_id_) return std::nullopt;
  const auto opened = ipmi::open_payload(packet, keys_);
  if (!opened) {
    ++limits_.bad->ipmi_integrity;
    return std::nullopt;
  }
  if (!window_.accept(packet.sequence)) {
    ++limits_.bad->ipmi_replayed;
    return std::nullopt;
  }
  used_ = sys_.loop.now();
  if (packet.type == ipmi::PayloadType::message) return *opened;
  if (packet.type != ipmi::PayloadType::sol) return std::nullopt;
  const auto sol = ipmi::decode_sol(*opened);
  if (!sol) ++limits_.bad->sol_malformed;
  if (sol && sol_sink_) sol_sink_(*sol);
  return std::nullopt;
}

base::Result<ipmi::Answer> IpmiSession::ask_outside(ipmi::CommandId id, const std::string& data, Patience patience) {
  const uint8_t number = ++message_number_ & 0x3F;
  const auto datagram = ipmi::encode_v15(ipmi::encode(ipmi::Command{id, number, data}));
  ipmi::Answer answer;
  TRY(exchange(
      name_of(id), patience, [&] { return datagram; },
      [&](const ipmi::Packet& packet) {
        if (packet.session_id != 0 || packet.type != ipmi::PayloadType::message || packet.encrypted) return false;
        auto decoded = ipmi::decode_answer(packet.payload);
        if (!decoded) ++limits_.bad->ipmi_malformed;
        if (!decoded || decoded->id != id || decoded->sequence != number) return false;
        answer = std::move(*decoded);
        return true;
      }));
  return answer;
}

// Which suites to try, best first. A BMC that lists its suites is believed; of the others some do not answer a suite
// that they do not know, so silence counts as a refusal unless it was the last one.
base::Result<std::vector<ipmi::Suite>> IpmiSession::choose_suites() {
  auto answer = TRY(
      ask_outside(command::get_auth_capabilities, ipmi::auth_capabilities_request(uint8_t(privilege())), patience()));
  if (answer.completion != completion::ok) return refusal(command::get_auth_capabilities, answer.completion);
  auto capabilities = ipmi::decode_auth_capabilities(answer.data);
  if (!capabilities) return failed(base::Code::internal, capabilities.error().message);
  if (!capabilities->rmcp_plus)
    return failed(base::Code::unsupported, "the BMC speaks only IPMI 1.5; IPMI 2.0 (RMCP+) is needed");
  if (capabilities->kg_needed)
    return failed(base::Code::unsupported, "the BMC has a BMC key (Kg) set, which is not supported")
        .with_fix("clear the Kg key in the BMC's settings");
  std::string records;
  for (uint8_t index = 0; records.size() < cipher_records_max; ++index) {
    auto piece = ask_outside(command::get_cipher_suites, ipmi::cipher_suites_request(index),
                             {sends_of_optional, limits_.ipmi_reply_limit});
    if (!piece && piece.error().code != base::Code::timeout) return std::move(piece).error();
    if (!piece || piece->completion != completion::ok || piece->data.size() < 2) break;
    records += piece->data.substr(1);
    if (piece->data.size() < 17) break;
  }
  auto listed = ipmi::decode_cipher_suites(records);
  if (listed.empty()) return std::vector{ipmi::Suite::sha256, ipmi::Suite::sha1};
  std::sort(listed.begin(), listed.end(), std::greater<>());
  listed.erase(std::unique(listed.begin(), listed.end()), listed.end());
  return listed;
}

base::Error IpmiSession::refused_by_status(Status status, const std::string& step) const {
  std::string number;
  ipmi::put_u8(number, unsigned(status));
  const std::string detail = " (" + step + ": " + std::string(ipmi::name_of(status)) + ", " + base::hex(number) + "h)";
  const auto user = base::quoted(credentials_.user);
  switch (status) {
    case Status::unauthorized_name:
    case Status::invalid_name_length:
      return failed(base::Code::unauthenticated, "no such user " + user + detail);
    case Status::invalid_integrity_check:
      return failed(base::Code::unauthenticated, "wrong password for user " + user + detail);
    case Status::unauthorized_role:
    case Status::invalid_role:
      return failed(base::Code::forbidden,
                    "user " + user + " may not use privilege level " + address_.privilege_level + detail)
          .with_fix("raise the user's privilege in the BMC or add ?privilegelevel= to spec.bmc.address");
    case Status::insufficient_resources:
    case Status::insufficient_resources_for_role:
      return failed(base::Code::unavailable, "all sessions of the BMC are in use" + detail);
    case Status::invalid_session_id:
    case Status::inactive_session_id:
      return failed(base::Code::unavailable, "the BMC lost the session while it was opened" + detail);
    case Status::no_cipher_suite_match:
    case Status::invalid_authentication_algorithm:
    case Status::invalid_integrity_algorithm:
    case Status::invalid_confidentiality_algorithm:
      return failed(base::Code::unsupported, "the BMC accepts neither cipher suite 17 nor 3" + detail);
    default:
      return failed(base::Code::internal, "the session was refused" + detail);
  }
}

base::Result<ipmi::Rakp2> IpmiSession::rakp1_and_2(ipmi::Exchange& state) {
  const ipmi::Rakp1 message{++tag_, state.bmc_id, state.console_random, state.role, state.user};
  const auto datagram = ipmi::encode_plain(ipmi::PayloadType::rakp1, ipmi::encode(message));
  ipmi::Rakp2 reply;
  TRY(exchange(
      "RAKP message 1", patience(), [&] { return datagram; },
      [&](const ipmi::Packet& packet) {
        if (packet.type != ipmi::PayloadType::rakp2 || packet.session_id != 0) return false;
        auto decoded = ipmi::decode_rakp2(packet.payload);
        if (!decoded) ++limits_.bad->ipmi_malformed;
        if (!decoded || decoded->tag != message.tag) return false;
        if (decoded->status == Status::ok && decoded->console_id != state.console_id) return false;
        reply = std::move(*decoded);
        return true;
      }));
  return reply;
}

base::Result<ipmi::Rakp4> IpmiSession::rakp3_and_4(const ipmi::Exchange& state) {
  const ipmi::Rakp3 message{++tag_, Status::ok, state.bmc_id, ipmi::rakp3_code(state)};
  const auto datagram = ipmi::encode_plain(ipmi::PayloadType::rakp3, ipmi::encode(message));
  ipmi::Rakp4 reply;
  TRY(exchange(
      "RAKP message 3", patience(), [&] { return datagram; },
      [&](const ipmi::Packet& packet) {
        if (packet.type != ipmi::PayloadType::rakp4 || packet.session_id != 0) return false;
        auto decoded = ipmi::decode_rakp4(packet.payload);
        if (!decoded) ++limits_.bad->ipmi_malformed;
        if (!decoded || decoded->tag != message.tag) return false;
        reply = std::move(*decoded);
        return true;
      }));
  return reply;
}

base::Result<void> IpmiSession::authenticate(ipmi::Exchange& state) {
  state.console_random = sys_.random.bytes(ipmi::random_bytes);
  state.role = uint8_t(0x10u | unsigned(privilege()));  // look the user up by name alone
  state.user = credentials_.user;
  state.password = credentials_.password;
  auto second = TRY(rakp1_and_2(state));
  if (second.status != Status::ok) return refused_by_status(second.status, "RAKP 2");
  state.bmc_random = second.bmc_random;
  state.guid = second.guid;
  if (!base::equal_constant_time(second.auth_code, ipmi::rakp2_code(state))) {
    // Lets the BMC free the session at once (13.22); nobody answers this.
    const ipmi::Rakp3 stop{++tag_, Status::invalid_integrity_check, state.bmc_id, ""};
    (void)socket_->send(peer_, ipmi::encode_plain(ipmi::PayloadType::rakp3, ipmi::encode(stop)));
    return failed(base::Code::unauthenticated,
                  "wrong password for user " + base::quoted(credentials_.user) + " (RAKP 2 code does not match)");
  }
  auto fourth = TRY(rakp3_and_4(state));
  if (fourth.status != Status::ok) return refused_by_status(fourth.status, "RAKP 4");
  auto keys = ipmi::session_keys(state);
  if (!base::equal_constant_time(fourth.integrity_code, ipmi::rakp4_code(state, keys)))
    return failed(base::Code::internal, "the BMC's RAKP 4 code does not match (is a BMC key set?)");
  keys_ = std::move(keys);
  return {};
}

base::Result<void> IpmiSession::open_with(ipmi::Suite suite, bool last) {
  ipmi::Exchange state;
  state.suite = suite;
  state.console_id = uint32_t(sys_.random.next()) | 1;
  const ipmi::OpenRequest request{++tag_, privilege(), state.console_id, ipmi::algorithms_of(suite)};
  const auto datagram = ipmi::encode_plain(ipmi::PayloadType::open_request, ipmi::encode(request));
  ipmi::OpenResponse reply;
  const auto wanted = last ? patience() : Patience{sends_before_reopening, limits_.ipmi_reply_limit};
  TRY(exchange(
      "Open Session with cipher suite " + std::to_string(unsigned(suite)), wanted, [&] { return datagram; },
      [&](const ipmi::Packet& packet) {
        if (packet.type != ipmi::PayloadType::open_response || packet.session_id != 0) return false;
        auto decoded = ipmi::decode_open_response(packet.payload);
        if (!decoded) ++limits_.bad->ipmi_malformed;
        if (!decoded || decoded->tag != request.tag) return false;
        reply = std::move(*decoded);
        return true;
      }));
  if (reply.status != Status::ok) return refused_by_status(reply.status, "Open Session");
  if (reply.algorithms != request.algorithms || reply.console_id != state.console_id || reply.bmc_id == 0)
    return failed(base::Code::internal, "the BMC answered Open Session with another cipher suite or session");
  state.bmc_id = reply.bmc_id;
  TRY(authenticate(state));
  console_id_ = state.console_id;
  bmc_id_ = state.bmc_id;
  guid_ = state.guid;
  sent_ = 0;
  window_ = {};
  active_ = true;
  used_ = sys_.loop.now();
  return {};
}

// Tries the suites in order, and again after a pause while the BMC has no free session.
base::Result<void> IpmiSession::open() {
  for (int attempt = 1;; ++attempt) {
    if (suites_.empty()) suites_ = TRY(choose_suites());
    base::Result<void> opened;
    for (size_t i = 0; i < suites_.size(); ++i) {
      const bool last = i + 1 == suites_.size();
      opened = open_with(suites_[i], last);
      if (opened) {
        suites_ = {suites_[i]};
        break;
      }
      const auto code = opened.error().code;
      if (last || (code != base::Code::unsupported && code != base::Code::timeout)) break;
      if (code == base::Code::timeout) quirks_.found(Quirk::silent_cipher_suite);
    }
    if (opened) return raise_privilege();
    if (opened.error().code == base::Code::timeout) suites_.clear();  // perhaps another BMC when it is back
    if (opened.error().code != base::Code::unavailable || attempt >= limits_.attempts) return opened;
    TRY(sys::sleep(sys_.loop, limits_.retry_gap));
  }
}

base::Result<void> IpmiSession::raise_privilege() {
  std::string level;
  ipmi::put_u8(level, unsigned(privilege()));
  auto answer = TRY(ask_inside(command::set_session_privilege, level, patience()));
  for (int attempt = 1; asks_for_patience(answer.completion) && attempt < limits_.attempts; ++attempt) {
    quirks_.found(Quirk::busy_completion);
    TRY(sys::sleep(sys_.loop, limits_.retry_gap));
    answer = TRY(ask_inside(command::set_session_privilege, level, patience()));
  }
  if (answer.completion == completion::ok) return {};
  abandon();
  if (answer.completion == 0x80 || answer.completion == 0x81)
    return refused_by_status(Status::unauthorized_role, name_of(command::set_session_privilege));
  return refusal(command::set_session_privilege, answer.completion);
}

std::string IpmiSession::seal(const std::string& payload, ipmi::PayloadType type) {
  return ipmi::encode_sealed(type, payload, bmc_id_, ++sent_, keys_, sys_.random.bytes(16));
}

base::Result<ipmi::Answer> IpmiSession::ask_inside(ipmi::CommandId id, const std::string& data, Patience patience) {
  const uint8_t number = ++message_number_ & 0x3F;
  const auto question = ipmi::encode(ipmi::Command{id, number, data});
  ipmi::Answer answer;
  TRY(exchange(
      name_of(id), patience, [&] { return seal(question); },
      [&](const ipmi::Packet& packet) {
        const auto message = open_message(packet);
        if (!message) return false;
        auto decoded = ipmi::decode_answer(*message);
        if (!decoded) ++limits_.bad->ipmi_malformed;
        if (!decoded || decoded->id != id || decoded->sequence != number) return false;
        answer = std::move(*decoded);
        return true;
      }));
  used_ = sys_.loop.now();
  return answer;
}

void IpmiSession::send_sol(const ipmi::SolPacket& packet) {
  if (active_ && socket_) (void)socket_->send(peer_, seal(ipmi::encode(packet), ipmi::PayloadType::sol));
}

base::Result<void> IpmiSession::receive(base::Duration limit) {
  if (!active_ || !socket_) return failed(base::Code::unavailable, "the session is closed");
  auto datagram = socket_->receive(limit);
  if (!datagram) return std::move(datagram).error().at(base::Layer::bmc);
  if (const auto packet = decode(datagram->bytes)) (void)open_message(*packet);
  return {};
}

void IpmiSession::ask_for_life() {
  if (!active_ || !socket_) return;
  const uint8_t number = ++message_number_ & 0x3F;
  (void)socket_->send(peer_, seal(ipmi::encode(ipmi::Command{command::get_device_id, number, ""})));
}

void IpmiSession::tell(ipmi::CommandId id, const std::string& data) {
  if (active_) (void)ask_inside(id, data, {sends_of_optional, limits_.ipmi_reply_limit});
}

void IpmiSession::abandon() {
  if (active_ && socket_) {
    std::string id;
    ipmi::put_u32(id, bmc_id_);
    const uint8_t number = ++message_number_ & 0x3F;
    (void)socket_->send(peer_, seal(ipmi::encode(ipmi::Command{command::close_session, number, id})));
  }
  active_ = false;
}

base::Result<void> IpmiSession::keep_gap() {
  const auto now = sys_.loop.now();
  auto gap = limits_.min_command_gap;
  if (quirks_.has(Quirk::slow_between_commands)) gap = std::max<base::Duration>(gap, slow_gap);
  close_together_ = last_command_ && now < *last_command_ + slow_gap;
  if (last_command_ && *last_command_ + gap > now) {
    TRY(sys::sleep(sys_.loop, *last_command_ + gap - now));
    close_together_ = false;
  }
  last_command_ = sys_.loop.now();
  return {};
}

base::Result<ipmi::Answer> IpmiSession::ask_once(ipmi::CommandId id, const std::string& data, Repeat repeat) {
  if (active_ && used_ + session_idle_max <= sys_.loop.now()) abandon();
  const bool reused = active_;
  if (!active_) TRY(open());
  TRY(keep_gap());
  const bool may_reopen = reused && repeat == Repeat::freely;
  auto answer =
      ask_inside(id, data, may_reopen ? Patience{sends_before_reopening, limits_.ipmi_reply_limit} : patience());
  if (answer || answer.error().code != base::Code::timeout) return answer;
  abandon();
  if (close_together_) quirks_.found(Quirk::slow_between_commands);
  if (!may_reopen) return answer;
  TRY(open());
  TRY(keep_gap());
  return ask_inside(id, data, patience());
}

base::Result<ipmi::Answer> IpmiSession::ask(ipmi::CommandId id, std::string data, Repeat repeat) {
  for (int attempt = 1;; ++attempt) {
    auto answer = TRY(ask_once(id, data, repeat));
    if (!asks_for_patience(answer.completion) || attempt >= limits_.attempts) return answer;
    quirks_.found(Quirk::busy_completion);
    TRY(sys::sleep(sys_.loop, limits_.retry_gap));
  }
}

base::Error IpmiSession::refusal(ipmi::CommandId id, uint8_t code) const {
  const auto text = name_of(id) + " refused: " + ipmi::name_of_completion(code);
  if (asks_for_patience(code)) {
    return failed(base::Code::unavailable, text).with_fix("wait; restart the BMC if it stays busy");
  }
  if (code == completion::insufficient_privilege) return failed(base::Code::forbidden, text);
  return failed(base::Code::unsupported, text);
}

base::Result<std::string> IpmiSession::data_of(ipmi::CommandId id, std::string data, Repeat repeat) {
  auto answer = TRY(ask(id, std::move(data), repeat));
  if (answer.completion != completion::ok) return refusal(id, answer.completion);
  return std::move(answer.data);
}

void IpmiSession::close() {
  if (active_) {
    std::string id;
    ipmi::put_u32(id, bmc_id_);
    (void)ask_inside(command::close_session, id, {sends_of_optional, limits_.ipmi_reply_limit});
    active_ = false;
  }
  if (socket_) socket_->close();
  socket_.reset();
}

}  // namespace metal
