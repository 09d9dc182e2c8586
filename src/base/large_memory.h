// Memory that disks and memory copies like: whole large pages where the kernel gives them. A disk takes a request in so
// many physically separate parts at most; in pages of 4 KiB a request of 1 MiB is split for that.
#pragma once

#include <sys/mman.h>

#include <memory>
#include <new>

namespace base {

constexpr size_t large_page_bytes = size_t{2} << 20;

struct FreeLargeMemory {
  void operator()(char* bytes) const { ::operator delete (bytes, std::align_val_t{large_page_bytes}); }
};
using LargeMemory = std::unique_ptr<char, FreeLargeMemory>;

// `bytes`: whole large pages.
inline LargeMemory large_memory(size_t bytes) {
  LargeMemory out(static_cast<char*>(::operator new (bytes, std::align_val_t{large_page_bytes})));
  (void)madvise(out.get(), bytes, MADV_HUGEPAGE);  // a wish
  return out;
}

}  // namespace base
