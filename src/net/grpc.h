// A client for gRPC (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) over one HTTP/2 connection, with
// messages as bytes. Calls park the calling fiber. Without compression.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"
#include "sys/sys.h"

namespace net {

struct GrpcOptions {
  sys::Address server;
  bool tls = true;
  sys::TlsClient tls_options = {};
  base::Duration connect_limit = base::seconds(5);
  size_t message_bytes_max = 64u << 20;
  // A connection with open calls that is silent this long is asked for a sign of life, and given up when none comes.
  base::Duration ping_after = base::seconds(6);
  base::Duration ping_limit = base::seconds(4);
};

// One call: messages in both directions. Dropping it cancels what is not finished. One fiber at a time uses it.
// Errors: what the status of the call says; unavailable when the connection broke (what was sent may or may not have
// been done), timeout, cancelled.
class GrpcStream {
 public:
  virtual ~GrpcStream() = default;
  virtual base::Result<void> send(std::string_view message) = 0;
  virtual void finish_sending() = 0;
  // The next message; nullopt when the call ended well.
  virtual base::Result<std::optional<std::string>> receive(base::Duration limit) = 0;
};

// Connects at the first call, and again at the first one after the connection broke.
class GrpcClient {
 public:
  GrpcClient(sys::Loop& loop, sys::Net& net, GrpcOptions options);
  ~GrpcClient();
  GrpcClient(const GrpcClient&) = delete;
  // `method` is "/package.Service/Method".
  base::Result<std::string> call(const std::string& method, std::string_view message, base::Duration limit,
                                 const Headers& metadata = {});
  base::Result<std::unique_ptr<GrpcStream>> open(const std::string& method, const Headers& metadata = {});
  void close();  // ends all calls with unavailable

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace net
