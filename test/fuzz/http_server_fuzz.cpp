// Whatever a client sends over HTTP/1.1 or HTTP/2, the server's connection ends and nothing breaks. The first byte says
// which protocol, whether the opening of HTTP/2 goes in front, and in which pieces the rest arrives.
#include <cstddef>
#include <cstdint>

#include "net/http.h"
#include "sys/fiber.h"
#include "sys/sim/sim.h"

namespace {

class Input : public sys::Stream {
 public:
  Input(std::string bytes, size_t piece, bool http2) : bytes_(std::move(bytes)), piece_(piece) {
    peer_.alpn = http2 ? "h2" : "http/1.1";
  }
  base::Result<std::string> read(size_t bytes_max, base::Duration) override {
    if (closed_) return base::unavailable("closed");
    std::string out = bytes_.substr(used_, std::min(piece_, bytes_max));
    used_ += out.size();
    return out;
  }
  base::Result<void> write(std::string_view, base::Duration) override {
    if (closed_) return base::unavailable("closed");
    return {};
  }
  void close() override { closed_ = true; }
  sys::Address peer() const override { return {"10.0.0.2", 1}; }
  sys::Address local() const override { return {"10.0.0.1", 1}; }
  const sys::TlsPeer* tls() const override { return &peer_; }

 private:
  std::string bytes_;
  size_t piece_, used_ = 0;
  bool closed_ = false;
  sys::TlsPeer peer_;
};

class OnePeer : public sys::Listener {
 public:
  OnePeer(sys::Loop& loop, std::unique_ptr<sys::Stream>& peer) : peer_(peer), closed_(loop) {}
  base::Result<std::unique_ptr<sys::Stream>> accept() override {
    if (peer_) return std::move(peer_);
    (void)closed_.wait();
    return base::cancelled();
  }
  sys::Address local() const override { return {"10.0.0.1", 1}; }
  void close() override { closed_.set(); }

 private:
  std::unique_ptr<sys::Stream>& peer_;
  sys::Signal closed_;
};

class FuzzNet : public sys::Net {
 public:
  FuzzNet(sys::Loop& loop, std::unique_ptr<sys::Stream> peer) : loop_(loop), peer_(std::move(peer)) {}
  using Made = base::Result<std::unique_ptr<sys::Stream>>;
  Made connect(const sys::Address&, base::Duration) override { return base::unavailable("no"); }
  base::Result<std::unique_ptr<sys::Listener>> listen(const sys::Address&) override {
    return std::unique_ptr<sys::Listener>(std::make_unique<OnePeer>(loop_, peer_));
  }
  base::Result<std::unique_ptr<sys::Datagram>> open_udp(const sys::Address&, const sys::Address&) override {
    return base::unavailable("no");
  }
  Made start_tls(std::unique_ptr<sys::Stream> stream, const sys::TlsClient&, base::Duration) override { return stream; }
  Made accept_tls(std::unique_ptr<sys::Stream> stream, const sys::TlsServer&, base::Duration) override {
    return stream;
  }

 private:
  sys::Loop& loop_;
  std::unique_ptr<sys::Stream> peer_;
};

void handle(net::Exchange& exchange) {
  const auto& request = exchange.request();
  if (!request.target.starts_with("/s")) {
    return exchange.respond({200, {{"X-Size", request.headers.get("content-type")}}, request.body});
  }
  if (!exchange.start(200, {})) return;
  const std::string piece(100'000, 's');
  for (int i = 0; i < 5; ++i)
    if (!exchange.write(piece)) return;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool http2 = (data[0] & 1) != 0;
  if (http2 && (data[0] & 2) != 0)
    bytes.insert(0, std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33));
  sys::SimWorld world(1);
  FuzzNet net(world.loop(), std::make_unique<Input>(std::move(bytes), 1 + (data[0] >> 2) * 64u, http2));
  net::ServerOptions options;
  options.listen = {{"10.0.0.1", 1}};
  net::HttpServer server(world.loop(), net, options, handle);
  if (!server.start()) __builtin_trap();
  bool begun = false;
  const bool ended = world.loop().run_until([&] {
    begun = begun || server.connections() > 0;
    return begun && server.connections() == 0;
  });
  if (!ended) __builtin_trap();
  world.loop().shut();
  return 0;
}
