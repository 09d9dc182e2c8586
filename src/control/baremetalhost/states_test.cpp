// The transition table as a document, and its names.
#include "control/baremetalhost/states.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace control::baremetalhost {

TEST_CASE("BareMetalHost states: the document shows the table") {
  const std::string path = "docs/generated/baremetalhost-states.md";
  const std::string wanted = table_as_markdown();
  if (std::getenv("INGOT_UPDATE") != nullptr) std::ofstream(path) << wanted;
  std::ifstream in(path);
  const std::string found{std::istreambuf_iterator<char>(in), {}};
  const bool same = found == wanted;
  CHECK_MESSAGE(same, path,
                " is out of date; from the root of the tree run: "
                "INGOT_UPDATE=1 build/test_control --test-case='BareMetalHost states*'");
}

TEST_CASE("every state's name is read back, legacy names and nonsense too") {
  for (size_t i = 0; i < static_cast<size_t>(State::gone); ++i) {
    CHECK(state_from(name_of(static_cast<State>(i))) == static_cast<State>(i));
  }
  CHECK(state_from("ready") == State::available);
  CHECK(state_from("match profile") == State::preparing);
  CHECK(state_from("what") == State::none);
}

}  // namespace control::baremetalhost
