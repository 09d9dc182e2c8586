#include "agent/linux/modules.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/text.h"

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

std::string module_name(std::string_view path) {
  std::string_view file = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  file = file.substr(0, file.find(".ko"));
  return base::replace_all(std::string(file), "-", "_");
}

ModuleIndex ModuleIndex::parse(std::string_view aliases, std::string_view dependencies) {
  ModuleIndex out;
  for (const auto line : base::split(aliases, '\n')) {
    const auto words = base::split(base::trim(line), ' ');
    if (words.size() != 3 || words[0] != "alias") continue;
    out.aliases_.emplace(std::string(bus_of(words[1])),
                         std::pair(std::string(words[1]), base::replace_all(std::string(words[2]), "-", "_")));
  }
  for (const auto line : base::split(dependencies, '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    Module module;
    module.path = line.substr(0, colon);
    for (const auto word : base::split(base::trim(line.substr(colon + 1)), ' ')) {
      if (!word.empty()) module.needs.emplace_back(word);
    }
    out.modules_[module_name(module.path)] = std::move(module);
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
  const auto found = modules_.find(base::replace_all(std::string(name), "-", "_"));
  if (found == modules_.end()) return {};
  // depmod lists what is needed last first.
  std::vector<std::string> out(found->second.needs.rbegin(), found->second.needs.rend());
  out.push_back(found->second.path);
  return out;
}

}  // namespace agent
