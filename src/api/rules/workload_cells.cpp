#include "api/rules/workload_cells.h"

#include <map>
#include <string>
#include <vector>

#include "api/rules/core_cells.h"
#include "base/text.h"
#include "base/time.h"

namespace api::rules {
namespace {

std::string or_text(std::string text, const char* instead) { return text.empty() ? instead : text; }

std::string plain(const Json& value) {
  return value.is_string() ? value.string() : value.is_null() ? "" : value.dump();
}

std::string pairs_text(const Json& map, std::string_view between = ",") {
  std::vector<std::string> parts;
  for (const auto& [key, value] : map.members()) parts.push_back(key + "=" + plain(value));
  return or_text(base::join(parts, between), "<none>");
}

// metav1.LabelSelector as text.
std::string selector_text(const Json& selector) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : selector["matchLabels"].members()) parts.push_back(key + "=" + value.string());
  for (const auto& one : selector["matchExpressions"].items()) {
    std::vector<std::string> values;
    for (const auto& value : one["values"].items()) values.push_back(value.string());
    const std::string op = base::lower(one["operator"].string());
    const std::string& key = one["key"].string();
    if (op == "exists") parts.push_back(key);
    if (op == "doesnotexist") parts.push_back("!" + key);
    if (op == "in" || op == "notin") parts.push_back(key + " " + op + " (" + base::join(values, ",") + ")");
  }
  return or_text(base::join(parts, ","), "<none>");
}

// The first three, and how many there are besides.
std::string some_of(const std::vector<std::string>& all) {
  if (all.size() <= 3) return or_text(base::join(all, ","), "<none>");
  const std::vector<std::string> first(all.begin(), all.begin() + 3);
  return base::join(first, ",") + " + " + std::to_string(all.size() - 3) + " more...";
}

std::vector<std::string> ingress_points(const Json& doc) {
  std::vector<std::string> out;
  for (const auto& point : doc["status"]["loadBalancer"]["ingress"].items()) {
    out.push_back(point.has("ip") ? point["ip"].string() : point["hostname"].string());
  }
  return out;
}

std::string external_address(const Json& doc) {
  std::vector<std::string> all;
  const Json& spec = doc["spec"];
  const std::string& type = spec["type"].string();
  if (type == "ExternalName") return spec["externalName"].string();
  if (type == "LoadBalancer") all = ingress_points(doc);
  for (const auto& address : spec["externalIPs"].items()) all.push_back(address.string());
  if (all.empty() && type == "LoadBalancer") return "<pending>";
  return or_text(base::join(all, ","), "<none>");
}

std::string service_ports(const Json& doc) {
  std::vector<std::string> out;
  for (const auto& port : doc["spec"]["ports"].items()) {
    std::string text = plain(port["port"]);
    if (port["nodePort"].integer() != 0) text += ":" + plain(port["nodePort"]);
    out.push_back(text + "/" + port["protocol"].string());
  }
  return or_text(base::join(out, ","), "<none>");
}

std::string endpoints_text(const Json& doc) {
  std::vector<std::string> out;
  for (const auto& subset : doc["subsets"].items()) {
    for (const auto& address : subset["addresses"].items()) {
      if (subset["ports"].empty()) out.push_back(address["ip"].string());
      for (const auto& port : subset["ports"].items()) {
        out.push_back(address["ip"].string() + ":" + plain(port["port"]));
      }
    }
  }
  return some_of(out);
}

std::string modes_text(const Json& modes) {
  static const std::map<std::string_view, std::string_view> short_forms = {
      {"ReadWriteOnce", "RWO"}, {"ReadOnlyMany", "ROX"}, {"ReadWriteMany", "RWX"}, {"ReadWriteOncePod", "RWOP"}};
  std::vector<std::string> out;
  for (const auto& mode : modes.items()) {
    const auto found = short_forms.find(mode.string());
    if (found != short_forms.end()) out.emplace_back(found->second);
  }
  return base::join(out, ",");
}

std::string quota_text(const Json& doc, bool limits) {
  std::vector<std::string> out;
  for (const auto& [name, hard] : doc["status"]["hard"].members()) {
    if (name.starts_with("limits.") != limits) continue;
    out.push_back(name + ": " + or_text(plain(doc["status"]["used"][name]), "0") + "/" + plain(hard));
  }
  return base::join(out, ", ");
}

