// Whatever a gRPC server answers, the call ends and nothing breaks. The first byte says whether the rest is all that
// the server sends, or the messages of a well-formed answer; and in which pieces it arrives.
#include <cstddef>
#include <cstdint>

#include "fuzz_net.h"
#include "net/grpc.h"
#include "sys/sim/sim.h"

namespace {

std::string frame(char type, char flags, char stream, const std::string& payload) {
  std::string out;
  for (const int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift & 255);
  return out + type + flags + std::string(3, '\0') + stream + payload;
}

// RFC 9113 section 6: SETTINGS, HEADERS with ":status 200", DATA, and HEADERS with "grpc-status 0" that end the stream.
std::string well_formed(const std::string& messages) {
  std::string out = frame(4, 0, 0, {}) + frame(1, 4, 1, "\x88");
  for (size_t at = 0; at < messages.size(); at += 10'000) out += frame(0, 0, 1, messages.substr(at, 10'000));
  return out + frame(1, 5, 1,
                     std::string("\0\x0bgrpc-status\x01"
                                 "0",
                                 15));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  sys::SimWorld world(1);
  fuzz::FuzzNet net(world.loop(), {(data[0] & 1) != 0 ? rest : well_formed(rest), 1 + (data[0] >> 1) * 32u, ""});
  net::GrpcOptions options;
  options.server = {"10.0.0.1", 1};
  options.tls = false;
  options.message_bytes_max = 1u << 20;
  net::GrpcClient client(world.loop(), net, options);
  int ended = 0;
  sys::spawn(world.loop(), "call", [&] {
    (void)client.call("/a/B", "question", base::seconds(5));
    ++ended;
  });
  sys::spawn(world.loop(), "stream", [&] {
    if (auto stream = client.open("/a/C"); stream) {
      (void)(*stream)->send("question");
      for (auto got = (*stream)->receive(base::seconds(5)); got && *got;) got = (*stream)->receive(base::seconds(5));
    }
    ++ended;
  });
  if (!world.loop().run_until([&] { return ended == 2; })) __builtin_trap();
  client.close();
  world.loop().shut();
  return 0;
}
