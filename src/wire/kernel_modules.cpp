#include "wire/kernel_modules.h"

#include "base/text.h"

namespace wire {

std::string module_name(std::string_view path) {
  std::string_view file = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  file = file.substr(0, file.find(".ko"));
  return base::replace_all(std::string(file), "-", "_");
}

std::map<std::string, std::vector<std::string>> parse_module_dependencies(std::string_view text) {
  std::map<std::string, std::vector<std::string>> out;
  for (const auto line : base::split(text, '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    auto& needs = out[std::string(line.substr(0, colon))];
    for (const auto word : base::split(base::trim(line.substr(colon + 1)), ' ')) {
      if (!word.empty()) needs.emplace_back(word);
    }
  }
  return out;
}

}  // namespace wire
