#include "api/rules/controlplane.h"

#include "api/rules/test_rules.h"

using namespace api::rules;

namespace {

const Subject& plane() {
  static const Subject subject("kubeadmcontrolplanes.controlplane.cluster.x-k8s.io", R"(
metadata: {name: dev, namespace: ns}
spec:
  replicas: 3
  version: v1.33.1
  machineTemplate:
    spec:
      infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: Metal3MachineTemplate, name: dev}
)");
  return subject;
}

constexpr const char* external_etcd =
    "spec: {kubeadmConfigSpec: {clusterConfiguration: {etcd: {external: {endpoints: [https://e], caFile: a, certFile: "
    "b, keyFile: c}}}}}";

}  // namespace

TEST_CASE("KubeadmControlPlane: defaults") {
  const Json doc = plane().defaults("spec: {replicas: null, version: 1.33.1}");
  CHECK(doc["spec"]["replicas"].integer() == 1);
  CHECK(doc["spec"]["version"].string() == "v1.33.1");
  CHECK(doc["spec"]["rollout"] == parsed("strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}"));
  CHECK(doc["spec"]["kubeadmConfigSpec"]["format"].string() == "cloud-config");
}

TEST_CASE("KubeadmControlPlane: rules") {
  const std::string surge = "spec.rollout.strategy.rollingUpdate.maxSurge";
  const std::pair<const char*, std::string> cases[] = {
      {"spec: {replicas: 1}", ""},
      {"spec: {replicas: 5}", ""},
      {"spec: {replicas: 0}", "spec.replicas: Invalid value: 0: must be greater than 0"},
      {"spec: {replicas: 2}", "spec.replicas: Forbidden: must be odd when etcd runs on the control-plane machines"},
      {"spec: {version: stable}", "spec.version: Invalid value: \"stable\": must be a full version such as v1.33.2"},
      {"spec: {rollout: {strategy: {rollingUpdate: {maxSurge: 0}}}}", ""},
      {"spec: {replicas: 1, rollout: {strategy: {rollingUpdate: {maxSurge: 0}}}}",
       surge + ": Invalid value: 0: may be 0 only with at least 3 replicas"},
      {"spec: {rollout: {strategy: {rollingUpdate: {maxSurge: 2}}}}", surge + ": Invalid value: 2: must be 0 or 1"},
      {"spec: {rollout: {strategy: {rollingUpdate: {maxSurge: 30%}}}}",
       surge + ": Invalid value: \"30%\": must be 0 or 1"},
      {"spec: {machineNaming: {template: cp}}",
       "spec.machineNaming.template: Invalid value: \"cp\": must contain {{ .random }}, or all machines would have the "
       "same name"},
      {"spec: {machineTemplate: {spec: {taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule, "
       "propagation: Always}]}}}",
       ""},
      {"spec: {machineTemplate: {spec: {taints: [{key: node-role.kubernetes.io/master, effect: NoSchedule, "
       "propagation: Always}]}}}",
       "spec.machineTemplate.spec.taints[0].key: Invalid value: \"node-role.kubernetes.io/master\": this taint is "
       "managed by components of Kubernetes"},
      {"spec: {kubeadmConfigSpec: {format: ignition}}",
       "spec.kubeadmConfigSpec.format: Forbidden: ignition is not supported; use cloud-config"},
      {"spec: {kubeadmConfigSpec: {initConfiguration: {timeouts: {controlPlaneComponentHealthCheckSeconds: 60}}, "
       "joinConfiguration: {timeouts: {controlPlaneComponentHealthCheckSeconds: 60}}}}",
       ""},
      {"spec: {kubeadmConfigSpec: {initConfiguration: {timeouts: {controlPlaneComponentHealthCheckSeconds: 60}}}}",
       "spec.kubeadmConfigSpec.initConfiguration.timeouts.controlPlaneComponentHealthCheckSeconds: Invalid value: 60: "
       "must be equal to joinConfiguration.timeouts.controlPlaneComponentHealthCheckSeconds"},
  };
  for (const auto& [change, text] : cases) {
    CAPTURE(change);
    CHECK(plane().created(change) == text);
  }
  CHECK(plane().created(external_etcd) == "");
  const Json four = base::merge_patch(parsed(external_etcd), parsed("spec: {replicas: 4}"));
  CHECK(plane().created(four.dump()) == "");
}

TEST_CASE("KubeadmControlPlane: versions go up by one minor at a time and not back") {
  const Case cases[] = {
      {"spec: {version: v1.33.4}", ""},
      {"spec: {version: v1.33.0}", ""},  // another patch, either way
      {"spec: {version: v1.34.0}", ""},
      {"spec: {version: v1.35.0}",
       "spec.version: Forbidden: cannot go from v1.33.1 to v1.35.0: upgrade one minor version at a time"},
      {"spec: {version: v1.32.9}",
       "spec.version: Forbidden: cannot go back from v1.33.1 to v1.32.9: kubeadm has no downgrade"},
      {"spec: {version: v2.0.0}", "spec.version: Forbidden: cannot change the major version from v1.33.1"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.change);
    CHECK(plane().updated("{}", one.change) == one.text);
  }
}

TEST_CASE("KubeadmControlPlane: what cannot change while the cluster lives") {
  const std::string config = "spec: {kubeadmConfigSpec: {clusterConfiguration: {";
  const std::string field = "spec.kubeadmConfigSpec.clusterConfiguration.";
  const std::pair<std::string, std::string> cases[] = {
      {"imageRepository: r.example.com", ""},
      {"apiServer: {certSANs: [a]}", ""},
      {"controlPlaneEndpoint: a:6443", field + "controlPlaneEndpoint: Invalid value: \"a:6443\": field is immutable"},
      {"certificatesDir: /pki", field + "certificatesDir: Invalid value: \"/pki\": field is immutable"},
      {"caCertificateValidityPeriodDays: 3000",
       field + "caCertificateValidityPeriodDays: Invalid value: 3000: field is immutable"},
  };
  for (const auto& [change, text] : cases) {
    CAPTURE(change);
    CHECK(plane().updated("{}", config + change + "}}}") == text);
  }
  const std::string etcd = field + "etcd: Forbidden: cannot change between stacked and external etcd";
  CHECK(plane().updated("{}", external_etcd) == etcd);
  CHECK(plane().updated(external_etcd, config + "etcd: null, imageRepository: r}}}") == etcd);
  CHECK(plane().updated("{}", "spec: {replicas: 5, machineTemplate: {spec: {infrastructureRef: {name: new}}}}") == "");
}

TEST_CASE("KubeadmControlPlane: warnings") {
  CHECK(warn_control_plane(plane().changed("{}")).empty());
  CHECK(warn_control_plane(plane().changed(external_etcd)).size() == 1);
}

TEST_CASE("KubeadmControlPlaneTemplate: the specification is immutable") {
  const Json old = parsed("spec: {template: {spec: {kubeadmConfigSpec: {format: cloud-config}}}}");
  Json labelled = old, changed = old;
  labelled.set_path("spec.template.metadata.labels.a", "b");
  changed.set_path("spec.template.spec.kubeadmConfigSpec.verbosity", 5);
  CHECK(check_control_plane_template(labelled, &old, meta::Operation::update).empty());
  CHECK(check_control_plane_template(changed, nullptr, meta::Operation::create).empty());
  const auto found = check_control_plane_template(changed, &old, meta::Operation::update);
  REQUIRE(found.size() == 1);
  CHECK(found[0].field == "spec.template.spec");
}
