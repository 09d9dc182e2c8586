#include "sys/fiber_stack.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace sys {

namespace {
constexpr size_t kept_max = 1024;
constexpr size_t guard_bytes = 4096;
}  // namespace

FiberStacks::~FiberStacks() {
  for (void* stack : free_) munmap(static_cast<char*>(stack) - guard_bytes, bytes + guard_bytes);
}

void* FiberStacks::take() {
  if (!free_.empty()) {
    void* stack = free_.back();
    free_.pop_back();
    return stack;
  }
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE;
  void* mapped = mmap(nullptr, bytes + guard_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  CHECK_THAT(mapped != MAP_FAILED, "no memory for a fiber's stack (see vm.max_map_count)");
  CHECK_THAT(mprotect(mapped, guard_bytes, PROT_NONE) == 0, "cannot protect a fiber's guard page");
  return static_cast<char*>(mapped) + guard_bytes;
}

void FiberStacks::give(void* stack) {
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(stack, bytes);
#endif
  if (free_.size() < kept_max) {
    free_.push_back(stack);
    return;
  }
  munmap(static_cast<char*>(stack) - guard_bytes, bytes + guard_bytes);
}

FiberStacks& fiber_stacks() {
  static thread_local FiberStacks stacks;
  return stacks;
}

}  // namespace sys
