// Work that blocks or is heavy, on a worker, from a fiber. What the work uses must belong to it (shared pointers): the
// fiber may be told to stop while the work still runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "sys/fiber.h"
#include "sys/sys.h"

namespace fetch {

template <class T>
base::Result<T> off_loop(sys::Sys& sys, std::function<base::Result<T>()> work) {
  return sys::await<T>(sys.loop, [&](std::function<void(base::Result<T>)> done) {
    auto result = std::make_shared<std::optional<base::Result<T>>>();
    sys.offload.run([work = std::move(work), result] { result->emplace(work()); },
                    [done, result] { done(std::move(**result)); });
  });
}

}  // namespace fetch
