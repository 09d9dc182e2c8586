#include <array>
#include <cstdio>

#include "base/log.h"
#include "net/http_connection.h"

namespace net {
namespace {

constexpr base::Duration accept_pause = base::milliseconds(100);
constexpr base::Duration overload_limit = base::milliseconds(100);

// IMF-fixdate of RFC 9110 5.6.7, without strftime, whose names follow the locale.
std::string http_date(base::Time second) {
  constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto day = std::chrono::floor<std::chrono::days>(second);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(second - day));
  std::array<char, 64> line;
  int size = snprintf(line.data(), line.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                      days[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                      months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                      static_cast<int>(time.seconds().count()));
  return {line.data(), static_cast<size_t>(size)};
}

}  // namespace

const std::string& HttpServer::State::date() {
  base::Time second = std::chrono::floor<std::chrono::seconds>(loop.now());
  if (date_text_.empty() || second != date_second_) {
    date_second_ = second;
    date_text_ = http_date(second);
  }
  return date_text_;
}

void HttpServer::State::accept_all(sys::Listener& listener) {
  while (!stopping) {
    auto stream = listener.accept();
    if (stream) {
      admit(std::move(stream).value());
      continue;
    }
    if (stream.error().code == base::Code::cancelled || stopping) return;
    // Out of descriptors, most likely: what is open goes on, and new clients wait.
    base::log::warn("cannot accept a connection", {{"error", stream.error().text()}});
    if (!sys::sleep(loop, accept_pause)) return;
  }
}

void HttpServer::State::admit(std::unique_ptr<sys::Stream> stream) {
  if (is_full()) {
    if (!options.tls)
      (void)stream->write("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                          overload_limit);
    return;
  }
  auto connection = std::make_shared<HttpConnection>(shared_from_this(), std::move(stream));
  // The fiber's body owns the connection, so the handle inside it is no cycle: it names only the fiber.
  connection->fiber = sys::spawn(loop, "http", [connection] { connection->run(); });
}

void HttpServer::State::stop(base::Duration grace) {
  stopping = true;
  for (auto& listener : listeners) listener->close();
  for (sys::Fiber& fiber : accepting) fiber.cancel();
  bool gently = grace > base::Duration::zero();
  for (auto& [id, connection] : connections) connection->stop(gently);
  if (!gently || connections.empty()) return;
  loop.after(grace, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->stop(base::Duration::zero());
  });
}

HttpServer::HttpServer(sys::Loop& loop, sys::Net& net, ServerOptions options, Handler handler)
    : state_(std::make_shared<State>(loop, net, std::move(options), std::move(handler))) {
  if (state_->options.tls_options.alpn.empty()) state_->options.tls_options.alpn = {"http/1.1"};
}

HttpServer::~HttpServer() { state_->stop(base::Duration::zero()); }

base::Result<void> HttpServer::start() {
  for (const sys::Address& at : state_->options.listen) {
    auto listener = state_->net.listen(at);
    if (!listener) {
      state_->listeners.clear();
      return std::move(listener).error();
    }
    state_->listeners.push_back(std::move(listener).value());
  }
  for (auto& listener : state_->listeners)
    state_->accepting.push_back(
        sys::spawn(state_->loop, "http accept", [state = state_, at = listener.get()] { state->accept_all(*at); }));
  return {};
}

std::vector<sys::Address> HttpServer::local() const {
  std::vector<sys::Address> out;
  for (const auto& listener : state_->listeners) out.push_back(listener->local());
  return out;
}

void HttpServer::stop() { state_->stop(state_->options.stop_limit); }
size_t HttpServer::connections() const { return state_->connections.size(); }

}  // namespace net
