// Inside net only: one connection of an HttpServer that speaks HTTP/2 (RFC 9113, framing by nghttp2). The connection's
// fiber reads and feeds the session; every request is answered in a fiber of its own; a fiber that writes exists only
// while there is something to write, so an idle connection costs one parked fiber.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "net/http_connection.h"

struct nghttp2_session;

namespace net {

// One request and its answer. The session's callbacks fill and drain it. The handler's fiber shares it, because the
// client may end the stream at any time.
struct Http2Stream {
  Http2Stream(sys::Loop& loop, int32_t number) : id(number), room(loop) {}

  int32_t id;
  Request request;
  size_t head_bytes = 0;
  int head_status = 0;     // what is wrong with the head
  bool received = false;   // the request is complete
  bool refused = false;    // answered without a handler; what still comes is dropped
  bool answering = false;  // a handler has it
  bool streaming = false;  // the handler called start()
  bool closed = false;     // for the client or for the connection

  std::string out;  // of the answer's body, from out_used on
  size_t out_used = 0;
  bool out_ended = false;
  bool deferred = false;  // the session waits for more
  bool moved = true;      // something was received or sent since the last look
  base::Time moved_at;
  sys::Signal room;  // wakes a handler that waits for the client to take what it wrote
  sys::Fiber handler;

  size_t pending() const { return out.size() - out_used; }
};

class Http2Connection : public std::enable_shared_from_this<Http2Connection> {
 public:
  Http2Connection(std::shared_ptr<HttpServer::State> server, std::unique_ptr<sys::Stream> stream);
  ~Http2Connection();
  Http2Connection(const Http2Connection&) = delete;
  // In the connection's fiber: until the connection has ended and no handler runs any more.
  void run();
  // Takes no new requests (GOAWAY, 6.8), ends streams and lets other answers be finished.
  void stop();
  void abort();  // ends everything at once

 private:
  friend class Http2Exchange;
  friend struct Http2Callbacks;
  using StreamPtr = std::shared_ptr<Http2Stream>;
  enum class ResetCode : uint32_t { internal_error = 2, refused_stream = 7, cancel = 8 };  // RFC 9113 7

  // http2_connection.cpp: what the connection does.
  bool look_after();  // limits and keep-alive; false: the connection is to end
  void look_after_streams(base::Time now);
  base::Duration patience() const;
  void kick();  // sees to it that what the session has to send is sent
  void write_out();
  void linger();
  void finish();
  void end(bool at_once);
  StreamPtr find(int32_t id);
  void on_request_complete(const StreamPtr& stream);
  void on_body(const StreamPtr& stream, std::string_view bytes);
  void on_closed(int32_t id);
  void answer(const StreamPtr& stream);
  void refuse(const StreamPtr& stream, int status, std::string_view why);
  bool spend();  // one of the frames that a client may send without asking for anything; false: too many

  // http2_session.cpp: frames.
  void open_session();
  void close_session();
  bool feed(std::string_view bytes);  // false: the connection is to end
  void collect(std::string& batch);   // frames to send, as many as one write takes
  bool wants_to_send() const;
  bool is_over() const;
  void submit(Http2Stream& stream, const Headers& head, bool with_body);
  void submit_continue(const Http2Stream& stream);
  void resume(Http2Stream& stream);
  void reset(const Http2Stream& stream, ResetCode code);
  void say_goodbye();
  void ping();

  std::shared_ptr<HttpServer::State> server_;
  std::unique_ptr<sys::Stream> stream_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, StreamPtr> streams_;
  size_t handlers_ = 0;
  size_t body_bytes_ = 0;  // of requests, held
  sys::Signal unhandled_;  // set while no handler runs
  sys::Signal written_;    // set while no fiber writes
  bool ended_ = false;     // nothing is read or written any more
  bool pinged_ = false;    // an answer is due
  bool stopping_ = false;
  bool flooded_ = false;  // the client has used up its allowance
  bool refused_ = false;  // it has broken the protocol's rules or ours
  double allowance_;
  base::Time allowance_at_, heard_at_, busy_at_, look_at_;
};

}  // namespace net
