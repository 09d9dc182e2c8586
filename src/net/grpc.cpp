#include "net/grpc.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <deque>
#include <map>

#include "base/text.h"
#include "sys/deadline.h"
#include "sys/fiber.h"

namespace net {

using base::Code;
using base::Error;
using base::Result;

namespace {

constexpr size_t read_bytes = 64u << 10;
constexpr size_t send_bytes = 64u << 10;
constexpr size_t frame_head = 5;  // one byte of flags, four of length
constexpr int32_t window_bytes = 16 << 20;
constexpr base::Duration write_limit = base::seconds(30);

// One call on the connection; shared, because either side may end it first.
struct Call {
  explicit Call(sys::Loop& loop) : changed(loop) {}
  int32_t id = -1;
  std::string out;  // frames to send, from out_used on
  size_t out_used = 0;
  bool out_ended = false, deferred = false;
  std::string in;  // received, less than a message
  std::deque<std::string> messages;
  std::string http_status, grpc_status, grpc_message;
  bool ended = false;
  std::optional<Error> failure;
  sys::Signal changed;

  void fail(Error error) {
    if (ended) return;
    ended = true;
    failure = std::move(error);
    changed.set();
  }
};
using CallPtr = std::shared_ptr<Call>;

Code code_of(std::string_view grpc_status) {
  if (grpc_status == "1") return Code::cancelled;
  if (grpc_status == "3") return Code::invalid;
  if (grpc_status == "4") return Code::timeout;
  if (grpc_status == "5") return Code::not_found;
  if (grpc_status == "6") return Code::already_exists;
  if (grpc_status == "7") return Code::forbidden;
  if (grpc_status == "8") return Code::too_large;
  if (grpc_status == "9") return Code::conflict;
  if (grpc_status == "11") return Code::expired;
  if (grpc_status == "12") return Code::unsupported;
  if (grpc_status == "14") return Code::unavailable;
  if (grpc_status == "16") return Code::unauthenticated;
  return Code::internal;
}

uint32_t length_at(std::string_view frame) {
  uint32_t length = 0;
  for (size_t i = 1; i < frame_head; ++i) length = length << 8 | static_cast<unsigned char>(frame[i]);
  return length;
}

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(sys::Loop& loop, const GrpcOptions& options, std::unique_ptr<sys::Stream> stream)
      : loop_(loop), options_(options), stream_(std::move(stream)) {}
  ~Connection() { nghttp2_session_del(session_); }
  Connection(const Connection&) = delete;

  void start();
  bool usable() const { return !ended_ && !leaving_; }
  Result<CallPtr> open(const std::string& method, const Headers& metadata);
  void send(Call& call, std::string_view message);
  void finish_sending(Call& call);
  void cancel(const CallPtr& call);
  void end(const std::string& why);

 private:
  friend struct Callbacks;
  void read();
  bool look_after();
  void kick();
  void write_out();
  void resume(Call& call);
  void received(const CallPtr& call, std::string_view bytes);
  void closed(int32_t id, uint32_t error);
  CallPtr find(int32_t id) {
    const auto found = calls_.find(id);
    return found == calls_.end() ? nullptr : found->second;
  }

  sys::Loop& loop_;
  GrpcOptions options_;
  std::unique_ptr<sys::Stream> stream_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, CallPtr> calls_;
  bool writing_ = false, ended_ = false, leaving_ = false, pinged_ = false;
  base::Time heard_at_;
};

// What nghttp2 calls while it is fed.
struct Callbacks {
  static Connection& self(void* user) { return *static_cast<Connection*>(user); }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                    const uint8_t* value, size_t value_size, uint8_t, void* user) {
    const auto call = self(user).find(frame->hd.stream_id);
    if (!call) return 0;
    const std::string_view key(reinterpret_cast<const char*>(name), name_size);
    const std::string text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":status") call->http_status = text;
    if (key == "grpc-status") call->grpc_status = text;
    if (key == "grpc-message") call->grpc_message = percent_decode(text);
    return 0;
  }

  static int data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* user) {
    auto& connection = self(user);
    if (const auto call = connection.find(id)) {
      connection.received(call, {reinterpret_cast<const char*>(bytes), size});
    }
    return 0;
  }

  static int closed(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    self(user).closed(id, error);
    return 0;
  }

  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) self(user).leaving_ = true;
    return 0;
  }

  static ssize_t read_out(nghttp2_session*, int32_t, uint8_t* into, size_t size, uint32_t* flags,
                          nghttp2_data_source* source, void*) {
    auto& call = *static_cast<Call*>(source->ptr);
    const size_t count = std::min(size, call.out.size() - call.out_used);
    std::copy_n(call.out.data() + call.out_used, count, into);
    call.out_used += count;
    if (call.out_used == call.out.size()) {
      call.out.clear();
      call.out_used = 0;
      if (call.out_ended) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
      } else if (count == 0) {
        call.deferred = true;
        return NGHTTP2_ERR_DEFERRED;
      }
    }
    return static_cast<ssize_t>(count);
  }
};

