#include "api/rules/infrastructure.h"

#include "api/rules/test_rules.h"

using namespace api::rules;

namespace {

const std::string hex32(32, 'a'), hex64(64, 'a'), hex128(128, 'a');

const Subject& cluster() {
  static const Subject subject("metal3clusters.infrastructure.cluster.x-k8s.io", R"(
metadata: {name: dev, namespace: ns}
spec: {controlPlaneEndpoint: {host: 10.0.0.1, port: 6444}}
)");
  return subject;
}

const Subject& machine() {
  static const Subject subject("metal3machines.infrastructure.cluster.x-k8s.io", R"(
metadata: {name: m, namespace: ns}
spec: {image: {url: "https://images/a.qcow2", checksum: "https://images/a.sha256", checksumType: sha256}}
)");
  return subject;
}

const Subject& machine_template() {
  static const Subject subject("metal3machinetemplates.infrastructure.cluster.x-k8s.io", R"(
metadata: {name: m, namespace: ns}
spec: {template: {spec: {image: {url: "https://images/a.qcow2", checksum: "https://images/a.sha256"}}}}
)");
  return subject;
}

}  // namespace

TEST_CASE("Metal3Cluster: endpoint") {
  CHECK(cluster().defaults("spec: {controlPlaneEndpoint: {port: null}}").path("spec.controlPlaneEndpoint.port") ==
        6443);
  CHECK(cluster().defaults("{}").path("spec.controlPlaneEndpoint.port") == 6444);
  const std::string missing =
      "spec.controlPlaneEndpoint.host: Required value: the address where the API server will be reached is not made by "
      "Metal3";
  CHECK(cluster().created("spec: {controlPlaneEndpoint: {host: null}}") == missing);
  CHECK(cluster().created("spec: null") == missing);
  CHECK(cluster().updated("{}", "spec: {controlPlaneEndpoint: {host: api.example.com}}") == "");
}

TEST_CASE("Metal3Machine: rules") {
  const std::string is_required = "spec.image.checksum: Required value: what is written to a disk has to be verified";
  const std::pair<std::string, std::string> cases[] = {
      {"image: {checksum: " + hex64 + "}", ""},
      {"image: {checksum: " + hex128 + ", checksumType: sha512}", ""},
      {"image: {checksum: " + hex32 + ", checksumType: md5}", ""},
      {"image: {checksum: " + hex128 + ", checksumType: null}", ""},
      {"image: {checksum: " + hex32 + "}",
       "spec.image.checksum: Invalid value: \"" + hex32 + "\": a sha256 digest has 64 hexadecimal digits, not 32"},
      {"image: {checksum: abcd, checksumType: null}",
       "spec.image.checksum: Invalid value: \"abcd\": is not as long as an MD5, SHA-256 or SHA-512 digest"},
      {"image: {checksum: sha256sum.txt}",
       "spec.image.checksum: Invalid value: \"sha256sum.txt\": must be a hexadecimal digest or the http(s) URL of a "
       "file with it"},
      {"image: {checksum: null}", is_required},
      {"image: {checksum: \"\"}", is_required},
      {"image: {checksum: null, diskFormat: live-iso}", ""},
      {"image: {url: \"oci://registry/a:1\", checksum: null}", ""},
      {"image: {url: \"oci://registry/a:1\"}",
       "spec.image.checksum: Forbidden: an image in a registry is known by its own digest"},
      {"image: {url: \"file:///a.qcow2\"}",
       "spec.image.url: Invalid value: \"file:///a.qcow2\": must be a URL with a host, such as https://host/path"},
      {"image: {url: \"https:///a.qcow2\"}",
       "spec.image.url: Invalid value: \"https:///a.qcow2\": must be a URL with a host, such as https://host/path"},
      {"image: null, customDeploy: {method: install}", ""},
      {"image: null", "spec.image: Required value: image or customDeploy says what the machine runs"},
      {"userData: {name: s, namespace: ns}", ""},
      {"userData: {name: s}", ""},
      {"userData: {name: s, namespace: other}",
       "spec.userData.namespace: Invalid value: \"other\": must be the namespace of the object itself, \"ns\""},
      {"metaData: {name: s, namespace: other}",
       "spec.metaData.namespace: Invalid value: \"other\": must be the namespace of the object itself, \"ns\""},
      {"networkData: {name: s, namespace: other}",
       "spec.networkData.namespace: Invalid value: \"other\": must be the namespace of the object itself, \"ns\""},
      {"hostSelector: {matchExpressions: [{key: rack, operator: In, values: [a]}, {key: b, operator: \"!=\", values: "
       "[c]}]}",
       ""},
      {"hostSelector: {matchExpressions: [{key: rack, operator: like, values: [a]}]}",
       "spec.hostSelector.matchExpressions[0].operator: Unsupported value: \"like\": supported values: "
       "\"DoesNotExist\", \"Exists\", \"Gt\", \"In\", \"Lt\", \"NotIn\""},
  };
  for (const auto& [change, text] : cases) {
    CAPTURE(change);
    CHECK(machine().created("spec: {" + change + "}") == text);
  }
  CHECK(machine().updated("{}", "spec: {providerID: metal3://ns/host/m}") == "");
}

TEST_CASE("Metal3MachineTemplate: the rules of its machines; may change in place") {
  CHECK(machine_template().created("spec: {template: {spec: {image: {checksum: null}}}}") ==
        "spec.template.spec.image.checksum: Required value: what is written to a disk has to be verified");
  CHECK(machine_template().created("spec: {template: {spec: {image: null}}}") ==
        "spec.template.spec.image: Required value: image or customDeploy says what the machine runs");
  CHECK(machine_template().created("spec: {template: {spec: {userData: {name: s, namespace: other}}}}") ==
        "spec.template.spec.userData.namespace: Invalid value: \"other\": must be the namespace of the object itself, "
        "\"ns\"");
  CHECK(machine_template().updated("{}", "spec: {template: {spec: {image: {url: \"https://images/b.qcow2\"}}}}") == "");
  CHECK(machine_template().updated("{}", "spec: {template: {spec: {image: {url: b.qcow2}}}}") != "");
}
