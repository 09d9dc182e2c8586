// Inside net only: the Exchange of an HttpConnection.
#pragma once

#include "net/http_connection.h"

namespace net {

class HttpExchange : public Exchange {
 public:
  HttpExchange(HttpConnection& connection, Request request, bool http11, bool keep_alive);
  const Request& request() const override { return request_; }
  sys::Address peer() const override { return peer_; }
  const sys::TlsPeer* tls() const override;
  void respond(Response response) override;
  base::Result<void> start(int status, Headers headers) override;
  base::Result<void> write(std::string_view piece) override;
  base::Result<void> write_file(sys::File& file, uint64_t offset, uint64_t bytes) override;
  bool client_gone() const override;
  base::Result<std::unique_ptr<sys::Stream>> take_over() override;

  void finish();  // after the handler
  bool keep_alive() const { return keep_alive_; }

 private:
  enum class Framing { none, length, chunked, until_close };
  void begin_head(int status);
  void append_headers(const Headers& headers);
  void end_head();
  base::Result<void> take_from_length(uint64_t bytes);
  base::Result<void> send_chunk(std::string_view piece);

  HttpConnection& connection_;
  Request request_;
  sys::Address peer_;
  bool http11_;
  bool keep_alive_;
  bool is_head_;
  bool responded_ = false;
  bool started_ = false;
  Framing framing_ = Framing::none;
  uint64_t length_left_ = 0;
};

}  // namespace net
