// The side of an Http2Connection that nghttp2 calls and that calls nghttp2's reading and writing of frames.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "net/http2_connection.h"
#include "wire/http1.h"

namespace net {
namespace {

constexpr uint32_t streams_max = 250;          // at a time
constexpr uint32_t window_bytes = 256u << 10;  // of a stream, for requests
constexpr int32_t connection_window_bytes = 1 << 20;
constexpr size_t settings_max = 32;      // in one frame
constexpr size_t unsent_acks_max = 500;  // answers to PING and SETTINGS that the client does not take
constexpr size_t continuations_max = 16;
constexpr size_t target_bytes_max = 16u << 10;  // as wire::Http1Limits
constexpr size_t fields_max = 256;
constexpr size_t field_overhead = 32;     // RFC 9113 6.5.2
constexpr size_t send_bytes = 64u << 10;  // per write: four TLS records

std::string_view text_of(const uint8_t* bytes, size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

}  // namespace

struct Http2Callbacks {
  static Http2Connection& connection(void* user) { return *static_cast<Http2Connection*>(user); }

  // Frames with which a client can keep the server busy without asking for anything.
  static bool is_idle_talk(const nghttp2_frame_hd& head) {
    switch (head.type) {
      case NGHTTP2_DATA:
        return head.length == 0 && (head.flags & NGHTTP2_FLAG_END_STREAM) == 0;
      case NGHTTP2_PRIORITY:
      case NGHTTP2_RST_STREAM:
      case NGHTTP2_SETTINGS:
      case NGHTTP2_PING:
      case NGHTTP2_CONTINUATION:
        return true;
      default:
        return false;
    }
  }

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    if (!is_idle_talk(*head)) return 0;
    return connection(user).spend() ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& self = connection(user);
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST || self.ended_) return 0;
    auto stream = std::make_shared<Http2Stream>(self.server_->loop, frame->hd.stream_id);
    stream->request = {.method = "", .target = ""};
    stream->moved_at = self.server_->loop.now();
    self.streams_.emplace(stream->id, std::move(stream));
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t, void* user) {
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // trailers say nothing that is needed
    if (auto stream = connection(user).find(frame->hd.stream_id))
      take_field(*stream, connection(user).server_->options, text_of(name, name_size), text_of(value, value_size));
    return 0;
  }

  static void take_field(Http2Stream& stream, const ServerOptions& options, std::string_view name,
                         std::string_view value) {
    stream.head_bytes += name.size() + value.size() + field_overhead;
    auto& request = stream.request;
    if (stream.head_bytes > options.head_bytes_max || request.headers.all().size() >= fields_max) {
      stream.head_status = 431;
    } else if (name == ":method") {
      request.method = value;
    } else if (name == ":path") {
      request.target = value;
    } else if (name == ":authority") {
      request.headers.set("host", std::string(value));
    } else if (!name.starts_with(':') && !(name == "host" && request.headers.has("host"))) {
      request.headers.add(name, std::string(value));
    }
  }

