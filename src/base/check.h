// CHECK is for our own bugs, never for foreign input: it is always on, says what broke and aborts. The store's log
// makes a restart safe, so stopping is better than going on with a broken invariant.
#pragma once

namespace base {
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* why);
}  // namespace base

#define CHECK_THAT(condition, why)                               \
  do {                                                           \
    if (!(condition)) [[unlikely]]                               \
      ::base::check_failed(__FILE__, __LINE__, #condition, why); \
  } while (false)
