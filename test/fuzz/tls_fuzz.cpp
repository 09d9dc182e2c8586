// Whatever a client sends instead of a TLS handshake, the server's side ends with an error.
#include <cstddef>
#include <cstdint>

#include "crypto/x509.h"
#include "sys/fiber.h"
#include "sys/real/tls_stream.h"
#include "sys/sim/sim.h"

namespace {

class Input : public sys::Stream {
 public:
  Input(std::string bytes, size_t piece) : bytes_(std::move(bytes)), piece_(piece) {}
  base::Result<std::string> read(size_t bytes_max, base::Duration) override {
    std::string out = bytes_.substr(used_, std::min(piece_, bytes_max));
    used_ += out.size();
    return out;
  }
  base::Result<void> write(std::string_view, base::Duration) override { return {}; }
  void close() override {}
  sys::Address peer() const override { return {"10.0.0.2", 1}; }
  sys::Address local() const override { return {"10.0.0.1", 1}; }
  const sys::TlsPeer* tls() const override { return nullptr; }

 private:
  std::string bytes_;
  size_t piece_, used_ = 0;
};

const sys::TlsServer& identity() {
  static const sys::TlsServer made = [] {
    sys::TlsServer out;
    out.key_pem = crypto::generate_ec_p256_pem();
    crypto::CertificateRequest request;
    request.common_name = "server";
    request.not_before = base::parse_rfc3339("2020-01-01T00:00:00Z").value();
    request.not_after = base::parse_rfc3339("2060-01-01T00:00:00Z").value();
    out.certificate_pem = crypto::issue_certificate(request, out.key_pem, "", out.key_pem).value();
    out.client_ca_pem = out.certificate_pem;
    out.alpn = {"h2", "http/1.1"};
    return out;
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  sys::SimWorld world(1);
  auto input = std::make_unique<Input>(std::string(reinterpret_cast<const char*>(data) + 1, size - 1), 1u + data[0]);
  auto fiber = sys::spawn(world.loop(), "server", [&] {
    auto stream = sys::tls_server_over(world.loop(), std::move(input), identity(), base::seconds(5));
    if (!stream) return;
    for (;;) {
      auto bytes = (*stream)->read(1000, base::seconds(5));
      if (!bytes || bytes->empty()) return;
    }
  });
  if (!world.loop().run_until([&] { return fiber.done(); })) __builtin_trap();
  world.loop().shut();
  return 0;
}
