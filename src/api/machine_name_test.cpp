#include "api/machine_name.h"

#include <doctest/doctest.h>

static std::string named(std::string_view pattern) {
  const auto name = api::machine_name(pattern, {"dev", "machineSet", "dev-workers-x7k2p", "abcde"});
  return name.ok() ? *name : "error: " + name.error().message;
}

TEST_CASE("names of machines by a pattern") {
  CHECK(named("{{ .machineSet.name }}-{{ .random }}") == "dev-workers-x7k2p-abcde");
  CHECK(named("{{.cluster.name}}.node-{{.random}}.x") == "dev.node-abcde.x");
  CHECK(named("{{ .machineSet.name }}") ==
        "error: must contain {{ .random }}, or all machines would have the same name");
  CHECK(named("{{ .kubeadmControlPlane.name }}-{{ .random }}") ==
        "error: unknown field {{ .kubeadmControlPlane.name }}; there are .cluster.name, .machineSet.name and .random");
  CHECK(named("{{ .random | upper }}") ==
        "error: unknown field {{ .random | upper }}; there are .cluster.name, .machineSet.name and .random");
  CHECK(named("a-{{ .random") == "error: {{ is not closed by }}");
  CHECK(named("Node-{{ .random }}") == "error: makes names such as \"Node-abcde\", which is no DNS name");
  CHECK(named("-{{ .random }}") == "error: makes names such as \"-abcde\", which is no DNS name");
  CHECK(named("{{ .random }}-" + std::string(80, 'x')) == "abcde-" + std::string(52, 'x') + "abcde");
}
