#include "api/rules/machines.h"

#include "api/rules/test_rules.h"

using namespace api::rules;

namespace {

const Subject& machine() {
  static const Subject subject("machines.cluster.x-k8s.io", R"(
metadata: {name: m, namespace: ns}
spec:
  clusterName: dev
  version: v1.33.0
  bootstrap: {configRef: {apiGroup: bootstrap.cluster.x-k8s.io, kind: KubeadmConfig, name: m}}
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: Metal3Machine, name: m}
)");
  return subject;
}

constexpr const char* group = R"(
metadata: {name: workers, namespace: ns}
spec:
  clusterName: dev
  selector: {matchLabels: {pool: a}}
  template:
    metadata: {labels: {pool: a}}
    spec:
      clusterName: dev
      version: v1.33.0
      bootstrap: {configRef: {apiGroup: bootstrap.cluster.x-k8s.io, kind: KubeadmConfigTemplate, name: w}}
      infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: Metal3MachineTemplate, name: w}
)";
const Subject& machine_set() {
  static const Subject subject("machinesets.cluster.x-k8s.io", group);
  return subject;
}
const Subject& deployment() {
  static const Subject subject("machinedeployments.cluster.x-k8s.io", group);
  return subject;
}

const std::string name64(64, 'a');

}  // namespace

TEST_CASE("Machine: defaults") {
  const Json doc = machine().defaults("spec: {version: 1.33.0}");
  CHECK(doc["spec"]["version"].string() == "v1.33.0");
  CHECK(doc["metadata"]["labels"].dump() == R"({"cluster.x-k8s.io/cluster-name":"dev"})");
  CHECK(doc.path("spec.deletion.nodeDeletionTimeoutSeconds").integer() == 10);
  CHECK(machine().defaults("spec: {deletion: {nodeDeletionTimeoutSeconds: 0}}")["spec"]["deletion"].dump() ==
        R"({"nodeDeletionTimeoutSeconds":0})");
  CHECK(machine().created("spec: {deletion: soon}") ==
        "spec.deletion: Invalid value: \"string\": spec.deletion in body must be of type object: \"string\"");
}

TEST_CASE("Machine: rules") {
  const Case cases[] = {
      {"spec: {version: v1.33.0-rc.1}", ""},
      {"spec: {version: v1.33}", "spec.version: Invalid value: \"v1.33\": must be a full version such as v1.33.2"},
      {"spec: {version: null}", ""},
      {"spec: {bootstrap: {configRef: null, dataSecretName: s}}", ""},
      {"spec: {bootstrap: {configRef: null}}",
       "spec.bootstrap: Required value: expected either bootstrap.configRef or bootstrap.dataSecretName"},
      {"spec: {taints: [{key: a, effect: NoSchedule, propagation: Always}]}", ""},
      {"spec: {taints: [{key: node.kubernetes.io/out-of-service, effect: NoExecute, propagation: Always}]}", ""},
      {"spec: {taints: [{key: node.kubernetes.io/not-ready, effect: NoExecute, propagation: Always}]}",
       "spec.taints[0].key: Invalid value: \"node.kubernetes.io/not-ready\": this taint is managed by components of "
       "Kubernetes"},
      {"spec: {taints: [{key: node.cluster.x-k8s.io/uninitialized, effect: NoSchedule, propagation: Always}]}",
       "spec.taints[0].key: Invalid value: \"node.cluster.x-k8s.io/uninitialized\": this taint is managed by "
       "components of Kubernetes"},
      {"spec: {taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule, propagation: Always}]}",
       "spec.taints[0].key: Invalid value: \"node-role.kubernetes.io/control-plane\": this taint is only for "
       "control-plane machines"},
      {R"({metadata: {labels: {cluster.x-k8s.io/control-plane: ""}},
           spec: {taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule, propagation: Always}]}})",
       ""},
  };
  for (const auto& one : cases) {
    CAPTURE(one.change);
    CHECK(machine().created(one.change) == one.text);
  }
  CHECK(machine().updated("{}", "spec: {clusterName: prod}") ==
        "spec.clusterName: Invalid value: \"prod\": field is immutable");
  CHECK(machine().updated("{}", "spec: {version: v1.34.0, providerID: metal3://a/b/c}") == "");
}

