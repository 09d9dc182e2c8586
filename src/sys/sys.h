// The seam as a whole: what a component gets instead of the operating system. References in constructors, no globals.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/loop.h"
#include "sys/net.h"

namespace sys {

// All randomness. Real: the operating system's. Simulation: seeded, so a run replays.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;
  uint64_t below(uint64_t bound);  // uniform in [0, bound), bound > 0
  double unit();                   // uniform in [0, 1)
  std::string bytes(size_t count);
  std::string uuid();                     // version 4, lower case
  std::string suffix(size_t length = 5);  // Kubernetes' name alphabet bcdfghjklmnpqrstvwxz2456789
  std::string token(size_t length);       // a-z0-9
};

// A private key is expensive and random; simulation hands out a fixed pool instead, so runs replay and stay fast.
class KeySource {
 public:
  virtual ~KeySource() = default;
  virtual std::string rsa_2048_pem() = 0;  // PKCS#8 PEM
  virtual std::string ec_p256_pem() = 0;
};

// A file opened for random access (images, simulated disks). Sparse where the file system can. Offsets in bytes.
class File {
 public:
  virtual ~File() = default;
  virtual base::Result<std::string> read_at(uint64_t offset, size_t bytes) = 0;  // shorter only at the end
  virtual base::Result<void> write_at(uint64_t offset, std::string_view bytes) = 0;
  virtual base::Result<void> zero(uint64_t offset, uint64_t bytes) = 0;  // punches a hole
  virtual base::Result<void> sync() = 0;
  virtual uint64_t size() const = 0;
  virtual base::Result<void> resize(uint64_t bytes) = 0;
};

// Paths are as given by the user or below the data directory; the seam adds no meaning to them.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual base::Result<std::string> read(const std::string& path, size_t bytes_max = 64u << 20) = 0;
  // Whole-file replacement that is durable when it returns: temporary file, fsync, rename. `mode` such as 0600.
  virtual base::Result<void> write(const std::string& path, std::string_view bytes, unsigned mode = 0644) = 0;
  virtual base::Result<void> append(const std::string& path, std::string_view bytes) = 0;
  virtual base::Result<std::unique_ptr<File>> open(const std::string& path, bool create) = 0;
  virtual base::Result<void> make_directories(const std::string& path, unsigned mode = 0755) = 0;
  virtual base::Result<void> remove(const std::string& path) = 0;  // a file or a whole directory; absent is fine
  virtual bool exists(const std::string& path) = 0;
  virtual base::Result<std::vector<std::string>> list(const std::string& path) = 0;  // names, sorted
};

// Blocking or heavy pure work off the control thread; `done` runs on the loop. In simulation both run in turn on the
// loop, so nothing depends on threads.
class Offload {
 public:
  virtual ~Offload() = default;
  virtual void run(std::function<void()> work, std::function<void()> done) = 0;
};

struct Sys {
  Loop& loop;
  Random& random;
  KeySource& keys;
  Net& net;
  Disk& disk;
  Offload& offload;
};

}  // namespace sys
