// For tests: the client's end of an HTTP/2 connection, on nghttp2, and frames written by hand for what no proper client
// sends. Used inside one fiber.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "net/http.h"

namespace net {

struct Http2Answer {
  bool closed = false;      // the whole answer is here, or the stream was reset
  uint32_t reset_code = 0;  // of RST_STREAM; 0 for an orderly end
  std::vector<std::pair<std::string, std::string>> head;
  std::string body;
  std::string field(std::string_view name) const;
  int status() const;
};

class Http2Peer {
 public:
  // `window_bytes`: how much of each answer's body the server may send before this end asks for more; with
  // `takes_all` false it never does.
  Http2Peer(std::unique_ptr<sys::Stream> stream, uint32_t window_bytes = 65535, bool takes_all = true);
  ~Http2Peer();
  // Returns the stream's number. A request without body is complete at once; `ends` false leaves it open.
  int32_t ask(const Request& request, bool ends = true);
  void reset(int32_t stream);
  void take(int32_t stream, size_t bytes);  // a window update, for peers that do not take all
  void ping();
  base::Result<void> flush();
  // Reads until `done` or for `limit` without a byte. False when the limit came or the connection ended.
  bool read_until(const std::function<bool()>& done, base::Duration limit = base::seconds(20));
  Http2Answer& at(int32_t stream) { return answers_[stream]; }
  // Sends and waits for the whole answer.
  Http2Answer get(const Request& request);
  base::Result<void> write_raw(std::string_view frames);

  bool ended = false;    // the server closed the connection
  bool goodbye = false;  // it sent GOAWAY
  uint32_t goodbye_code = 0;
  uint32_t streams_max = 0;  // what its SETTINGS allow
  size_t pings_answered = 0;
  bool answers_pings = true;

 private:
  struct Impl;
  friend struct Http2PeerCallbacks;
  std::unique_ptr<Impl> impl_;
  std::map<int32_t, Http2Answer> answers_;
};

// One frame as on the wire (RFC 9113 4.1).
std::string http2_frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload);
// A header block of literals that leave no trace in the table (RFC 7541 6.2.2).
std::string http2_fields(const std::vector<std::pair<std::string, std::string>>& fields);
constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace net
