// The house rules as a test: reads the sources as text and reports what breaks a rule, with file and line. Run from the
// root of the tree: `tidy`. Rules: layers (docs/layers.txt), calls that only sys/real may make, fiber.h only where
// suspension is allowed, no coroutines, heavy headers only in .cpp files, file and line lengths, left-over markers,
// links in documents that lead nowhere.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct Source {
  std::string path;    // "src/net/http.h"
  std::string folder;  // "net"; empty outside src
  std::vector<std::string> lines;
};

int problems = 0;

void report(const Source& source, size_t line, const std::string& what) {
  std::printf("%s:%zu: %s\n", source.path.c_str(), line, what.c_str());
  ++problems;
}

std::vector<Source> read_sources() {
  std::vector<Source> out;
  for (const char* root : {"src", "test", "tools"}) {
    if (!fs::exists(root)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const auto extension = entry.path().extension();
      if (!entry.is_regular_file() || (extension != ".cpp" && extension != ".h")) continue;
      Source source;
      source.path = entry.path().generic_string();
      if (source.path.starts_with("src/")) source.folder = source.path.substr(4, source.path.find('/', 4) - 4);
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) source.lines.push_back(line);
      out.push_back(std::move(source));
    }
  }
  std::sort(out.begin(), out.end(), [](const Source& a, const Source& b) { return a.path < b.path; });
  return out;
}

// folder -> everything it may include, transitively.
std::map<std::string, std::set<std::string>> read_layers() {
  std::map<std::string, std::set<std::string>> out;
  std::ifstream in("docs/layers.txt");
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(':');
    if (line.empty() || line[0] == '#' || colon == std::string::npos) continue;
    auto& may = out[line.substr(0, colon)];
    std::istringstream words(line.substr(colon + 1));
    for (std::string word; words >> word;) {
      may.insert(word);
      may.insert(out[word].begin(), out[word].end());  // lower layers stand above in the file
    }
    may.insert(line.substr(0, colon));
  }
  return out;
}

bool is_test(const Source& source) { return source.path.ends_with("_test.cpp") || source.path.starts_with("test/"); }
bool is_comment(const std::string& line) {
  const size_t at = line.find_first_not_of(' ');
  return at != std::string::npos && line.compare(at, 2, "//") == 0;
}

void check_layers(const Source& source, const std::map<std::string, std::set<std::string>>& layers) {
  if (source.folder.empty() || is_test(source)) return;  // tests may reach up to the surface they drive
  const auto own = layers.find(source.folder);
  if (own == layers.end()) return report(source, 1, "folder " + source.folder + " is not in docs/layers.txt");
  static const std::regex include(R"re(^#include "([a-z0-9_]+)/)re");
  for (size_t i = 0; i < source.lines.size(); ++i) {
    std::smatch match;
    if (!std::regex_search(source.lines[i], match, include)) continue;
    if (!own->second.count(match[1]))
      report(source, i + 1, source.folder + " must not include " + match[1].str() + " (docs/layers.txt)");
  }
}

void check_fibers(const Source& source) {
  static const std::set<std::string> allowed = {"sys",   "net", "metal", "workload", "server",       "remote", "etcd",
                                                "agent", "cli", "sim",   "main",     "ramdisk_main", "fetch",  ""};
  if (allowed.count(source.folder) || is_test(source)) return;
  for (size_t i = 0; i < source.lines.size(); ++i) {
    if (source.lines[i].find("#include \"sys/fiber.h\"") != std::string::npos)
      report(source, i + 1,
             "reconcilers and the store must not be able to suspend: sys/fiber.h is not for " + source.folder);
  }
}

