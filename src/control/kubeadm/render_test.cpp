#include "control/kubeadm/render.h"

#include <doctest/doctest.h>

#include "wire/yaml.h"

using namespace control;
using namespace control::kubeadm;

namespace {

Json parsed(std::string_view yaml) {
  const auto docs = wire::parse_yaml(yaml);
  REQUIRE_MESSAGE(docs.ok(), yaml);
  REQUIRE(docs->size() == 1);
  return docs->front();
}

Cluster a_cluster() {
  Cluster cluster;
  cluster.meta.name = "dev";
  cluster.spec.endpoint = {"10.0.0.100", 6443};
  cluster.spec.network.pods.cidr_blocks = {"10.244.0.0/16", "fd00::/48"};
  cluster.spec.network.services.cidr_blocks = {"10.96.0.0/12"};
  return cluster;
}

struct Rendered {
  Json cluster, init;
};
Rendered init(const api::KubeadmConfigSpec& spec, const std::string& version, const Cluster& cluster = a_cluster()) {
  const auto docs = wire::parse_yaml(init_yaml({spec, cluster, version, true}));
  REQUIRE(docs.ok());
  REQUIRE(docs->size() == 2);
  return {docs->at(0), docs->at(1)};
}

Json join(const api::KubeadmConfigSpec& spec, const std::string& version, bool control_plane) {
  const Cluster cluster = a_cluster();
  return parsed(join_yaml({spec, cluster, version, control_plane}, {"abcdef.0123456789abcdef", "sha256:00"}));
}

Json arguments() { return parsed("[{name: v, value: \"4\"}, {name: feature-gates, value: A=true}]"); }

}  // namespace

TEST_CASE("kubeadm's API follows the Kubernetes version") {
  const std::pair<const char*, const char*> rows[] = {
      {"v1.29.0", "kubeadm.k8s.io/v1beta3"}, {"v1.30.14", "kubeadm.k8s.io/v1beta3"},
      {"v1.31.0", "kubeadm.k8s.io/v1beta4"}, {"v1.31.0-rc.1", "kubeadm.k8s.io/v1beta4"},
      {"v1.35.2", "kubeadm.k8s.io/v1beta4"}, {"1.33.0", "kubeadm.k8s.io/v1beta4"},
  };
  for (const auto& [version, expected] : rows) {
    CAPTURE(version);
    CHECK(kubeadm_api_version(version) == expected);
    const auto rendered = init({}, version);
    CHECK(rendered.cluster["apiVersion"].string() == expected);
    CHECK(rendered.init["apiVersion"].string() == expected);
    CHECK(join({}, version, false)["apiVersion"].string() == expected);
  }
}

