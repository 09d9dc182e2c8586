#include "sim/bmc/sol_service.h"

#include <algorithm>

#include "wire/ipmi_bytes.h"

namespace sim {
namespace {

namespace ipmi = wire::ipmi;
namespace command = wire::ipmi::command;
namespace completion = wire::ipmi::completion;
namespace parameter = wire::ipmi::sol_parameter;

constexpr size_t text_max = 64u << 10, packet_text_max = 200;
constexpr uint16_t payload_max = 4 + 255;
constexpr uint32_t somebody_else = 0xFFFFFFFF;
constexpr unsigned key(ipmi::CommandId id) { return unsigned(id.net_fn) << 8 | id.code; }
constexpr uint8_t parameter_revision = 0x11;

IpmiReply fail(uint8_t code) { return {code, ""}; }

bool is_sol(std::string_view data, size_t bytes) {
  return data.size() == bytes && (ipmi::byte_at(data, 0) & 0x3F) == unsigned(ipmi::PayloadType::sol);
}

}  // namespace

SolService::SolService(sys::Loop& loop, SerialPort* port, const BmcProfile& profile, Send send)
    : loop_(loop), port_(port), profile_(profile), send_(std::move(send)) {
  settings_.enabled = !profile_.sol_disabled;
  if (profile_.sol_taken) holder_ = somebody_else;
  if (port_) port_->on_text = [this](std::string_view text) { printed(text); };
}

SolService::~SolService() { end(); }

void SolService::end() {
  stop();
  if (port_) port_->on_text = nullptr;
  port_ = nullptr;
}

void SolService::stop() {
  loop_.cancel(gather_);
  loop_.cancel(retry_);
  gather_ = retry_ = 0;
  holder_ = 0;
  text_.clear();
  pending_.reset();
}

void SolService::forget() { stop(); }

void SolService::session_ended(uint32_t session) {
  if (holder_ == session) stop();
}

std::optional<ipmi::Privilege> SolService::needs(ipmi::CommandId id) {
  switch (key(id)) {
    case key(command::get_payload_status):
    case key(command::get_payload_instance):
    case key(command::get_payload_support):
    case key(command::get_payload_version):
      return ipmi::Privilege::user;
    case key(command::activate_payload):
    case key(command::deactivate_payload):
    case key(command::get_sol):
      return ipmi::Privilege::operator_;
    case key(command::set_sol):
      return ipmi::Privilege::administrator;
    default:
      return std::nullopt;
  }
}

IpmiReply SolService::run(uint32_t session, const ipmi::Command& asked, uint16_t udp_port) {
  if (!port_ || profile_.no_sol) return fail(completion::invalid_command);
  switch (key(asked.id)) {
    case key(command::activate_payload):
      return activate(session, asked.data, udp_port);
    case key(command::deactivate_payload):
      return deactivate(session, asked.data);
    case key(command::set_sol):
      return configure(asked.data);
    case key(command::get_sol):
      return configuration(asked.data, udp_port);
    default:
      return support(asked);
  }
}

IpmiReply SolService::activate(uint32_t session, std::string_view data, uint16_t udp_port) {
  if (data.size() != 6) return fail(completion::bad_length);
  if (!is_sol(data, 6) || ipmi::byte_at(data, 1) != 1) return fail(completion::invalid_field);
  if (!settings_.enabled) return fail(completion::payload_disabled);
  if (holder_ != 0) return fail(completion::payload_active_elsewhere);
  if ((ipmi::byte_at(data, 2) & 0xC0) != 0xC0) return fail(completion::payload_needs_encryption);
  stop();
  holder_ = session;
  sequence_ = seen_ = seen_taken_ = 0;
  overrun_ = false;
  return {0, ipmi::encode(ipmi::SolActivation{payload_max, payload_max, udp_port})};
}

IpmiReply SolService::deactivate(uint32_t session, std::string_view data) {
  if (data.size() != 6) return fail(completion::bad_length);
  if (!is_sol(data, 6) || ipmi::byte_at(data, 1) != 1) return fail(completion::invalid_field);
  if (holder_ == 0) return fail(completion::payload_not_active);
  if (holder_ != session && holder_ != somebody_else) send({0, 0, 0, ipmi::sol_flag::ended, ""});
  stop();
  return {};
}

IpmiReply SolService::configure(std::string_view data) {
  if (data.size() < 3) return fail(completion::bad_length);
  const uint8_t which = ipmi::byte_at(data, 1);
  if (which == parameter::progress) {
    progress_ = ipmi::byte_at(data, 2) & 0x03;
    return {};
  }
  if (which == parameter::authentication) return {};  // sealed it is, whatever is asked for
  if (ipmi::sol_value(settings_, which).empty()) return fail(completion::parameter_unsupported);
  if (!ipmi::take_sol_value(settings_, which, data.substr(2))) return fail(completion::invalid_field);
  if (!settings_.enabled && holder_ != 0) {
    if (holder_ != somebody_else) send({0, 0, 0, ipmi::sol_flag::ended, ""});
    stop();
  }
  return {};
}

IpmiReply SolService::configuration(std::string_view data, uint16_t udp_port) const {
  if (data.size() != 4) return fail(completion::bad_length);
  std::string value(1, char(parameter_revision));
  if ((ipmi::byte_at(data, 0) & 0x80) != 0) return {0, value};
  switch (const uint8_t which = ipmi::byte_at(data, 1); which) {
    case parameter::progress:
      ipmi::put_u8(value, progress_);
      break;
    case parameter::authentication:
      ipmi::put_u8(value, 0xC0u | unsigned(ipmi::Privilege::operator_));
      break;
    case parameter::channel:
      ipmi::put_u8(value, 1);
      break;
    case parameter::port:
      ipmi::put_u16(value, udp_port);
      break;
    default: {
      const auto known = ipmi::sol_value(settings_, which);
      if (known.empty()) return fail(completion::parameter_unsupported);
      value += known;
    }
  }
  return {0, value};
}

IpmiReply SolService::support(const ipmi::Command& asked) const {
  std::string out;
  switch (key(asked.id)) {
    case key(command::get_payload_support):
      if (asked.data.size() != 1) return fail(completion::bad_length);
      // Types 0 (messages) and 1 (SOL), and those that open sessions (10h to 15h).
      return {0, std::string("\x03\x00\x3F\x00\x00\x00\x00\x00", 8)};
    case key(command::get_payload_version):
      if (asked.data.size() != 2) return fail(completion::bad_length);
      return {0, "\x10"};
    case key(command::get_payload_status):
      if (!is_sol(asked.data, 1)) return fail(completion::invalid_field);
      ipmi::put_u8(out, 1);
      ipmi::put_u16(out, holder_ != 0 ? 1 : 0);
      return {0, out};
    default:
      if (!is_sol(asked.data, 2)) return fail(completion::invalid_field);
      ipmi::put_u32(out, holder_);
      ipmi::put_u8(out, 1);
      return {0, out.append(7, '\0')};
  }
}

bool SolService::drops() { return profile_.sol_drop_every > 0 && ++packets_ % profile_.sol_drop_every == 0; }

void SolService::send(const ipmi::SolPacket& packet) {
  if (!drops()) send_(holder_, packet);
}

void SolService::printed(std::string_view text) {
  if (holder_ == 0 || holder_ == somebody_else) return;
  text_ += text;
  if (text_.size() > text_max) {
    // What was sent stays at the front, or its acknowledgement would take something else away.
    const size_t sent = pending_ ? pending_->text.size() : 0;
    text_.erase(sent, text_.size() - text_max);
    overrun_ = true;
  }
  if (pending_) return;
  if (text_.size() >= settings_.threshold) return send_text();
  if (gather_ != 0) return;
  gather_ = loop_.after(base::milliseconds(5 * settings_.accumulate), [this] {
    gather_ = 0;
    send_text();
  });
}

void SolService::send_text() {
  if (pending_ || text_.empty() || holder_ == 0) return;
  loop_.cancel(gather_);
  gather_ = 0;
  sequence_ = ipmi::next_sol_sequence(sequence_);
  const uint8_t flags = std::exchange(overrun_, false) ? ipmi::sol_flag::overrun : uint8_t(0);
  pending_ = ipmi::SolPacket{sequence_, 0, 0, flags, text_.substr(0, packet_text_max)};
  sends_ = 0;
  send_pending();
}

void SolService::send_pending() {
  if (sends_++ > settings_.retries) {  // nobody is there: these characters are lost
    text_.erase(0, pending_->text.size());
    overrun_ = true;
    pending_.reset();
    return send_text();
  }
  send(*pending_);
  retry_ = loop_.after(base::milliseconds(10 * std::max<int>(settings_.retry_interval, 1)), [this] {
    retry_ = 0;
    send_pending();
  });
}

void SolService::receive(uint32_t session, std::string_view payload) {
  const auto packet = ipmi::decode_sol(payload);
  if (!packet || holder_ != session || drops()) return;
  take_ack(*packet);
  take_keys(*packet);
}

void SolService::take_ack(const ipmi::SolPacket& packet) {
  if (!pending_ || packet.ack != pending_->sequence) return;
  if ((packet.flags & ipmi::sol_flag::nack) != 0) return;  // sent again in a while
  text_.erase(0, std::min<size_t>(packet.accepted, pending_->text.size()));
  pending_.reset();
  loop_.cancel(retry_);
  retry_ = 0;
  send_text();
}

void SolService::take_keys(const ipmi::SolPacket& packet) {
  if (packet.sequence == 0) return;
  if (packet.sequence != seen_) {
    seen_ = packet.sequence;
    const size_t most = profile_.sol_takes > 0 ? size_t(profile_.sol_takes) : packet.text.size();
    seen_taken_ = uint8_t(std::min(most, packet.text.size()));
    if ((packet.flags & ipmi::sol_flag::break_) != 0) port_->send_break();
    port_->type(std::string_view(packet.text).substr(0, seen_taken_));
  }
  send({0, seen_, seen_taken_, 0, ""});
}

}  // namespace sim
