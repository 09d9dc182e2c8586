#include "metal/bmc/ipmi_console.h"

#include <algorithm>

#include "metal/bmc/sol_settings.h"
#include "sys/fiber.h"

namespace metal {
namespace {

namespace ipmi = wire::ipmi;
namespace command = wire::ipmi::command;
namespace completion = wire::ipmi::completion;

constexpr base::Duration alive_gap = base::seconds(15);    // BMCs drop what idles for 60 s (6.12.15)
constexpr base::Duration silence_max = base::seconds(50);  // three of those went unanswered
constexpr base::Duration retry_min = base::milliseconds(100);
constexpr base::Duration take_over_gap = base::seconds(1);
constexpr int take_over_tries = 3;
constexpr size_t keys_max = 64u << 10, came_max = 256u << 10;
constexpr size_t head_bytes = 4, text_default = 64;

}  // namespace

IpmiConsole::IpmiConsole(sys::Sys& sys, IpmiSession& session) : sys_(sys), session_(session) {
  session_.on_sol([this](const ipmi::SolPacket& packet) { take(packet); });
}

IpmiConsole::~IpmiConsole() {
  sys_.loop.cancel(retry_);
  sys_.loop.cancel(alive_);
  session_.on_sol(nullptr);
}

base::Error IpmiConsole::refusal(uint8_t code) const {
  using base::Code;
  switch (code) {
    case completion::payload_active_elsewhere:
    case completion::payload_limit:
      return session_.failed(Code::conflict, "the serial console is in use by another session")
          .with_fix("wait until it is given back, or take it over (ingot bmc ADDRESS console --take-over)");
    case completion::payload_disabled:
      return session_.failed(Code::unsupported, "the BMC refuses Serial over LAN: it is disabled")
          .with_fix("switch it on: ingot bmc ADDRESS sol enabled=true, or in the BMC's settings");
    case completion::payload_needs_plain:
      return session_.failed(Code::unsupported, "the BMC gives its serial console only without encryption")
          .with_fix("allow encryption of Serial over LAN in the BMC's settings");
    default:
      return session_.refusal(command::activate_payload, code);
  }
}

base::Result<void> IpmiConsole::activate(bool take_over) {
  for (int tries = 1;; ++tries) {
    const auto answer = TRY(session_.ask(command::activate_payload, ipmi::activate_sol_request()));
    if (answer.completion == completion::ok) {
      const auto activation = ipmi::decode_sol_activation(answer.data);
      if (!activation) return session_.failed(base::Code::internal, activation.error().message);
      // The port it names is the one in use, or wrong: BMCs behind port forwarding cannot know.
      const size_t told = activation->to_bmc_max;
      text_max_ = told > head_bytes ? std::min(told - head_bytes, ipmi::sol_text_max) : text_default;
      return {};
    }
    const bool taken = answer.completion == completion::payload_active_elsewhere;
    if (!taken || !take_over || tries > take_over_tries) return refusal(answer.completion);
    TRY(session_.ask(command::deactivate_payload, ipmi::deactivate_sol_request()));
    if (tries > 1) TRY(sys::sleep(sys_.loop, take_over_gap));
  }
}

base::Result<void> IpmiConsole::open(bool take_over) {
  settings_ = TRY(read_sol(session_));
  if (!settings_.enabled) {
    return session_.failed(base::Code::unsupported, "Serial over LAN is switched off in the BMC")
        .with_fix("switch it on: ingot bmc ADDRESS sol enabled=true");
  }
  TRY(activate(take_over));
  open_ = true;
  keep_alive();
  return {};
}

void IpmiConsole::keep_alive() {
  alive_ = sys_.loop.after(alive_gap, [this] {
    session_.ask_for_life();
    keep_alive();
  });
}

base::Result<std::string> IpmiConsole::read(base::Duration limit) {
  const auto deadline = sys_.loop.now() + limit;
  while (came_.empty()) {
    if (ended_) return *ended_;
    const auto silent = session_.heard() + silence_max;
    const auto now = sys_.loop.now();
    if (now >= silent) {
      end("the BMC does not answer any more");
      continue;
    }
    if (now >= deadline) return session_.failed(base::Code::timeout, "the console is silent");
    const auto received = session_.receive(std::min(deadline, silent) - now);
    if (!received && received.error().code != base::Code::timeout) return received.error();
  }
  return std::exchange(came_, {});
}

void IpmiConsole::type(std::string_view keys) {
  if (keys_.size() + keys.size() > keys_max) return;  // nobody types so much ahead
  keys_ += keys;
  send_next();
}

void IpmiConsole::send_break() {
  break_due_ = true;
  send_next();
}

void IpmiConsole::take(const ipmi::SolPacket& packet) {
  if (!open_) return;
  take_ack(packet);
  take_text(packet);
  if ((packet.flags & ipmi::sol_flag::ended) != 0)
    end("the BMC ended the console: somebody took it over, or Serial over LAN was switched off");
}

// A packet that is sent again may hold more than the first time.
void IpmiConsole::take_text(const ipmi::SolPacket& packet) {
  if (packet.sequence == 0) return;
  const size_t known = packet.sequence == seen_ ? std::min(seen_bytes_, packet.text.size()) : 0;
  seen_ = packet.sequence;
  seen_bytes_ = packet.text.size();
  came_ += packet.text.substr(known);
  if (came_.size() > came_max) came_.erase(0, came_.size() - came_max);
  session_.send_sol({0, packet.sequence, uint8_t(packet.text.size()), 0, ""});
}

void IpmiConsole::take_ack(const ipmi::SolPacket& packet) {
  if (!pending_ || packet.ack != pending_->sequence) return;
  keys_.erase(0, std::min<size_t>({packet.accepted, pending_->text.size(), keys_.size()}));
  const bool nothing_taken = packet.accepted == 0 && !pending_->text.empty();
  if ((packet.flags & ipmi::sol_flag::nack) == 0) break_due_ = break_due_ && pending_->flags == 0;
  pending_.reset();
  sys_.loop.cancel(retry_);
  retry_ = 0;
  if ((packet.flags & ipmi::sol_flag::nack) == 0 && !nothing_taken) return send_next();
  retry_ =
      sys_.loop.after(std::max<base::Duration>(retry_min, base::milliseconds(10 * settings_.retry_interval)), [this] {
        retry_ = 0;
        send_next();
      });
}

void IpmiConsole::send_next() {
  if (!open_ || ended_ || pending_ || retry_ != 0 || (keys_.empty() && !break_due_)) return;
  sequence_ = ipmi::next_sol_sequence(sequence_);
  pending_ =
      ipmi::SolPacket{sequence_, 0, 0, break_due_ ? ipmi::sol_flag::break_ : uint8_t(0), keys_.substr(0, text_max_)};
  sends_ = 0;
  send_pending();
}

void IpmiConsole::send_pending() {
  if (sends_++ > settings_.retries) return end("the BMC does not acknowledge what is typed");
  session_.send_sol(*pending_);
  const auto wait = std::max<base::Duration>(retry_min, base::milliseconds(10 * settings_.retry_interval));
  retry_ = sys_.loop.after(wait, [this] {
    retry_ = 0;
    send_pending();
  });
}

void IpmiConsole::end(std::string why) {
  if (ended_) return;
  ended_ = session_.failed(base::Code::unavailable, why).with_fix("open the console again");
  sys_.loop.cancel(retry_);
  sys_.loop.cancel(alive_);
  retry_ = alive_ = 0;
}

void IpmiConsole::close() {
  sys_.loop.cancel(retry_);
  sys_.loop.cancel(alive_);
  retry_ = alive_ = 0;
  if (open_ && !ended_) session_.tell(command::deactivate_payload, ipmi::deactivate_sol_request());
  open_ = false;
}

}  // namespace metal
