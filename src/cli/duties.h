// What one process does at a time, however many serve the API: the controllers, the bare-metal engine, housekeeping.
#pragma once

#include <functional>
#include <memory>

#include "cli/identity.h"
#include "cli/manager.h"

namespace cli {

struct DutyRights {
  // Asked before anything outside this process is touched; empty: always.
  std::function<base::Result<void>()> may_act;
  // As metal::EngineOptions has it; may be empty.
  std::function<base::Result<bool>(const store::Ref& host)> is_current;
  bool housekeeping = true;  // not where the API is somebody else's
};

class Duties {
 public:
  // The references must outlive it.
  Duties(sys::Sys& sys, registry::Registry& registry, const ManagerOptions& options, const Identity& identity,
         DutyRights rights);
  ~Duties();
  base::Result<void> start();  // call from a fiber
  // At once. What was begun in fibers ends soon after, so the object must live on until the loop is shut.
  void stop();

  const metal::StartedEngine& engine() const;
  const metal::StartedEngine* engine_if_any() const;  // null: not begun, or this process has none
  uint64_t reconciles() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cli
