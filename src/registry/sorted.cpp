#include "registry/sorted.h"

#include <algorithm>

namespace registry {

base::Json sorted(const base::Json& value) {
  base::Json out = value;
  if (value.is_array()) {
    for (auto& item : out.mutable_items()) item = sorted(base::Json(item));
  }
  if (!value.is_object()) return out;
  auto& members = out.mutable_members();
  for (auto& [name, member] : members) member = sorted(base::Json(member));
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return out;
}

}  // namespace registry
