#include "net/http_exchange.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "net/answer_head.h"
#include "sys/send_file.h"

namespace net {
namespace {

constexpr size_t joined_body_max = 64u << 10;    // larger bodies are not copied behind their head
constexpr size_t joined_chunk_max = 256u << 10;  // nor larger pieces behind their size
constexpr size_t kept_bytes_max = 1u << 10;      // by a stream between two pieces
constexpr size_t file_step_bytes = 256u << 10;
constexpr size_t pipelined_bytes_max = 64u << 10;

// Bytes that were read behind the last request come before the rest of the stream.
class PrefixedStream : public sys::Stream {
 public:
  PrefixedStream(std::string prefix, std::unique_ptr<sys::Stream> below)
      : prefix_(std::move(prefix)), below_(std::move(below)) {}
  base::Result<std::string> read(size_t bytes_max, base::Duration limit) override {
    if (prefix_.empty()) return below_->read(bytes_max, limit);
    std::string out = prefix_.substr(0, bytes_max);
    prefix_.erase(0, out.size());
    return out;
  }
  base::Result<void> write(std::string_view bytes, base::Duration limit) override {
    return below_->write(bytes, limit);
  }
  void close() override {
    prefix_.clear();
    below_->close();
  }
  void finish_writes() override { below_->finish_writes(); }
  sys::Address peer() const override { return below_->peer(); }
  sys::Address local() const override { return below_->local(); }
  const sys::TlsPeer* tls() const override { return below_->tls(); }