void Connection::start() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::closed);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_client_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window_bytes}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 2);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 2 * window_bytes);
  heard_at_ = loop_.now();
  sys::spawn(loop_, "grpc read", [self = shared_from_this()] { self->read(); });
  kick();
}

void Connection::read() {
  while (!ended_) {
    const auto limit = options_.ping_after / 2;
    const auto bytes = stream_->read(read_bytes, limit);
    if (!bytes && bytes.error().code != Code::timeout) return end(bytes.error().message);
    if (bytes && bytes->empty()) return end("the server closed the connection");
    if (ended_) return;
    if (bytes) {
      heard_at_ = loop_.now();
      pinged_ = false;
      const auto used =
          nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size());
      if (used < 0) return end(nghttp2_strerror(static_cast<int>(used)));
    }
    if (!look_after()) return;
    kick();
  }
}

bool Connection::look_after() {
  const auto silence = loop_.now() - heard_at_;
  if (calls_.empty()) {
    if (leaving_) end("the server asked to leave");
    return !ended_;
  }
  if (!pinged_ && silence >= options_.ping_after) {
    pinged_ = true;
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  } else if (pinged_ && silence >= options_.ping_after + options_.ping_limit) {
    end("the server does not answer any more");
    return false;
  }
  return true;
}

void Connection::kick() {
  if (writing_ || ended_ || nghttp2_session_want_write(session_) == 0) return;
  writing_ = true;
  sys::spawn(loop_, "grpc write", [self = shared_from_this()] { self->write_out(); });
}

void Connection::write_out() {
  std::string batch;
  while (!ended_) {
    batch.clear();
    while (batch.size() < send_bytes) {
      const uint8_t* data = nullptr;
      const auto size = nghttp2_session_mem_send(session_, &data);
      if (size <= 0) break;
      batch.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
    }
    if (batch.empty()) break;
    if (const auto written = stream_->write(batch, write_limit); !written) end(written.error().message);
  }
  writing_ = false;
}

void Connection::end(const std::string& why) {
  if (std::exchange(ended_, true)) return;
  stream_->close();
  auto calls = std::move(calls_);
  calls_.clear();
  for (const auto& [id, call] : calls) call->fail(base::unavailable(options_.server.text() + ": " + why));
}

Result<CallPtr> Connection::open(const std::string& method, const Headers& metadata) {
  Headers head{{":method", "POST"},
               {":scheme", options_.tls ? "https" : "http"},
               {":path", method},
               {":authority", options_.server.text()},
               {"content-type", "application/grpc"},
               {"te", "trailers"},
               {"user-agent", "ingot"}};
  for (const auto& [name, value] : metadata.all()) head.add(name, value);
  std::vector<nghttp2_nv> fields;
  for (const auto& [name, value] : head.all()) {
    // nghttp2 copies them.
    fields.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                      reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                      NGHTTP2_NV_FLAG_NONE});
  }
  auto call = std::make_shared<Call>(loop_);
  nghttp2_data_provider body;
  body.source.ptr = call.get();  // calls_ keeps it until nghttp2 has closed the stream
  body.read_callback = Callbacks::read_out;
  call->id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &body, nullptr);
  if (call->id < 0) {
    leaving_ = true;  // no stream numbers are left: the next call gets a new connection
    return base::unavailable(options_.server.text() + ": " + nghttp2_strerror(call->id));
  }
  calls_[call->id] = call;
  kick();
  return call;
}

void Connection::send(Call& call, std::string_view message) {
  call.out += '\0';
  for (int shift = 24; shift >= 0; shift -= 8) call.out += static_cast<char>(message.size() >> shift & 255);
  call.out.append(message);
  resume(call);
}

void Connection::finish_sending(Call& call) {
  call.out_ended = true;
  resume(call);
}

void Connection::resume(Call& call) {
  if (ended_) return;
  if (std::exchange(call.deferred, false)) nghttp2_session_resume_data(session_, call.id);
  kick();
}

void Connection::cancel(const CallPtr& call) {
  if (ended_ || call->ended) return;
  call->fail(base::cancelled());
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call->id, NGHTTP2_CANCEL);
  kick();
}

void Connection::received(const CallPtr& call, std::string_view bytes) {
  if (call->ended) return;
  call->in.append(bytes);
  size_t used = 0;
  while (call->in.size() - used >= frame_head) {
    const std::string_view rest = std::string_view(call->in).substr(used);
    const size_t size = length_at(rest);
    if (rest.front() != 0 || size > options_.message_bytes_max) {
      const auto why = rest.front() != 0 ? "a compressed message came" : "a message is larger than allowed";
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call->id, NGHTTP2_CANCEL);
      return call->fail(base::internal(options_.server.text() + ": " + why));
    }
    if (rest.size() < frame_head + size) break;
    call->messages.emplace_back(rest.substr(frame_head, size));
    used += frame_head + size;
    call->changed.set();
  }
  call->in.erase(0, used);
}

