#include "sys/sim/certificate_memo.h"

#include <doctest/doctest.h>

#include "crypto/x509.h"
#include "sys/sim/key_pool.h"

TEST_CASE("certificate memo: a remembered verdict changes when a certificate begins or ends to be valid") {
  sys::KeyPool keys;
  const base::Time begin(base::hours(24 * 365 * 50));
  const base::Time end = begin + base::hours(10);
  crypto::CertificateRequest request;
  request.common_name = "short";
  request.is_ca = true;
  request.dns_names = {"bmc"};
  request.not_before = begin;
  request.not_after = end;
  const std::string key = keys.ec_p256_pem();
  const auto certificate = crypto::issue_certificate(request, key, "", key);
  REQUIRE(certificate);

  sys::CertificateMemo memo;
  // Asked in this order, each answer must be that of the certificate itself, remembered or not.
  const base::seconds second(1);
  for (const base::Time at : {begin + base::hours(5), begin + base::hours(6), end - second, end, end + second,
                              end + base::hours(1), begin - base::hours(1), begin - second, begin, begin + second}) {
    const bool fresh = crypto::verify_certificate(*certificate, *certificate, "bmc", at).ok();
    CHECK(memo.verify(*certificate, *certificate, "bmc", at).ok() == fresh);
    CHECK(memo.verify(*certificate, *certificate, "bmc", at).ok() == fresh);
    CHECK(fresh == (at >= begin && at < end));
  }
  CHECK(!memo.verify(*certificate, *certificate, "other", begin + base::hours(5)));
  CHECK(memo.key_matches(*certificate, key));
  CHECK(memo.key_matches(*certificate, key));
  CHECK(!memo.key_matches(*certificate, keys.ec_p256_pem()));
}
