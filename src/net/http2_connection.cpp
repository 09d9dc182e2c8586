#include "net/http2_connection.h"

#include <algorithm>

#include "base/log.h"
#include "net/http2_exchange.h"
#include "sys/deadline.h"

namespace net {
namespace {

constexpr size_t handlers_max = 500;  // twice the streams: those of streams that the client has reset go on for a while
constexpr size_t body_bytes_held_max = 16u << 20;  // of all requests of a connection, besides one of any size
constexpr size_t read_bytes = 64u << 10;
constexpr size_t turn_bytes = 128u << 10;                 // what one connection may send before others have their turn
constexpr base::Duration ping_after = base::seconds(30);  // of silence
constexpr base::Duration ping_limit = base::seconds(15);  // for the answer
constexpr base::Duration linger_limit = base::seconds(2);
constexpr size_t linger_bytes_max = 4u << 20;
// Frames that ask for nothing: a burst of so many, and so many a second.
constexpr double allowance_max = 1000;
constexpr double allowance_per_second = 200;

}  // namespace

Http2Connection::Http2Connection(std::shared_ptr<HttpServer::State> server, std::unique_ptr<sys::Stream> stream)
    : server_(std::move(server)),
      stream_(std::move(stream)),
      unhandled_(server_->loop),
      written_(server_->loop),
      allowance_(allowance_max) {
  unhandled_.set();
  written_.set();
  allowance_at_ = heard_at_ = busy_at_ = server_->loop.now();
  look_at_ = heard_at_ + server_->options.request_limit / 4;
}

Http2Connection::~Http2Connection() {
  ended_ = true;  // the session's last callbacks must not begin anything
  close_session();
}

void Http2Connection::run() {
  auto self = shared_from_this();
  open_session();
  kick();
  sys::Loop& loop = server_->loop;
  while (!ended_) {
    auto bytes = stream_->read(read_bytes, patience());
    if (!bytes && bytes.error().code != base::Code::timeout) break;
    if (bytes) {
      if (bytes->empty()) break;
      heard_at_ = loop.now();
      pinged_ = false;
      if (!feed(*bytes)) break;
    }
    if (!look_after()) break;
    kick();
    // What arrives faster than it is looked at must not keep the loop from others.
    if (bytes && !sys::yield(loop)) break;
  }
  finish();
}

base::Duration Http2Connection::patience() const {
  base::Time now = server_->loop.now();
  base::Time until = pinged_ ? heard_at_ + ping_after + ping_limit : heard_at_ + ping_after;
  if (streams_.empty()) {
    until = busy_at_ + server_->options.idle_limit;
  } else {
    until = std::min(until, look_at_);
  }
  return std::max(base::Duration::zero(), until - now);
}

bool Http2Connection::look_after() {
  base::Time now = server_->loop.now();
  if (streams_.empty()) {
    if (now - busy_at_ < server_->options.idle_limit) return true;
    say_goodbye();
    return false;
  }
  base::Duration silence = now - heard_at_;
  if (silence >= ping_after + ping_limit && pinged_) {
    abort();
    return false;
  }
  if (silence >= ping_after && !pinged_) ping();
  if (now >= look_at_) {
    look_after_streams(now);
    look_at_ = now + server_->options.request_limit / 4;
  }
  return true;
}

// Requests that do not become complete and answers that nobody takes.
void Http2Connection::look_after_streams(base::Time now) {
  std::vector<StreamPtr> late;
  for (auto& [id, stream] : streams_) {
    bool waits_for_client = !stream->received || stream->pending() > 0;
    if (std::exchange(stream->moved, false) || !waits_for_client) stream->moved_at = now;
    if (now - stream->moved_at >= server_->options.request_limit) late.push_back(stream);
  }
  for (auto& stream : late) {
    bool receiving = !stream->received && !stream->refused;
    if (receiving) {
      refuse(stream, 408, "the request did not arrive in time");
      stream->moved = true;
    } else {
      reset(*stream, ResetCode::cancel);
    }
  }
}

// ---- what the client sends -------------------------------------------------------------------------------------

bool Http2Connection::spend() {
  base::Time now = server_->loop.now();
  double passed = std::chrono::duration<double>(now - allowance_at_).count();
  allowance_ = std::min(allowance_max, allowance_ + passed * allowance_per_second) - 1;
  allowance_at_ = now;
  if (allowance_ < 0) flooded_ = true;
  return !flooded_;
}

Http2Connection::StreamPtr Http2Connection::find(int32_t id) {
  auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second;
}

void Http2Connection::on_body(const StreamPtr& stream, std::string_view bytes) {
  stream->moved = true;
  if (stream->refused) return;
  body_bytes_ += bytes.size();
  stream->request.body.append(bytes);
  if (stream->request.body.size() > server_->options.body_bytes_max) {
    refuse(stream, 413, "body is larger than allowed");
  } else if (body_bytes_ > body_bytes_held_max + server_->options.body_bytes_max) {
    stream->refused = true;
    reset(*stream, ResetCode::refused_stream);  // nothing was done: the client may try again (8.7)
  }
}

void Http2Connection::on_request_complete(const StreamPtr& stream) {
  stream->received = true;
  stream->moved = true;
  if (stream->refused || ended_) return;
  if (handlers_ >= handlers_max || server_->is_full()) return reset(*stream, ResetCode::refused_stream);
  stream->answering = true;
  ++handlers_;
  ++server_->handlers;
  unhandled_.clear();
  stream->handler = sys::spawn(server_->loop, "http2", [self = shared_from_this(), stream] { self->answer(stream); });
}

void Http2Connection::answer(const StreamPtr& stream) {
  {
    Http2Exchange exchange(*this, stream);
    server_->handler(exchange);
    exchange.finish();
  }
  body_bytes_ -= std::min(body_bytes_, stream->request.body.size());
  stream->request = {};  // the answer may take long to send
  stream->answering = false;
  --server_->handlers;
  if (--handlers_ == 0) unhandled_.set();
}

void Http2Connection::on_closed(int32_t id) {
  auto stream = find(id);
  if (!stream) return;
  streams_.erase(id);
  busy_at_ = server_->loop.now();
  stream->closed = true;
  std::string().swap(stream->out);
  stream->out_used = 0;
  stream->room.set();
  if (!stream->answering) {
    body_bytes_ -= std::min(body_bytes_, stream->request.body.size());
  } else if (stream->streaming) {
    stream->handler.cancel();  // nobody listens; other handlers end by themselves soon
  }
}

// ---- what the server sends -------------------------------------------------------------------------------------

void Http2Connection::refuse(const StreamPtr& stream, int status, std::string_view why) {
  if (server_->options.refused) server_->options.refused(status);
  stream->refused = true;
  body_bytes_ -= std::min(body_bytes_, stream->request.body.size());
  stream->request.body = {};
  Http2Exchange exchange(*this, stream);
  exchange.respond(Response::text(status, std::string(why) + "\n"));
}

void Http2Connection::kick() {
  if (!written_.is_set() || ended_ || !wants_to_send()) return;
  written_.clear();
  // Behind everything that is ready now, so that what those handlers answer goes out together.
  sys::spawn(server_->loop, "http2 write", [self = shared_from_this()] { self->write_out(); });
}

void Http2Connection::write_out() {
  std::string batch;
  size_t turn = 0;
  while (!ended_) {
    collect(batch);
    if (batch.empty()) break;
    if (!stream_->write(batch, server_->options.request_limit)) abort();
    turn += batch.size();
    if (turn < turn_bytes) continue;
    turn = 0;
    if (!sys::yield(server_->loop)) break;
  }
  written_.set();
  if (is_over()) stream_->close();  // wakes the reader
}

// ---- the end ---------------------------------------------------------------------------------------------------

void Http2Connection::stop() {
  if (ended_ || std::exchange(stopping_, true)) return;
  say_goodbye();
  for (auto& [id, stream] : streams_)
    if (stream->streaming) stream->handler.cancel();
}

void Http2Connection::abort() { end(true); }

void Http2Connection::end(bool at_once) {
  if (std::exchange(ended_, true)) return;
  stream_->close();
  for (auto& [id, stream] : streams_) {
    stream->closed = true;
    stream->room.set();
    if (at_once || stream->streaming) stream->handler.cancel();
  }
}

// Closing while the client still sends makes TCP reset the connection, and the client would never see why.
void Http2Connection::linger() {
  sys::Deadline deadline(server_->loop, linger_limit);
  for (size_t dropped = 0; dropped < linger_bytes_max;) {
    auto bytes = stream_->read(read_bytes, deadline.left());
    if (!bytes || bytes->empty()) return;
    dropped += bytes->size();
  }
}

void Http2Connection::finish() {
  kick();  // the last frames say why
  if (!ended_) (void)written_.wait_for(linger_limit);
  if (!ended_ && refused_) linger();
  end(false);
  // Handlers may still work, though for nobody.
  if (unhandled_.wait()) (void)written_.wait();
}

}  // namespace net
