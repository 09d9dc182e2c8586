#include "api/rules/image.h"

namespace api::rules {
namespace {

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// Hexadecimal digits of a digest; 0 when the type does not tell.
size_t digits_of(std::string_view type) {
  return type == "md5" ? 32 : type == "sha256" ? 64 : type == "sha512" ? 128 : 0;
}

std::string checksum_problem(const std::string& checksum, const std::string& type) {
  if (is_url(checksum, {"http", "https"})) return {};
  const size_t digits = digits_of(type);
  if (!is_hex(checksum)) return "must be a hexadecimal digest or the http(s) URL of a file with it";
  if (digits && checksum.size() != digits) {
    return "a " + type + " digest has " + std::to_string(digits) + " hexadecimal digits, not " +
           std::to_string(checksum.size());
  }
  const bool known = checksum.size() == 32 || checksum.size() == 64 || checksum.size() == 128;
  return known ? "" : "is not as long as an MD5, SHA-256 or SHA-512 digest";
}

}  // namespace

void check_image(const Json& image, const std::string& field, const char* format, Findings& found) {
  const std::string& url = image["url"].string();
  const std::string& checksum = image["checksum"].string();
  if (!is_url(url, {"http", "https", "ftp", "gopher", "oci"})) {
    found.push_back(meta::field_invalid(field + ".url", url, "must be a URL with a host, such as https://host/path"));
    return;
  }
  if (url.starts_with("oci://")) {
    if (checksum.empty()) return;
    found.push_back(meta::field_forbidden(field + ".checksum", "an image in a registry is known by its own digest"));
    return;
  }
  if (image[format].string() == "live-iso") return;  // booted as it is, nothing is written
  if (checksum.empty()) {
    found.push_back(meta::field_required(field + ".checksum", "what is written to a disk has to be verified"));
    return;
  }
  const std::string problem = checksum_problem(checksum, image["checksumType"].string());
  if (!problem.empty()) found.push_back(meta::field_invalid(field + ".checksum", checksum, problem));
}

}  // namespace api::rules
