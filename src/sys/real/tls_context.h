// OpenSSL contexts: parsed certificates, keys and trust roots, kept for the next connection with the same options.
// Private to src/sys. The only sys header that names OpenSSL types, and only as incomplete ones.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sys/net.h"

struct ssl_ctx_st;

namespace sys {

struct TlsContext {
  explicit TlsContext(ssl_ctx_st* made) : openssl(made) {}
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  ssl_ctx_st* openssl;
  std::string alpn;  // as on the wire: length byte and name each
};

// Errors: invalid (a PEM that cannot be read, a key that does not fit).
base::Result<std::shared_ptr<TlsContext>> tls_client_context(const TlsClient& options);
base::Result<std::shared_ptr<TlsContext>> tls_server_context(const TlsServer& options);

// The reasons in this thread's OpenSSL error queue, which is empty afterwards. Call before parking.
std::string drain_openssl_errors();

}  // namespace sys
