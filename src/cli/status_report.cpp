// From API objects to rows.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "cli/status.h"

namespace cli {

using base::Json;
using base::Time;

namespace {

const Json& condition(const Json& doc, std::string_view type) {
  for (const auto& one : doc.path("status.conditions").items()) {
    if (one["type"].string() == type) return one;
  }
  static const Json none;
  return none;
}

bool is_true(const Json& doc, std::string_view type) { return condition(doc, type)["status"].string() == "True"; }

// Several lines of "* Type: reason" become one.
std::string one_line(std::string_view text) {
  std::vector<std::string> parts;
  for (auto line : base::split(text, '\n')) {
    line = base::trim(line);
    while (line.starts_with("* ")) line = base::trim(line.substr(2));
    if (!line.empty()) parts.emplace_back(line);
  }
  return base::join(parts, "; ");
}

// "…(writing the image, 40 %)" or "writing the image, 40 %" taken apart.
void read_progress(const std::string& message, HostRow& row) {
  const size_t sign = message.rfind(" %");
  const size_t comma = sign == std::string::npos ? sign : message.rfind(", ", sign);
  if (comma == std::string::npos) return;
  const auto number = base::parse_int(std::string_view(message).substr(comma + 2, sign - comma - 2));
  if (!number) return;
  row.percent = static_cast<int>(*number);
  const size_t open = message.rfind('(', comma);
  row.step = open == std::string::npos ? message.substr(0, comma) : message.substr(open + 1, comma - open - 1);
  row.why = open == std::string::npos ? std::string() : std::string(base::trim(message.substr(0, open)));
}

HostRow host_row(const Json& doc) {
  HostRow row;
  row.ns = doc.path("metadata.namespace").string();
  row.name = doc.path("metadata.name").string();
  row.state = doc.path("status.provisioning.state").string();
  row.powered_on = doc.path("status.poweredOn").boolean();
  row.consumer = doc.path("spec.consumerRef.name").string();
  row.error = !doc.path("status.errorMessage").string().empty();
  const std::string& progress = condition(doc, "Progressing")["message"].string();
  read_progress(progress, row);
  if (row.error) {
    row.why = one_line(progress.empty() ? doc.path("status.errorMessage").string() : progress);
  } else if (!row.percent) {
    row.why = one_line(progress);
  }
  return row;
}

std::string machine_why(const Json& doc) {
  if (is_true(doc, "Ready")) return {};
  for (const char* type : {"Deleting", "BootstrapConfigReady", "InfrastructureReady", "NodeHealthy"}) {
    const Json& one = condition(doc, type);
    const bool negative = std::string_view(type) == "Deleting";
    if (!one.is_null() && one["status"].string() != (negative ? "False" : "True")) {
      const std::string& message = one["message"].string();
      return one_line(message.empty() ? one["reason"].string() : message);
    }
  }
  return one_line(condition(doc, "Ready")["message"].string());
}

MachineRow machine_row(const Json& doc, const std::map<std::string, std::string>& hosts) {
  MachineRow row;
  row.ns = doc.path("metadata.namespace").string();
  row.name = doc.path("metadata.name").string();
  row.cluster = doc.path("spec.clusterName").string();
  row.role = doc.path("metadata.labels").has("cluster.x-k8s.io/control-plane") ? "control-plane" : "worker";
  row.version = doc.path("spec.version").string();
  row.phase = doc.path("status.phase").string();
  row.node = doc.path("status.nodeRef.name").string();
  const auto host = hosts.find(row.ns + "/" + doc.path("spec.infrastructureRef.name").string());
  if (host != hosts.end()) row.host = host->second;
  row.ready = is_true(doc, "Ready");
  row.why = machine_why(doc);
  return row;
}

std::string fraction(const Json& counts) {
  return std::to_string(counts["readyReplicas"].integer()) + "/" + std::to_string(counts["desiredReplicas"].integer());
}

ClusterRow cluster_row(const Json& doc) {
  ClusterRow row;
  row.ns = doc.path("metadata.namespace").string();
  row.name = doc.path("metadata.name").string();
  row.phase = doc.path("status.phase").string();
  row.control_plane = fraction(doc.path("status.controlPlane"));
  row.workers = fraction(doc.path("status.workers"));
  row.ready = is_true(doc, "Ready");
  if (!row.ready) row.why = one_line(condition(doc, "Ready")["message"].string());
  return row;
}

// Earliest beginning and latest end over several objects.
class Span {
 public:
  void begin(const Json& value) {
    const auto time = base::parse_rfc3339(value.string());
    if (time && (!begin_ || *time < *begin_)) begin_ = time;
  }
  void end(const Json& value) {
    const auto time = base::parse_rfc3339(value.string());
    if (time && (!end_ || *time > *end_)) end_ = time;
    if (time) ++count_;
  }
  void add(std::vector<PhaseTime>& out, std::string what) const {
    if (begin_ && end_ && *end_ >= *begin_) out.push_back({std::move(what), *end_ - *begin_});
  }
  size_t count() const { return count_; }