TEST_CASE("what an object broke before does not lock it, what it breaks anew does") {
  const char* broken = "spec: {version: v1.33}";
  CHECK(machine().updated(broken, "metadata: {finalizers: []}") == "");
  CHECK(machine().updated(broken, "spec: {version: v1.34}") ==
        "spec.version: Invalid value: \"v1.34\": must be a full version such as v1.33.2");
}

TEST_CASE("status writes and deletions are not judged") {
  const auto& kind = kind_of("machines.cluster.x-k8s.io");
  const Json broken = machine().changed("spec: {version: v1.33}");
  CHECK(kind.check(broken, nullptr, meta::Operation::create).size() == 1);
  CHECK(kind.check(broken, &broken, meta::Operation::update_status).empty());
  CHECK(kind.check(broken, &broken, meta::Operation::remove).empty());
}

TEST_CASE("MachineSet and MachineDeployment: replicas when none are given") {
  const std::string bounds =
      "metadata: {annotations: {cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size: \"2\", "
      "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size: \"5\"}}\nspec: {replicas: null}";
  for (const char* resource : {"machinesets.cluster.x-k8s.io", "machinedeployments.cluster.x-k8s.io"}) {
    CAPTURE(resource);
    const auto& kind = kind_of(resource);
    const auto replicas = [&](const std::string& change, const char* old) {
      const Json before = old ? base::merge_patch(parsed(group), parsed(old)) : Json();
      const Json doc = base::merge_patch(parsed(group), parsed(change));
      return defaulted(kind, doc, old ? &before : nullptr)["spec"]["replicas"].integer();
    };
    CHECK(replicas("{}", nullptr) == 1);
    CHECK(replicas("spec: {replicas: 0}", nullptr) == 0);
    CHECK(replicas(bounds, nullptr) == 2);
    CHECK(replicas(bounds, "spec: {replicas: 1}") == 2);
    CHECK(replicas(bounds, "spec: {replicas: 4}") == 4);
    CHECK(replicas(bounds, "spec: {replicas: 9}") == 5);
  }
}

TEST_CASE("MachineSet: defaults") {
  const Json doc = machine_set().defaults("spec: {selector: {matchLabels: null}, template: {spec: {version: 1.33.1}}}");
  CHECK(doc["spec"]["selector"].dump() == R"({"matchLabels":{"cluster.x-k8s.io/set-name":"workers"}})");
  CHECK(doc["spec"]["template"]["metadata"]["labels"]["cluster.x-k8s.io/set-name"].string() == "workers");
  CHECK(doc["spec"]["template"]["spec"]["version"].string() == "v1.33.1");
  CHECK(doc["spec"]["deletion"]["order"].string() == "Random");
  CHECK(doc["metadata"]["labels"]["cluster.x-k8s.io/cluster-name"].string() == "dev");
  // A name that is too long for a label is replaced by a digest of it.
  const Json named =
      machine_set().defaults("{metadata: {name: " + name64 + "}, spec: {selector: {matchLabels: null}}}");
  const std::string& label = named["spec"]["selector"]["matchLabels"]["cluster.x-k8s.io/set-name"].string();
  CHECK(label.starts_with("hash_"));
  CHECK(label.size() <= 63);
}

