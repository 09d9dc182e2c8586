#include <nghttp2/nghttp2.h>

#include <cstring>

#include "base/check.h"
#include "base/text.h"
#include "net/http2_peer.h"

namespace net {

struct Http2Peer::Impl {
  std::unique_ptr<sys::Stream> stream;
  nghttp2_session* session = nullptr;
  std::map<int32_t, std::pair<std::string, size_t>> bodies;
  std::map<int32_t, bool> stays_open;
};

std::string Http2Answer::field(std::string_view name) const {
  for (const auto& [key, value] : head)
    if (key == name) return value;
  return {};
}
int Http2Answer::status() const { return static_cast<int>(base::parse_uint(field(":status")).value_or(0)); }

struct Http2PeerCallbacks {
  static Http2Peer& peer(void* user) { return *static_cast<Http2Peer*>(user); }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t, void* user) {
    peer(user)
        .at(frame->hd.stream_id)
        .head.emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                           std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }
  static int on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* user) {
    peer(user).at(id).body.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int on_close(nghttp2_session*, int32_t id, uint32_t code, void* user) {
    peer(user).at(id).closed = true;
    peer(user).at(id).reset_code = code;
    return 0;
  }
  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    auto& self = peer(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      self.goodbye = true;
      self.goodbye_code = frame->goaway.error_code;
    } else if (frame->hd.type == NGHTTP2_SETTINGS) {
      self.streams_max = nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    } else if (frame->hd.type == NGHTTP2_PING) {
      if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
        ++self.pings_answered;
      } else if (self.answers_pings) {
        nghttp2_submit_ping(session, NGHTTP2_FLAG_ACK, frame->ping.opaque_data);
      }
    }
    return 0;
  }
  static ssize_t read_body(nghttp2_session*, int32_t id, uint8_t* to, size_t size, uint32_t* flags,
                           nghttp2_data_source* source, void*) {
    auto& impl = *static_cast<Http2Peer::Impl*>(source->ptr);
    auto& [body, used] = impl.bodies[id];
    size_t count = std::min(size, body.size() - used);
    if (count == 0 && impl.stays_open[id]) return NGHTTP2_ERR_DEFERRED;
    memcpy(to, body.data() + used, count);
    used += count;
    if (used == body.size() && !impl.stays_open[id]) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }
};

Http2Peer::Http2Peer(std::unique_ptr<sys::Stream> stream, uint32_t window_bytes, bool takes_all)
    : impl_(std::make_unique<Impl>()) {
  impl_->stream = std::move(stream);
  nghttp2_session_callbacks* calls = nullptr;
  nghttp2_option* options = nullptr;
  CHECK_THAT(nghttp2_session_callbacks_new(&calls) == 0 && nghttp2_option_new(&options) == 0, "no memory");
  nghttp2_session_callbacks_set_on_header_callback(calls, Http2PeerCallbacks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, Http2PeerCallbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(calls, Http2PeerCallbacks::on_close);
  nghttp2_session_callbacks_set_on_frame_recv_callback(calls, Http2PeerCallbacks::on_frame);
  nghttp2_option_set_no_auto_window_update(options, takes_all ? 0 : 1);
  nghttp2_option_set_no_auto_ping_ack(options, 1);
  CHECK_THAT(nghttp2_session_client_new2(&impl_->session, calls, this, options) == 0, "no memory");
  nghttp2_session_callbacks_del(calls);
  nghttp2_option_del(options);
  nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window_bytes};
  nghttp2_submit_settings(impl_->session, NGHTTP2_FLAG_NONE, &window, 1);
  nghttp2_session_set_local_window_size(impl_->session, NGHTTP2_FLAG_NONE, 0, 1 << 30);
}

Http2Peer::~Http2Peer() {
  impl_->stream->close();
  nghttp2_session_del(impl_->session);
}

int32_t Http2Peer::ask(const Request& request, bool ends) {
  std::vector<std::pair<std::string, std::string>> fields{
      {":method", request.method}, {":scheme", "https"}, {":authority", "a.example"}, {":path", request.target}};
  for (const auto& field : request.headers.all()) fields.push_back(field);
  std::vector<nghttp2_nv> raw;
  for (auto& [name, value] : fields)
    raw.push_back({reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()), name.size(),
                   value.size(), NGHTTP2_NV_FLAG_NONE});
  nghttp2_data_provider body{{.ptr = impl_.get()}, Http2PeerCallbacks::read_body};
  bool has_body = !request.body.empty() || !ends;
  int32_t id =
      nghttp2_submit_request(impl_->session, nullptr, raw.data(), raw.size(), has_body ? &body : nullptr, nullptr);
  impl_->bodies[id] = {request.body, 0};
  impl_->stays_open[id] = !ends;
  return id;
}

void Http2Peer::reset(int32_t stream) {
  nghttp2_submit_rst_stream(impl_->session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
}
void Http2Peer::take(int32_t stream, size_t bytes) { nghttp2_session_consume(impl_->session, stream, bytes); }
void Http2Peer::ping() { nghttp2_submit_ping(impl_->session, NGHTTP2_FLAG_NONE, nullptr); }

base::Result<void> Http2Peer::write_raw(std::string_view frames) {
  return impl_->stream->write(frames, base::seconds(20));
}

base::Result<void> Http2Peer::flush() {
  for (;;) {
    const uint8_t* data = nullptr;
    auto size = nghttp2_session_mem_send(impl_->session, &data);
    if (size <= 0) return {};
    TRY(write_raw({reinterpret_cast<const char*>(data), static_cast<size_t>(size)}));
  }
}

bool Http2Peer::read_until(const std::function<bool()>& done, base::Duration limit) {
  while (!done()) {
    if (!flush()) ended = true;
    auto bytes = impl_->stream->read(64u << 10, limit);
    if (!bytes && bytes.error().code == base::Code::timeout) return false;
    if (!bytes || bytes->empty()) {
      ended = true;
      return done();
    }
    auto used =
        nghttp2_session_mem_recv(impl_->session, reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size());
    CHECK_THAT(used >= 0, nghttp2_strerror(static_cast<int>(used)));
  }
  return true;
}

Http2Answer Http2Peer::get(const Request& request) {
  int32_t id = ask(request);
  read_until([&] { return at(id).closed; });
  return at(id);
}

std::string http2_frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out;
  for (int shift = 16; shift >= 0; shift -= 8) out.push_back(static_cast<char>(payload.size() >> shift));
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(stream >> shift));
  return out.append(payload);
}

std::string http2_fields(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  auto text = [&out](const std::string& bytes) {
    CHECK_THAT(bytes.size() < 127, "longer texts need a longer length");
    out.push_back(static_cast<char>(bytes.size()));
    out += bytes;
  };
  for (const auto& [name, value] : fields) {
    out.push_back('\0');
    text(name);
    text(value);
  }
  return out;
}

}  // namespace net
