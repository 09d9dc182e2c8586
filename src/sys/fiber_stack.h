// Stacks for fibers: mapped memory with a guard page below, kept for the next fiber. Private to src/sys.
#pragma once

#include <cstddef>
#include <vector>

namespace sys {

class FiberStacks {
 public:
#if defined(__SANITIZE_ADDRESS__)
  static constexpr size_t bytes = 1024 * 1024;  // instrumented frames are several times larger
#else
  static constexpr size_t bytes = 256 * 1024;
#endif
  FiberStacks() = default;
  ~FiberStacks();
  FiberStacks(const FiberStacks&) = delete;
  void* take();            // the lowest usable byte
  void give(void* stack);  // back

 private:
  std::vector<void*> free_;
};

// Gives the pages between the lowest byte of `stack` and `in_use` back to the system, but for a margin.
void trim_stack_below(void* stack, const void* in_use);

FiberStacks& fiber_stacks();  // of this thread

}  // namespace sys
