#include "api/convert/convert.h"

#include <doctest/doctest.h>

using base::Json;

namespace {
Json parse(const char* text) { return *base::parse_json(text); }
}  // namespace

TEST_CASE("convert: v1beta1 becomes v1beta2 and comes back unchanged") {
  struct Case {
    const char *group, *kind, *old_form, *new_form;
  };
  const Case cases[] = {
      {"cluster.x-k8s.io", "Cluster",
       R"({"apiVersion":"cluster.x-k8s.io/v1beta1","metadata":{"namespace":"n"},"spec":{"controlPlaneRef":{"apiVersion":"controlplane.cluster.x-k8s.io/v1beta1","kind":"KubeadmControlPlane","name":"p","namespace":"n"}},
           "status":{"infrastructureReady":true,"failureDomains":{"a":{"controlPlane":true}}}})",
       R"({"apiVersion":"v2","metadata":{"namespace":"n"},"spec":{"controlPlaneRef":{"apiGroup":"controlplane.cluster.x-k8s.io","kind":"KubeadmControlPlane","name":"p"}},
           "status":{"initialization":{"infrastructureProvisioned":true},"failureDomains":[{"name":"a","controlPlane":true}]}})"},
      {"cluster.x-k8s.io", "MachineHealthCheck",
       R"({"apiVersion":"cluster.x-k8s.io/v1beta1","spec":{"maxUnhealthy":"40%","nodeStartupTimeout":"10m0s","unhealthyConditions":[{"type":"Ready","status":"False","timeout":"5m0s"}]}})",
       R"({"apiVersion":"v2","spec":{"remediation":{"triggerIf":{"unhealthyLessThanOrEqualTo":"40%"}},"checks":{"nodeStartupTimeoutSeconds":600,"unhealthyNodeConditions":[{"type":"Ready","status":"False","timeoutSeconds":300}]}}})"},
      {"cluster.x-k8s.io", "MachineDeployment",
       R"({"apiVersion":"cluster.x-k8s.io/v1beta1","spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1,"deletePolicy":"Oldest"}},"minReadySeconds":5,"template":{"spec":{"nodeDrainTimeout":"1m0s"}}}})",
       R"({"apiVersion":"v2","spec":{"rollout":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}},"deletion":{"order":"Oldest"},"template":{"spec":{"minReadySeconds":5,"deletion":{"nodeDrainTimeoutSeconds":60}}}}})"},
      {"controlplane.cluster.x-k8s.io", "KubeadmControlPlane",
       R"({"apiVersion":"cluster.x-k8s.io/v1beta1","spec":{"machineTemplate":{"infrastructureRef":{"apiVersion":"g/v1beta1","kind":"K","name":"x"}},"kubeadmConfigSpec":{"initConfiguration":{"nodeRegistration":{"kubeletExtraArgs":{"node-labels":"a=b"}}}},"rolloutStrategy":{"type":"RollingUpdate"}}})",
       R"({"apiVersion":"v2","spec":{"machineTemplate":{"spec":{"infrastructureRef":{"apiGroup":"g","kind":"K","name":"x"}}},"kubeadmConfigSpec":{"initConfiguration":{"nodeRegistration":{"kubeletExtraArgs":[{"name":"node-labels","value":"a=b"}]}}},"rollout":{"strategy":{"type":"RollingUpdate"}}}})"},
      {"infrastructure.cluster.x-k8s.io", "Metal3Cluster",
       R"({"apiVersion":"cluster.x-k8s.io/v1beta1","spec":{"noCloudProvider":true}})",
       R"({"apiVersion":"v2","spec":{"cloudProviderEnabled":false}})"},
      {"infrastructure.cluster.x-k8s.io", "Metal3MachineTemplate",
       R"({"apiVersion":"cluster.x-k8s.io/v1beta1","spec":{"template":{"spec":{"image":{"url":"u","format":"qcow2"}}}}})",
       R"({"apiVersion":"v2","spec":{"template":{"spec":{"image":{"url":"u","diskFormat":"qcow2"}}}}})"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.kind);
    const auto* rules = api::convert::rules_of(one.group, one.kind);
    REQUIRE(rules);
    const auto now = api::convert::to_new(parse(one.old_form), *rules, "v2");
    REQUIRE(now);
    CHECK_MESSAGE(*now == parse(one.new_form), now->dump());
    const auto back = api::convert::to_old(*now, *rules, "cluster.x-k8s.io/v1beta1");
    REQUIRE(back);
    CHECK_MESSAGE(*back == parse(one.old_form), back->dump());
  }
}

TEST_CASE("convert: conditions show in both places of v1beta1, bad durations are named") {
  const auto* rules = api::convert::rules_of("cluster.x-k8s.io", "Cluster");
  const auto old = api::convert::to_old(
      parse(
          R"({"status":{"conditions":[{"type":"Ready","status":"False","reason":"R","message":"m","observedGeneration":2}]}})"),
      *rules, "v1");
  REQUIRE(old);
  CHECK(old->path("status.conditions").dump() ==
        R"([{"type":"Ready","status":"False","reason":"R","message":"m","severity":"Info"}])");
  CHECK(old->path("status.v1beta2.conditions").at(0)["observedGeneration"].integer() == 2);
  const auto* machine = api::convert::rules_of("cluster.x-k8s.io", "Machine");
  const auto bad = api::convert::to_new(parse(R"({"spec":{"nodeDrainTimeout":"soon"}})"), *machine, "v2");
  CHECK(bad.error().message == R"(spec.nodeDrainTimeout: Invalid value: "soon": must be a duration such as 300s)");
}
