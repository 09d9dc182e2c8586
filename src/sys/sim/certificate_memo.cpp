#include "sys/sim/certificate_memo.h"

#include <algorithm>

#include "crypto/x509.h"

namespace sys {

namespace {

constexpr size_t entries_max = 4096;
constexpr std::string_view end_mark = "-----END CERTIFICATE-----";

// Narrows [from, before) around `at` to where no certificate of the text begins or ends to be valid.
void narrow(std::string_view pem, base::Time at, base::Time& from, base::Time& before) {
  for (size_t end = pem.find(end_mark); end != std::string_view::npos; end = pem.find(end_mark)) {
    const auto info = crypto::inspect_certificate(std::string(pem.substr(0, end + end_mark.size())) + "\n");
    pem.remove_prefix(end + end_mark.size());
    if (!info) continue;
    // The bounds are inclusive seconds; a verdict is made anew in the seconds around them.
    for (const base::Time bound : {info->not_before, info->not_after}) {
      const base::Time low = bound - base::seconds(1);
      const base::Time high = bound + base::seconds(1);
      if (low > at) {
        before = std::min(before, low);
      } else if (high <= at) {
        from = std::max(from, high);
      } else {
        from = before = at;
      }
    }
  }
}

}  // namespace

base::Result<void> CertificateMemo::verify(const std::string& chain_pem, const std::string& roots_pem,
                                           const std::string& name, base::Time at) {
  auto key = std::make_tuple(chain_pem, roots_pem, name);
  if (const auto found = verdicts_.find(key); found != verdicts_.end()) {
    if (at >= found->second.from && at < found->second.before) return found->second.result;
    verdicts_.erase(found);
  }
  Verdict verdict{base::Time::min(), base::Time::max(), crypto::verify_certificate(chain_pem, roots_pem, name, at)};
  narrow(chain_pem, at, verdict.from, verdict.before);
  narrow(roots_pem, at, verdict.from, verdict.before);
  if (verdicts_.size() >= entries_max) verdicts_.clear();
  return verdicts_.emplace(std::move(key), std::move(verdict)).first->second.result;
}

bool CertificateMemo::key_matches(const std::string& certificate_pem, const std::string& key_pem) {
  auto key = std::make_pair(certificate_pem, key_pem);
  if (const auto found = pairs_.find(key); found != pairs_.end()) return found->second;
  if (pairs_.size() >= entries_max) pairs_.clear();
  const bool matches = crypto::key_matches(certificate_pem, key_pem);
  return pairs_.emplace(std::move(key), matches).first->second;
}

}  // namespace sys
