// From API objects to rows.
#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "cli/status.h"

namespace cli {

using base::Json;
using base::Time;

namespace {

bool is_true(const Json& doc, std::string_view type) { return condition_of(doc, type)["status"].string() == "True"; }

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
  const std::string& progress = condition_of(doc, "Progressing")["message"].string();
  read_progress(progress, row);
  if (row.error) {
    row.why = one_line(progress.empty() ? doc.path("status.errorMessage").string() : progress);
  } else if (!row.percent) {
    row.why = one_line(progress);
  }
  return row;
}

// What `why` and `on` of a row are, from the way to its decisive cause.
template <class Row>
void explain(const std::vector<Link>& chain, Row& row) {
  const Link* last = decisive(chain);
  if (!last) return;
  row.why = last->text;
  if (last != &chain.front()) row.on = short_name(*last);
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
    const Json& ready = condition_of(cluster, "Ready");
    if (ready["status"].string() != "True") continue;
    Span span;
    span.begin(cluster.path("metadata.creationTimestamp"));
    span.end(ready["lastTransitionTime"]);
    span.add(out, "cluster " + cluster.path("metadata.name").string() + " Ready");
  }
  return out;
}

// Causes that need somebody, each told once for everybody who shares it.
class Troubles {
 public:
  explicit Troubles(bool with_namespace) : with_namespace_(with_namespace) {}

  void add(const std::vector<Link>& chain) {
    const Link* last = decisive(chain);
    if (!last || last->moving) return;
    auto found = std::find_if(all_.begin(), all_.end(), [&](const Trouble& one) { return same(one.why, last->text); });
    if (found == all_.end()) found = all_.insert(all_.end(), Trouble{.who = {}, .holds = {}, .why = last->text});
    put(found->who, short_name(*last, with_namespace_));
    found->error |= last->error;
    const Link& first = chain.front();
    if (last != &first && (first.kind == "Cluster" || first.kind == "Machine")) {
      put(found->holds, short_name(first, with_namespace_));
    }
  }

  std::vector<Trouble> take() {
    std::stable_sort(all_.begin(), all_.end(), [](const Trouble& a, const Trouble& b) { return a.error > b.error; });
    return std::move(all_);
  }

 private:
  // The time of the next try differs from host to host where the cause does not.
  static bool same(std::string_view a, std::string_view b) {
    constexpr std::string_view again = "; tried again at ";
    return a.substr(0, a.find(again)) == b.substr(0, b.find(again));
  }
  static void put(std::vector<std::string>& into, std::string name) {
    if (std::find(into.begin(), into.end(), name) == into.end()) into.push_back(std::move(name));
  }

  bool with_namespace_;
  std::vector<Trouble> all_;
};

int rank(const HostRow& row) { return row.error ? 0 : row.percent ? 1 : row.why.empty() ? 3 : 2; }
int rank(const MachineRow& row) { return row.ready ? 1 : 0; }
int rank(const ClusterRow& row) { return row.ready ? 1 : 0; }

template <class Row>
void sort_rows(std::vector<Row>& rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return rank(a) < rank(b); });
}

bool several_namespaces(const StatusInput& input) {
  std::set<std::string> all;
  for (const Json* list : {&input.clusters, &input.machines, &input.hosts}) {
    for (const auto& doc : list->items()) all.insert(doc.path("metadata.namespace").string());
  }
  return all.size() > 1;
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
  Troubles troubles(several_namespaces(input));
  const auto chain = [&](std::string_view kind, const Json& doc) {
    auto links = chain_from(input, kind, doc.path("metadata.namespace").string(), doc.path("metadata.name").string());
    troubles.add(links);
    return links;
  };
  for (const auto& doc : input.hosts.items()) {
    out.hosts.push_back(host_row(doc));
    if (out.hosts.back().error) chain("BareMetalHost", doc);
  }
  for (const auto& doc : input.clusters.items()) {
    out.clusters.push_back(cluster_row(doc));
    explain(chain("Cluster", doc), out.clusters.back());
  }
  for (const auto& doc : input.machines.items()) {
    out.machines.push_back(machine_row(doc, host_of));
    explain(chain("Machine", doc), out.machines.back());
  }
  sort_rows(out.hosts);
  sort_rows(out.machines);
  sort_rows(out.clusters);
  out.troubles = troubles.take();
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
                                {"waitingOn", row.on},
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
                                {"waitingOn", row.on},
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
  Json troubles = Json::array();
  for (const auto& one : report.troubles) {
    troubles.push(Json::object({{"objects", Json::strings(one.who)},
                                {"holdsUp", Json::strings(one.holds)},
                                {"error", one.error},
                                {"cause", parts_of(one.why).cause},
                                {"next", parts_of(one.why).next}}));
  }
  return Json::object({{"ready", report.all_ready()},
                       {"attention", std::move(troubles)},
                       {"clusters", std::move(clusters)},
                       {"machines", std::move(machines)},
                       {"hosts", std::move(hosts)}});
}

}  // namespace cli
