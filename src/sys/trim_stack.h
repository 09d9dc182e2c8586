// Memory of fibers that wait for long.
#pragma once

namespace sys {

// Gives back the memory of the running fiber's stack that only deeper calls have used; nothing outside of a fiber. For
// fibers that will be parked for long, many at a time; costs a system call, and page faults when the stack grows again.
void trim_stack();

}  // namespace sys
