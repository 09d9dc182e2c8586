// Remembers verdicts on certificates: a simulated rack shakes hands thousands of times with the same few certificates,
// and judging one costs more than a virtual hour of everything else. Private to src/sys.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "base/result.h"
#include "base/time.h"

namespace sys {

class CertificateMemo {
 public:
  // The same as the functions of crypto/x509.h.
  base::Result<void> verify(const std::string& chain_pem, const std::string& roots_pem, const std::string& name,
                            base::Time at);
  bool key_matches(const std::string& certificate_pem, const std::string& key_pem);

 private:
  // A verdict depends on time only by the validity bounds of the certificates, so it stands between two of them.
  struct Verdict {
    base::Time from, before;
    base::Result<void> result;
  };
  std::map<std::tuple<std::string, std::string, std::string>, Verdict> verdicts_;
  std::map<std::pair<std::string, std::string>, bool> pairs_;
};

}  // namespace sys
