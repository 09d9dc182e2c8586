// Whatever a client sends over HTTP/1.1 or HTTP/2, the server's connection ends and nothing breaks. The first byte says
// which protocol, whether the opening of HTTP/2 goes in front, and in which pieces the rest arrives.
#include <cstddef>
#include <cstdint>

#include "fuzz_net.h"
#include "net/http.h"
#include "sys/sim/sim.h"

namespace {

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
  fuzz::FuzzNet net(world.loop(), {std::move(bytes), 1 + (data[0] >> 2) * 64u, http2 ? "h2" : "http/1.1"});
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
