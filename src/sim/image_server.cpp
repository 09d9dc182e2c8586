#include "sim/image_server.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/x509.h"

namespace sim {

using base::Result;

namespace {

uint64_t hash_of(std::string_view text) {
  uint64_t seed = 0;
  for (const char c : crypto::sha256(text).substr(0, 8)) seed = seed << 8 | static_cast<unsigned char>(c);
  return seed;
}

// The version 3 header of an empty qcow2 image (QEMU's docs/interop/qcow2.txt): enough to be told from other formats.
std::string qcow2_header() {
  std::string out("QFI\xfb", 4);
  const auto u32 = [&](uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift);
  };
  u32(3);           // version
  u32(0), u32(0);   // no backing file
  u32(0), u32(16);  // cluster bits: 64 KiB
  u32(16);
  out.resize(104, '\0');
  return out;
}

}  // namespace

ImageServer::ImageServer(Site& site, std::string host) : site_(site), host_(std::move(host)) {}
ImageServer::~ImageServer() { stop(); }

std::string ImageServer::image(const std::string& path) const {
  std::string out = qcow2_header();
  out.reserve(site_.image_bytes + 8);
  SeededRandom random(hash_of(path));
  while (out.size() < site_.image_bytes) {
    uint64_t word = random.next();
    for (int i = 0; i < 8; ++i, word >>= 8) out += static_cast<char>(word);
  }
  out.resize(site_.image_bytes);
  return out;
}

void ImageServer::corrupt(const std::string& path, bool on) {
  if (on) {
    corrupted_.insert(path);
  } else {
    corrupted_.erase(path);
  }
}

Result<void> ImageServer::start() {
  net::ServerOptions options;
  options.listen = {{host_, 80}};
  options.tls = false;
  // The few bytes of an image stand for gigabytes that a disk takes minutes to write, and its writer reads at that pace.
  options.request_limit = base::hours(1);
  const auto handler = [this](net::Exchange& exchange) { answer(exchange); };
  plain_ = std::make_unique<net::HttpServer>(site_.sys.loop, site_.sys.net, options, handler);
  TRY(plain_->start());

  crypto::CertificateRequest wanted;
  wanted.common_name = host_;
  wanted.dns_names = {host_};
  wanted.server_auth = true;
  wanted.not_before = site_.sys.loop.now() - base::hours(1);
  wanted.not_after = site_.sys.loop.now() + base::hours(24 * 365);
  wanted.serial_hex = base::hex(site_.sys.random.bytes(16));
  options.listen = {{host_, 443}};
  options.tls = true;
  options.tls_options.key_pem = site_.sys.keys.ec_p256_pem();
  options.tls_options.certificate_pem =
      TRY(crypto::issue_certificate(wanted, options.tls_options.key_pem, site_.ca_certificate_pem, site_.ca_key_pem));
  encrypted_ = std::make_unique<net::HttpServer>(site_.sys.loop, site_.sys.net, options, handler);
  return encrypted_->start();
}

void ImageServer::stop() {
  if (plain_) plain_->stop();
  if (encrypted_) encrypted_->stop();
}

void ImageServer::answer(net::Exchange& exchange) {
  const net::Request& request = exchange.request();
  const std::string path(std::string_view(request.target).substr(0, request.target.find('?')));
  if (request.method != "GET" && request.method != "HEAD") {
    return exchange.respond(net::Response::text(405, "Method Not Allowed\n"));
  }
  if (path.size() < 2 || path.back() == '/') return exchange.respond(net::Response::text(404, "Not Found\n"));
  for (const char* algorithm : {"sha256", "sha512", "md5"}) {
    const std::string suffix = std::string(".") + algorithm + "sum";
    if (!path.ends_with(suffix)) continue;
    const std::string of = path.substr(0, path.size() - suffix.size());
    auto digest = crypto::Digest::make(algorithm);
    if (!digest) break;
    digest->update(image(of));
    const std::string line = base::hex(digest->finish()) + "  " + of.substr(of.rfind('/') + 1) + "\n";
    return exchange.respond(net::Response::text(200, line));
  }
  std::string body = image(path);
  if (corrupted_.count(path) != 0 || corrupted_.count("*") != 0) body[body.size() / 2] ^= 1;
  ++downloads_;
  net::Response response;
  response.headers.set("Content-Type", "application/octet-stream");
  response.body = std::move(body);
  exchange.respond(std::move(response));
}

}  // namespace sim
