#include "net/proxy_handshake.h"

#include "net/socks5.h"

namespace net {
namespace {

using base::Code;

constexpr size_t head_bytes_max = 16u << 10;

std::string socks_answer(socks5::Reply reply, const sys::Address& bound) {
  std::string out{socks5::version, char(reply), '\0'};
  // The bound address is for information; one that cannot be written is as good as none.
  if (!socks5::append_address(out, bound)) (void)socks5::append_address(out, {});
  return out;
}

std::string http_answer(int status, std::string_view why) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " " + std::string(wire::reason_phrase(status)) + "\r\n";
  if (status == 405) wire::append_field(out, "Allow", "CONNECT");
  wire::append_field(out, "Connection", "close");
  wire::append_field(out, "Content-Type", "text/plain; charset=utf-8");
  wire::append_field(out, "Content-Length", std::to_string(why.size() + 1));
  return out.append("\r\n").append(why).append("\n");
}

}  // namespace

std::string ProxyHandshake::feed(std::string_view bytes) {
  buffer_ += bytes;
  std::string answer;
  while (state_ == State::reading && step(answer)) {
  }
  return answer;
}

bool ProxyHandshake::step(std::string& answer) {
  switch (phase_) {
    case Phase::start:
      if (buffer_.empty()) return false;
      phase_ = buffer_[0] == socks5::version ? Phase::socks_greeting : Phase::http;
      return true;
    case Phase::socks_greeting:
      return greeting(answer);
    case Phase::socks_request:
      return socks_request(answer);
    case Phase::http:
      return http_request(answer);
  }
  return false;
}

bool ProxyHandshake::refuse() {
  state_ = State::refused;
  return false;
}

bool ProxyHandshake::greeting(std::string& answer) {
  if (buffer_.size() < 2) return false;
  const size_t methods = uint8_t(buffer_[1]);
  if (buffer_.size() < 2 + methods) return false;
  const bool open = buffer_.substr(2, methods).find(socks5::method_none) != std::string::npos;
  answer += {socks5::version, open ? socks5::method_none : socks5::method_unacceptable};
  if (!open) return refuse();
  buffer_.erase(0, 2 + methods);
  phase_ = Phase::socks_request;
  return true;
}

bool ProxyHandshake::socks_request(std::string& answer) {
  constexpr size_t before_address = 3;  // version, command, reserved
  if (buffer_.size() < before_address) return false;
  const auto no = [&](socks5::Reply reply) {
    answer += socks_answer(reply, {});
    return refuse();
  };
  if (buffer_[0] != socks5::version) return no(socks5::Reply::general_failure);
  const char command = buffer_[1];
  const auto taken = socks5::take_address(std::string_view(buffer_).substr(before_address), to_);
  if (!taken)
    return no(taken.error().code == Code::unsupported ? socks5::Reply::address_type_not_supported
                                                      : socks5::Reply::general_failure);
  if (*taken == 0) return false;
  if (command != socks5::command_connect && command != socks5::command_udp_associate)
    return no(socks5::Reply::command_not_supported);
  if (command == socks5::command_connect && to_.port == 0) return no(socks5::Reply::general_failure);
  buffer_.erase(0, before_address + *taken);
  state_ = command == socks5::command_connect ? State::connect : State::associate;
  return false;
}

bool ProxyHandshake::http_request(std::string& answer) {
  const auto no = [&](int status, std::string_view why) {
    answer += http_answer(status, why);
    return refuse();
  };
  if (!http_)
    http_ = std::make_unique<wire::Http1Parser>(wire::Http1Parser::Side::request,
                                                wire::Http1Limits{.head_bytes_max = head_bytes_max});
  const auto taken = http_->feed(buffer_);
  if (!taken) return no(http_->refusal(), taken.error().message);
  buffer_.erase(0, *taken);
  if (http_->state() == wire::Http1Parser::State::head) {
    if (buffer_.size() > head_bytes_max) return no(431, "the request head is too long");
    return false;
  }
  const wire::Http1Head& head = http_->head();
  if (head.method != "CONNECT") return no(405, "this proxy takes CONNECT, and SOCKS5 on the same port");
  if (head.has_body) return no(400, "CONNECT has no body");
  auto to = sys::Address::parse(head.target);
  if (!to || to->host.empty() || to->port == 0) return no(400, "CONNECT needs host:port");
  to_ = std::move(*to);
  state_ = State::connect;
  return false;
}

std::string ProxyHandshake::accepted(const sys::Address& bound) const {
  if (phase_ == Phase::http) return "HTTP/1.1 200 Connection established\r\n\r\n";
  return socks_answer(socks5::Reply::succeeded, bound);
}

std::string ProxyHandshake::failed(const base::Error& why) const {
  if (phase_ == Phase::http) return http_answer(why.code == Code::timeout ? 504 : 502, why.message);
  return socks_answer(socks5::reply_for(why), {});
}

}  // namespace net