  static void on_head(Http2Connection& self, const Http2Connection::StreamPtr& stream, bool has_body) {
    const Request& request = stream->request;
    auto length = base::parse_uint(request.headers.get("content-length"));
    if (stream->head_status == 431) return self.refuse(stream, 431, "head is larger than allowed");
    if (request.target.size() > target_bytes_max) return self.refuse(stream, 414, "target is longer than allowed");
    // CONNECT has no path (8.5) and would ask for a proxy.
    if (request.method == "CONNECT") return self.refuse(stream, 501, "CONNECT is not offered");
    if (!wire::valid_target(request.target)) return self.refuse(stream, 400, "malformed target");
    if (length && *length > self.server_->options.body_bytes_max)
      return self.refuse(stream, 413, "body is larger than allowed");
    if (has_body && request.headers.has("expect")) self.submit_continue(*stream);
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& self = connection(user);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    auto stream = self.find(frame->hd.stream_id);
    if (!stream) return 0;
    bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) on_head(self, stream, !last);
    if (last) self.on_request_complete(stream);
    return 0;
  }

  static int on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* user) {
    auto& self = connection(user);
    if (auto stream = self.find(id)) self.on_body(stream, text_of(data, size));
    return 0;
  }

  static int on_close(nghttp2_session*, int32_t id, uint32_t, void* user) {
    if (!connection(user).ended_) connection(user).on_closed(id);
    return 0;
  }

  static int on_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    auto& self = connection(user);
    // What makes the server reset streams costs as much as resetting them.
    if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR) (void)self.spend();
    bool body = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (!body || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    // Answered before the request was complete: the rest is not wanted (8.1).
    if (auto stream = self.find(frame->hd.stream_id); stream && !stream->received)
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
  }

  static ssize_t read_body(nghttp2_session*, int32_t, uint8_t* to, size_t size, uint32_t* flags,
                           nghttp2_data_source* source, void*) {
    auto& stream = *static_cast<Http2Stream*>(source->ptr);
    size_t count = std::min(size, stream.pending());
    if (count == 0 && !stream.out_ended) {
      stream.deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    if (count > 0) memcpy(to, stream.out.data() + stream.out_used, count);
    stream.out_used += count;
    stream.moved = true;
    if (stream.pending() == 0) {
      std::string().swap(stream.out);  // idle streams hold no buffer
      stream.out_used = 0;
      if (stream.out_ended) *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    stream.room.set();
    return static_cast<ssize_t>(count);
  }
};

void Http2Connection::open_session() {
  nghttp2_session_callbacks* calls = nullptr;
  nghttp2_option* limits = nullptr;
  CHECK_THAT(nghttp2_session_callbacks_new(&calls) == 0 && nghttp2_option_new(&limits) == 0, "no memory for HTTP/2");
  nghttp2_session_callbacks_set_on_begin_frame_callback(calls, Http2Callbacks::on_begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(calls, Http2Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(calls, Http2Callbacks::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(calls, Http2Callbacks::on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, Http2Callbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(calls, Http2Callbacks::on_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(calls, Http2Callbacks::on_sent);
  nghttp2_option_set_no_closed_streams(limits, 1);
  nghttp2_option_set_max_settings(limits, settings_max);
  nghttp2_option_set_max_outbound_ack(limits, unsent_acks_max);
  nghttp2_option_set_max_continuations(limits, continuations_max);
  CHECK_THAT(nghttp2_session_server_new2(&session_, calls, this, limits) == 0, "no memory for HTTP/2");
  nghttp2_session_callbacks_del(calls);
  nghttp2_option_del(limits);

  const std::array<nghttp2_settings_entry, 3> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(server_->options.head_bytes_max)},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window_bytes);
}

bool Http2Connection::feed(std::string_view bytes) {
  auto used = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (used >= 0 && !flooded_) return nghttp2_session_want_read(session_) != 0;
  if (used == NGHTTP2_ERR_BAD_CLIENT_MAGIC) return false;
  base::log::debug("an HTTP/2 client is refused",
                   {{"client", stream_->peer().text()}, {"why", nghttp2_strerror(static_cast<int>(used))}});
  bool calm = flooded_ || used == NGHTTP2_ERR_FLOODED;
  nghttp2_session_terminate_session(session_, calm ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_INTERNAL_ERROR);
  refused_ = true;
  return false;
}

void Http2Connection::collect(std::string& batch) {
  batch.clear();
  while (batch.size() < send_bytes) {
    const uint8_t* data = nullptr;
    auto size = nghttp2_session_mem_send(session_, &data);
    if (size <= 0) return;
    batch.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
  }
}

bool Http2Connection::wants_to_send() const { return nghttp2_session_want_write(session_) != 0; }
bool Http2Connection::is_over() const { return nghttp2_session_want_read(session_) == 0 && !wants_to_send(); }

void Http2Connection::submit(Http2Stream& stream, const Headers& head, bool with_body) {
  auto bytes = [](const std::string& text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));  // nghttp2 copies it
  };
  std::vector<nghttp2_nv> fields;
  fields.reserve(head.all().size());
  for (const auto& [name, value] : head.all())
    fields.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  nghttp2_data_provider body{{.ptr = &stream}, Http2Callbacks::read_body};
  nghttp2_submit_response(session_, stream.id, fields.data(), fields.size(), with_body ? &body : nullptr);
  stream.moved = true;
  kick();
}

void Http2Connection::submit_continue(const Http2Stream& stream) {
  std::string name = ":status", value = "100";
  nghttp2_nv field{reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()), name.size(),
                   value.size(), NGHTTP2_NV_FLAG_NONE};
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, &field, 1, nullptr);
  kick();
}

void Http2Connection::resume(Http2Stream& stream) {
  if (std::exchange(stream.deferred, false)) nghttp2_session_resume_data(session_, stream.id);
  kick();
}

void Http2Connection::reset(const Http2Stream& stream, ResetCode code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, static_cast<uint32_t>(code));
  kick();
}

void Http2Connection::say_goodbye() {
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  kick();
}

void Http2Connection::ping() {
  pinged_ = true;
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
}

void Http2Connection::close_session() { nghttp2_session_del(session_); }

}  // namespace net