TEST_CASE("ClusterConfiguration is filled from the Cluster") {
  api::KubeadmConfigSpec spec;
  spec.cluster_configuration = parsed("{imageRepository: registry.example.com, apiServer: {certSANs: [a]}}");
  CHECK(init(spec, "v1.33.0").cluster == parsed(R"(
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
imageRepository: registry.example.com
apiServer: {certSANs: [a]}
featureGates: {ControlPlaneKubeletLocalMode: true}
clusterName: dev
kubernetesVersion: v1.33.0
controlPlaneEndpoint: 10.0.0.100:6443
networking: {dnsDomain: cluster.local, podSubnet: "10.244.0.0/16,fd00::/48", serviceSubnet: 10.96.0.0/12}
)"));
  auto six = a_cluster();
  six.spec.endpoint.host = "fd00::1";
  six.spec.network = {};
  six.spec.network.service_domain = "lab.local";
  const auto rendered = init({}, "v1.33.0", six);
  CHECK(rendered.cluster["controlPlaneEndpoint"].string() == "[fd00::1]:6443");
  CHECK(rendered.cluster["networking"] == parsed("{dnsDomain: lab.local}"));
  spec.cluster_configuration = parsed("{controlPlaneEndpoint: \"api:1\"}");
  CHECK(init(spec, "v1.33.0").cluster["controlPlaneEndpoint"].string() == "api:1");
}

TEST_CASE("kubelets ask their own API server where that has to be said") {
  const char* name = "ControlPlaneKubeletLocalMode";
  for (const char* version : {"v1.31.0", "v1.35.9"}) CHECK(init({}, version).cluster["featureGates"][name].boolean());
  for (const char* version : {"v1.30.9", "v1.36.0"}) CHECK_FALSE(init({}, version).cluster.has("featureGates"));
  api::KubeadmConfigSpec spec;
  spec.cluster_configuration = parsed("{featureGates: {ControlPlaneKubeletLocalMode: false, Other: true}}");
  CHECK(init(spec, "v1.33.0").cluster["featureGates"] == spec.cluster_configuration["featureGates"]);
}

TEST_CASE("arguments: a list in v1beta4, a map before") {
  const Json args = arguments();
  api::KubeadmConfigSpec spec;
  for (const char* component : {"apiServer", "controllerManager", "scheduler"}) {
    spec.cluster_configuration.child(component).set("extraArgs", args);
  }
  spec.cluster_configuration.set_path("etcd.local.extraArgs", args);
  spec.init_configuration.set_path("nodeRegistration.kubeletExtraArgs", args);
  spec.join_configuration.set_path("nodeRegistration.kubeletExtraArgs", args);
  for (const bool beta4 : {true, false}) {
    const char* version = beta4 ? "v1.31.0" : "v1.30.0";
    const Json expected = beta4 ? args : parsed("{v: \"4\", feature-gates: A=true}");
    const auto rendered = init(spec, version);
    CHECK(rendered.cluster["apiServer"]["extraArgs"] == expected);
    CHECK(rendered.cluster["controllerManager"]["extraArgs"] == expected);
    CHECK(rendered.cluster["scheduler"]["extraArgs"] == expected);
    CHECK(rendered.cluster["etcd"]["local"]["extraArgs"] == expected);
    CHECK(rendered.init["nodeRegistration"]["kubeletExtraArgs"] == expected);
    CHECK(join(spec, version, true)["nodeRegistration"]["kubeletExtraArgs"] == expected);
  }
}

TEST_CASE("what older kubeadm does not know is left out or said in its words") {
  api::KubeadmConfigSpec spec;
  spec.cluster_configuration = parsed(R"(
encryptionAlgorithm: ECDSA-P256
certificateValidityPeriodDays: 90
caCertificateValidityPeriodDays: 3650
apiServer: {extraEnvs: [{name: A, value: b}]}
etcd: {local: {dataDir: /e, extraEnvs: [{name: A, value: b}]}}
)");
  spec.init_configuration = parsed(R"(
nodeRegistration: {imagePullSerial: true, name: n}
timeouts: {controlPlaneComponentHealthCheckSeconds: 90, kubeletHealthCheckSeconds: 240}
bootstrapTokens: [{token: abcdef.0123456789abcdef, ttlSeconds: 900}]
)");
  spec.join_configuration = parsed("timeouts: {tlsBootstrapSeconds: 300}");
  const auto now = init(spec, "v1.33.0");
  CHECK(now.cluster["encryptionAlgorithm"].string() == "ECDSA-P256");
  CHECK(now.cluster["certificateValidityPeriod"].string() == "2160h0m0s");
  CHECK(now.cluster["caCertificateValidityPeriod"].string() == "87600h0m0s");
  CHECK(now.cluster["apiServer"] == parsed("{extraEnvs: [{name: A, value: b}]}"));
  CHECK(now.cluster["etcd"]["local"].has("extraEnvs"));
  CHECK(now.init["nodeRegistration"]["imagePullSerial"].boolean());
  CHECK(now.init["timeouts"] == parsed("{controlPlaneComponentHealthCheck: 1m30s, kubeletHealthCheck: 4m0s}"));
  CHECK(now.init["bootstrapTokens"] == parsed("[{token: abcdef.0123456789abcdef, ttl: 15m0s}]"));
  CHECK(join(spec, "v1.33.0", true)["timeouts"] == parsed("{tlsBootstrap: 5m0s}"));

  const auto before = init(spec, "v1.30.0");
  CHECK(before.cluster["apiServer"] == parsed("{timeoutForControlPlane: 1m30s}"));
  CHECK(before.cluster["etcd"]["local"] == parsed("{dataDir: /e}"));
  for (const char* name : {"encryptionAlgorithm", "certificateValidityPeriod", "caCertificateValidityPeriod",
                           "certificateValidityPeriodDays", "caCertificateValidityPeriodDays"}) {
    CHECK_FALSE(before.cluster.has(name));
  }
  CHECK(before.init["nodeRegistration"] == parsed("{name: n}"));
  CHECK_FALSE(before.init.has("timeouts"));
  CHECK(join(spec, "v1.30.0", true)["discovery"]["timeout"].string() == "5m0s");
}

TEST_CASE("workers join tainted, control planes as control planes") {
  const Json taint = parsed("{key: node.cluster.x-k8s.io/uninitialized, effect: NoSchedule}");
  const Json worker = join({}, "v1.33.0", false);
  CHECK(worker["nodeRegistration"]["taints"] == Json::array({taint}));
  CHECK_FALSE(worker.has("controlPlane"));
  CHECK(worker["discovery"]["bootstrapToken"] == parsed("{apiServerEndpoint: \"10.0.0.100:6443\", token: "
                                                        "abcdef.0123456789abcdef, caCertHashes: [\"sha256:00\"]}"));
  const Json plane = join({}, "v1.33.0", true);
  CHECK_FALSE(plane["nodeRegistration"].has("taints"));
  CHECK(plane["controlPlane"]["localAPIEndpoint"].is_object());

  api::KubeadmConfigSpec spec;
  spec.join_configuration = parsed(R"(
controlPlane: {localAPIEndpoint: {bindPort: 6444}}
nodeRegistration: {taints: [{key: a, effect: NoExecute}]}
discovery: {bootstrapToken: {token: given, apiServerEndpoint: "e:1", unsafeSkipCAVerification: true}}
)");
  const Json given = join(spec, "v1.33.0", false);
  CHECK(given["nodeRegistration"]["taints"] == Json::array({parsed("{key: a, effect: NoExecute}"), taint}));
  CHECK_FALSE(given.has("controlPlane"));
  CHECK(given["discovery"] == spec.join_configuration["discovery"]);
  CHECK(join(spec, "v1.33.0", true)["controlPlane"]["localAPIEndpoint"]["bindPort"] == 6444);
}

TEST_CASE("certificates: keys are for root alone; external etcd has no CA of ours") {
  const Certificates certificates{{"ca", "ca-key"}, {"etcd", "etcd-key"}, {"proxy", "proxy-key"}, {"sa", "sa-key"}};
  const auto listed = [&](const api::KubeadmConfigSpec& spec) {
    std::string out;
    for (const auto& file : certificate_files(spec, certificates)) {
      CHECK(file.owner == "root:root");
      CHECK((file.permissions == "0600") == file.path.ends_with(".key"));
      CHECK(file.content.ends_with("-key") == file.path.ends_with(".key"));
      out += (out.empty() ? "" : " ") + file.path;
    }
    return out;
  };
  CHECK(listed({}) ==
        "/etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/ca.key /etc/kubernetes/pki/etcd/ca.crt "
        "/etc/kubernetes/pki/etcd/ca.key /etc/kubernetes/pki/front-proxy-ca.crt "
        "/etc/kubernetes/pki/front-proxy-ca.key /etc/kubernetes/pki/sa.pub /etc/kubernetes/pki/sa.key");
  api::KubeadmConfigSpec spec;
  spec.cluster_configuration = parsed("{certificatesDir: /pki, etcd: {external: {endpoints: [e]}}}");
  CHECK(listed(spec) ==
        "/pki/ca.crt /pki/ca.key /pki/front-proxy-ca.crt /pki/front-proxy-ca.key /pki/sa.pub /pki/sa.key");
}

TEST_CASE("cloud-init reads back as it was meant, whatever the files hold") {
  const std::string contents[] = {
      "plain",
      "two\nlines\n",
      "no newline\nat the end",
      "\n\nleading and trailing\n\n\n",
      "  indented: yes\n- list\n",
      "tab\there\n\tand there\n",
      "trailing spaces   \nnext",
      "--- \n...\n# comment\n",
      "quotes \" ' and \\ backslash",
      "{{ ds.meta_data.local_hostname }}",
      "yes",
      "0644",
      "null",
      "~",
      "caf\xc3\xa9 \xe2\x82\xac",
      "cr\r\nlf\r\n",
      std::string("bell\a and nul-free"),
      "",
  };
  std::vector<File> files;
  for (size_t i = 0; i < std::size(contents); ++i) {
    files.push_back({.path = "/f" + std::to_string(i), .permissions = "0640", .content = contents[i]});
  }
  const std::string text = cloud_init({}, files, "kubeadm");
  CHECK(text.starts_with("## template: jinja\n#cloud-config\n"));
  const Json doc = parsed(text);
  REQUIRE(doc["write_files"].size() == std::size(contents) + 1);
  for (size_t i = 0; i < std::size(contents); ++i) {
    const Json& file = doc["write_files"].at(i);
    CHECK(file["path"].string() == "/f" + std::to_string(i));
    CHECK(file["permissions"].is_string());
    CHECK(file["permissions"].string() == "0640");
    CHECK(file["content"].is_string());
    CHECK(file["content"].string() == contents[i]);
  }
  CHECK(doc["write_files"].at(std::size(contents))["path"].string() == "/run/cluster-api/placeholder");
}

TEST_CASE("cloud-init: everything a KubeadmConfig can say, under cloud-init's names") {
  api::KubeadmConfigSpec spec;
  spec.boot_commands = {"swapoff -a"};
  spec.pre_kubeadm_commands = {"echo before: now"};
  spec.post_kubeadm_commands = {"echo after"};
  spec.ntp = parsed("{enabled: true, servers: [ntp.example.com]}");
  spec.users = parsed(R"(
- {name: admin, groups: wheel, homeDir: /h, inactive: false, lockPassword: true, primaryGroup: p, shell: /bin/sh,
   sudo: "ALL=(ALL) NOPASSWD:ALL", sshAuthorizedKeys: [ssh-ed25519 A], passwd: x, gecos: Admin}
- {name: plain}
)");
  spec.mounts = parsed("[[/dev/sdb1, /data], [LABEL=x, /x, ext4]]");
  spec.disk_setup = parsed(R"(
partitions:
- {device: /dev/sdb, layout: true, tableType: gpt, overwrite: false}
- {device: /dev/sdc, diskLayout: [{percentage: 30}, {percentage: 70, partitionType: "82"}]}
filesystems:
- {device: /dev/sdb1, filesystem: ext4, label: data, partition: auto, overwrite: true, extraOpts: [-F], replaceFS: vfat}
- {device: /dev/sdc1, filesystem: xfs}
)");
  spec.verbosity = 5;
  const File file{.path = "/f", .owner = "a:b", .content = "YQ==", .encoding = "base64", .append = true};
  Json doc = parsed(cloud_init(spec, {file}, init_command(spec)));
  CHECK(doc["write_files"].at(0) ==
        parsed("{path: /f, owner: \"a:b\", encoding: base64, append: true, content: YQ==}"));
  doc.erase("write_files");
  CHECK(doc == parsed(R"(
bootcmd: [swapoff -a]
runcmd:
- "echo before: now"
- kubeadm init --config /run/kubeadm/kubeadm.yaml --v 5 && echo success > /run/cluster-api/bootstrap-success.complete
- echo after
ntp: {enabled: true, servers: [ntp.example.com]}
users:
- {name: admin, groups: wheel, homedir: /h, inactive: false, lock_passwd: true, primary_group: p, shell: /bin/sh,
   sudo: "ALL=(ALL) NOPASSWD:ALL", ssh_authorized_keys: [ssh-ed25519 A], passwd: x, gecos: Admin}
- {name: plain}
mounts: [[/dev/sdb1, /data], [LABEL=x, /x, ext4]]
disk_setup:
  /dev/sdb: {table_type: gpt, layout: true, overwrite: false}
  /dev/sdc: {table_type: mbr, layout: [30, [70, "82"]]}
fs_setup:
- {device: /dev/sdb1, filesystem: ext4, label: data, partition: auto, overwrite: true, extra_opts: [-F],
   replace_fs: vfat}
- {device: /dev/sdc1, filesystem: xfs}
)"));
  CHECK(join_command({}) ==
        "kubeadm join --config /run/kubeadm/kubeadm-join-config.yaml && echo success > "
        "/run/cluster-api/bootstrap-success.complete");
}
