#include "sim/node/kube_objects.h"

namespace sim {

using base::Json;

namespace {

Json object(const char* api_version, const char* kind, const char* ns, const std::string& name) {
  Json metadata = Json::object({{"name", name}});
  if (*ns != '\0') metadata.set("namespace", ns);
  return Json::object({{"apiVersion", api_version}, {"kind", kind}, {"metadata", std::move(metadata)}});
}

Json condition(const char* type, const char* status, const char* reason, const char* message, base::Time now) {
  Json out = Json::object({{"type", type}, {"status", status}});
  out.set("lastHeartbeatTime", base::rfc3339(now)).set("lastTransitionTime", base::rfc3339(now));
  return out.set("reason", reason).set("message", message);
}

// Keeps lastTransitionTime of conditions whose status did not change.
void keep_transitions(Json& conditions, const Json& old) {
  for (size_t i = 0; i < conditions.size(); ++i) {
    for (const auto& before : old.items()) {
      if (before["type"] == conditions.at(i)["type"] && before["status"] == conditions.at(i)["status"]) {
        conditions.item(i).set("lastTransitionTime", before["lastTransitionTime"]);
      }
    }
  }
}

Json taint_document(const NodeTaint& taint) {
  Json out = Json::object({{"key", taint.key}});
  if (!taint.value.empty()) out.set("value", taint.value);
  return out.set("effect", taint.effect);
}

}  // namespace

Json node_object(const NodeFacts& facts, const NodeRegistration& registration) {
  Json node = object("v1", "Node", "", facts.name);
  Json labels = Json::object({{"beta.kubernetes.io/arch", facts.arch}, {"beta.kubernetes.io/os", "linux"}});
  labels.set("kubernetes.io/arch", facts.arch).set("kubernetes.io/hostname", facts.name);
  labels.set("kubernetes.io/os", "linux");
  if (facts.control_plane) {
    labels.set("node-role.kubernetes.io/control-plane", "");
    labels.set("node.kubernetes.io/exclude-from-external-load-balancers", "");
  }
  for (const auto& [key, value] : registration.labels) labels.set(key, value);
  node.child("metadata").set("labels", std::move(labels));
  Json annotations =
      Json::object({{"kubeadm.alpha.kubernetes.io/cri-socket", "unix:///run/containerd/containerd.sock"}});
  annotations.set("volumes.kubernetes.io/controller-managed-attach-detach", "true");
  node.child("metadata").set("annotations", std::move(annotations));

  Json spec = Json::object();
  Json::Array taints;
  for (const auto& taint : registration.taints) taints.push_back(taint_document(taint));
  if (facts.control_plane && !registration.taints_given) {
    taints.push_back(taint_document({"node-role.kubernetes.io/control-plane", "", "NoSchedule"}));
  }
  if (!taints.empty()) spec.set("taints", std::move(taints));
  if (!registration.provider_id.empty()) spec.set("providerID", registration.provider_id);
  node.set("spec", std::move(spec));
  return node;
}

Json node_status(const NodeFacts& facts, bool ready, const Json& old_status, base::Time now) {
  Json status = Json::object();
  Json resources = Json::object({{"cpu", std::to_string(facts.cpus)}, {"ephemeral-storage", "460Gi"}});
  resources.set("memory", std::to_string(facts.memory_kib) + "Ki").set("pods", "110");
  status.set("capacity", resources).set("allocatable", resources);
  Json conditions = Json::array();
  conditions.push(condition("MemoryPressure", "False", "KubeletHasSufficientMemory",
                            "kubelet has sufficient memory available", now));
  conditions.push(condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure", now));
  conditions.push(
      condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available", now));
  conditions.push(ready ? condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", now)
                        : condition("Ready", "False", "KubeletNotReady",
                                    "container runtime network not ready: cni plugin not initialized", now));
  keep_transitions(conditions, old_status["conditions"]);
  status.set("conditions", std::move(conditions));
  Json addresses = Json::array({Json::object({{"type", "InternalIP"}, {"address", facts.address}}),
                                Json::object({{"type", "Hostname"}, {"address", facts.name}})});
  status.set("addresses", std::move(addresses));
  status.set("daemonEndpoints", Json::object({{"kubeletEndpoint", Json::object({{"Port", 10250}})}}));
  Json info = Json::object({{"machineID", facts.machine_id}, {"systemUUID", facts.system_uuid}});
  info.set("bootID", facts.boot_id).set("kernelVersion", "5.15.0-130-generic").set("osImage", "Ubuntu 22.04.5 LTS");
  info.set("containerRuntimeVersion", "containerd://1.7.24").set("kubeletVersion", facts.version);
  info.set("kubeProxyVersion", facts.version).set("operatingSystem", "linux").set("architecture", facts.arch);
  return status.set("nodeInfo", std::move(info));
}

Json silent_node_status(const Json& old_status, base::Time now) {
  Json status = old_status;
  Json conditions = Json::array();
  for (const char* type : {"MemoryPressure", "DiskPressure", "PIDPressure", "Ready"}) {
    Json one = condition(type, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", now);
    for (const auto& before : old_status["conditions"].items()) {
      if (before["type"].string() == type) one.set("lastHeartbeatTime", before["lastHeartbeatTime"]);
    }
    conditions.push(std::move(one));
  }
  keep_transitions(conditions, old_status["conditions"]);
  return status.set("conditions", std::move(conditions));
}

const std::vector<std::string>& control_plane_components() {
  static const std::vector<std::string> all = {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"};
  return all;
}

std::string image_of(const std::string& component, const std::string& version) {
  if (component == "etcd") return "registry.k8s.io/etcd:3.5.16-0";
  return "registry.k8s.io/" + component + ":" + version;
}

Json running_pod_status(const std::string& container, const std::string& image, const std::string& address, bool ready,
                        base::Time now) {
  const std::string at = base::rfc3339(now);
  Json status = Json::object({{"phase", "Running"}});
  Json conditions = Json::array();
  for (const char* type : {"Initialized", "Ready", "ContainersReady", "PodScheduled"}) {
    const bool about_containers = std::string_view(type).find("Ready") != std::string_view::npos;
    const bool good = ready || !about_containers;
    conditions.push(Json::object({{"type", type}, {"status", good ? "True" : "False"}, {"lastTransitionTime", at}}));
  }
  status.set("conditions", std::move(conditions)).set("hostIP", address).set("podIP", address).set("startTime", at);
  Json state = Json::object({{"running", Json::object({{"startedAt", at}})}});
  Json one = Json::object({{"name", container}, {"ready", ready}, {"started", true}, {"restartCount", 0}});
  one.set("image", image).set("imageID", image).set("state", std::move(state));
  return status.set("containerStatuses", Json::array({std::move(one)}));
}

Json static_pod(const std::string& component, const NodeFacts& facts, const std::string& node_uid) {
  Json pod = object("v1", "Pod", "kube-system", component + "-" + facts.name);
  Json& metadata = pod.child("metadata");
  metadata.set("labels", Json::object({{"component", component}, {"tier", "control-plane"}}));
  metadata.set("annotations", Json::object({{"kubernetes.io/config.mirror", facts.machine_id},
                                            {"kubernetes.io/config.source", "file"},
                                            {"kubernetes.io/config.hash", facts.machine_id}}));
  Json owner = Json::object({{"apiVersion", "v1"}, {"kind", "Node"}, {"name", facts.name}, {"uid", node_uid}});
  metadata.set("ownerReferences", Json::array({owner.set("controller", true)}));
  Json container = Json::object({{"name", component}, {"image", image_of(component, facts.version)}});
  Json spec = Json::object({{"nodeName", facts.name}, {"hostNetwork", true}});
  spec.set("priorityClassName", "system-node-critical");
  pod.set("spec", spec.set("containers", Json::array({std::move(container)})));
  return pod;
}

Json kubeadm_config_map(const InitOrder& order) {
  Json map = object("v1", "ConfigMap", "kube-system", "kubeadm-config");
  return map.set("data", Json::object({{"ClusterConfiguration", order.cluster_text}}));
}

Json cluster_info_map(const std::string& kubeconfig) {
  Json map = object("v1", "ConfigMap", "kube-public", "cluster-info");
  return map.set("data", Json::object({{"kubeconfig", kubeconfig}}));
}

namespace {
Json workload(const char* kind, const std::string& name, const std::string& label, const std::string& image) {
  Json out = object("apps/v1", kind, "kube-system", name);
  const Json labels = Json::object({{"k8s-app", label}});
  out.child("metadata").set("labels", labels);
  Json pod = Json::object({{"containers", Json::array({Json::object({{"name", name}, {"image", image}})})}});
  Json pod_template = Json::object({{"metadata", Json::object({{"labels", labels}})}, {"spec", std::move(pod)}});
  Json spec = Json::object({{"selector", Json::object({{"matchLabels", labels}})}});
  return out.set("spec", spec.set("template", std::move(pod_template)));
}
}  // namespace

Json kube_proxy_daemon_set(const InitOrder& order) {
  const std::string repository = order.cluster["imageRepository"].string_or("registry.k8s.io");
  return workload("DaemonSet", "kube-proxy", "kube-proxy", repository + "/kube-proxy:" + order.version);
}

Json coredns_deployment(const InitOrder& order) {
  const Json& dns = order.cluster["dns"];
  std::string repository = dns["imageRepository"].string_or(order.cluster["imageRepository"].string());
  if (repository.empty()) repository = "registry.k8s.io/coredns";
  const std::string image = repository + "/coredns:" + dns["imageTag"].string_or("v1.11.3");
  Json out = workload("Deployment", "coredns", "kube-dns", image);
  out.child("spec").set("replicas", 2);
  return out;
}

Json coredns_config_map() {
  Json map = object("v1", "ConfigMap", "kube-system", "coredns");
  return map.set("data", Json::object({{"Corefile",
                                        ".:53 {\n    errors\n    health {\n       lameduck 5s\n    }\n    ready\n"
                                        "    kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
                                        "       pods insecure\n       fallthrough in-addr.arpa ip6.arpa\n"
                                        "       ttl 30\n    }\n    prometheus :9153\n"
                                        "    forward . /etc/resolv.conf {\n       max_concurrent 1000\n    }\n"
                                        "    cache 30\n    loop\n    reload\n    loadbalance\n}\n"}}));
}

Json lease_object(const std::string& node, base::Time now, int64_t seconds) {
  Json lease = object("coordination.k8s.io/v1", "Lease", "kube-node-lease", node);
  Json spec = Json::object({{"holderIdentity", node}, {"leaseDurationSeconds", seconds}});
  return lease.set("spec", spec.set("renewTime", base::rfc3339_micro(now)));
}

}  // namespace sim
