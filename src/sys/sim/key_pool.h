// The simulation's KeySource: hands out its fixed keys in turn. Private to src/sys.
#pragma once

#include "sys/sys.h"

namespace sys {

class KeyPool : public KeySource {
 public:
  std::string rsa_2048_pem() override;
  std::string ec_p256_pem() override;

 private:
  size_t rsa_next_ = 0;
  size_t ec_next_ = 0;
};

}  // namespace sys
