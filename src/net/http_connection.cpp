#include "net/http_connection.h"

#include <algorithm>

#include "net/http2_connection.h"
#include "net/http_exchange.h"
#include "sys/deadline.h"

namespace net {
namespace {

constexpr size_t read_bytes = 64u << 10;
constexpr size_t send_bytes = 256u << 10;  // what one write limit is for; then others have their turn
constexpr base::Duration linger_limit = base::seconds(2);
constexpr size_t linger_bytes_max = 4u << 20;
// As kube-apiserver. Clients that come by the thousand from one machine after a restart are slow.
constexpr base::Duration handshake_limit = base::seconds(32);

// "GET http://host/path" is what proxies send (RFC 9112 3.2.2); the host is in the Host header anyway.
void make_origin_form(std::string& target) {
  if (!target.starts_with("http://") && !target.starts_with("https://")) return;
  size_t path = target.find_first_of("/?", target.find("//") + 2);
  target = path == std::string::npos ? "/" : target.substr(path);
  if (target.front() == '?') target.insert(0, 1, '/');
}

}  // namespace

HttpConnection::HttpConnection(std::shared_ptr<HttpServer::State> server, std::unique_ptr<sys::Stream> stream)
    : server_(std::move(server)),
      id_(server_->next_id++),
      stream_(std::move(stream)),
      parser_(wire::Http1Parser::Side::request,
              {.head_bytes_max = server_->options.head_bytes_max, .body_bytes_max = server_->options.body_bytes_max}) {
  server_->connections[id_] = this;
}

HttpConnection::~HttpConnection() { server_->connections.erase(id_); }

void HttpConnection::run() {
  if (server_->options.tls) {
    auto secured = server_->net.accept_tls(std::move(stream_), server_->options.tls_options, handshake_limit);
    if (!secured) return;
    stream_ = std::move(secured).value();
  }
  if (const sys::TlsPeer* tls = stream_->tls(); tls && tls->alpn == "h2") {
    http2_ = std::make_shared<Http2Connection>(server_, std::move(stream_));
    return http2_->run();
  }
  while (serve_one()) continue;
  if (stream_) stream_->close();
}

void HttpConnection::stop(bool gently) {
  if (http2_) return gently ? http2_->stop() : http2_->abort();
  closing_ = true;
  if (gently && phase_ == Phase::answering) return;
  cut_ = true;
  fiber.cancel();
}

bool HttpConnection::serve_one() {
  parser_.next();
  phase_ = Phase::receiving;
  if (!receive()) return false;
  phase_ = Phase::answering;
  bool keep = answer();
  return keep && !closing_ && !broken_ && !taken_;
}

bool HttpConnection::parse(bool& continued) {
  using State = wire::Http1Parser::State;
  auto used = parser_.feed(buffer_);
  if (!used) {
    refuse(parser_.refusal(), used.error().message);
    return false;
  }
  if (*used == buffer_.size()) {
    std::string().swap(buffer_);  // idle connections hold no buffer
  } else {
    buffer_.erase(0, *used);
  }
  // RFC 9110 10.1.1: a client may wait for this before it sends its body.
  if (parser_.state() == State::body && !continued) {
    continued = true;
    const std::string* expected = parser_.head().find("Expect");
    if (expected && parser_.body().empty() && buffer_.empty() && parser_.head().http11)
      return send("HTTP/1.1 100 Continue\r\n\r\n").ok();
  }
  return true;
}

bool HttpConnection::receive() {
  const ServerOptions& options = server_->options;
  std::optional<sys::Deadline> deadline;
  bool continued = false;
  for (;;) {
    if (!buffer_.empty() && !parse(continued)) return false;
    if (parser_.state() == wire::Http1Parser::State::done) return true;
    if (closing_) return false;
    if (!deadline && parser_.started()) deadline.emplace(server_->loop, options.request_limit);
    auto bytes = stream_->read(read_bytes, deadline ? deadline->left() : options.idle_limit);
    if (!bytes) {
      if (bytes.error().code == base::Code::timeout && deadline) refuse(408, "the request did not arrive in time");
      return false;
    }
    if (bytes->empty()) return false;
    if (buffer_.empty()) {
      buffer_ = std::move(*bytes);
    } else {
      buffer_ += *bytes;
    }
  }
}

void HttpConnection::refuse(int status, std::string_view why) {
  if (server_->options.refused) server_->options.refused(status);
  HttpExchange exchange(*this, {}, true, false);
  exchange.respond(Response::text(status, std::string(why) + "\n"));
  linger();
}

// Closing while the client still sends makes TCP reset the connection, and the client would never see why.
void HttpConnection::linger() {
  if (broken_) return;
  stream_->finish_writes();
  sys::Deadline deadline(server_->loop, linger_limit);
  for (size_t dropped = 0; dropped < linger_bytes_max;) {
    auto bytes = stream_->read(read_bytes, deadline.left());
    if (!bytes || bytes->empty()) return;
    dropped += bytes->size();
  }
}

bool HttpConnection::answer() {
  wire::Http1Head& head = parser_.head();
  make_origin_form(head.target);
  Request request{std::move(head.method), std::move(head.target), Headers(std::move(head.fields)),
                  std::move(parser_.body())};
  HttpExchange exchange(*this, std::move(request), head.http11, head.keep_alive);
  server_->handler(exchange);
  exchange.finish();
  return exchange.keep_alive();
}

base::Result<void> HttpConnection::send(std::string_view bytes) {
  return in_slices(bytes.size(), [&](uint64_t at, size_t slice) {
    return stream_->write(bytes.substr(static_cast<size_t>(at), slice), server_->options.request_limit);
  });
}

base::Result<void> HttpConnection::send_file(sys::SendsFiles& to, sys::File& file, uint64_t offset, uint64_t bytes) {
  return in_slices(bytes, [&](uint64_t at, size_t slice) {
    return to.send_file(file, offset + at, slice, server_->options.request_limit);
  });
}

template <class Send>
base::Result<void> HttpConnection::in_slices(uint64_t bytes, Send send_slice) {
  for (uint64_t at = 0; at < bytes;) {
    if (broken_) return base::unavailable("the client is gone");
    const auto slice = static_cast<size_t>(std::min<uint64_t>(bytes - at, send_bytes));
    auto sent = send_slice(at, slice);
    if (!sent) {
      broken_ = true;
      if (sent.error().code == base::Code::cancelled) return sent;
      return base::unavailable("the client is gone: " + sent.error().message);
    }
    at += slice;
    if (at == bytes) break;
    if (auto resumed = sys::yield(server_->loop); !resumed) {
      broken_ = true;
      return resumed;
    }
  }
  return {};
}

}  // namespace net
