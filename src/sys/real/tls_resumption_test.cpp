// A client that comes back with a ticket is still who it was. OpenSSL is the client here, because ours never resumes.
#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <array>

#include "crypto/x509.h"
#include "sys/fiber.h"
#include "sys/real/real.h"

namespace sys {
namespace {

using base::seconds;

struct Party {
  std::string key, certificate;
};

Party party(const std::string& name, base::Time until) {
  Party made{.key = crypto::generate_ec_p256_pem(), .certificate = {}};
  crypto::CertificateRequest request;
  request.common_name = name;
  request.is_ca = false;
  request.ip_addresses = {"127.0.0.1"};
  request.server_auth = request.client_auth = true;
  request.not_before = base::parse_rfc3339("2020-01-01T00:00:00Z").value();
  request.not_after = until;
  made.certificate = crypto::issue_certificate(request, made.key, "", made.key).value();
  return made;
}

class Client {
 public:
  explicit Client(const Party& who) : context_(SSL_CTX_new(TLS_client_method())) {
    BIO* text = BIO_new_mem_buf(who.certificate.data(), int(who.certificate.size()));
    X509* certificate = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
    BIO* key_text = BIO_new_mem_buf(who.key.data(), int(who.key.size()));
    EVP_PKEY* key = PEM_read_bio_PrivateKey(key_text, nullptr, nullptr, nullptr);
    REQUIRE(SSL_CTX_use_certificate(context_, certificate) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(context_, key) == 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(text);
    BIO_free(key_text);
  }
  ~Client() {
    SSL_SESSION_free(session_);
    SSL_CTX_free(context_);
  }
  Client(const Client&) = delete;

  // One connection, with the last session if there is one; takes one byte and keeps the ticket. Whether it resumed.
  bool connect(Stream& stream) {
    SSL* ssl = SSL_new(context_);
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, in, out);
    SSL_set_connect_state(ssl);
    if (session_ != nullptr) SSL_set_session(ssl, session_);
    char byte = 0;
    while (SSL_read(ssl, &byte, 1) != 1) {
      std::array<char, 4096> bytes{};
      for (int count = 0; (count = BIO_read(out, bytes.data(), int(bytes.size()))) > 0;)
        REQUIRE(stream.write({bytes.data(), size_t(count)}, seconds(20)));
      auto got = stream.read(4096, seconds(20));
      if (!got || got->empty()) break;
      BIO_write(in, got->data(), int(got->size()));
    }
    got_byte = byte == 'x';
    bool resumed = SSL_session_reused(ssl) == 1;
    SSL_SESSION_free(session_);
    session_ = SSL_get1_session(ssl);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    return resumed;
  }
  bool got_byte = false;

 private:
  SSL_CTX* context_;
  SSL_SESSION* session_ = nullptr;
};

void run(const std::function<void(Sys&)>& scenario) {
  RealSystem system;
  auto fiber = spawn(system.sys().loop, "test", [&] { scenario(system.sys()); });
  CHECK(system.sys().loop.run_until([&] { return fiber.done(); }));
}

// Connects and says as whom the server took the client; "" when it refused.
std::string name_seen(Sys& sys, Listener& listener, const TlsServer& options, Client& client, bool& resumed) {
  std::string seen;
  auto server = spawn(sys.loop, "server", [&] {
    auto plain = listener.accept();
    REQUIRE(plain);
    auto secured = sys.net.accept_tls(std::move(*plain), options, seconds(20));
    if (!secured) return;
    seen = crypto::inspect_certificate((*secured)->tls()->certificate_pem).value().common_name;
    REQUIRE((*secured)->write("x", seconds(20)));
    (*secured)->close();
  });
  auto stream = sys.net.connect(listener.local(), seconds(20));
  REQUIRE(stream);
  resumed = client.connect(**stream);
  REQUIRE(server.join());
  return seen;
}

TEST_CASE("tls: a resumed session keeps the client's identity") {
  run([](Sys& sys) {
    auto far = base::parse_rfc3339("2060-01-01T00:00:00Z").value();
    Party server = party("server", far), alice = party("alice", far);
    TlsServer options{.certificate_pem = server.certificate, .key_pem = server.key, .client_ca_pem = alice.certificate};
    auto listener = sys.net.listen({"127.0.0.1", 0});
    REQUIRE(listener);
    Client client(alice);
    bool resumed = true;
    CHECK(name_seen(sys, **listener, options, client, resumed) == "alice");
    CHECK_FALSE(resumed);
    CHECK(name_seen(sys, **listener, options, client, resumed) == "alice");
    CHECK(resumed);
    // A server that trusts others knows nothing of the session.
    options.client_ca_pem = server.certificate;
    CHECK(name_seen(sys, **listener, options, client, resumed).empty());
    CHECK_FALSE(resumed);
  });
}

}  // namespace
}  // namespace sys
