// What servers print on their serial consoles, kept as lines of plain text: what could steer a terminal goes, secrets
// that are known are replaced, and both the file of a host and what is told of it are bounded.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "sys/sys.h"

namespace metal {

// Lines out of a terminal's bytes. Where firmware moves the cursor to another place, a line ends.
class ConsoleLines {
 public:
  static constexpr size_t line_bytes_max = 400;
  std::vector<std::string> take(std::string_view bytes);  // those that ended; none is empty
  std::string rest();                                     // the line that has not ended, which is given up

 private:
  void end_line(std::vector<std::string>& out);
  void escape(char byte, std::vector<std::string>& out);

  enum class State : unsigned char { text, escape, control, string } state_ = State::text;
  bool returned_ = false;  // a carriage return came: what follows writes over the line
  std::string line_;
};

// For a message that many may read: what looks like a secret is masked, and the line is cut.
std::string console_line_for_all(std::string_view line);

// DIR/NAMESPACE/NAME/console.log, and console.log.1 with what was before.
class ConsoleLog {
 public:
  static constexpr size_t bytes_max = 1u << 20;  // of each file
  ConsoleLog(sys::Sys& sys, std::string folder) : sys_(sys), folder_(std::move(folder)) {}
  base::Result<void> begin();
  void add(std::string_view bytes, std::vector<std::string> secrets);  // which are not kept
  base::Result<void> flush(bool last = false);  // what was added is in the file; `last`: the line under way, too
  size_t waiting() const { return unwritten_.size(); }
  // The newest lines, oldest first, without those of before clear().
  const std::deque<std::string>& newest() const { return newest_; }
  void clear() { newest_.clear(); }

 private:
  void line(std::string text);

  sys::Sys& sys_;
  std::string folder_;
  ConsoleLines lines_;
  std::vector<std::string> secrets_;
  std::string unwritten_;
  size_t written_ = 0;
  std::deque<std::string> newest_;
};

}  // namespace metal