std::string condition_status(const Json& doc, std::string_view type) {
  for (const auto& item : doc["status"]["conditions"].items()) {
    if (item["type"].string() == type) return item["status"].string();
  }
  return {};
}

std::string job_status(const Json& doc) {
  if (condition_status(doc, "Complete") == "True") return "Complete";
  if (condition_status(doc, "Failed") == "True") return "Failed";
  if (doc["metadata"].has("deletionTimestamp")) return "Terminating";
  if (condition_status(doc, "Suspended") == "True") return "Suspended";
  if (condition_status(doc, "FailureTarget") == "True") return "FailureTarget";
  if (condition_status(doc, "SuccessCriteriaMet") == "True") return "SuccessCriteriaMet";
  return "Running";
}

std::string completions(const Json& doc) {
  const std::string done = std::to_string(doc["status"]["succeeded"].integer());
  if (doc["spec"].has("completions")) return done + "/" + plain(doc["spec"]["completions"]);
  const int64_t parallel = doc["spec"]["parallelism"].integer();
  return parallel > 1 ? done + "/1 of " + std::to_string(parallel) : done + "/1";
}

std::string duration(const Json& doc) {
  const auto from = base::parse_rfc3339(doc["status"]["startTime"].string());
  const auto to = base::parse_rfc3339(doc["status"]["completionTime"].string());
  if (!from || !to) return {};
  return base::human_duration(*to - *from);
}

std::string metric_text(const Json& spec, const Json& status) {
  const std::string& type = spec["type"].string();
  const std::string source = type == "ContainerResource" ? "containerResource" : base::lower(type);
  const Json& wanted = spec[source]["target"];
  const Json& now = status[source]["current"];
  const std::string name = type == "Resource" ? spec[source]["name"].string() + ": " : "";
  if (wanted.has("averageUtilization")) {
    const std::string current = now.has("averageUtilization") ? plain(now["averageUtilization"]) + "%" : "<unknown>";
    return name + current + "/" + plain(wanted["averageUtilization"]) + "%";
  }
  const char* field = wanted.has("averageValue") ? "averageValue" : "value";
  return name + or_text(plain(now[field]), "<unknown>") + "/" + plain(wanted[field]);
}

std::string metrics_text(const Json& doc) {
  std::vector<std::string> out;
  const auto& all = doc["spec"]["metrics"].items();
  for (size_t i = 0; i < all.size(); ++i) {
    out.push_back(metric_text(all[i], doc["status"]["currentMetrics"].at(i)));
  }
  return or_text(base::join(out, ", "), "<none>");
}

std::string hosts_text(const Json& doc) {
  std::vector<std::string> out;
  for (const auto& rule : doc["spec"]["rules"].items()) {
    if (rule.has("host")) out.push_back(rule["host"].string());
  }
  return out.empty() ? "*" : some_of(out);
}

}  // namespace

Json cell_of_service(const Json& doc, std::string_view column) {
  if (column == "Cluster-IP") return or_text(doc["spec"]["clusterIP"].string(), "<none>");
  if (column == "External-IP") return external_address(doc);
  if (column == "Port(s)") return service_ports(doc);
  if (column == "Selector") return pairs_text(doc["spec"]["selector"]);
  return nullptr;
}

Json cell_of_endpoints(const Json& doc, std::string_view column) {
  if (doc["kind"].string() == "Endpoints") return endpoints_text(doc);
  std::vector<std::string> out;
  if (column == "Ports") {
    for (const auto& port : doc["ports"].items()) out.push_back(or_text(plain(port["port"]), "*"));
    return out.empty() ? "<unset>" : some_of(out);
  }
  for (const auto& endpoint : doc["endpoints"].items()) {
    for (const auto& address : endpoint["addresses"].items()) out.push_back(address.string());
  }
  return out.empty() ? "<unset>" : some_of(out);
}

Json cell_of_volume(const Json& doc, std::string_view column) {
  const Json& spec = doc["spec"];
  if (column == "Status") {
    return doc["metadata"].has("deletionTimestamp") ? "Terminating" : doc["status"]["phase"].string();
  }
  if (column == "Access Modes") {
    const bool claim = doc["kind"].string() == "PersistentVolumeClaim";
    return modes_text(claim ? doc["status"]["accessModes"] : spec["accessModes"]);
  }
  if (column == "Claim" && spec.has("claimRef")) {
    return spec["claimRef"]["namespace"].string() + "/" + spec["claimRef"]["name"].string();
  }
  if (column == "VolumeAttributesClass") return or_text(spec["volumeAttributesClassName"].string(), "<unset>");
  return "";
}

