// Ingot's own kinds, printed as CustomResourceDefinitions and read back, are the same kinds.
#include "meta/crd.h"

#include <doctest/doctest.h>

#include "api/kinds.h"
#include "base/text.h"
#include "meta/crd_read.h"

namespace {

using base::Json;

std::string findings(const Json& crd) {
  std::vector<std::string> lines;
  for (const auto& finding : meta::check_crd(crd, nullptr)) lines.push_back(meta::text_of(finding));
  return base::join(lines, "\n");
}

// Where two documents differ, by path.
void differences(const Json& a, const Json& b, const std::string& path, std::vector<std::string>& out) {
  if (a.is_object() && b.is_object()) {
    for (const auto& [key, value] : a.members()) differences(value, b[key], path + "." + key, out);
    for (const auto& [key, value] : b.members()) {
      if (!a.has(key)) out.push_back(path + "." + key + ": only afterwards");
    }
  } else if (a != b) {
    out.push_back(path + ": " + a.dump() + " became " + b.dump());
  }
}

}  // namespace

TEST_CASE("every declared custom kind survives as a CustomResourceDefinition") {
  size_t compared = 0;
  for (const auto& kind : api::declared_kinds()) {
    if (!kind.custom) continue;
    CAPTURE(kind.resource());
    Json crd = meta::crd_of(kind);
    meta::fill_crd(crd);
    REQUIRE(findings(crd) == "");
    const meta::Kind read = meta::kind_of_crd(crd, kind.versions[0].schema->find("metadata")->schema);
    CHECK(read.resource() == kind.resource());
    CHECK(read.storage_version == kind.storage_version);
    CHECK(read.namespaced == kind.namespaced);
    REQUIRE(read.versions.size() == kind.versions.size());
    for (const auto& version : kind.versions) {
      std::vector<std::string> different;
      differences(meta::openapi(*version.schema), meta::openapi(*read.version(version.name)->schema), version.name,
                  different);
      CHECK(base::join(different, "\n") == "");
      CHECK(read.version(version.name)->status_subresource == version.status_subresource);
      CHECK(read.version(version.name)->columns.size() == version.columns.size());
    }
    CHECK(meta::crd_of(read) == meta::crd_of(kind));
    ++compared;
  }
  CHECK(compared > 40);
}
