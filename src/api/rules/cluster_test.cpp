#include "api/rules/cluster.h"

#include "api/rules/test_rules.h"

using namespace api::rules;

namespace {

const Subject& cluster() {
  static const Subject subject("clusters.cluster.x-k8s.io", R"(
metadata: {name: dev, namespace: ns}
spec:
  clusterNetwork:
    pods: {cidrBlocks: [10.244.0.0/16, "fd00:1::/48"]}
    services: {cidrBlocks: [10.96.0.0/12]}
  controlPlaneRef: {apiGroup: controlplane.cluster.x-k8s.io, kind: KubeadmControlPlane, name: dev}
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: Metal3Cluster, name: dev}
)");
  return subject;
}

const Subject& health_check() {
  static const Subject subject("machinehealthchecks.cluster.x-k8s.io", R"(
metadata: {name: dev-workers, namespace: ns}
spec:
  clusterName: dev
  selector: {matchLabels: {cluster.x-k8s.io/deployment-name: dev-workers}}
)");
  return subject;
}

const std::string name64(64, 'a');

}  // namespace

TEST_CASE("Cluster: rules") {
  const Case cases[] = {
      {"spec: {controlPlaneRef: null}", ""},
      {"spec: {infrastructureRef: null}", ""},
      {"spec: {infrastructureRef: null, controlPlaneRef: null}",
       "spec.infrastructureRef: Required value: one of controlPlaneRef and infrastructureRef is needed to make a "
       "cluster"},
      {"spec: {topology: {version: v1.33.0, classRef: {name: metal}}}",
       "spec.topology: Forbidden: managed topologies are not supported: ClusterClass is not served"},
      {"spec: {clusterNetwork: {pods: {cidrBlocks: [10.244.0.0/16, 10.245.0.0]}}}",
       "spec.clusterNetwork.pods.cidrBlocks[1]: Invalid value: \"10.245.0.0\": must be a network such as "
       "10.244.0.0/16 or fd00::/48"},
      {"spec: {clusterNetwork: {services: {cidrBlocks: [10.96.0.0/33]}}}",
       "spec.clusterNetwork.services.cidrBlocks[0]: Invalid value: \"10.96.0.0/33\": must be a network such as "
       "10.244.0.0/16 or fd00::/48"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.change);
    CHECK(cluster().created(one.change) == one.text);
  }
  CHECK(cluster().created("metadata: {name: " + name64 + "}") ==
        "metadata.name: Invalid value: \"" + name64 + "\": must be no more than 63 characters: it is a label");
}

TEST_CASE("Cluster: references may change but not go") {
  CHECK(cluster().updated("{}", "spec: {infrastructureRef: {name: other}}") == "");
  CHECK(cluster().updated("spec: {controlPlaneRef: null}", "spec: {paused: true}") == "");
  CHECK(cluster().updated("{}", "spec: {infrastructureRef: null}") ==
        "spec.infrastructureRef: Forbidden: cannot be removed once it is set");
  CHECK(cluster().updated("{}", "spec: {controlPlaneRef: null}") ==
        "spec.controlPlaneRef: Forbidden: cannot be removed once it is set");
}

TEST_CASE("MachineHealthCheck: defaults") {
  const Json doc = health_check().defaults("{}");
  CHECK(doc.path("spec.checks.nodeStartupTimeoutSeconds").integer() == 600);
  CHECK(doc["metadata"]["labels"]["cluster.x-k8s.io/cluster-name"].string() == "dev");
}

TEST_CASE("MachineHealthCheck: rules") {
  const std::string trigger = "spec.remediation.triggerIf.";
  const std::pair<const char*, std::string> cases[] = {
      {"spec: {checks: {nodeStartupTimeoutSeconds: 0}}", ""},
      {"spec: {checks: {nodeStartupTimeoutSeconds: 30}}", ""},
      {"spec: {checks: {nodeStartupTimeoutSeconds: 29}}",
       "spec.checks.nodeStartupTimeoutSeconds: Invalid value: 29: must be at least 30, or 0 to never wait for a node"},
      {"spec: {selector: {matchLabels: {cluster.x-k8s.io/cluster-name: dev}}}", ""},
      {"spec: {selector: {matchLabels: {cluster.x-k8s.io/cluster-name: prod}}}",
       "spec.selector.matchLabels[cluster.x-k8s.io/cluster-name]: Invalid value: \"prod\": must be equal to "
       "spec.clusterName"},
      {"spec: {selector: {matchLabels: null}}",
       "spec.selector: Invalid value: {}: must not be empty: it would take every machine"},
      {"spec: {checks: {unhealthyMachineConditions: [{type: InfrastructureReady, status: \"False\", "
       "timeoutSeconds: 60}]}}",
       ""},
      {"spec: {checks: {unhealthyMachineConditions: [{type: Ready, status: \"False\", timeoutSeconds: 60}]}}",
       "spec.checks.unhealthyMachineConditions[0].type: Invalid value: \"Ready\": this condition depends on the result "
       "of health checks and cannot be their input"},
      {"spec: {remediation: {triggerIf: {unhealthyLessThanOrEqualTo: 40%}}}", ""},
      {"spec: {remediation: {triggerIf: {unhealthyLessThanOrEqualTo: 2}}}", ""},
      {"spec: {remediation: {triggerIf: {unhealthyLessThanOrEqualTo: half}}}",
       trigger + "unhealthyLessThanOrEqualTo: Invalid value: \"half\": must be a whole number or a percentage such as "
                 "\"30%\""},
      {"spec: {remediation: {triggerIf: {unhealthyInRange: \"[1-3]\"}}}", ""},
      {"spec: {remediation: {triggerIf: {unhealthyInRange: \"[3-1]\"}}}",
       trigger + "unhealthyInRange: Invalid value: \"[3-1]\": the first number must not be greater than the second"},
  };
  for (const auto& [change, text] : cases) {
    CAPTURE(change);
    CHECK(health_check().created(change) == text);
  }
  CHECK(health_check().created("spec: {remediation: {triggerIf: {unhealthyInRange: \"1-3\"}}}") != "");
  CHECK(health_check().updated("{}", "spec: {clusterName: prod}") ==
        "spec.clusterName: Invalid value: \"prod\": field is immutable");
}

TEST_CASE("MachineHealthCheck: a trigger without effect is warned about") {
  CHECK(warn_health_check(health_check().changed("{}")).empty());
  const Json both = health_check().changed(
      "spec: {remediation: {triggerIf: {unhealthyInRange: \"[1-3]\", unhealthyLessThanOrEqualTo: 1}}}");
  CHECK(warn_health_check(both).size() == 1);
}
