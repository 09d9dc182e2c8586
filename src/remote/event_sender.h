// Sends Events beside the ordered writes: best effort, a bounded queue, failures are logged and forgotten. An Event
// must never hold up or take back what a controller does.
#pragma once

#include <deque>
#include <memory>

#include "remote/client.h"
#include "remote/documents.h"
#include "sys/fiber.h"

namespace remote {

class EventSender {
 public:
  EventSender(sys::Sys& sys, Client client);
  ~EventSender();
  void create(Json event);
  void patch(const Kind& kind, const store::Key& key, Json patch);
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace remote