TEST_CASE("MachineSet and MachineDeployment: rules") {
  const Case cases[] = {
      {"spec: {replicas: 0}", ""},
      {"spec: {replicas: -1}", "spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
      {"spec: {template: {spec: {clusterName: prod}}}",
       "spec.template.spec.clusterName: Invalid value: \"prod\": must be equal to spec.clusterName"},
      {"spec: {selector: {matchExpressions: [{key: pool, operator: In, values: [a, b]}]}}", ""},
      {"spec: {selector: {matchExpressions: [{key: gone, operator: DoesNotExist}]}}", ""},
      {"spec: {selector: {matchExpressions: [{key: pool, operator: Like, values: [a]}]}}",
       "spec.selector.matchExpressions[0].operator: Unsupported value: \"Like\": supported values: \"DoesNotExist\", "
       "\"Exists\", \"In\", \"NotIn\""},
      {"spec: {selector: {matchExpressions: [{key: pool, operator: In}]}}",
       "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or "
       "'NotIn'"},
      {"spec: {selector: {matchExpressions: [{key: pool, operator: Exists, values: [a]}]}}",
       "spec.selector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or "
       "'DoesNotExist'"},
      {"spec: {template: {spec: {version: latest}}}",
       "spec.template.spec.version: Invalid value: \"latest\": must be a full version such as v1.33.2"},
      {"spec: {template: {spec: {bootstrap: {configRef: null}}}}",
       "spec.template.spec.bootstrap: Required value: expected either bootstrap.configRef or "
       "bootstrap.dataSecretName"},
      {"spec: {machineNaming: {template: \"{{ .machineSet.name }}-{{.random}}\"}}", ""},
      {"spec: {machineNaming: {template: \"{{ .machineSet.name }}\"}}",
       "spec.machineNaming.template: Invalid value: \"{{ .machineSet.name }}\": must contain {{ .random }}, or all "
       "machines would have the same name"},
  };
  for (const auto* subject : {&machine_set(), &deployment()}) {
    for (const auto& one : cases) {
      CAPTURE(one.change);
      CHECK(subject->created(one.change) == one.text);
    }
    CHECK(subject->updated("{}", "spec: {replicas: 3, template: {spec: {version: v1.34.0}}}") == "");
    CHECK(subject->updated("{}", "spec: {clusterName: prod, template: {spec: {clusterName: prod}}}")
              .find("spec.clusterName: Invalid value: \"prod\": field is immutable") != std::string::npos);
  }
  CHECK(machine_set().created("spec: {selector: {matchLabels: {pool: b}}}") ==
        "spec.template.metadata.labels: Invalid value: {\"pool\":\"a\"}: `selector` does not match the labels of the "
        "template");
  for (const char* misses : {"{key: pool, operator: NotIn, values: [a]}", "{key: pool, operator: DoesNotExist}",
                             "{key: gone, operator: Exists}", "{key: gone, operator: In, values: [a]}"}) {
    CAPTURE(misses);
    CHECK(machine_set().created("spec: {selector: {matchExpressions: [" + std::string(misses) + "]}}") != "");
  }
}

TEST_CASE("MachineDeployment: defaults") {
  const Json doc = deployment().defaults("spec: {selector: {matchLabels: null}, template: {spec: {version: 1.33.1}}}");
  const char* labels = R"({"cluster.x-k8s.io/deployment-name":"workers","cluster.x-k8s.io/cluster-name":"dev"})";
  CHECK(doc["spec"]["selector"]["matchLabels"] == parsed(labels));
  CHECK(doc["spec"]["template"]["metadata"]["labels"]["cluster.x-k8s.io/deployment-name"].string() == "workers");
  CHECK(doc["spec"]["template"]["metadata"]["labels"]["cluster.x-k8s.io/cluster-name"].string() == "dev");
  CHECK(doc["spec"]["template"]["spec"]["version"].string() == "v1.33.1");
  CHECK(doc["spec"]["rollout"] ==
        parsed("strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}"));
  const Json on_delete = deployment().defaults("spec: {rollout: {strategy: {type: OnDelete, rollingUpdate: null}}}");
  CHECK(on_delete["spec"]["rollout"] == parsed("strategy: {type: OnDelete}"));
}

TEST_CASE("MachineDeployment: rules") {
  const std::string rolling = "spec: {rollout: {strategy: {type: RollingUpdate, rollingUpdate: ";
  const std::string at = "spec.rollout.strategy.rollingUpdate.";
  const std::pair<std::string, std::string> cases[] = {
      {"{maxSurge: 0, maxUnavailable: 1}", ""},
      {"{maxSurge: 30%, maxUnavailable: 0}", ""},
      {"{maxSurge: 0, maxUnavailable: 0}",
       at + "maxUnavailable: Invalid value: 0: may not be 0 when maxSurge is 0: no machine could ever be replaced"},
      {"{maxSurge: some}",
       at + "maxSurge: Invalid value: \"some\": must be a whole number or a percentage such as \"30%\""},
      {"{maxUnavailable: -1}", at + "maxUnavailable: Invalid value: -1: must be greater than or equal to 0"},
  };
  for (const auto& [change, text] : cases) {
    CAPTURE(change);
    CHECK(deployment().created(rolling + change + "}}}") == text);
  }
  CHECK(deployment().created("spec: {remediation: {maxInFlight: 20%}}") == "");
  CHECK(deployment().created("spec: {remediation: {maxInFlight: x%}}") ==
        "spec.remediation.maxInFlight: Invalid value: \"x%\": must be a whole number or a percentage such as "
        "\"30%\"");
  CHECK(deployment().created("metadata: {name: " + name64 + "}") ==
        "metadata.name: Invalid value: \"" + name64 + "\": must be no more than 63 characters: it is a label");
}
