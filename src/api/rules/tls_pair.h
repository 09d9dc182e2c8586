// What kube-apiserver warns about in Secrets of type kubernetes.io/tls.
#pragma once

#include <string>
#include <string_view>

namespace api::rules {

// Why a TLS server could not use the two PEM texts, in the words of Go's crypto/tls; "" when it could.
std::string tls_pair_problem(std::string_view certificate_pem, std::string_view key_pem);

}  // namespace api::rules
