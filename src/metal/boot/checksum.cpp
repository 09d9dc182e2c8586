#include "metal/boot/checksum.h"

#include "base/text.h"
#include "net/redirect.h"

namespace metal {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

constexpr size_t sums_bytes_max = 1u << 20;

Error refused(std::string message, std::string fix) {
  return Error{Code::invalid, std::move(message), Layer::agent, std::move(fix)};
}

bool is_hex(std::string_view text) { return !text.empty() && text.size() % 2 == 0 && base::unhex(text).has_value(); }

std::string_view last_part(std::string_view path) {
  path = path.substr(0, path.find_first_of("?#"));
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view algorithm_by_length(size_t digits) {
  switch (digits) {
    case 32:
      return "md5";
    case 64:
      return "sha256";
    case 128:
      return "sha512";
    default:
      return {};
  }
}

// One line of a sums file taken apart; false when it is none.
bool parse_line(std::string_view line, std::string_view& digest, std::string_view& name) {
  line = base::trim(line);
  if (line.empty() || line[0] == '#') return false;
  if (const auto open = line.find(" ("); open != std::string_view::npos) {  // SHA256 (name) = hex
    const auto close = line.rfind(") = ");
    if (close == std::string_view::npos || close < open) return false;
    name = line.substr(open + 2, close - open - 2);
    digest = base::trim(line.substr(close + 4));
    return is_hex(digest);
  }
  const auto space = line.find_first_of(" \t");
  digest = line.substr(0, space);
  name = space == std::string_view::npos ? std::string_view() : base::trim(line.substr(space));
  if (!name.empty() && name[0] == '*') name.remove_prefix(1);
  return is_hex(digest);
}

Result<std::string> fetch(sys::Loop& loop, sys::Net& net, const std::string& where, const ChecksumRules& rules) {
  const net::Url first = TRY(net::Url::parse(where));
  if (first.scheme != "http" && first.scheme != "https") {
    return refused("checksum URL " + base::quoted(where) + " is neither http nor https", "use an http or https URL");
  }
  for (net::Redirects way(first);;) {
    const net::Url& url = way.at();
    net::ClientOptions options;
    options.server = url.address();
    options.tls = url.scheme == "https";
    options.tls_options.ca_pem = rules.roots_pem;
    options.request_limit = rules.limit;
    options.body_bytes_max = sums_bytes_max;
    options.keep_alive = false;
    net::HttpClient client(loop, net, std::move(options));
    net::Request request;
    way.address(request);
    const auto answered = TRY(client.send(std::move(request)).context("GET " + way.text()));
    if (answered.status == 200) return answered.body;
    if (TRY(way.follow(answered))) continue;
    const Code code = answered.status == 404 ? Code::not_found : Code::unavailable;
    return Error{code, "GET " + way.text() + " answered " + std::to_string(answered.status), Layer::none,
                 "check that image.checksum names a file of sums that is there"};
  }
}

}  // namespace

bool is_checksum_url(std::string_view checksum) { return checksum.find("://") != std::string_view::npos; }

Result<std::string> digest_in_sums(std::string_view sums, std::string_view image_url) {
  const std::string_view wanted = last_part(image_url);
  std::string_view only;
  size_t digests = 0;
  for (const auto line : base::split(sums, '\n')) {
    std::string_view digest;
    std::string_view name;
    if (!parse_line(line, digest, name)) continue;
    ++digests;
    if (last_part(name) == wanted) return std::string(digest);
    if (name.empty()) only = digest;
  }
  if (digests == 1 && !only.empty()) return std::string(only);
  return Error{Code::not_found, "no line for " + std::string(wanted) + " among " + std::to_string(digests) + " sums",
               Layer::agent, "check that the sums file belongs to the image"};
}

Result<ImageDigest> make_digest(std::string_view hex, std::string_view type, const ChecksumRules& rules) {
  std::string given = base::lower(type);
  if (const auto colon = hex.find(':'); colon != std::string_view::npos) {
    const std::string prefix = base::lower(hex.substr(0, colon));
    if (!given.empty() && given != "auto" && given != prefix) {
      return refused("the checksum says " + prefix + " but checksumType says " + given, "make them agree");
    }
    given = prefix;
    hex.remove_prefix(colon + 1);
  }
  hex = base::trim(hex);
  if (!is_hex(hex)) return refused("the image checksum is not hexadecimal", "give the hex digest or a sums file's URL");
  const std::string_view by_length = algorithm_by_length(hex.size());
  if (by_length.empty()) {
    return refused("a checksum of " + std::to_string(hex.size()) + " digits is no md5, sha256 or sha512",
                   "give a sha256 or sha512 checksum");
  }
  if (given.empty() || given == "auto") given = by_length;
  if (given != by_length) {
    return refused("a checksum of " + std::to_string(hex.size()) + " digits is not " + given,
                   "correct checksumType or the checksum");
  }
  if (given == "md5" && !rules.allow_md5) {
    return refused("the image has an MD5 checksum, which anybody can forge", "use sha256, or allow MD5 explicitly");
  }
  return ImageDigest{given, base::lower(hex)};
}

Result<ImageDigest> resolve_checksum(sys::Loop& loop, sys::Net& net, const ImageRequest& image,
                                     const ChecksumRules& rules) {
  if (image.checksum.empty()) {
    return refused("the image " + image.url + " has no checksum", "set spec.image.checksum");
  }
  if (!is_checksum_url(image.checksum)) return make_digest(image.checksum, image.checksum_type, rules);
  auto sums = fetch(loop, net, image.checksum, rules);
  if (!sums) {
    Error error = std::move(sums).error().context("fetching checksum " + image.checksum);
    if (error.fix.empty()) error.fix = "check that the manager reaches the checksum URL";
    return std::move(error).at(Layer::agent);
  }
  auto digest = digest_in_sums(*sums, image.url);
  if (!digest) return std::move(digest).error().context(image.checksum);
  return make_digest(*digest, image.checksum_type, rules);
}

}  // namespace metal
