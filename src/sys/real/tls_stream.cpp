#include "sys/real/tls_stream.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

#include "sys/deadline.h"
#include "sys/fiber.h"
#include "sys/read_into.h"
#include "sys/real/tls_context.h"

namespace sys {

namespace {

constexpr size_t below_read_bytes = 64 * 1024;
constexpr size_t record_bytes_max = 16 * 1024;
constexpr size_t record_overhead_max = 64;  // header, type, tag, and what TLS 1.2 adds
constexpr Duration goodbye_limit = base::seconds(5);

// What OpenSSL reads from and writes to. It never blocks: the stream below is used outside OpenSSL.
struct Wire {
  std::string in;
  size_t in_used = 0;
  bool in_ended = false;
  std::string out;
};

int wire_read(BIO* bio, char* to, int bytes) {
  auto* wire = static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const size_t count = std::min(size_t(bytes), wire->in.size() - wire->in_used);
  if (count == 0) {
    if (wire->in_ended) return 0;
    BIO_set_retry_read(bio);
    return -1;
  }
  wire->in.copy(to, count, wire->in_used);
  wire->in_used += count;
  if (wire->in_used == wire->in.size()) {
    std::string().swap(wire->in);  // idle connections hold no buffer
    wire->in_used = 0;
  }
  return int(count);
}

int wire_write(BIO* bio, const char* from, int bytes) {
  BIO_clear_retry_flags(bio);
  static_cast<Wire*>(BIO_get_data(bio))->out.append(from, size_t(bytes));
  return bytes;
}

long wire_control(BIO* bio, int command, long, void*) {
  const auto* wire = static_cast<const Wire*>(BIO_get_data(bio));
  if (command == BIO_CTRL_EOF) return wire->in_ended && wire->in_used == wire->in.size() ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* wire_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    BIO_meth_set_read(made, wire_read);
    BIO_meth_set_write(made, wire_write);
    BIO_meth_set_ctrl(made, wire_control);
    return made;
  }();
  return method;
}

bool is_ip(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  return inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 || inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

// Alerts with which the other end refuses our certificate, or asks for one.
bool about_certificates(int reason) {
  switch (reason) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return true;
    default:
      return false;
  }
}

class TlsStream : public Stream, public ReadsInto {
 public:
  TlsStream(Loop& loop, std::unique_ptr<Stream> below, std::shared_ptr<TlsContext> context)
      : loop_(loop),
        below_(std::move(below)),
        context_(std::move(context)),
        ssl_(SSL_new(context_->openssl)),
        wire_(std::make_unique<Wire>()) {
    CHECK_THAT(ssl_ != nullptr, "OpenSSL cannot make a connection");
    BIO* bio = BIO_new(wire_method());
    BIO_set_data(bio, wire_.get());
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl_), std::chrono::system_clock::to_time_t(whole_seconds(loop.now())));
  }
  ~TlsStream() override {
    close();
    SSL_free(ssl_);
  }

  // Who the server must be.
  void expect(const std::string& name, bool verify) {
    if (!is_ip(name)) SSL_set_tlsext_host_name(ssl_, name.c_str());
    if (!verify) return;
    if (is_ip(name)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), name.c_str());
    } else {
      SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      SSL_set1_host(ssl_, name.c_str());
    }
  }

  Result<void> handshake(bool as_server, bool verified, Duration limit) {
    const Deadline deadline(loop_, limit);
    if (as_server) {
      SSL_set_accept_state(ssl_);
    } else {
      SSL_set_connect_state(ssl_);
    }
    for (;;) {
      ERR_clear_error();
      const int status = SSL_do_handshake(ssl_);
      const int kind = SSL_get_error(ssl_, status);
      if (status == 1) break;
      if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE) {
        Error error = failure("TLS handshake with " + peer().text());
        (void)flush(deadline);  // the alert that tells the other end why
        return error;
      }
      TRY(flush(deadline));
      if (kind == SSL_ERROR_WANT_READ) TRY(fill(deadline));
    }
    TRY(flush(deadline));
    TRY(check_resumed());
    remember_peer(verified);
    open_ = true;
    return {};
  }

  Result<std::string> read(size_t bytes_max, Duration limit) override {
    const Deadline deadline(loop_, limit);
    static thread_local std::array<char, record_bytes_max> bytes;  // not used across a wait
    const size_t count = TRY(decrypt(bytes.data(), std::min(bytes_max, bytes.size()), deadline));
    std::string out(bytes.data(), count);
    if (!out.empty()) TRY(answer(deadline));
    return out;
  }
  Result<size_t> read_into(char* place, size_t bytes_max, Duration limit) override {
    const Deadline deadline(loop_, limit);
    const size_t count = TRY(decrypt(place, std::min(bytes_max, record_bytes_max), deadline));
    if (count > 0) TRY(answer(deadline));
    return count;
  }

  Result<void> write(std::string_view bytes, Duration limit) override {
    const Deadline deadline(loop_, limit);
    while (!bytes.empty()) {
      TRY(usable());
      // Four records per write below: fewer system calls, bounded memory.
      if (wire_->out.empty())
        wire_->out.reserve(std::min(bytes.size(), 4 * record_bytes_max) + 4 * record_overhead_max);
      for (int records = 0; records < 4 && !bytes.empty(); ++records) {
        ERR_clear_error();
        const int count = SSL_write(ssl_, bytes.data(), int(std::min(bytes.size(), record_bytes_max)));
        if (count <= 0) {
          broken_ = true;
          return failure("TLS connection to " + peer().text());
        }
        bytes.remove_prefix(size_t(count));
      }
      TRY(flush(deadline));
    }
    return {};
  }

  // The goodbye (close_notify) needs to wait for the stream below, which close() may not: a fiber of its own does.
  void close() override {
    if (std::exchange(closed_, true)) return;
    if (!open_ || broken_ || flushing_ || loop_.is_shut()) return below_->close();
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
    spawn(loop_, "tls goodbye", [below = below_, goodbye = std::exchange(wire_->out, {})] {
      (void)below->write(goodbye, goodbye_limit);
      below->close();
    });
  }
  Address peer() const override { return below_->peer(); }
  Address local() const override { return below_->local(); }
  const TlsPeer* tls() const override { return open_ ? &peer_ : nullptr; }

 private:
  static std::chrono::system_clock::time_point whole_seconds(Time time) {
    return std::chrono::time_point_cast<std::chrono::system_clock::duration>(time);
  }

  Result<void> usable() const {
    if (closed_) return base::unavailable("the connection to " + peer().text() + " is closed");
    if (broken_) return base::unavailable("the TLS connection to " + peer().text() + " is broken");
    return {};
  }

  // What one record holds, or what is left of it; 0 at the end. Nothing is put into `place` before the last wait, and
  // answer() is still to come.
  Result<size_t> decrypt(char* place, size_t bytes_max, const Deadline& deadline) {
    for (;;) {
      TRY(usable());
      // Asked with nothing to read, OpenSSL makes a buffer only to drop it again.
      if (nothing_received()) TRY(fill(deadline));
      ERR_clear_error();
      const int count = SSL_read(ssl_, place, int(bytes_max));
      const int kind = SSL_get_error(ssl_, count);
      if (count > 0) return size_t(count);
      if (kind == SSL_ERROR_ZERO_RETURN) return size_t{0};
      if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE) {
        broken_ = true;
        return failure("TLS connection to " + peer().text());
      }
      TRY(answer(deadline));
      if (kind == SSL_ERROR_WANT_READ) TRY(fill(deadline));
    }
  }

  // What reading made OpenSSL say: keys, alerts.
  Result<void> answer(const Deadline& deadline) { return wire_->out.empty() ? Result<void>() : flush(deadline); }

  bool nothing_received() const {
    return !wire_->in_ended && wire_->in_used == wire_->in.size() && SSL_has_pending(ssl_) == 0;
  }

  Result<void> fill(const Deadline& deadline) {
    std::string bytes = TRY(below_->read(below_read_bytes, deadline.left()));
    if (bytes.empty()) wire_->in_ended = true;
    if (wire_->in_used == wire_->in.size()) {
      wire_->in = std::move(bytes);
      wire_->in_used = 0;
    } else {
      wire_->in += bytes;
    }
    return {};
  }

  // One fiber sends at a time; what others add meanwhile goes along.
  Result<void> flush(const Deadline& deadline) {
    if (flushing_) return {};
    flushing_ = true;
    while (!wire_->out.empty()) {
      const std::string bytes = std::exchange(wire_->out, {});
      if (auto sent = below_->write(bytes, deadline.left()); !sent) {
        flushing_ = false;
        broken_ = true;
        return sent;
      }
    }
    flushing_ = false;
    return {};
  }

  // Call at once after the failed OpenSSL call.
  Error failure(const std::string& what) {
    const long verdict = SSL_get_verify_result(ssl_);
    const int reason = ERR_GET_REASON(ERR_peek_last_error());
    std::string text = drain_openssl_errors();
    if (verdict != X509_V_OK && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      return {base::Code::unauthenticated, what + ": certificate refused: " + X509_verify_cert_error_string(verdict)};
    }
    if (text.empty()) text = "the connection ended";
    return {about_certificates(reason) ? base::Code::unauthenticated : base::Code::unavailable, what + ": " + text};
  }

  // A resumed session was verified when it began; meanwhile the certificate may have expired.
  Result<void> check_resumed() {
    X509* certificate = SSL_get0_peer_certificate(ssl_);
    if (SSL_session_reused(ssl_) == 0 || certificate == nullptr) return {};
    time_t now = std::chrono::system_clock::to_time_t(whole_seconds(loop_.now()));
    if (X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0) return {};
    broken_ = true;
    return Error{base::Code::unauthenticated, "TLS handshake with " + peer().text() + ": certificate has expired"};
  }

  void remember_peer(bool verified) {
    const unsigned char* protocol = nullptr;
    unsigned bytes = 0;
    SSL_get0_alpn_selected(ssl_, &protocol, &bytes);
    if (bytes > 0) peer_.alpn.assign(reinterpret_cast<const char*>(protocol), bytes);
    X509* certificate = SSL_get0_peer_certificate(ssl_);
    if (!verified || certificate == nullptr) return;
    BIO* text = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(text, certificate);
    char* data = nullptr;
    const long length = BIO_get_mem_data(text, &data);
    peer_.certificate_pem.assign(data, size_t(length));
    BIO_free(text);
  }

  Loop& loop_;
  std::shared_ptr<Stream> below_;
  std::shared_ptr<TlsContext> context_;
  SSL* ssl_;
  std::unique_ptr<Wire> wire_;
  TlsPeer peer_;
  bool open_ = false;      // the handshake is over
  bool flushing_ = false;  // a fiber is in flush()
  bool broken_ = false;
  bool closed_ = false;
};

}  // namespace

Result<std::unique_ptr<Stream>> tls_client_over(Loop& loop, std::unique_ptr<Stream> below, const TlsClient& options,
                                                Duration limit) {
  auto context = TRY(tls_client_context(options));
  auto stream = std::make_unique<TlsStream>(loop, std::move(below), std::move(context));
  stream->expect(options.server_name.empty() ? stream->peer().host : options.server_name, options.verify);
  TRY(stream->handshake(false, options.verify, limit));
  return std::unique_ptr<Stream>(std::move(stream));
}

Result<std::unique_ptr<Stream>> tls_server_over(Loop& loop, std::unique_ptr<Stream> below, const TlsServer& options,
                                                Duration limit) {
  auto context = TRY(tls_server_context(options));
  auto stream = std::make_unique<TlsStream>(loop, std::move(below), std::move(context));
  TRY(stream->handshake(true, !options.client_ca_pem.empty(), limit));
  return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace sys
