#include "api/kinds.h"

#include <doctest/doctest.h>

#include "base/text.h"

TEST_CASE("every .schema file parses and every served kind is declared") {
  CHECK(api::declared_kinds().size() > 50);
  CHECK(api::management_scheme().kinds().size() == 67);
  CHECK(api::workload_scheme().kinds().size() == 14);
}

TEST_CASE("versions come in Kubernetes' order") {
  const meta::Kind* machine = api::management_scheme().by_kind("cluster.x-k8s.io", "Machine");
  REQUIRE(machine);
  REQUIRE(machine->versions.size() == 2);
  CHECK(machine->versions[0].name == "v1beta2");
  CHECK(machine->storage_version == "v1beta2");
  CHECK(machine->versions[1].deprecation_warning == "cluster.x-k8s.io/v1beta1 Machine is deprecated");
}

static void list_undescribed(const meta::Schema& schema, const std::string& path, std::vector<std::string>& out) {
  for (const auto& property : schema.properties) {
    const std::string below = path + "." + property.name;
    if (property.schema->text.empty()) out.push_back(below);
    list_undescribed(*property.schema, below, out);
  }
  if (schema.items) list_undescribed(*schema.items, path + "[]", out);
}

TEST_CASE("kubectl explain has a sentence for every field that is served") {
  for (const meta::Scheme* scheme : {&api::management_scheme(), &api::workload_scheme()}) {
    for (const meta::Kind* kind : scheme->kinds()) {
      for (const auto& version : kind->versions) {
        std::vector<std::string> undescribed;
        list_undescribed(*version.schema, version.name, undescribed);
        CAPTURE(kind->kind);
        CHECK(base::join(undescribed, " ") == "");
        CHECK(!version.schema->text.empty());
      }
    }
  }
}
