#include "api/kinds.h"

#include <doctest/doctest.h>

TEST_CASE("every .schema file parses and every served kind is declared") {
  CHECK(api::declared_kinds().size() > 50);
  CHECK(api::management_scheme().kinds().size() == 19);
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
