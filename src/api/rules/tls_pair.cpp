#include "api/rules/tls_pair.h"

#include <vector>

#include "base/text.h"
#include "crypto/x509.h"

namespace api::rules {
namespace {

// The types of the blocks of a PEM text (RFC 7468), in order.
std::vector<std::string> pem_types(std::string_view text) {
  constexpr std::string_view begin = "-----BEGIN ", dashes = "-----";
  std::vector<std::string> out;
  for (size_t at = text.find(begin); at != std::string_view::npos; at = text.find(begin)) {
    text.remove_prefix(at + begin.size());
    const size_t end = text.find(dashes);
    if (end == std::string_view::npos) break;
    const std::string type(text.substr(0, end));
    const size_t close = text.find("-----END " + type + std::string(dashes));
    if (close == std::string_view::npos) continue;
    out.push_back(type);
    text.remove_prefix(close);
  }
  return out;
}

bool is_key(std::string_view type) { return type == "PRIVATE KEY" || type.ends_with(" PRIVATE KEY"); }

std::string listed(const std::vector<std::string>& types) { return "[" + base::join(types, " ") + "]"; }

std::string certificate_problem(const std::vector<std::string>& types) {
  if (types.empty()) return "tls: failed to find any PEM data in certificate input";
  for (const auto& type : types) {
    if (type == "CERTIFICATE") return {};
  }
  if (types.size() == 1 && is_key(types.front())) {
    return "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may "
           "have been switched";
  }
  return "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the "
         "following types: " +
         listed(types);
}

std::string key_problem(const std::vector<std::string>& types) {
  if (types.empty()) return "tls: failed to find any PEM data in key input";
  for (const auto& type : types) {
    if (is_key(type)) return {};
  }
  if (types.size() == 1 && types.front() == "CERTIFICATE") {
    return "tls: found a certificate rather than a key in the PEM for the private key";
  }
  return "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of "
         "the following types: " +
         listed(types);
}

}  // namespace

std::string tls_pair_problem(std::string_view certificate_pem, std::string_view key_pem) {
  if (auto why = certificate_problem(pem_types(certificate_pem)); !why.empty()) return why;
  if (auto why = key_problem(pem_types(key_pem)); !why.empty()) return why;
  if (!crypto::inspect_certificate(certificate_pem)) return "x509: malformed certificate";
  if (!crypto::public_key_pem(key_pem)) return "tls: failed to parse private key";
  if (!crypto::key_matches(certificate_pem, key_pem)) return "tls: private key does not match public key";
  return {};
}

}  // namespace api::rules
