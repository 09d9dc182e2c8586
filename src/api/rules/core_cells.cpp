#include "api/rules/core_cells.h"

#include <string>
#include <vector>

#include "base/text.h"

namespace api::rules {
namespace {

std::string or_none(std::string text) { return text.empty() ? "<none>" : text; }

// "a=b,c=d"
std::string labels_text(const Json& labels) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : labels.members()) parts.push_back(key + "=" + value.string());
  return or_none(base::join(parts, ","));
}

std::string names_text(const Json& list, const char* member) {
  std::vector<std::string> names;
  for (const auto& item : list.items()) names.push_back(item[member].string());
  return base::join(names, ",");
}

const Json& condition(const Json& doc, std::string_view type) {
  static const Json none;
  for (const auto& item : doc["status"]["conditions"].items()) {
    if (item["type"].string() == type) return item;
  }
  return none;
}

std::string address(const Json& node, std::string_view type) {
  for (const auto& item : node["status"]["addresses"].items()) {
    if (item["type"].string() == type) return item["address"].string();
  }
  return "<none>";
}

std::string node_status(const Json& node) {
  const Json& ready = condition(node, "Ready");
  std::string text = ready.is_null() ? "Unknown" : ready["status"].string() == "True" ? "Ready" : "NotReady";
  if (node["spec"]["unschedulable"].boolean()) text += ",SchedulingDisabled";
  return text;
}

std::string node_roles(const Json& node) {
  constexpr std::string_view prefix = "node-role.kubernetes.io/";
  std::vector<std::string> roles;
  for (const auto& [key, value] : node["metadata"]["labels"].members()) {
    if (key.starts_with(prefix) && key.size() > prefix.size()) roles.push_back(key.substr(prefix.size()));
    if (key == "kubernetes.io/role" && !value.string().empty()) roles.push_back(value.string());
  }
  return or_none(base::join(roles, ","));
}

// Why a container is not running, or "".
std::string container_reason(const Json& state) {
  const std::string& waiting = state["waiting"]["reason"].string();
  if (!waiting.empty()) return waiting;
  const Json& ended = state["terminated"];
  if (ended.is_null()) return {};
  if (!ended["reason"].string().empty()) return ended["reason"].string();
  if (ended["signal"].integer() != 0) return "Signal:" + std::to_string(ended["signal"].integer());
  return "ExitCode:" + std::to_string(ended["exitCode"].integer());
}

// "Init:1/2" or "Init:Error" while init containers are not through; else "".
std::string init_status(const Json& pod) {
  const auto& all = pod["status"]["initContainerStatuses"].items();
  for (size_t i = 0; i < all.size(); ++i) {
    const Json& state = all[i]["state"];
    if (state.has("terminated") && state["terminated"]["exitCode"].integer() == 0) continue;
    const std::string reason = container_reason(state);
    if (!reason.empty() && reason != "PodInitializing") return "Init:" + reason;
    return "Init:" + std::to_string(i) + "/" + std::to_string(pod["spec"]["initContainers"].size());
  }
  return {};
}

std::string pod_status(const Json& pod) {
  const std::string& own = pod["status"]["reason"].string();
  if (pod["metadata"].has("deletionTimestamp")) return own == "NodeLost" ? "Unknown" : "Terminating";
  if (std::string init = init_status(pod); !init.empty()) return init;
  std::string text = own.empty() ? pod["status"]["phase"].string() : own;
  bool running = false;
  for (const auto& status : pod["status"]["containerStatuses"].items()) {
    const std::string reason = container_reason(status["state"]);
    if (!reason.empty()) text = reason;
    running = running || status["ready"].boolean();
  }
  // One finished container does not make a pod completed while another runs.
  if (text == "Completed" && running) {
    return condition(pod, "Ready")["status"].string() == "True" ? "Running" : "NotReady";
  }
  return text;
}

std::string ready_containers(const Json& pod) {
  int64_t ready = 0;
  for (const auto& status : pod["status"]["containerStatuses"].items()) ready += status["ready"].boolean() ? 1 : 0;
  return std::to_string(ready) + "/" + std::to_string(pod["spec"]["containers"].size());
}

std::string restarts(const Json& pod) {
  int64_t count = 0;
  for (const auto& status : pod["status"]["containerStatuses"].items()) count += status["restartCount"].integer();
  return std::to_string(count);
}

