// Text files that are part of the binary (cmake/embed_text.cmake).
#pragma once

#include <string_view>

namespace base {
struct EmbeddedText {
  std::string_view name;  // path below the embedding folder, such as "cluster/machine.schema"
  std::string_view text;
};
}  // namespace base
