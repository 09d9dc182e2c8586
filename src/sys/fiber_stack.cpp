#include "sys/fiber_stack.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "base/check.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace sys {

namespace {
constexpr size_t kept_max = 1024;
constexpr size_t page_bytes = 4096;
constexpr size_t guard_bytes = page_bytes;
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

void trim_stack_below(void* stack, const void* in_use) {
#if defined(__SANITIZE_ADDRESS__)
  (void)stack, (void)in_use;  // instrumented frames know no margin
#else
  constexpr uintptr_t margin = 1024;  // this function's own frame and those of its callees
  const auto from = reinterpret_cast<uintptr_t>(stack);
  const auto to = (reinterpret_cast<uintptr_t>(in_use) - margin) / page_bytes * page_bytes;
  if (to > from) madvise(stack, to - from, MADV_DONTNEED);
#endif
}

FiberStacks& fiber_stacks() {
  static thread_local FiberStacks stacks;
  return stacks;
}

}  // namespace sys