std::string readiness_gates(const Json& pod) {
  const auto& gates = pod["spec"]["readinessGates"].items();
  if (gates.empty()) return "<none>";
  int64_t good = 0;
  for (const auto& gate : gates) {
    good += condition(pod, gate["conditionType"].string())["status"].string() == "True" ? 1 : 0;
  }
  return std::to_string(good) + "/" + std::to_string(gates.size());
}

Json first_of(const Json& a, const Json& b) { return a.is_string() && !a.string().empty() ? a : b; }

std::string subjects(const Json& binding, std::string_view kind) {
  std::vector<std::string> names;
  for (const auto& subject : binding["subjects"].items()) {
    if (subject["kind"].string() != kind) continue;
    const std::string& ns = subject["namespace"].string();
    names.push_back(kind == "ServiceAccount" ? ns + "/" + subject["name"].string() : subject["name"].string());
  }
  return base::join(names, ", ");
}

}  // namespace

Json cell_of_secret(const Json& doc, std::string_view) { return doc["data"].size(); }

Json cell_of_config_map(const Json& doc, std::string_view) { return doc["data"].size() + doc["binaryData"].size(); }

Json cell_of_event(const Json& doc, std::string_view column) {
  const Json& series = doc["series"];
  if (column == "Last Seen") {
    if (series.is_object()) return series["lastObservedTime"];
    return first_of(doc["lastTimestamp"], doc["eventTime"]);
  }
  if (column == "First Seen") return first_of(doc["firstTimestamp"], doc["eventTime"]);
  if (column == "Object") {
    return base::lower(doc["involvedObject"]["kind"].string()) + "/" + doc["involvedObject"]["name"].string();
  }
  if (column == "Source") {
    std::string source = doc["source"]["component"].string();
    if (source.empty()) source = doc["reportingComponent"].string();
    const std::string host = first_of(doc["source"]["host"], doc["reportingInstance"]).string();
    return host.empty() ? source : source + ", " + host;
  }
  if (column == "Message") return base::trim(doc["message"].string());
  if (column == "Count") {
    const int64_t count = series.is_object() ? series["count"].integer() : doc["count"].integer();
    return count == 0 ? 1 : count;
  }
  return nullptr;
}

Json cell_of_node(const Json& doc, std::string_view column) {
  const Json& info = doc["status"]["nodeInfo"];
  const auto or_unknown = [](const Json& value) { return value.string().empty() ? "<unknown>" : value.string(); };
  if (column == "Status") return node_status(doc);
  if (column == "Roles") return node_roles(doc);
  if (column == "Internal-IP") return address(doc, "InternalIP");
  if (column == "External-IP") return address(doc, "ExternalIP");
  if (column == "OS-Image") return or_unknown(info["osImage"]);
  if (column == "Kernel-Version") return or_unknown(info["kernelVersion"]);
  if (column == "Container-Runtime") return or_unknown(info["containerRuntimeVersion"]);
  return nullptr;
}

Json cell_of_pod(const Json& doc, std::string_view column) {
  if (column == "Ready") return ready_containers(doc);
  if (column == "Status") return pod_status(doc);
  if (column == "Restarts") return restarts(doc);
  if (column == "IP") return or_none(doc["status"]["podIP"].string());
  if (column == "Node") return or_none(doc["spec"]["nodeName"].string());
  if (column == "Nominated Node") return or_none(doc["status"]["nominatedNodeName"].string());
  if (column == "Readiness Gates") return readiness_gates(doc);
  return nullptr;
}

Json cell_of_workload(const Json& doc, std::string_view column) {
  const Json& pod = doc["spec"]["template"]["spec"];
  if (column == "Ready") {
    return std::to_string(doc["status"]["readyReplicas"].integer()) + "/" +
           std::to_string(doc["spec"]["replicas"].integer());
  }
  if (column == "Node Selector") return labels_text(pod["nodeSelector"]);
  if (column == "Containers") return names_text(pod["containers"], "name");
  if (column == "Images") return names_text(pod["containers"], "image");
  if (column == "Selector") return labels_text(doc["spec"]["selector"]["matchLabels"]);
  return nullptr;
}

Json cell_of_binding(const Json& doc, std::string_view column) {
  if (column == "Role") return doc["roleRef"]["kind"].string() + "/" + doc["roleRef"]["name"].string();
  if (column == "Users") return subjects(doc, "User");
  if (column == "Groups") return subjects(doc, "Group");
  if (column == "ServiceAccounts") return subjects(doc, "ServiceAccount");
  return nullptr;
}

}  // namespace api::rules
