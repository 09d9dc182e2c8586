#include "api/rules/pods.h"

#include "api/rules/admission_match.h"
#include "api/rules/checks.h"
#include "base/text.h"

namespace api::rules {
namespace {

constexpr const char* container_lists[] = {"initContainers", "containers", "ephemeralContainers"};

// What the kubelet would pull when nobody says: mutable tags always, others once.
std::string pull_policy(const std::string& image) {
  const size_t name = image.rfind('/') == std::string::npos ? 0 : image.rfind('/');
  const bool digest = image.find('@') != std::string::npos;
  const bool latest = image.ends_with(":latest") || image.find(':', name) == std::string::npos;
  return latest && !digest ? "Always" : "IfNotPresent";
}

void fill_container(Json& container, bool host_network) {
  if (!container.is_object()) return;
  if (!container.has("imagePullPolicy")) container.set("imagePullPolicy", pull_policy(container["image"].string()));
  if (!host_network) return;
  for (size_t i = 0; i < container["ports"].size(); ++i) {
    Json& port = container.child("ports").item(i);
    if (port.is_object() && port["hostPort"].integer() == 0) port.set("hostPort", port["containerPort"]);
  }
}

void fill_pod_spec(Json& spec) {
  const bool host_network = spec["hostNetwork"].boolean();
  for (const char* list : container_lists) {
    for (size_t i = 0; i < spec[list].size(); ++i) fill_container(spec.child(list).item(i), host_network);
  }
  // The old name of the field follows the new one.
  if (!spec.has("serviceAccountName") && spec.has("serviceAccount")) {
    spec.set("serviceAccountName", spec["serviceAccount"]);
  }
  if (spec.has("serviceAccountName")) spec.set("serviceAccount", spec["serviceAccountName"]);
}

void fill_template(Json& doc, std::string_view path) {
  Json* spec = object_at(doc, path);
  if (spec) fill_pod_spec(*spec);
}

// Requests that are not given are the limits.
void fill_requests(Json& spec) {
  for (const char* list : {"initContainers", "containers"}) {
    for (size_t i = 0; i < spec[list].size(); ++i) {
      const Json limits = spec[list].at(i)["resources"]["limits"];
      if (!limits.is_object()) continue;
      Json& resources = spec.child(list).item(i).child("resources");
      for (const auto& [name, value] : limits.members()) {
        if (!resources["requests"].has(name)) resources.child("requests").set(name, value);
      }
    }
  }
}

bool same_limits(const Json& resources) {
  for (const char* name : {"cpu", "memory"}) {
    if (!resources["limits"].has(name) || resources["limits"][name] != resources["requests"][name]) return false;
  }
  return true;
}

// How willingly the node gives the pod up.
std::string quality_of_service(const Json& spec) {
  bool any = false, all = true;
  for (const char* list : {"initContainers", "containers"}) {
    for (const auto& container : spec[list].items()) {
      const Json& resources = container["resources"];
      for (const char* name : {"cpu", "memory"}) {
        any = any || resources["limits"].has(name) || resources["requests"].has(name);
      }
      all = all && same_limits(resources);
    }
  }
  if (!any) return "BestEffort";
  return all ? "Guaranteed" : "Burstable";
}

// What an update may change is taken out.
Json frozen_part(Json spec) {
  for (const char* list : {"initContainers", "containers"}) {
    for (size_t i = 0; i < spec[list].size(); ++i) spec.child(list).item(i).erase("image");
  }
  for (const char* name : {"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates",
                           "ephemeralContainers", "nodeName"}) {
    spec.erase(name);
  }
  return spec;
}

void check_selects(const Json& doc, const Json* old, Findings& found) {
  const std::string word = doc["kind"].string() == "ReplicaSet" ? "deployment" : base::lower(doc["kind"].string());
  const Json& selector = doc["spec"]["selector"];
  const Json& labels = doc["spec"]["template"]["metadata"]["labels"];
  const bool empty = selector["matchLabels"].empty() && selector["matchExpressions"].empty();
  Findings spelling;
  check_label_selector(selector, "spec.selector", spelling);
  bool fits = false;  // nothing does where there is no selector
  if (selector.is_null()) {
    found.push_back(meta::field_required("spec.selector"));
  } else {
    if (empty) {
      found.push_back(meta::field_invalid("spec.selector", selector, "empty selector is invalid for " + word));
    }
    fits = empty || !spelling.empty() || selects(selector, labels);
  }
  found.insert(found.end(), spelling.begin(), spelling.end());
  if (!fits) {
    found.push_back(
        meta::field_invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
  }
  if (old && selector != (*old)["spec"]["selector"]) {
    found.push_back(meta::field_invalid("spec.selector", selector, "field is immutable"));
  }
}

void check_images(const Json& spec, const std::string& field, Findings& found) {
  for (const char* list : container_lists) {
    for (size_t i = 0; i < spec[list].size(); ++i) {
      if (!spec[list].at(i)["image"].string().empty()) continue;
      found.push_back(meta::field_required(field + "." + list + "[" + std::to_string(i) + "].image"));
    }
  }
}

// How often the template changed, as clients from before metadata.generation want to know it.
void count_templates(Json& doc, const Json* old) {
  constexpr const char* note = "deprecated.daemonset.template.generation";
  int64_t count = 1;
  if (old) {
    const auto before = base::parse_int((*old)["metadata"]["annotations"][note].string()).value_or(0);
    count = before + (doc["spec"]["template"] != (*old)["spec"]["template"] ? 1 : 0);
  }
  doc.child("metadata").child("annotations").set(note, std::to_string(count));
}

void check_restart(const Json& pod, const std::string& field, Findings& found) {
  const Json& policy = pod["restartPolicy"];
  if (policy.string() == "OnFailure" || policy.string() == "Never") return;
  found.push_back(meta::field_not_supported(field + ".restartPolicy", policy, {"OnFailure", "Never"}));
}

// Pods of a job are told by its UID; people only choose labels of their own when they say manualSelector.
void fill_job_selector(Json& doc) {
  if (doc["spec"]["manualSelector"].boolean()) return;
  const Json uid = doc["metadata"]["uid"], name = doc["metadata"]["name"];
  Json& spec = doc.child("spec");
  Json& labels = spec.child("template").child("metadata").child("labels");
  for (const char* prefix : {"batch.kubernetes.io/", ""}) {
    labels.set(std::string(prefix) + "controller-uid", uid);
    labels.set(std::string(prefix) + "job-name", name);
  }
  if (!spec.has("selector")) spec.child("selector");
  spec.child("selector").child("matchLabels").set("batch.kubernetes.io/controller-uid", uid);
}

}  // namespace

void fill_pod(Json& doc, const Json* old) {
  if (!doc["spec"].is_object()) return;
  Json& spec = doc.child("spec");
  fill_pod_spec(spec);
  fill_requests(spec);
  if (!spec.has("enableServiceLinks")) spec.set("enableServiceLinks", true);
  for (const char* name : {"priority", "preemptionPolicy"}) {  // which admission gave it
    if (old && !spec.has(name) && (*old)["spec"].has(name)) spec.set(name, (*old)["spec"][name]);
  }
  if (old) return;
  Json& status = doc.child("status");
  if (status["phase"].is_null()) status.set("phase", "Pending");
  if (status["qosClass"].is_null()) status.set("qosClass", quality_of_service(doc["spec"]));
}

Findings check_pod(const Json& doc, const Json* old, Operation operation) {
  Findings found;
  if (is_write(operation)) check_images(doc["spec"], "spec", found);
  if (!old || operation != Operation::update) return found;
  if (frozen_part(doc["spec"]) != frozen_part((*old)["spec"])) {
    found.push_back(meta::field_forbidden(
        "spec",
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"));
  }
  return found;
}

void fill_workload(Json& doc, const Json* old) {
  fill_template(doc, doc["kind"].string() == "PodTemplate" ? "template.spec" : "spec.template.spec");
  const std::string& kind = doc["kind"].string();
  if (kind == "Deployment" && doc["spec"]["strategy"]["type"].string() == "RollingUpdate") {
    set_default(doc, "spec.strategy.rollingUpdate.maxUnavailable", "25%");
    set_default(doc, "spec.strategy.rollingUpdate.maxSurge", "25%");
  }
  if (kind == "DaemonSet" && doc["spec"]["updateStrategy"]["type"].string() == "RollingUpdate") {
    set_default(doc, "spec.updateStrategy.rollingUpdate.maxUnavailable", 1);
    set_default(doc, "spec.updateStrategy.rollingUpdate.maxSurge", 0);
  }
  if (kind == "DaemonSet") count_templates(doc, old);
}

Findings check_workload(const Json& doc, const Json* old, Operation operation) {
  Findings found;
  if (!is_write(operation)) return found;
  check_selects(doc, old, found);
  check_images(doc["spec"]["template"]["spec"], "spec.template.spec", found);
  return found;
}

void fill_stateful_set(Json& doc, const Json*) {
  fill_template(doc, "spec.template.spec");
  if (doc["spec"]["updateStrategy"]["type"].string() == "RollingUpdate") {
    set_default(doc, "spec.updateStrategy.rollingUpdate.partition", 0);
  }
  for (size_t i = 0; i < doc["spec"]["volumeClaimTemplates"].size(); ++i) {
    Json& claim = doc.child("spec").child("volumeClaimTemplates").item(i);
    if (!claim.is_object()) continue;
    set_default(claim, "apiVersion", "v1");
    set_default(claim, "kind", "PersistentVolumeClaim");
  }
}

Findings check_stateful_set(const Json& doc, const Json* old, Operation operation) {
  Findings found;
  if (!is_write(operation)) return found;
  check_selects(doc, nullptr, found);
  check_images(doc["spec"]["template"]["spec"], "spec.template.spec", found);
  if (!old) return found;
  Json now = doc["spec"], before = (*old)["spec"];
  for (const char* name : {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
                           "persistentVolumeClaimRetentionPolicy", "minReadySeconds"}) {
    now.erase(name);
    before.erase(name);
  }
  if (now != before) {
    found.push_back(meta::field_forbidden(
        "spec",
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
        "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"));
  }
  return found;
}

void fill_replication_controller(Json& doc, const Json*) {
  fill_template(doc, "spec.template.spec");
  const Json labels = doc["spec"]["template"]["metadata"]["labels"];
  if (!labels.is_object() || labels.empty()) return;
  if (doc["spec"]["selector"].empty()) doc.child("spec").set("selector", labels);
  if (doc["metadata"]["labels"].empty()) doc.child("metadata").set("labels", labels);
}

void fill_job(Json& doc, const Json* old) {
  if (!doc["spec"].is_object()) return;
  fill_template(doc, "spec.template.spec");
  if (!doc["spec"].has("completions") && !doc["spec"].has("parallelism")) doc.child("spec").set("completions", 1);
  const bool fails = doc["spec"].has("podFailurePolicy");
  set_default(doc, "spec.parallelism", 1);
  set_default(doc, "spec.backoffLimit", 6);
  set_default(doc, "spec.completionMode", "NonIndexed");
  set_default(doc, "spec.suspend", false);
  set_default(doc, "spec.podReplacementPolicy", fails ? "Failed" : "TerminatingOrFailed");
  if (!old) fill_job_selector(doc);
  if (doc["metadata"]["labels"].empty() && doc["spec"]["template"]["metadata"]["labels"].is_object()) {
    doc.child("metadata").set("labels", doc["spec"]["template"]["metadata"]["labels"]);
  }
}

Findings check_job(const Json& doc, const Json* old, Operation operation) {
  Findings found;
  if (!is_write(operation)) return found;
  check_restart(doc["spec"]["template"]["spec"], "spec.template.spec", found);
  check_immutable(doc, old, {"spec.selector", "spec.completionMode"}, found);
  return found;
}

void fill_cron_job(Json& doc, const Json*) { fill_template(doc, "spec.jobTemplate.spec.template.spec"); }

Findings check_cron_job(const Json& doc, const Json*, Operation operation) {
  Findings found;
  if (!is_write(operation)) return found;
  check_restart(doc["spec"]["jobTemplate"]["spec"]["template"]["spec"], "spec.jobTemplate.spec.template.spec", found);
  return found;
}

}  // namespace api::rules
