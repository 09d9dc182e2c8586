#include "meta/quantity.h"

#include <doctest/doctest.h>

#include "meta/go_time.h"

TEST_CASE("amounts are written as kube-apiserver writes them") {
  struct Row {
    const char *given, *canonical;
  };
  // Those of the second half stay as they are: they count as well written.
  const Row rows[] = {{"1024Ki", "1Mi"},   {"1048576Ki", "1Gi"},
                      {"1000m", "1"},      {"0.5", "500m"},
                      {"1.5Gi", "1536Mi"}, {"1024", "1024"},
                      {"1000", "1k"},      {"0", "0"},
                      {"0.0Mi", "0"},      {"0.1Ki", "102400m"},
                      {"1e3", "1e3"},      {"1000e3", "1e6"},
                      {"1E", "1E"},        {"-1024Ki", "-1Mi"},
                      {"0.1n", "1n"},      {"512Mi", "512Mi"},
                      {"100Ki", "100Ki"},  {"2", "2"},
                      {"250m", "250m"},    {"+5", "+5"},
                      {"1.250", "1.250"},  {"99999999999999999999999999999999", "99999999999999999999999999999999"}};
  for (const auto& row : rows) {
    CAPTURE(row.given);
    REQUIRE(meta::canonical_quantity(row.given));
    CHECK(*meta::canonical_quantity(row.given) == row.canonical);
  }
  for (const char* text : {"", "x", "1Xi", "1 Gi", ".", "1ee3", "Mi"}) {
    CAPTURE(text);
    CHECK_FALSE(meta::canonical_quantity(text));
  }
}

TEST_CASE("what is wrong with a time, in Go's words") {
  struct Row {
    const char* text;
    bool micro;
    const char* problem;
  };
  const Row rows[] = {
      {"2020-01-01T00:00:00Z", false, ""},
      {"2020-01-01T00:00:00.5+01:00", false, ""},
      {"2020-01-01T00:00:00.123456Z", true, ""},
      {"2020-01-01T00:00:00Z", true,
       R"(parsing time "2020-01-01T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000")"},
      {"yesterday", false,
       R"(parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006")"},
      {"2020-13-01T00:00:00Z", false, R"(parsing time "2020-13-01T00:00:00Z": month out of range)"},
      {"2020-02-30T00:00:00Z", false, R"(parsing time "2020-02-30T00:00:00Z": day out of range)"},
      {"2020-01-01T00:00:00Zx", false, R"(parsing time "2020-01-01T00:00:00Zx": extra text: "x")"},
  };
  for (const auto& row : rows) CHECK(meta::go_time_problem(row.text, row.micro) == row.problem);
}