// Only the real system may talk to the operating system; everybody else goes through sys::Sys.
void check_banned(const Source& source) {
  static const std::regex banned(
      R"((\bstd::(rand|this_thread|thread|async|random_device|ofstream|ifstream|getenv)\b|\b(system_clock|steady_clock|high_resolution_clock)::now|[^a-z_.>:](usleep|nanosleep|rand|srand|getenv|gettimeofday|clock_gettime|fork|popen)\(|[^a-zA-Z_>]::(sleep|socket|connect|open)\())");
  static const std::regex coroutine(R"(\bco_(await|return|yield)\b)");
  if (source.path.starts_with("src/sys/real/") || source.path.starts_with("tools/") ||
      source.path.starts_with("test/bench") || source.path.starts_with("test/interop") ||
      source.path.starts_with("test/fuzz"))
    return;
  for (size_t i = 0; i < source.lines.size(); ++i) {
    const auto& line = source.lines[i];
    if (is_comment(line)) continue;
    if (std::regex_search(line, coroutine))
      report(source, i + 1, "coroutines are miscompiled by our compiler: use fibers");
    if (!is_test(source) && std::regex_search(line, banned))
      report(source, i + 1, "goes around sys::Sys (clock, randomness, threads, files and sockets live in sys/real)");
  }
}

void check_headers(const Source& source) {
  if (!source.path.ends_with(".h")) return;
  bool once = false;
  static const std::regex heavy(
      R"(#include <(openssl|boost|simdjson|sqlite3|nghttp2|yaml|re2|zstd|zlib|fmt|CLI|prometheus))");
  for (size_t i = 0; i < source.lines.size(); ++i) {
    once = once || source.lines[i] == "#pragma once";
    if (std::regex_search(source.lines[i], heavy)) report(source, i + 1, "heavy headers stay inside .cpp files");
  }
  if (!once) report(source, 1, "no #pragma once");
}

void check_size(const Source& source) {
  constexpr size_t lines_max = 800, columns_max = 160;
  if (source.lines.size() > lines_max)
    report(source, source.lines.size(), "more than " + std::to_string(lines_max) + " lines: one file, one subject");
  // Built from parts, so that this file does not find itself.
  const std::vector<std::string> markers = {std::string("TO") + "DO", std::string("FIX") + "ME",
                                            std::string("XX") + "X:"};
  for (size_t i = 0; i < source.lines.size(); ++i) {
    const auto& line = source.lines[i];
    const bool data = line.find("R\"") != std::string::npos || line.find('"') != std::string::npos;
    if (line.size() > columns_max && !data && !source.path.starts_with("test/"))
      report(source, i + 1, "line of " + std::to_string(line.size()) + " columns");
    for (const auto& marker : markers) {
      if (line.find(marker) != std::string::npos) report(source, i + 1, "left-over " + marker);
    }
  }
}

void check_links() {
  static const std::regex link(R"(\]\(([^)#:]+)(#[^)]*)?\))");
  std::vector<fs::path> documents = {"README.md"};
  if (fs::exists("docs")) {
    for (const auto& entry : fs::recursive_directory_iterator("docs")) {
      if (entry.path().extension() == ".md") documents.push_back(entry.path());
    }
  }
  for (const auto& document : documents) {
    if (!fs::exists(document)) continue;
    std::ifstream in(document);
    size_t number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      for (std::sregex_iterator at(line.begin(), line.end(), link), end; at != end; ++at) {
        const fs::path target = document.parent_path() / (*at)[1].str();
        if (fs::exists(target)) continue;
        std::printf("%s:%zu: link leads nowhere: %s\n", document.generic_string().c_str(), number,
                    (*at)[1].str().c_str());
        ++problems;
      }
    }
  }
}

}  // namespace

int main() {
  const auto layers = read_layers();
  const auto sources = read_sources();
  for (const auto& source : sources) {
    check_layers(source, layers);
    check_fibers(source);
    check_banned(source);
    check_headers(source);
    check_size(source);
  }
  check_links();
  std::printf("tidy: %zu files, %d problems\n", sources.size(), problems);
  return problems == 0 ? 0 : 1;
}
