// QEMU's control protocol (QMP, qemu-qmp-ref "Introduction"): JSON lines both ways over one stream.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "sys/fiber.h"
#include "sys/sys.h"

namespace sim {

class Qmp {
 public:
  // `stream` must outlive it; `on_event` gets (name, data) on the loop.
  Qmp(sys::Loop& loop, sys::Stream& stream, std::function<void(const std::string&, const base::Json&)> on_event);
  // Reads until the stream ends; run it in a fiber of its own.
  base::Result<void> run();
  // Sends a command and does not wait for its answer; a refusal is logged.
  base::Result<void> send(const std::string& command, base::Json arguments = base::Json::object());

 private:
  base::Result<void> line(const std::string& text);

  sys::Loop& loop_;
  sys::Stream& stream_;
  std::function<void(const std::string&, const base::Json&)> on_event_;
  bool ready_ = false;
  std::deque<std::string> early_;  // commands given before the greeting
};

}  // namespace sim
