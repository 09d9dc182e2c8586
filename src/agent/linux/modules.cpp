#include "agent/linux/modules.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/text.h"
#include "wire/kernel_modules.h"

namespace agent {

namespace {
// "pci" of "pci:v*": aliases of another bus cannot fit. A pattern may begin with a wildcard, then it is "".
std::string_view bus_of(std::string_view alias) {
  const size_t colon = alias.find(':');
  if (colon == std::string_view::npos || alias.substr(0, colon).find_first_of("*?[") != std::string_view::npos) {
    return {};
  }
  return alias.substr(0, colon);
}
}  // namespace

ModuleIndex ModuleIndex::parse(std::string_view aliases, std::string_view dependencies) {
  ModuleIndex out;
  for (const auto line : base::split(aliases, '\n')) {
    const auto words = base::split(base::trim(line), ' ');
    if (words.size() != 3 || words[0] != "alias") continue;
    out.aliases_.emplace(std::string(bus_of(words[1])), std::pair(std::string(words[1]), wire::module_name(words[2])));
  }
  for (auto& [path, needs] : wire::parse_module_dependencies(dependencies)) {
    out.modules_[wire::module_name(path)] = {path, std::move(needs)};
  }
  return out;
}

std::vector<std::string> ModuleIndex::matching(std::string_view modalias) const {
  const std::string text(base::trim(modalias));
  std::vector<std::string> out;
  for (const std::string_view bus : {bus_of(text), std::string_view()}) {
    const auto [from, to] = aliases_.equal_range(bus);
    for (auto at = from; at != to; ++at) {
      const auto& [pattern, name] = at->second;
      if (fnmatch(pattern.c_str(), text.c_str(), 0) != 0) continue;
      if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
    }
    if (bus.empty()) break;
  }
  return out;
}

std::vector<std::string> ModuleIndex::paths_for(std::string_view name) const {
  const auto found = modules_.find(wire::module_name(name));
  if (found == modules_.end()) return {};
  // depmod lists what is needed last first.
  std::vector<std::string> out(found->second.needs.rbegin(), found->second.needs.rend());
  out.push_back(found->second.path);
  return out;
}

}  // namespace agent
