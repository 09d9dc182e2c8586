#include <algorithm>
#include <deque>

#include "base/text.h"
#include "net/http.h"
#include "sys/deadline.h"
#include "sys/read_into.h"
#include "wire/http1.h"

namespace net {
namespace {

using base::Error;
using base::Result;
using sys::Deadline;

constexpr size_t read_bytes = 64u << 10;
constexpr size_t head_bytes_max = 64u << 10;
constexpr size_t idle_connections_max = 32;
constexpr size_t joined_body_max = 64u << 10;               // larger bodies are not copied behind their head
constexpr base::Duration idle_age_max = base::seconds(30);  // servers drop idle connections, often after a minute

struct Idle {
  std::unique_ptr<sys::Stream> stream;
  base::Time since;
};

// How long each step may take: one limit for all, or one for each wait.
struct Patience {
  std::optional<Deadline> whole;
  base::Duration each = sys::no_limit;
  base::Duration left() const { return whole ? whole->left() : each; }
};

bool replayable(const Request& request) { return request.method == "GET" || request.method == "HEAD"; }

Result<std::string> request_head(const Request& request, const ClientOptions& options) {
  if (!wire::valid_field_name(request.method)) return base::invalid("HTTP method " + base::quoted(request.method));
  if (!wire::valid_target(request.target)) return base::invalid("HTTP target " + base::quoted(request.target));
  std::string head;
  head.reserve(512);
  head.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  if (!request.headers.has("Host")) {
    bool usual_port = options.server.port == (options.tls ? 443 : 80);
    bool v6 = options.server.host.find(':') != std::string::npos;
    std::string name = v6 ? "[" + options.server.host + "]" : options.server.host;
    wire::append_field(head, "Host", usual_port ? name : options.server.text());
  }
  if (!options.user_agent.empty() && !request.headers.has("User-Agent"))
    wire::append_field(head, "User-Agent", options.user_agent);
  for (const auto& [name, value] : request.headers.all()) {
    if (!wire::valid_field_name(name) || !wire::valid_field_value(value))
      return base::invalid("HTTP header " + base::quoted(name) + " has characters that cannot be sent");
    if (base::equals_ignore_case(name, "Content-Length") || base::equals_ignore_case(name, "Transfer-Encoding"))
      continue;  // ours to say
    wire::append_field(head, name, value);
  }
  bool usually_with_body = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (!request.body.empty() || usually_with_body)
    wire::append_field(head, "Content-Length", std::to_string(request.body.size()));
  if (!options.keep_alive) wire::append_field(head, "Connection", "close");
  head.append("\r\n");
  return head;
}

// Where a body goes instead of into the response.
struct Streaming {
  const BodySink& sink;
  const BodyPlace& place;
};

// One request and its answer on one connection.
class Transfer {
 public:
  Transfer(sys::Stream& stream, const Request& request, const ClientOptions& options, const Patience& patience,
           const Streaming* streaming)
      : stream_(stream),
        request_(request),
        patience_(patience),
        streaming_(streaming),
        parser_(wire::Http1Parser::Side::response,
                {.head_bytes_max = head_bytes_max,
                 .body_bytes_max = streaming ? UINT64_MAX : static_cast<uint64_t>(options.body_bytes_max)}) {}

  Result<Response> run(std::string head) {
    TRY(send(std::move(head)));
    TRY(receive());
    if (!have_head_) take_head();
    if (!streaming_) response_.body = std::move(parser_.body());
    return std::move(response_);
  }
  bool answered() const { return answered_; }
  // Whether the connection can carry another request.
  bool reusable() { return ended() && keep_alive_ && buffer_.empty(); }

 private:
  Result<void> send(std::string head) {
    if (request_.body.size() <= joined_body_max) {
      head.append(request_.body);
      return stream_.write(head, patience_.left());
    }
    TRY(stream_.write(head, patience_.left()));
    return stream_.write(request_.body, patience_.left());
  }

  Result<void> receive() {
    begin_message();
    while (!ended()) {
      if (has_measured_rest()) {
        TRY(receive_rest());
        continue;
      }
      auto bytes = stream_.read(read_bytes, patience_.left());
      if (!bytes) return std::move(bytes).error();
      if (bytes->empty()) {
        if (parser_.state() == wire::Http1Parser::State::body && parser_.feed_end()) break;
        return base::unavailable(answered_ ? "the connection ended in the middle of the answer"
                                           : "the connection ended without an answer");
      }
      answered_ = true;
      buffer_ = buffer_.empty() ? std::move(*bytes) : buffer_ + *bytes;
      TRY(parse());
    }
    return deliver();
  }

  bool ended() { return passed_all_ || parser_.state() == wire::Http1Parser::State::done; }

  // Whether nothing but bytes of the body follows, so many that the parser need not see them.
  bool has_measured_rest() {
    return have_head_ && streaming_ && streaming_->place && buffer_.empty() && parser_.head().content_length;
  }
  // They go straight to where they are wanted.
  Result<void> receive_rest() {
    const uint64_t left = *parser_.head().content_length - passed_;
    const std::span<char> wanted = streaming_->place();
    const std::span<char> place = wanted.empty() ? std::span<char>(own_place()) : wanted;
    const auto most = static_cast<size_t>(std::min<uint64_t>(place.size(), left));
    const size_t count = TRY(sys::read_into(stream_, place.data(), most, patience_.left()));
    if (count == 0) return base::unavailable("the connection ended in the middle of the answer");
    passed_all_ = count == left;
    return pass({place.data(), count});
  }
  std::string& own_place() {
    own_place_.resize(read_bytes);
    return own_place_;
  }
  Result<void> pass(std::string_view piece) {
    passed_ += piece.size();
    if (streaming_->sink(response_, piece)) return {};
    keep_alive_ = false;
    return base::cancelled();
  }