void Connection::closed(int32_t id, uint32_t error) {
  const auto call = find(id);
  if (!call) return;
  calls_.erase(id);
  if (call->ended) return;
  if (call->grpc_status == "0") {
    call->ended = true;
    call->changed.set();
  } else if (!call->grpc_status.empty()) {
    call->fail({.code = code_of(call->grpc_status), .message = call->grpc_message});
  } else {
    const std::string why = error != 0 ? "the call was reset (" + std::to_string(error) + ")"
                                       : "an answer without gRPC status, HTTP " + call->http_status;
    call->fail(base::unavailable(options_.server.text() + ": " + why));
  }
}

class StreamOfCall : public GrpcStream {
 public:
  StreamOfCall(sys::Loop& loop, std::shared_ptr<Connection> connection, CallPtr call)
      : loop_(loop), connection_(std::move(connection)), call_(std::move(call)) {}
  ~StreamOfCall() override { connection_->cancel(call_); }

  Result<void> send(std::string_view message) override {
    if (call_->failure) return *call_->failure;
    connection_->send(*call_, message);
    return {};
  }
  void finish_sending() override { connection_->finish_sending(*call_); }

  Result<std::optional<std::string>> receive(base::Duration limit) override {
    sys::Deadline deadline(loop_, limit);
    while (call_->messages.empty()) {
      if (call_->failure) return *call_->failure;
      if (call_->ended) return std::optional<std::string>();
      call_->changed.clear();
      TRY(call_->changed.wait_for(deadline.left()));
    }
    std::optional<std::string> out = std::move(call_->messages.front());
    call_->messages.pop_front();
    return out;
  }

 private:
  sys::Loop& loop_;
  std::shared_ptr<Connection> connection_;
  CallPtr call_;
};

}  // namespace

struct GrpcClient::State {
  State(sys::Loop& l, sys::Net& n, GrpcOptions o) : loop(l), net(n), options(std::move(o)), connected(l) {}
  Result<std::shared_ptr<Connection>> connection_now();
  Result<std::shared_ptr<Connection>> connect();

  sys::Loop& loop;
  sys::Net& net;
  GrpcOptions options;
  std::shared_ptr<Connection> connection;
  bool connecting = false;
  sys::Signal connected;  // set when an attempt has ended
  std::optional<Error> failure;
};

// Those who come while an attempt is under way share it.
Result<std::shared_ptr<Connection>> GrpcClient::State::connection_now() {
  if (connection && connection->usable()) return connection;
  if (connecting) {
    TRY(connected.wait());
    if (connection && connection->usable()) return connection;
    return failure ? *failure : base::unavailable(options.server.text() + ": the connection broke");
  }
  connecting = true;
  connected.clear();
  auto made = connect();
  connecting = false;
  failure.reset();
  if (made) {
    connection = *made;
  } else {
    failure = made.error();
  }
  connected.set();
  return made;
}

Result<std::shared_ptr<Connection>> GrpcClient::State::connect() {
  sys::Deadline deadline(loop, options.connect_limit);
  auto stream = TRY(net.connect(options.server, deadline.left()));
  if (options.tls) {
    auto tls = options.tls_options;
    tls.alpn = {"h2"};
    if (tls.server_name.empty()) tls.server_name = options.server.host;
    stream = TRY(net.start_tls(std::move(stream), tls, deadline.left()));
  }
  auto made = std::make_shared<Connection>(loop, options, std::move(stream));
  made->start();
  return made;
}

GrpcClient::GrpcClient(sys::Loop& loop, sys::Net& net, GrpcOptions options)
    : state_(std::make_shared<State>(loop, net, std::move(options))) {}
GrpcClient::~GrpcClient() { close(); }

void GrpcClient::close() {
  if (state_->connection) state_->connection->end("closed");
  state_->connection = nullptr;
}

Result<std::unique_ptr<GrpcStream>> GrpcClient::open(const std::string& method, const Headers& metadata) {
  const auto state = state_;
  auto connection = TRY(state->connection_now());
  auto call = TRY(connection->open(method, metadata));
  return std::unique_ptr<GrpcStream>(
      std::make_unique<StreamOfCall>(state->loop, std::move(connection), std::move(call)));
}

Result<std::string> GrpcClient::call(const std::string& method, std::string_view message, base::Duration limit,
                                     const Headers& metadata) {
  sys::Deadline deadline(state_->loop, limit);
  auto stream = TRY(open(method, metadata));
  TRY(stream->send(message));
  stream->finish_sending();
  auto answer = TRY(stream->receive(deadline.left()));
  if (!answer) return base::internal(method + " ended without an answer");
  TRY(stream->receive(deadline.left()));  // the status
  return std::move(*answer);
}

}  // namespace net
