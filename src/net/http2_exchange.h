// Inside net only: the Exchange of a stream of an Http2Connection.
#pragma once

#include "net/http2_connection.h"

namespace net {

class Http2Exchange : public Exchange {
 public:
  Http2Exchange(Http2Connection& connection, std::shared_ptr<Http2Stream> stream);
  const Request& request() const override { return stream_->request; }
  sys::Address peer() const override;
  const sys::TlsPeer* tls() const override;
  void respond(Response response) override;  // does not wait: what is left to send stays with the stream
  base::Result<void> start(int status, Headers headers) override;
  base::Result<void> write(std::string_view piece) override;
  bool client_gone() const override;
  // Always `unsupported`: a stream is no connection (8.2.2, and extended CONNECT is not offered).
  base::Result<std::unique_ptr<sys::Stream>> take_over() override;

  void finish();  // after the handler

 private:
  Headers head(int status, const Headers& headers) const;
  base::Result<void> wait_for_room();

  Http2Connection& connection_;
  std::shared_ptr<Http2Stream> stream_;
  bool is_head_;
  bool responded_ = false;
  bool started_ = false;
  bool cut_ = false;       // cancelled: what is being sent stays incomplete
  bool has_body_ = false;  // of a started answer
  std::optional<uint64_t> length_left_;
};

}  // namespace net
