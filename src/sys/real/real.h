// The real operating system behind the seam. One per process, made by main (and by benchmarks and end-to-end tests).
#pragma once

#include <memory>

#include "sys/machine.h"
#include "sys/process.h"
#include "sys/sys.h"

namespace sys {

// What is typed. A terminal is raw while this lives: every key comes at once and none has a meaning here.
class Keyboard {
 public:
  virtual ~Keyboard() = default;
  virtual bool is_terminal() const = 0;
  virtual base::Result<std::string> read() = 0;  // parks; at least one byte, or "" at the end
};

class RealSystem {
 public:
  RealSystem();
  ~RealSystem();
  Sys& sys();
  // Keeps so many RSA keys ready from now on; a worker thread makes them.
  void prepare_keys(size_t count);
  size_t keys_ready() const;
  Programs& programs();
  Machine& machine();
  std::unique_ptr<Keyboard> keyboard();  // one at a time
  // Turns SIGINT and SIGTERM into one call on the loop; a second signal ends the process at once.
  // Given again, the new function takes the place of the old one.
  void on_stop_signal(std::function<void()> fn);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A file of this size used as an agent uses a disk: past the page cache, so that what is read is what the disk keeps.
base::Result<std::unique_ptr<File>> open_disk_file(const std::string& path, uint64_t bytes);

// An environment variable, or "" (the only place that may ask).
std::string environment(const char* name);

bool stdout_is_terminal();
size_t terminal_width();  // columns of stdout; 0 when it is no terminal

}  // namespace sys
