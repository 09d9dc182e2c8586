// Shows every fuzz target its seeds: test_fuzz CORPUS_DIRECTORY. What a fuzzer has found once stays among them.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#define FUZZ_TARGET(name) extern "C" int fuzz_##name(const uint8_t* data, size_t size);
#include "fuzz_targets.inc"
#undef FUZZ_TARGET

namespace {

struct Target {
  const char* name;
  int (*run)(const uint8_t* data, size_t size);
};

const Target targets[] = {
#define FUZZ_TARGET(name) {#name, fuzz_##name},
#include "fuzz_targets.inc"
#undef FUZZ_TARGET
};

int replay(const Target& target, const std::filesystem::path& corpus) {
  int seeds = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus / target.name)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    std::printf("%s\n", entry.path().c_str());
    std::fflush(stdout);  // the last line names what breaks it
    target.run(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    ++seeds;
  }
  return seeds;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return std::printf("test_fuzz CORPUS_DIRECTORY\n"), 2;
  for (const Target& target : targets) {
    if (!std::filesystem::is_directory(std::filesystem::path(arguments[1]) / target.name) ||
        replay(target, arguments[1]) == 0)
      return std::printf("%s has no seeds\n", target.name), 1;
  }
  return 0;
}
