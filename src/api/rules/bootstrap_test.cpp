#include "api/rules/bootstrap.h"

#include "api/rules/test_rules.h"

using namespace api::rules;

namespace {

const Subject& config() {
  static const Subject subject("kubeadmconfigs.bootstrap.cluster.x-k8s.io", R"(
metadata: {name: c, namespace: ns}
spec:
  clusterConfiguration: {imageRepository: registry.example.com}
  files: [{path: /etc/a, content: a}]
)");
  return subject;
}

const Subject& config_template() {
  static const Subject subject("kubeadmconfigtemplates.bootstrap.cluster.x-k8s.io", R"(
metadata: {name: c, namespace: ns}
spec: {template: {spec: {files: [{path: /etc/a, content: a}]}}}
)");
  return subject;
}

}  // namespace

TEST_CASE("KubeadmConfig: the format is cloud-config unless said") {
  CHECK(config().defaults("{}")["spec"]["format"].string() == "cloud-config");
  CHECK(config_template().defaults("{}").path("spec.template.spec.format").string() == "cloud-config");
  CHECK(config().defaults("spec: null")["spec"].dump() == R"({"format":"cloud-config"})");
}

TEST_CASE("KubeadmConfig: rules") {
  const Case cases[] = {
      {"spec: {format: cloud-config}", ""},
      {"spec: {format: ignition}", "spec.format: Forbidden: ignition is not supported; use cloud-config"},
      {"spec: {ignition: {containerLinuxConfig: {strict: true}}}",
       "spec.ignition: Forbidden: may only be set when format is ignition"},
      {"spec: {files: [{path: /a, content: a}, {path: /b, contentFrom: {secret: {name: s, key: k}}}]}", ""},
      {"spec: {files: [{path: /a, content: a}, {path: /a, content: b}]}",
       "spec.files[1].path: Duplicate value: \"/a\""},
      {"spec: {files: [{path: /a, content: a, contentFrom: {secret: {name: s, key: k}}}]}",
       "spec.files[0]: Invalid value: \"/a\": only one of content and contentFrom may be set"},
      {"spec: {users: [{name: admin, passwdFrom: {secret: {name: s, key: k}}}]}", ""},
      {"spec: {users: [{name: admin, passwd: x, passwdFrom: {secret: {name: s, key: k}}}]}",
       "spec.users[0]: Invalid value: \"admin\": only one of passwd and passwdFrom may be set"},
      {"spec: {diskSetup: {partitions: [{device: /dev/sdb, layout: true}]}}", ""},
      {"spec: {diskSetup: {partitions: [{device: /dev/sdb, diskLayout: [{percentage: 60}, {percentage: 40}]}]}}", ""},
      {"spec: {diskSetup: {partitions: [{device: /dev/sdb, diskLayout: [{percentage: 60}, {percentage: 41}]}]}}",
       "spec.diskSetup.partitions[0].diskLayout: Invalid value: 101: the percentages add up to more than 100"},
      {"spec: {diskSetup: {partitions: [{device: /dev/sdb, layout: true, diskLayout: [{percentage: 60}]}]}}",
       "spec.diskSetup.partitions[0].diskLayout: Forbidden: may not be set along with layout"},
      {"spec: {diskSetup: {partitions: [{device: /dev/sdb}]}}",
       "spec.diskSetup.partitions[0].layout: Required value: set layout or diskLayout"},
      {"spec: {clusterConfiguration: {etcd: {local: {dataDir: /d}}}}", ""},
      {"spec: {clusterConfiguration: {etcd: {local: {dataDir: /d}, external: {endpoints: [https://e], caFile: a, "
       "certFile: b, keyFile: c}}}}",
       "spec.clusterConfiguration.etcd.external: Forbidden: may not be set along with etcd.local"},
      {"spec: {clusterConfiguration: {certificateValidityPeriodDays: 365}}", ""},
      {"spec: {clusterConfiguration: {certificateValidityPeriodDays: 365, caCertificateValidityPeriodDays: 300}}",
       "spec.clusterConfiguration.certificateValidityPeriodDays: Invalid value: 365: certificates may not outlive "
       "their "
       "CA (caCertificateValidityPeriodDays)"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.change);
    CHECK(config().created(one.change) == one.text);
  }
  CHECK(config().updated("{}", "spec: {files: [{path: /etc/b, content: b}]}") == "");
}

TEST_CASE("KubeadmConfigTemplate: the same rules, one level down; may change in place") {
  CHECK(config_template().created("spec: {template: {spec: {format: ignition}}}") ==
        "spec.template.spec.format: Forbidden: ignition is not supported; use cloud-config");
  CHECK(config_template().updated("{}", "spec: {template: {spec: {preKubeadmCommands: [echo]}}}") == "");
}
