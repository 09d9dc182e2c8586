#include "sim/image_server.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "metal/boot/artefact.h"
#include "sim/boot_medium.h"
#include "wire/iso9660.h"

namespace sim {

using base::Result;

namespace {

uint64_t hash_of(std::string_view text) {
  uint64_t seed = 0;
  for (const char c : crypto::sha256(text).substr(0, 8)) seed = seed << 8 | static_cast<unsigned char>(c);
  return seed;
}

constexpr size_t cluster_bytes = 64u << 10;
constexpr uint64_t table_covers = cluster_bytes / 8 * cluster_bytes;  // of the disk, by one L2 table
constexpr size_t tables_bytes = 3 * cluster_bytes;                    // header, L1 table, one L2 table

void put(std::string& out, size_t at, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    out[at + static_cast<size_t>(i)] = static_cast<char>(value >> (8 * (bytes - 1 - i)));
  }
}

// The tables of a qcow2 image, version 3 (QEMU's docs/interop/qcow2.txt), whose clusters follow them in order.
std::string qcow2_tables(uint64_t clusters, uint64_t disk_bytes) {
  std::string out(tables_bytes, '\0');
  out.replace(0, 4, "QFI\xfb", 4);
  put(out, 4, 3, 4);                                                // version
  put(out, 20, 16, 4);                                              // cluster bits
  put(out, 24, disk_bytes, 8);                                      // size of the disk
  put(out, 36, (disk_bytes + table_covers - 1) / table_covers, 4);  // entries of L1
  put(out, 40, cluster_bytes, 8);                                   // where L1 is
  put(out, 96, 4, 4);                                               // refcount order
  put(out, 100, 104, 4);                                            // header length
  put(out, cluster_bytes, 2 * cluster_bytes, 8);
  for (uint64_t i = 0; i < clusters; ++i) put(out, 2 * cluster_bytes + i * 8, tables_bytes + i * cluster_bytes, 8);
  return out;
}

}  // namespace

ImageServer::ImageServer(Site& site, std::string host) : site_(site), host_(std::move(host)) {}
ImageServer::~ImageServer() { stop(); }

std::string ImageServer::image(const std::string& path) const {
  if (path.ends_with(".iso")) {
    return wire::build_iso("LIVE", {{live_system_file, path}}).value_or(std::string());
  }
  const uint64_t clusters = (site_.image_bytes + cluster_bytes - 1) / cluster_bytes;
  const auto large = large_.find(path);
  const uint64_t disk_bytes = large == large_.end() || large->second == 0 ? clusters * cluster_bytes : large->second;
  std::string out = qcow2_tables(clusters, disk_bytes);
  const size_t whole = tables_bytes + clusters * cluster_bytes;
  out.reserve(whole);
  SeededRandom random(hash_of(path));
  while (out.size() < whole) {
    uint64_t word = random.next();
    for (int i = 0; i < 8; ++i, word >>= 8) out += static_cast<char>(word);
  }
  out.replace(tables_bytes + 510, 2, "\x55\xaa");  // firmware starts from a disk with this mark
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
  // The few bytes of an image stand for gigabytes that a disk takes minutes to write, and its writer reads at that
  // pace.
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
  const auto artefact = metal::artefact_of("application/octet-stream", std::move(body));
  (void)metal::send_artefact(site_.sys.disk, artefact, exchange);  // a client that goes away asks again
}

}  // namespace sim
