#include "sys/real/key_stock.h"

#include <utility>

#include "crypto/x509.h"

namespace sys {

void KeyStock::Stock::refill(Offload& offload) {
  if (making || rsa.size() >= wanted) return;
  making = true;
  const auto made = std::make_shared<std::string>();
  offload.run([made] { *made = crypto::generate_rsa_2048_pem(); },
              [self = shared_from_this(), made, &offload] {
                self->making = false;
                self->rsa.push_back(std::move(*made));
                self->refill(offload);
              });
}

void KeyStock::prepare(size_t count) {
  stock_->wanted = count;
  stock_->refill(offload_);
}

std::string KeyStock::rsa_2048_pem() {
  if (stock_->rsa.empty()) return crypto::generate_rsa_2048_pem();
  std::string out = std::move(stock_->rsa.front());
  stock_->rsa.pop_front();
  stock_->refill(offload_);
  return out;
}

std::string KeyStock::ec_p256_pem() { return crypto::generate_ec_p256_pem(); }

}  // namespace sys
