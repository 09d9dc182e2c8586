// Inside net only: one connection of an HttpServer, from handshake to end, in one fiber. HTTP/1.1 is spoken here; a
// client that chose HTTP/2 in the handshake is handed on to an Http2Connection.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "net/http.h"
#include "sys/fiber.h"
#include "sys/send_file.h"
#include "wire/http1.h"

namespace net {

class Http2Connection;
class HttpConnection;

struct HttpServer::State : std::enable_shared_from_this<HttpServer::State> {
  State(sys::Loop& on, sys::Net& through, ServerOptions with, Handler answer)
      : loop(on), net(through), options(std::move(with)), handler(std::move(answer)) {}

  sys::Loop& loop;
  sys::Net& net;
  ServerOptions options;
  Handler handler;
  std::vector<std::unique_ptr<sys::Listener>> listeners;
  std::vector<sys::Fiber> accepting;
  std::map<uint64_t, HttpConnection*> connections;  // by age
  uint64_t next_id = 1;
  size_t handlers = 0;  // of HTTP/2, where a connection has many
  bool stopping = false;

  // Each connection and each handler is a fiber, of which the system can hold so many.
  bool is_full() const { return connections.size() + handlers >= options.connections_max; }

  const std::string& date();  // of now, as the Date header says it
  void accept_all(sys::Listener& listener);
  void admit(std::unique_ptr<sys::Stream> stream);
  void stop(base::Duration grace);

 private:
  base::Time date_second_;
  std::string date_text_;
};

class HttpConnection {
 public:
  HttpConnection(std::shared_ptr<HttpServer::State> server, std::unique_ptr<sys::Stream> stream);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  void run();
  // Ends what can end at once; an answer that is being made is finished first when `gently`.
  void stop(bool gently);

  sys::Fiber fiber;  // runs run()

 private:
  friend class HttpExchange;
  enum class Phase { receiving, answering, streaming };

  bool serve_one();  // false: close
  bool receive();    // a whole request is in parser_
  bool parse(bool& continued);
  void refuse(int status, std::string_view why);
  void linger();
  bool answer();
  base::Result<void> send(std::string_view bytes);
  base::Result<void> send_file(sys::SendsFiles& to, sys::File& file, uint64_t offset, uint64_t bytes);
  template <class Send>
  base::Result<void> in_slices(uint64_t bytes, Send send_slice);

  std::shared_ptr<HttpServer::State> server_;
  uint64_t id_;
  std::unique_ptr<sys::Stream> stream_;
  wire::Http1Parser parser_;
  std::string buffer_;  // read and not yet parsed
  std::string out_;     // reused for every answer
  Phase phase_ = Phase::receiving;
  bool closing_ = false;                    // after this answer
  bool cut_ = false;                        // cancelled: what is being sent stays incomplete
  bool broken_ = false;                     // the client cannot be written to
  bool taken_ = false;                      // the stream is the handler's
  std::shared_ptr<Http2Connection> http2_;  // when the client chose it; the stream is its then
};

}  // namespace net
