// HTTP/1.1 (RFC 9112) as blocking-looking calls: one client and one server for the API, Redfish, images and agents. The
// server speaks HTTP/2 (RFC 9113) too where "h2" is among tls_options.alpn, with the same handlers.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "sys/sys.h"

namespace net {

class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}
  explicit Headers(std::vector<std::pair<std::string, std::string>> fields) : fields_(std::move(fields)) {}
  const std::string& get(std::string_view name) const;  // the first, any case; "" when absent
  bool has(std::string_view name) const;
  void set(std::string_view name, std::string value);  // replaces all of that name
  void add(std::string_view name, std::string value);
  void remove(std::string_view name);
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  std::string method = "GET";
  std::string target = "/";  // path and query as on the wire
  Headers headers = {};
  std::string body = {};
};

struct Response {
  int status = 200;
  Headers headers = {};
  std::string body = {};
  static Response text(int status, std::string body);        // text/plain
  static Response json(int status, const base::Json& body);  // application/json
};

// scheme://host:port/path?query taken apart. IPv6 literals in brackets. Errors: invalid.
struct Url {
  std::string scheme, user_info, host, path, query;  // path starts with '/' ("/" when absent); query without '?'
  uint16_t port = 0;                                 // the scheme's default when absent (80, 443, 623 for ipmi)
  static base::Result<Url> parse(std::string_view text);
  sys::Address address() const { return {host, port}; }
  std::string target() const;  // path?query
  std::string text() const;
};
std::string percent_decode(std::string_view text);
std::string percent_encode(std::string_view text);  // everything but unreserved characters
// key=value pairs of a query string, decoded, in order.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

// ---- client ----------------------------------------------------------------------------------------------------

struct ClientOptions {
  sys::Address server;
  bool tls = true;
  sys::TlsClient tls_options = {};
  base::Duration connect_limit = base::seconds(10);
  base::Duration request_limit = base::seconds(60);  // from sending to the whole answer
  size_t body_bytes_max = 16u << 20;
  bool keep_alive = true;
  std::string user_agent = "ingot";
};

// False: no more of it.
using BodySink = std::function<bool(const Response& head, std::string_view piece)>;
// Memory that the next piece should be in, so that it need not be copied there: a hint, and empty where it is all the
// same. Good until the sink is called.
using BodyPlace = std::function<std::span<char>()>;

// One server, several requests at a time (each on its own kept-alive connection). A GET or HEAD that fails on a reused
// connection before any answer byte is sent once more on a fresh one. Errors carry no layer: the caller knows it.
class HttpClient {
 public:
  HttpClient(sys::Loop& loop, sys::Net& net, ClientOptions options);
  ~HttpClient();
  base::Result<Response> send(Request request);
  // Hands body pieces to `sink` as they come (body stays empty); a false from it ends the transfer with `cancelled`.
  // `idle_limit` bounds the wait for each piece instead of request_limit for the whole.
  base::Result<Response> stream(Request request, base::Duration idle_limit, const BodySink& sink,
                                const BodyPlace& place = {});
  void close();  // drops idle connections
  const ClientOptions& options() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// ---- server ----------------------------------------------------------------------------------------------------

// One request being answered, in a fiber of its own. Exactly one of respond() or start() must be called before the
// handler returns; after start() any number of write()s, and the body ends when the handler returns.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const Request& request() const = 0;  // body complete, unless the server streams bodies
  virtual sys::Address peer() const = 0;
  virtual const sys::TlsPeer* tls() const = 0;  // null on plain connections
  virtual void respond(Response response) = 0;  // sends content-length
  // Chunked, or close-delimited on HTTP/1.0. With a Content-Length among the headers the body is sent plainly and must
  // have exactly that length (images, for firmware that asks for sizes).
  virtual base::Result<void> start(int status, Headers headers) = 0;
  virtual base::Result<void> write(std::string_view piece) = 0;  // unavailable when the client is gone
  // Writes a part of a file. Errors: those of write() and of the file; unavailable when it has become shorter.
  virtual base::Result<void> write_file(sys::File& file, uint64_t offset, uint64_t bytes);
  virtual bool client_gone() const = 0;  // best effort; watch streams poll it when they wake
  // Ends HTTP on this connection (CONNECT, Upgrade): nothing more is sent by the server and the raw stream, with bytes
  // already read in front, is the caller's. Error: unsupported (HTTP/2, whose streams are no connections).
  virtual base::Result<std::unique_ptr<sys::Stream>> take_over() = 0;
};
using Handler = std::function<void(Exchange&)>;

struct ServerOptions {
  std::vector<sys::Address> listen;
  bool tls = true;
  sys::TlsServer tls_options = {};
  size_t head_bytes_max = 64u << 10;
  size_t body_bytes_max = 3u << 20;  // answered 413 above
  size_t connections_max = 20'000;
  base::Duration idle_limit = base::minutes(5);  // between requests
  base::Duration request_limit = base::minutes(
      1);  // to receive a whole request, and to send each 256 KiB of an answer (HTTP/2: to take anything at all)
  base::Duration stop_limit = base::seconds(5);  // for requests being answered when stop() comes
  // Told the status of what was refused before it became a request: too large, too late, not HTTP. May be empty.
  std::function<void(int status)> refused = {};
};

class HttpServer {
 public:
  HttpServer(sys::Loop& loop, sys::Net& net, ServerOptions options, Handler handler);
  ~HttpServer();
  base::Result<void> start();  // listens; from a fiber or not
  std::vector<sys::Address> local() const;
  // Closes listeners, idle connections and started streams at once and lets other answers be finished within
  // stop_limit. The handler may still run until connections() is 0 (or Loop::shut ended the fibers).
  void stop();
  size_t connections() const;

  struct State;  // inside net only

 private:
  std::shared_ptr<State> state_;
};

}  // namespace net