Json cell_of_pod_template(const Json& doc, std::string_view column) {
  if (column == "Pod Labels") return pairs_text(doc["template"]["metadata"]["labels"]);
  Json as_workload = Json::object();
  as_workload.child("spec").set("template", doc["template"]);
  return cell_of_workload(as_workload, column);
}

Json cell_of_quota(const Json& doc, std::string_view column) { return quota_text(doc, column == "Limit"); }

Json cell_of_revision(const Json& doc, std::string_view) {
  for (const auto& owner : doc["metadata"]["ownerReferences"].items()) {
    if (!owner["controller"].boolean()) continue;
    const std::string& version = owner["apiVersion"].string();
    const size_t slash = version.find('/');
    const std::string group = slash == std::string::npos ? "" : "." + version.substr(0, slash);
    return base::lower(owner["kind"].string()) + group + "/" + owner["name"].string();
  }
  return "<none>";
}

Json cell_of_autoscaler(const Json& doc, std::string_view column) {
  const Json& target = doc["spec"]["scaleTargetRef"];
  if (column == "Reference") return target["kind"].string() + "/" + target["name"].string();
  if (column == "Targets") return metrics_text(doc);
  if (column == "MinPods") return or_text(plain(doc["spec"]["minReplicas"]), "<unset>");
  return nullptr;
}

Json cell_of_job(const Json& doc, std::string_view column) {
  if (column == "Status") return job_status(doc);
  if (column == "Completions") return completions(doc);
  if (column == "Duration") return duration(doc);
  if (column == "Timezone") return or_text(doc["spec"]["timeZone"].string(), "<none>");
  if (column == "Suspend") return doc["spec"]["suspend"].boolean() ? "True" : "False";
  if (column == "Active") return doc["status"]["active"].size();
  return cell_of_workload(doc["kind"].string() == "CronJob" ? doc["spec"]["jobTemplate"] : doc, column);
}

Json cell_of_ingress(const Json& doc, std::string_view column) {
  const Json& spec = doc["spec"];
  if (column == "Class") return or_text(spec["ingressClassName"].string(), "<none>");
  if (column == "Hosts") return hosts_text(doc);
  if (column == "Address") return base::join(ingress_points(doc), ",");
  if (column == "Ports") return spec["tls"].empty() ? "80" : "80, 443";
  const Json& settings = spec["parameters"];
  if (settings.is_null()) return "<none>";
  const std::string& group = settings["apiGroup"].string();
  return settings["kind"].string() + (group.empty() ? "" : "." + group) + "/" + settings["name"].string();
}

Json cell_of_policy(const Json& doc, std::string_view column) {
  if (column == "Pod-Selector") return selector_text(doc["spec"]["podSelector"]);
  if (column == "Min Available") return or_text(plain(doc["spec"]["minAvailable"]), "N/A");
  return or_text(plain(doc["spec"]["maxUnavailable"]), "N/A");
}

Json cell_of_class(const Json& doc, std::string_view column) {
  if (column == "Global-Default") return doc["globalDefault"].boolean();
  if (column == "AllowVolumeExpansion") return doc["allowVolumeExpansion"].boolean();
  if (column == "Drivers") return doc["spec"]["drivers"].size();
  std::vector<std::string> out;
  if (column == "Modes") {
    for (const auto& mode : doc["spec"]["volumeLifecycleModes"].items()) out.push_back(mode.string());
    return or_text(base::join(out, ","), "<none>");
  }
  for (const auto& request : doc["spec"]["tokenRequests"].items()) out.push_back(request["audience"].string());
  return or_text(base::join(out, ","), "<unset>");
}

Json cell_of_signing_request(const Json& doc, std::string_view column) {
  if (column == "RequestedDuration") {
    const int64_t seconds = doc["spec"]["expirationSeconds"].integer();
    return seconds == 0 ? "<none>" : base::human_duration(base::seconds(seconds));
  }
  std::string text;
  for (const char* type : {"Approved", "Denied", "Failed"}) {
    if (condition_status(doc, type) == "True") text += (text.empty() ? "" : ",") + std::string(type);
  }
  if (text.empty()) text = "Pending";
  return doc["status"]["certificate"].string().empty() ? text : text + ",Issued";
}

}  // namespace api::rules
