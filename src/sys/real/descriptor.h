// A file descriptor that closes itself, and what errno means. Private to src/sys.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"

namespace sys {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close();
  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

// A file of the kernel's, for calls that take one.
class HasDescriptor {
 public:
  virtual ~HasDescriptor() = default;
  virtual int number() const = 0;
};

// "what: reason", with the code that fits the number.
base::Error system_error(int number, const std::string& what);
// The same for a socket that cannot be bound, with what to do about it.
base::Error bind_error(int number, const std::string& what);

}  // namespace sys
