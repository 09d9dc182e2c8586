#include "net/http2_exchange.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "net/answer_head.h"
#include "wire/http1.h"

namespace net {
namespace {

constexpr size_t held_bytes_max = 256u << 10;  // written and not yet taken, before a writer waits

}  // namespace

Http2Exchange::Http2Exchange(Http2Connection& connection, std::shared_ptr<Http2Stream> stream)
    : connection_(connection), stream_(std::move(stream)), is_head_(stream_->request.method == "HEAD") {}

sys::Address Http2Exchange::peer() const { return connection_.stream_->peer(); }
const sys::TlsPeer* Http2Exchange::tls() const { return connection_.stream_->tls(); }

// The names and values of HTTP/1.1's head, in its order, as HTTP/2 writes them.
Headers Http2Exchange::head(int status, const Headers& headers) const {
  Headers out{{":status", std::to_string(std::clamp(status, 200, 999))}, {"date", connection_.server_->date()}};
  for (const auto& [name, value] : headers.all()) {
    if (is_framing_field(name) || !wire::valid_field_name(name)) continue;
    out.add(base::lower(name), sendable_value(value));
  }
  return out;
}

void Http2Exchange::respond(Response response) {
  CHECK_THAT(!responded_ && !started_, "an exchange is answered once");
  responded_ = true;
  if (stream_->closed) return;
  Headers fields = head(response.status, response.headers);
  bool can_have_body = !never_with_body(response.status);
  if (can_have_body) fields.add("content-length", std::to_string(announced_length(response, is_head_)));
  bool with_body = can_have_body && !is_head_ && !response.body.empty();
  if (with_body) stream_->out = std::move(response.body);
  stream_->out_ended = true;
  connection_.submit(*stream_, fields, with_body);
}

base::Result<void> Http2Exchange::start(int status, Headers headers) {
  CHECK_THAT(!responded_ && !started_, "an exchange is answered once");
  started_ = true;
  if (stream_->closed) return base::unavailable("the client is gone");
  Headers fields = head(status, headers);
  length_left_ = base::parse_uint(headers.get("Content-Length"));
  stream_->streaming = !length_left_;  // else it has an end that can be waited for
  if (length_left_ && !never_with_body(status)) fields.add("content-length", std::to_string(*length_left_));
  has_body_ = !never_with_body(status) && !is_head_;
  if (!has_body_) {
    length_left_.reset();
    stream_->out_ended = true;
  }
  connection_.submit(*stream_, fields, has_body_);
  return {};
}

base::Result<void> Http2Exchange::wait_for_room() {
  while (!stream_->closed && stream_->pending() >= held_bytes_max) {
    stream_->room.clear();
    auto waited = stream_->room.wait();
    if (waited) continue;
    cut_ = true;
    return waited;
  }
  if (stream_->closed) return base::unavailable("the client is gone");
  return {};
}

base::Result<void> Http2Exchange::write(std::string_view piece) {
  CHECK_THAT(started_, "start() comes before write()");
  if (piece.empty() || !has_body_) return {};
  TRY(wait_for_room());
  if (length_left_) {
    if (piece.size() > *length_left_) {
      cut_ = true;
      return base::internal("more bytes were written than Content-Length says");
    }
    *length_left_ -= piece.size();
  }
  // A stream that is never empty must not keep what was sent.
  if (stream_->out_used > held_bytes_max) {
    stream_->out.erase(0, stream_->out_used);
    stream_->out_used = 0;
  }
  stream_->out.append(piece);
  connection_.resume(*stream_);
  return {};
}

bool Http2Exchange::client_gone() const { return stream_->closed; }

base::Result<std::unique_ptr<sys::Stream>> Http2Exchange::take_over() {
  return base::Error{base::Code::unsupported, "a stream of HTTP/2 cannot be taken over"};
}

void Http2Exchange::finish() {
  if (!responded_ && !started_) {
    const Request& request = stream_->request;
    base::log::error("a request was not answered", {{"method", request.method}, {"target", request.target}});
    respond(Response::text(500, "the server did not answer this request\n"));
  }
  if (!started_ || stream_->closed || stream_->out_ended) return;
  // An orderly end would make a part look like the whole.
  if (cut_ || connection_.stopping_ || (length_left_ && *length_left_ > 0)) {
    connection_.reset(*stream_, Http2Connection::ResetCode::internal_error);
    return;
  }
  stream_->out_ended = true;
  connection_.resume(*stream_);
}

}  // namespace net
