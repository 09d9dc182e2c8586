// Real TLS (OpenSSL) over any stream, whatever carries it: a descriptor, a proxy's tunnel, a simulated connection.
// Versions 1.2 and 1.3. Errors as in Net::start_tls. Certificates are judged at loop.now().
#pragma once

#include "sys/loop.h"
#include "sys/net.h"

namespace sys {

Result<std::unique_ptr<Stream>> tls_client_over(Loop& loop, std::unique_ptr<Stream> below, const TlsClient& options,
                                                Duration limit);
Result<std::unique_ptr<Stream>> tls_server_over(Loop& loop, std::unique_ptr<Stream> below, const TlsServer& options,
                                                Duration limit);

}  // namespace sys
