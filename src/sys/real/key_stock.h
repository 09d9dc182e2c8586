// Private keys of the real system. RSA keys take a tenth of a second each, so a program that will want some says so,
// and a worker thread makes them in advance. Private to src/sys.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "sys/sys.h"

namespace sys {

class KeyStock : public KeySource {
 public:
  explicit KeyStock(Offload& offload) : offload_(offload) {}
  // From now on so many RSA keys are kept ready.
  void prepare(size_t count);
  size_t ready() const { return stock_->rsa.size(); }

  std::string rsa_2048_pem() override;  // one that is ready, else made at once
  std::string ec_p256_pem() override;

 private:
  // One key is made at a time, so that other work finds a free worker.
  struct Stock : std::enable_shared_from_this<Stock> {
    std::deque<std::string> rsa;
    size_t wanted = 0;
    bool making = false;
    void refill(Offload& offload);
  };
  Offload& offload_;
  std::shared_ptr<Stock> stock_ = std::make_shared<Stock>();
};

}  // namespace sys
