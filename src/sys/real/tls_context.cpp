#include "sys/real/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <climits>
#include <map>

namespace sys {

namespace {

constexpr size_t contexts_max = 256;
constexpr long ticket_seconds = 3600;

using BioPointer = std::unique_ptr<BIO, decltype(&BIO_free)>;
using CertificatePointer = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

BioPointer open_text(const std::string& text) {
  CHECK_THAT(text.size() <= INT_MAX, "a PEM text is never that long");
  return {BIO_new_mem_buf(text.data(), int(text.size())), BIO_free};
}

// An encrypted key is refused instead of asking on the terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

std::vector<CertificatePointer> read_certificates(const std::string& pem) {
  std::vector<CertificatePointer> all;
  const BioPointer text = open_text(pem);
  while (X509* one = PEM_read_bio_X509(text.get(), nullptr, no_passphrase, nullptr)) all.emplace_back(one, X509_free);
  ERR_clear_error();  // the end of the text counts as an error
  return all;
}

base::Result<void> use_identity(SSL_CTX* context, const std::string& certificate_pem, const std::string& key_pem) {
  const auto chain = read_certificates(certificate_pem);
  if (chain.empty()) return base::invalid("the TLS certificate is not PEM");
  const BioPointer text = open_text(key_pem);
  const KeyPointer key(PEM_read_bio_PrivateKey(text.get(), nullptr, no_passphrase, nullptr), EVP_PKEY_free);
  if (!key) return base::invalid("the TLS private key cannot be read: " + drain_openssl_errors());
  if (SSL_CTX_use_certificate(context, chain[0].get()) != 1) {
    return base::invalid("the TLS certificate cannot be used: " + drain_openssl_errors());
  }
  for (size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, chain[i].get());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    (void)drain_openssl_errors();
    return base::invalid("the TLS certificate and its private key do not belong together");
  }
  return {};
}

base::Result<void> trust(SSL_CTX* context, const std::string& roots_pem, bool name_to_clients) {
  const auto roots = read_certificates(roots_pem);
  if (roots.empty()) return base::invalid("the TLS trust roots are not PEM certificates");
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const auto& root : roots) {
    X509_STORE_add_cert(store, root.get());
    if (name_to_clients) SSL_CTX_add_client_CA(context, root.get());
  }
  // A trusted certificate needs no issuer of its own: people pin a BMC's self-signed certificate.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();
  return {};
}

std::string on_the_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > 255) continue;
    wire.push_back(char(protocol.size()));
    wire += protocol;
  }
  return wire;
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_bytes, const unsigned char* in, unsigned in_bytes,
                void* argument) {
  const auto* context = static_cast<const TlsContext*>(argument);
  unsigned char* chosen = nullptr;
  const auto* ours = reinterpret_cast<const unsigned char*>(context->alpn.data());
  const int answer = SSL_select_next_proto(&chosen, out_bytes, ours, unsigned(context->alpn.size()), in, in_bytes);
  *out = chosen;
  return answer == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

std::shared_ptr<TlsContext> new_context(const SSL_METHOD* method) {
  SSL_CTX* context = SSL_CTX_new(method);
  CHECK_THAT(context != nullptr, "OpenSSL cannot make a context");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  return std::make_shared<TlsContext>(context);
}

base::Result<std::shared_ptr<TlsContext>> make_client(const TlsClient& options) {
  auto made = new_context(TLS_client_method());
  SSL_CTX* context = made->openssl;
  made->alpn = on_the_wire(options.alpn);
  if (!made->alpn.empty()) {
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(made->alpn.data()),
                            unsigned(made->alpn.size()));
  }
  if (!options.certificate_pem.empty()) TRY(use_identity(context, options.certificate_pem, options.key_pem));
  if (!options.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_security_level(context, 0);  // old BMCs have short keys; nothing is proved here anyway
    return made;
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (options.ca_pem.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else {
    TRY(trust(context, options.ca_pem, false));
  }
  return made;
}

// A client that comes back saves both sides the certificates and the signatures. The ticket holds the session, with the
// client's certificate, under a key of this context, so nothing is kept here.
void offer_resumption(SSL_CTX* context) {
  constexpr std::string_view name = "ingot";
  SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_timeout(context, ticket_seconds);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(name.data()), unsigned(name.size()));
}

base::Result<std::shared_ptr<TlsContext>> make_server(const TlsServer& options) {
  auto made = new_context(TLS_server_method());
  SSL_CTX* context = made->openssl;
  made->alpn = on_the_wire(options.alpn);
  if (!made->alpn.empty()) SSL_CTX_set_alpn_select_cb(context, choose_alpn, made.get());
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  offer_resumption(context);
  TRY(use_identity(context, options.certificate_pem, options.key_pem));
  if (!options.client_ca_pem.empty()) {
    TRY(trust(context, options.client_ca_pem, true));
    const int required = options.client_certificate_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | required, nullptr);
  }
  return made;
}

// Length before each part, so that no two different options give one key.
void add_part(std::string& key, const std::string& part) { key += std::to_string(part.size()) + ":" + part; }

using Contexts = std::map<std::string, std::shared_ptr<TlsContext>>;
Contexts& contexts() {
  static thread_local Contexts kept;
  return kept;
}

template <class Options>
base::Result<std::shared_ptr<TlsContext>> kept_context(
    std::string key, const Options& options, base::Result<std::shared_ptr<TlsContext>> (*make)(const Options&)) {
  Contexts& kept = contexts();
  if (const auto found = kept.find(key); found != kept.end()) return found->second;
  auto made = TRY(make(options));
  if (kept.size() >= contexts_max) kept.clear();
  kept.emplace(std::move(key), made);
  return made;
}

}  // namespace

TlsContext::~TlsContext() { SSL_CTX_free(openssl); }

base::Result<std::shared_ptr<TlsContext>> tls_client_context(const TlsClient& options) {
  std::string key = options.verify ? "client verify " : "client ";
  for (const auto* part : {&options.ca_pem, &options.certificate_pem, &options.key_pem}) add_part(key, *part);
  for (const std::string& protocol : options.alpn) add_part(key, protocol);
  return kept_context(std::move(key), options, make_client);
}

base::Result<std::shared_ptr<TlsContext>> tls_server_context(const TlsServer& options) {
  std::string key = options.client_certificate_required ? "server required " : "server ";
  for (const auto* part : {&options.client_ca_pem, &options.certificate_pem, &options.key_pem}) add_part(key, *part);
  for (const std::string& protocol : options.alpn) add_part(key, protocol);
  return kept_context(std::move(key), options, make_server);
}

std::string drain_openssl_errors() {
  std::string reasons;
  while (const unsigned long error = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(error);
    if (!reasons.empty()) reasons += "; ";
    reasons += reason != nullptr ? reason : "error " + std::to_string(error);
  }
  return reasons;
}

}  // namespace sys