 private:
  std::optional<Time> begin_, end_;
  size_t count_ = 0;
};

std::vector<PhaseTime> phase_times(const StatusInput& input) {
  std::vector<PhaseTime> out;
  Span enrol, provision;
  for (const auto& host : input.hosts.items()) {
    const Json& history = host.path("status.operationHistory");
    enrol.begin(host.path("metadata.creationTimestamp"));
    enrol.end(history.path("inspect.end"));
    if (host.path("status.provisioning.state").string() != "provisioned") continue;
    provision.begin(history.path("provision.start"));
    provision.end(history.path("provision.end"));
  }
  enrol.add(out, std::to_string(enrol.count()) + " hosts registered and inspected");
  provision.add(out, std::to_string(provision.count()) + " hosts provisioned");
  for (const auto& cluster : input.clusters.items()) {
    const Json& ready = condition(cluster, "Ready");
    if (ready["status"].string() != "True") continue;
    Span span;
    span.begin(cluster.path("metadata.creationTimestamp"));
    span.end(ready["lastTransitionTime"]);
    span.add(out, "cluster " + cluster.path("metadata.name").string() + " Ready");
  }
  return out;
}

}  // namespace

bool StatusReport::all_ready() const {
  return !clusters.empty() &&
         std::all_of(clusters.begin(), clusters.end(), [](const ClusterRow& row) { return row.ready; });
}

StatusReport make_report(const StatusInput& input) {
  StatusReport out;
  std::map<std::string, std::string> host_of;  // Metal3Machine -> BareMetalHost
  for (const auto& doc : input.metal3machines.items()) {
    const std::string& host = doc.path("metadata.annotations")["metal3.io/BareMetalHost"].string();
    host_of[doc.path("metadata.namespace").string() + "/" + doc.path("metadata.name").string()] =
        host.substr(host.find('/') + 1);
  }
  for (const auto& doc : input.clusters.items()) out.clusters.push_back(cluster_row(doc));
  for (const auto& doc : input.machines.items()) out.machines.push_back(machine_row(doc, host_of));
  for (const auto& doc : input.hosts.items()) out.hosts.push_back(host_row(doc));
  out.phases = phase_times(input);
  return out;
}

Json to_json(const StatusReport& report) {
  Json clusters = Json::array(), machines = Json::array(), hosts = Json::array();
  for (const auto& row : report.clusters) {
    clusters.push(Json::object({{"namespace", row.ns},
                                {"name", row.name},
                                {"phase", row.phase},
                                {"ready", row.ready},
                                {"controlPlane", row.control_plane},
                                {"workers", row.workers},
                                {"waitingFor", row.why}}));
  }
  for (const auto& row : report.machines) {
    machines.push(Json::object({{"namespace", row.ns},
                                {"name", row.name},
                                {"cluster", row.cluster},
                                {"role", row.role},
                                {"version", row.version},
                                {"phase", row.phase},
                                {"ready", row.ready},
                                {"host", row.host},
                                {"node", row.node},
                                {"waitingFor", row.why}}));
  }
  for (const auto& row : report.hosts) {
    hosts.push(Json::object({{"namespace", row.ns},
                             {"name", row.name},
                             {"state", row.state},
                             {"poweredOn", row.powered_on},
                             {"error", row.error},
                             {"consumer", row.consumer},
                             {"step", row.step},
                             {"percent", row.percent ? Json(*row.percent) : Json()},
                             {"waitingFor", row.why}}));
  }
  return Json::object({{"ready", report.all_ready()},
                       {"clusters", std::move(clusters)},
                       {"machines", std::move(machines)},
                       {"hosts", std::move(hosts)}});
}

}  // namespace cli