  void begin_message() {
    if (request_.method == "HEAD" || request_.method == "CONNECT") parser_.expect_no_body();
  }

  Result<void> parse() {
    while (!buffer_.empty() && parser_.state() != wire::Http1Parser::State::done) {
      auto used = parser_.feed(buffer_);
      if (!used) {
        Error error = std::move(used).error();
        if (error.code == base::Code::too_large) return error;
        return Error{base::Code::corrupt, "the answer is not proper HTTP: " + error.message};
      }
      buffer_.erase(0, *used);
      bool interim = parser_.state() == wire::Http1Parser::State::done && parser_.head().status / 100 == 1 &&
                     parser_.head().status != 101;
      if (interim) {  // 100 Continue, 103 Early Hints: the answer is still to come
        if (++interim_ > 8) return Error{base::Code::corrupt, "the server sends interim answers without end"};
        parser_.next();
        begin_message();
        continue;
      }
      TRY(deliver());
      if (*used == 0) break;
    }
    return {};
  }

  void take_head() {
    have_head_ = true;
    wire::Http1Head& head = parser_.head();
    keep_alive_ = head.keep_alive && head.status != 101;
    response_.status = head.status;
    response_.headers = Headers(std::move(head.fields));
  }

  Result<void> deliver() {
    if (!streaming_ || parser_.state() == wire::Http1Parser::State::head) return {};
    if (!have_head_) take_head();
    if (parser_.body().empty()) return {};
    auto passed = pass(parser_.body());
    parser_.body().clear();
    return passed;
  }

  sys::Stream& stream_;
  const Request& request_;
  const Patience& patience_;
  const Streaming* streaming_;
  wire::Http1Parser parser_;
  std::string buffer_;
  std::string own_place_;
  Response response_;
  uint64_t passed_ = 0;      // of the body, to the sink
  bool passed_all_ = false;  // the rest of it past the parser
  int interim_ = 0;
  bool answered_ = false;
  bool have_head_ = false;
  bool keep_alive_ = true;
};

}  // namespace

struct HttpClient::State {
  sys::Loop& loop;
  sys::Net& net;
  ClientOptions options;
  std::deque<Idle> idle;  // oldest first
  bool gone = false;

  State(sys::Loop& on, sys::Net& through, ClientOptions with) : loop(on), net(through), options(std::move(with)) {
    if (options.tls_options.alpn.empty()) options.tls_options.alpn = {"http/1.1"};
    // Behind a proxy the connected host is the proxy, so the name is always said.
    if (options.tls_options.server_name.empty()) options.tls_options.server_name = options.server.host;
  }

  Result<std::unique_ptr<sys::Stream>> connect(const Patience& patience) {
    Deadline deadline(loop, std::min(options.connect_limit, patience.left()));
    auto stream = TRY(net.connect(options.server, deadline.left()));
    if (!options.tls) return stream;
    return net.start_tls(std::move(stream), options.tls_options, deadline.left());
  }

  void drop_old() {
    while (!idle.empty() && loop.now() - idle.front().since > idle_age_max) idle.pop_front();
  }

  // The connection used last, when there is one that has not been closed by the server as far as one can see.
  std::unique_ptr<sys::Stream> reuse(const Request& request) {
    drop_old();
    while (!idle.empty()) {
      std::unique_ptr<sys::Stream> stream = std::move(idle.back().stream);
      idle.pop_back();
      if (replayable(request)) return stream;  // a dead one costs nothing but the second try
      auto peek = stream->read(1, base::Duration::zero());
      if (!peek && peek.error().code == base::Code::timeout) return stream;
      if (!peek && peek.error().code == base::Code::cancelled) return nullptr;
    }
    return nullptr;
  }

  void keep(std::unique_ptr<sys::Stream> stream) {
    if (gone || !options.keep_alive) return;
    if (idle.size() >= idle_connections_max) idle.pop_front();
    idle.push_back({std::move(stream), loop.now()});
  }

  Result<Response> exchange(const Request& request, const Patience& patience, const Streaming* streaming) {
    std::string head = TRY(request_head(request, options));
    std::unique_ptr<sys::Stream> stream = options.keep_alive ? reuse(request) : nullptr;
    for (bool reused = stream != nullptr;; reused = false) {
      if (!stream) stream = TRY(connect(patience));
      Transfer transfer(*stream, request, options, patience, streaming);
      auto response = transfer.run(head);
      if (response) {
        if (transfer.reusable()) keep(std::move(stream));
        return response;
      }
      bool lost = response.error().code == base::Code::unavailable;
      if (!reused || !lost || transfer.answered() || !replayable(request)) return response;
      stream.reset();
      idle.clear();  // the others are from before the loss, too
    }
  }
};

HttpClient::HttpClient(sys::Loop& loop, sys::Net& net, ClientOptions options)
    : state_(std::make_shared<State>(loop, net, std::move(options))) {}

HttpClient::~HttpClient() {
  state_->gone = true;
  state_->idle.clear();
}

base::Result<Response> HttpClient::send(Request request) {
  auto state = state_;  // the client may go while its request is under way
  return state->exchange(request, {Deadline(state->loop, state->options.request_limit)}, nullptr);
}

base::Result<Response> HttpClient::stream(Request request, base::Duration idle_limit, const BodySink& sink,
                                          const BodyPlace& place) {
  auto state = state_;
  const Streaming streaming{sink, place};
  return state->exchange(request, {std::nullopt, idle_limit}, &streaming);
}

void HttpClient::close() { state_->idle.clear(); }
const ClientOptions& HttpClient::options() const { return state_->options; }

}  // namespace net