 private:
  std::string prefix_;
  std::unique_ptr<sys::Stream> below_;
};

}  // namespace

HttpExchange::HttpExchange(HttpConnection& connection, Request request, bool http11, bool keep_alive)
    : connection_(connection),
      request_(std::move(request)),
      peer_(connection.stream_->peer()),
      http11_(http11),
      keep_alive_(keep_alive),
      is_head_(request_.method == "HEAD") {}

const sys::TlsPeer* HttpExchange::tls() const { return connection_.stream_ ? connection_.stream_->tls() : nullptr; }

void HttpExchange::begin_head(int status) {
  std::string& out = connection_.out_;
  out.assign(http11_ ? "HTTP/1.1 " : "HTTP/1.0 ");
  wire::append_decimal(out, static_cast<uint64_t>(std::clamp(status, 100, 999)));
  out.append(" ").append(wire::reason_phrase(status)).append("\r\nDate: ");
  out.append(connection_.server_->date()).append("\r\n");
}

void HttpExchange::append_headers(const Headers& headers) {
  for (const auto& [name, value] : headers.all()) {
    if (is_framing_field(name) || !wire::valid_field_name(name)) continue;
    if (wire::valid_field_value(value)) {
      wire::append_field(connection_.out_, name, value);
    } else {
      wire::append_field(connection_.out_, name, sendable_value(value));
    }
  }
}

void HttpExchange::end_head() {
  if (connection_.server_->stopping) keep_alive_ = false;
  if (!keep_alive_) {
    connection_.out_.append("Connection: close\r\n");
  } else if (!http11_) {
    connection_.out_.append("Connection: keep-alive\r\n");
  }
  connection_.out_.append("\r\n");
}

void HttpExchange::respond(Response response) {
  CHECK_THAT(!responded_ && !started_ && !connection_.taken_, "an exchange is answered once");
  responded_ = true;
  std::string& out = connection_.out_;
  begin_head(response.status);
  append_headers(response.headers);
  if (!never_with_body(response.status)) {
    out.append("Content-Length: ");
    wire::append_decimal(out, announced_length(response, is_head_));
    out.append("\r\n");
  }
  end_head();
  bool with_body = !is_head_ && !never_with_body(response.status);
  if (!with_body || response.body.size() <= joined_body_max) {
    if (with_body) out.append(response.body);
    (void)connection_.send(out);
    return;
  }
  if (connection_.send(out)) (void)connection_.send(response.body);
}

base::Result<void> HttpExchange::start(int status, Headers headers) {
  CHECK_THAT(!responded_ && !started_ && !connection_.taken_, "an exchange is answered once");
  started_ = true;
  begin_head(status);
  append_headers(headers);
  auto length = base::parse_uint(headers.get("Content-Length"));
  if (!length) connection_.phase_ = HttpConnection::Phase::streaming;  // else it has an end that can be waited for
  if (never_with_body(status)) {
    framing_ = Framing::none;
  } else if (length) {
    framing_ = Framing::length;
    length_left_ = *length;
    wire::append_field(connection_.out_, "Content-Length", std::to_string(*length));
  } else if (http11_) {
    framing_ = Framing::chunked;
    wire::append_field(connection_.out_, "Transfer-Encoding", "chunked");
  } else {
    framing_ = Framing::until_close;
    keep_alive_ = false;
  }
  end_head();
  if (is_head_) framing_ = Framing::none;
  auto sent = connection_.send(connection_.out_);
  std::string().swap(connection_.out_);
  return sent;
}

base::Result<void> HttpExchange::send_chunk(std::string_view piece) {
  std::string& out = connection_.out_;
  out.clear();
  if (piece.size() <= joined_chunk_max) {
    wire::append_chunk(out, piece);
    auto sent = connection_.send(out);
    if (out.capacity() > kept_bytes_max) std::string().swap(out);  // there may be thousands of idle watches
    return sent;
  }
  wire::append_chunk_head(out, piece.size());
  TRY(connection_.send(out));
  TRY(connection_.send(piece));
  return connection_.send("\r\n");
}

base::Result<void> HttpExchange::write(std::string_view piece) {
  CHECK_THAT(started_ && !connection_.taken_, "start() comes before write()");
  if (piece.empty()) return {};
  switch (framing_) {
    case Framing::none:
      return {};
    case Framing::until_close:
      return connection_.send(piece);
    case Framing::chunked:
      return send_chunk(piece);
    case Framing::length:
      break;
  }
  TRY(take_from_length(piece.size()));
  return connection_.send(piece);
}

base::Result<void> HttpExchange::take_from_length(uint64_t bytes) {
  if (bytes > length_left_) {
    connection_.broken_ = true;
    return base::internal("more bytes were written than Content-Length says");
  }
  length_left_ -= bytes;
  return {};
}

base::Result<void> HttpExchange::write_file(sys::File& file, uint64_t offset, uint64_t bytes) {
  CHECK_THAT(started_ && !connection_.taken_, "start() comes before write_file()");
  auto* const direct = dynamic_cast<sys::SendsFiles*>(connection_.stream_.get());
  if (framing_ != Framing::length || !direct || !direct->takes(file)) {
    return Exchange::write_file(file, offset, bytes);
  }
  TRY(take_from_length(bytes));
  return connection_.send_file(*direct, file, offset, bytes);
}

base::Result<void> Exchange::write_file(sys::File& file, uint64_t offset, uint64_t bytes) {
  while (bytes > 0) {
    const std::string part = TRY(file.read_at(offset, static_cast<size_t>(std::min<uint64_t>(bytes, file_step_bytes))));
    if (part.empty()) return base::unavailable("the file has become shorter");
    TRY(write(part));
    offset += part.size();
    bytes -= part.size();
  }
  return {};
}

bool HttpExchange::client_gone() const {
  HttpConnection& connection = connection_;
  if (connection.broken_ || connection.taken_) return true;
  // A client that has sent this much ahead is alive enough.
  if (connection.buffer_.size() > pipelined_bytes_max) return false;
  auto peek = connection.stream_->read(pipelined_bytes_max, base::Duration::zero());
  if (!peek) {
    if (peek.error().code == base::Code::timeout) return false;
    connection.broken_ = true;
  } else if (peek->empty()) {
    connection.broken_ = true;
  } else {
    connection.buffer_ += *peek;
  }
  return connection.broken_;
}

base::Result<std::unique_ptr<sys::Stream>> HttpExchange::take_over() {
  CHECK_THAT(!responded_ && !started_ && !connection_.taken_, "an exchange is answered once");
  if (connection_.broken_) return base::unavailable("the client is gone");
  connection_.taken_ = true;
  keep_alive_ = false;
  std::unique_ptr<sys::Stream> stream = std::move(connection_.stream_);
  if (connection_.buffer_.empty()) return stream;
  return std::unique_ptr<sys::Stream>(
      std::make_unique<PrefixedStream>(std::move(connection_.buffer_), std::move(stream)));
}

void HttpExchange::finish() {
  if (connection_.taken_) return;
  if (!responded_ && !started_) {
    base::log::error("a request was not answered", {{"method", request_.method}, {"target", request_.target}});
    respond(Response::text(500, "the server did not answer this request\n"));
  }
  // A handler that was cancelled has not sent everything; an orderly end would make a part look like the whole.
  if (!started_ || connection_.cut_) return;
  if (framing_ == Framing::chunked && !connection_.broken_) (void)connection_.send(wire::last_chunk);
  if (framing_ == Framing::length && length_left_ > 0) connection_.broken_ = true;  // the client must notice
}

}  // namespace net
