// What a client says to the proxy server before bytes flow: SOCKS5 (RFC 1928, no password asked) or HTTP CONNECT
// (RFC 9110 9.3.6), told apart by the first byte. No I/O. Private to this folder and its fuzzer.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/net.h"
#include "wire/http1.h"

namespace net {

class ProxyHandshake {
 public:
  enum class State { reading, connect, associate, refused };

  // Takes what arrived and gives what to send, which may be nothing. Not to be called once state() is not `reading`.
  // After `refused` the answer is the last thing to send.
  std::string feed(std::string_view bytes);
  State state() const { return state_; }
  // Where to, once `connect`.
  const sys::Address& to() const { return to_; }
  // What came behind the request: the first bytes for the destination.
  std::string take_rest() { return std::move(buffer_); }

  // The answers to a request.
  std::string accepted(const sys::Address& bound) const;
  std::string failed(const base::Error& why) const;

 private:
  enum class Phase { start, socks_greeting, socks_request, http };
  bool step(std::string& answer);  // false: more bytes are needed, or it is over
  bool greeting(std::string& answer);
  bool socks_request(std::string& answer);
  bool http_request(std::string& answer);
  bool refuse();

  State state_ = State::reading;
  Phase phase_ = Phase::start;
  std::string buffer_;
  sys::Address to_;
  std::unique_ptr<wire::Http1Parser> http_;
};

}  // namespace net
