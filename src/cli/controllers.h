// Which controllers run: the list of `ingot serve --controllers`, read as kube-controller-manager reads its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cli {

class ControllerSet {
 public:
  // All of them.
  ControllerSet() : items_{"*"} {}
  // Names, `-NAME` for those that must not run, `*` for all the others; the first that is about a controller counts.
  // Errors: invalid, with the names there are.
  static base::Result<ControllerSet> parse(const std::vector<std::string>& items);

  bool has(std::string_view name) const;
  static const std::vector<std::string_view>& names();

 private:
  std::vector<std::string> items_;
};

}  // namespace cli
