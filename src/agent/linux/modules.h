// Kernel modules without udev: which module a device asks for (modules.alias) and what must be loaded before it
// (modules.dep), both as depmod(8) writes them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace agent {

class ModuleIndex {
 public:
  // "alias PATTERN NAME" and "PATH: PATH...", paths relative to the folder of these files. Other lines are skipped.
  static ModuleIndex parse(std::string_view aliases, std::string_view dependencies);
  // Names of the modules for this modalias ("pci:v00008086d000010D3sv..."), in file order.
  std::vector<std::string> matching(std::string_view modalias) const;
  // Paths to load, dependencies first; empty when there is no such module (or it is built in).
  std::vector<std::string> paths_for(std::string_view name) const;

 private:
  struct Module {
    std::string path;
    std::vector<std::string> needs;  // paths, nearest last as in the file
  };
  std::multimap<std::string, std::pair<std::string, std::string>, std::less<>> aliases_;  // by bus: (pattern, name)
  std::map<std::string, Module, std::less<>> modules_;                                    // by name, with '_' for '-'
};

}  // namespace agent
