#include "sim/boot_medium.h"

#include "base/text.h"
#include "net/http.h"
#include "wire/iso9660.h"

namespace sim {

using base::Result;

std::map<std::string, std::string> parse_parameters(std::string_view text) {
  std::map<std::string, std::string> out;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find_first_of(" \t\r\n", at), text.size());
    const std::string_view word = text.substr(at, end - at);
    at = end + 1;
    if (word.empty() || word[0] == '#') continue;
    const size_t equals = word.find('=');
    out[std::string(word.substr(0, equals))] =
        equals == std::string_view::npos ? "" : std::string(word.substr(equals + 1));
  }
  return out;
}

Result<std::string> fetch_medium(sys::Loop& loop, sys::Net& net, const std::string& url, const Pace&) {
  const net::Url where = TRY(net::Url::parse(url));
  net::ClientOptions options;
  options.server = where.address();
  options.tls = where.scheme == "https";
  options.tls_options.verify = false;  // BMCs do not verify unless a certificate was enrolled
  options.body_bytes_max = 256u << 20;
  options.keep_alive = false;
  options.user_agent = "bmc-virtual-media";
  net::HttpClient client(loop, net, std::move(options));
  net::Request request;
  request.target = where.target();
  auto answer = TRY(client.send(std::move(request)).context("fetching virtual media"));
  if (answer.status != 200) {
    return base::unavailable("fetching virtual media answered " + std::to_string(answer.status));
  }
  return std::move(answer.body);
}

bool is_live_system(const std::string& iso) {
  const auto image = wire::read_iso(iso);
  return image && image->find(live_system_file) != nullptr;
}

Result<Ramdisk> read_medium(const std::string& iso) {
  const auto image = TRY(wire::read_iso(iso).context("virtual media"));
  const auto* parameters = image.find("parameters.txt");
  if (parameters == nullptr) return base::corrupt("virtual media has no parameters.txt");
  Ramdisk ramdisk;
  ramdisk.parameters = parse_parameters(parameters->bytes);
  if (const auto* ca = image.find("ca.crt")) ramdisk.ca_pem = ca->bytes;
  return ramdisk;
}

}  // namespace sim
