#include "cli/causes.h"

#include <algorithm>

#include "base/text.h"

namespace cli {

using base::Json;

namespace {

constexpr std::string_view control_plane_label = "cluster.x-k8s.io/control-plane";
constexpr std::string_view deployment_label = "cluster.x-k8s.io/deployment-name";
constexpr std::string_view host_annotation = "metal3.io/BareMetalHost";

const Json none;

const std::string& ns_of(const Json& doc) { return doc.path("metadata.namespace").string(); }
const std::string& name_of(const Json& doc) { return doc.path("metadata.name").string(); }
const Json& labels_of(const Json& doc) { return doc.path("metadata.labels"); }

bool is_true(const Json& doc, std::string_view type) { return condition_of(doc, type)["status"].string() == "True"; }
bool is_false(const Json& doc, std::string_view type) { return condition_of(doc, type)["status"].string() == "False"; }
bool is_deleting(const Json& doc) { return !doc.path("metadata.deletionTimestamp").is_null(); }

std::string message_of(const Json& doc, std::string_view type) {
  return one_line(condition_of(doc, type)["message"].string());
}

// What comes after "Scaling up from 0 to 2 replicas:" in the lines below it.
std::string details(const std::string& message) {
  const size_t line = message.find('\n');
  return line == std::string::npos ? std::string() : one_line(std::string_view(message).substr(line + 1));
}

// What a replica set of any kind says about itself, most telling first.
std::string scaling_text(const Json& doc) {
  for (const char* type : {"ScalingUp", "RollingOut", "ScalingDown", "Remediating"}) {
    if (!is_true(doc, type)) continue;
    if (auto text = details(condition_of(doc, type)["message"].string()); !text.empty()) return text;
  }
  for (const char* type :
       {"CertificatesAvailable", "Initialized", "Available", "EtcdClusterHealthy", "ControlPlaneComponentsHealthy"}) {
    const Json& one = condition_of(doc, type);
    if (one.is_null() || one["status"].string() == "True") continue;
    if (auto text = one_line(one["message"].string()); !text.empty()) return text;
  }
  for (const char* type : {"ScalingUp", "RollingOut", "ScalingDown", "Remediating"}) {
    if (is_true(doc, type)) return message_of(doc, type);
  }
  return {};
}

// Replicas are as many, as new and as ready as wanted.
bool settled(const Json& doc) {
  const auto wanted = doc.path("spec.replicas").integer(1);
  return doc.path("status.readyReplicas").integer() >= wanted && !is_true(doc, "ScalingUp") &&
         !is_true(doc, "RollingOut") && !is_deleting(doc) && !is_false(doc, "Available");
}

std::string machine_text(const Json& doc) {
  if (is_true(doc, "Ready")) return {};
  for (const char* type : {"Deleting", "BootstrapConfigReady", "InfrastructureReady", "NodeHealthy"}) {
    const Json& one = condition_of(doc, type);
    const bool negative = std::string_view(type) == "Deleting";
    if (one.is_null() || one["status"].string() == (negative ? "False" : "True")) continue;
    const std::string& message = one["message"].string();
    return one_line(message.empty() ? one["reason"].string() : message);
  }
  return message_of(doc, "Ready");
}

class Walk {
 public:
  explicit Walk(const StatusInput& input) : input_(input) {}

  std::vector<Link> from(std::string_view kind, std::string_view ns, std::string_view name) {
    step(kind, std::string(ns), std::string(name));
    return std::move(links_);
  }

 private:
  const Json& list_of(std::string_view kind) const {
    return kind == "Cluster"               ? input_.clusters
           : kind == "KubeadmControlPlane" ? input_.planes
           : kind == "MachineDeployment"   ? input_.deployments
           : kind == "MachineSet"          ? input_.machine_sets
           : kind == "Machine"             ? input_.machines
           : kind == "Metal3Machine"       ? input_.metal3machines
           : kind == "BareMetalHost"       ? input_.hosts
                                           : none;
  }

  const Json& find(std::string_view kind, std::string_view ns, std::string_view name) const {
    for (const auto& doc : list_of(kind).items()) {
      if (name_of(doc) == name && ns_of(doc) == ns) return doc;
    }
    return none;
  }

  void step(std::string_view kind, const std::string& ns, const std::string& name) {
    const Json& doc = find(kind, ns, name);
    if (doc.is_null()) return;
    for (const auto& seen : links_) {
      if (seen.kind == kind && seen.name == name) return;
    }
    links_.push_back({.kind = std::string(kind), .ns = ns, .name = name, .state = doc.path("status.phase").string()});
    if (kind == "Cluster") return cluster(doc);
    if (kind == "KubeadmControlPlane" || kind == "MachineDeployment" || kind == "MachineSet")
      return replicas(doc, kind);
    if (kind == "Machine") return machine(doc);
    if (kind == "Metal3Machine") return metal3machine(doc);
    host(doc);
  }

  void say(std::string text) { links_.back().text = std::move(text); }

  void cluster(const Json& doc) {
    if (is_true(doc, "Ready") && !is_deleting(doc)) {
      links_.back().state = "Ready";
      return;
    }
    const bool started = is_true(doc, "ControlPlaneInitialized");
    if (is_deleting(doc)) {
      say("Deleting: " + message_of(doc, "Deleting"));
      return first_unready(doc, [](const Json&) { return true; });
    }
    for (const char* type : {"InfrastructureReady", "ControlPlaneAvailable"}) {
      const bool mirrored = condition_of(doc, type)["reason"].string().find("Object") != 0;
      if (!is_false(doc, type) || (mirrored && std::string_view(type) == "ControlPlaneAvailable")) continue;
      return say(message_of(doc, type));
    }
    say(started && is_false(doc, "RemoteConnectionProbe") ? message_of(doc, "RemoteConnectionProbe")
                                                          : message_of(doc, "Ready"));
    if (started && is_false(doc, "RemoteConnectionProbe")) return;
    const Json& plane = find("KubeadmControlPlane", ns_of(doc), doc.path("spec.controlPlaneRef.name").string());
    if (!plane.is_null() && (!settled(plane) || !started))
      return step("KubeadmControlPlane", ns_of(plane), name_of(plane));
    for (const auto& one : input_.deployments.items()) {
      if (ns_of(one) != ns_of(doc) || one.path("spec.clusterName").string() != name_of(doc) || settled(one)) continue;
      return step("MachineDeployment", ns_of(one), name_of(one));
    }
    first_unready(doc, [](const Json&) { return true; });
  }

  // Goes on to a machine of the cluster that is not Ready and fits; one that failed before one that merely waits.
  template <class F>
  void first_unready(const Json& cluster, F&& fits) {
    const Json* best = nullptr;
    bool best_error = false;
    for (const auto& one : input_.machines.items()) {
      if (ns_of(one) != ns_of(cluster) || one.path("spec.clusterName").string() != name_of(cluster)) continue;
      if ((is_true(one, "Ready") && !is_deleting(one)) || !fits(one)) continue;
      const bool error = Walk(input_).ends_in_error(one);
      if (best && (best_error || !error)) continue;
      best = &one;
      best_error = error;
    }
    if (best) step("Machine", ns_of(*best), name_of(*best));
  }

  bool ends_in_error(const Json& machine) {
    // Only downwards: whether it waits for its cluster is not asked here.
    const Json& metal = find("Metal3Machine", ns_of(machine), machine.path("spec.infrastructureRef.name").string());
    const Json& host = host_of(metal);
    return host.is_null() ? is_false(metal, "AssociateBareMetalHost")
                          : !host.path("status.errorMessage").string().empty();
  }

  void replicas(const Json& doc, std::string_view kind) {
    auto& link = links_.back();
    link.state = std::to_string(doc.path("status.readyReplicas").integer()) + " of " +
                 std::to_string(doc.path("spec.replicas").integer(1)) + " replicas ready";
    const bool plane = kind == "KubeadmControlPlane";
    if (settled(doc) && (!plane || is_true(doc, "Initialized"))) return;
    say(scaling_text(doc));
    std::string cluster_name = labels_of(doc)["cluster.x-k8s.io/cluster-name"].string();
    if (cluster_name.empty()) cluster_name = doc.path("spec.clusterName").string();
    Json cluster = Json::object();
    cluster.set_path("metadata.name", cluster_name).set_path("metadata.namespace", ns_of(doc));
    const size_t before = links_.size();
    first_unready(cluster, [&](const Json& machine) {
      if (plane) return labels_of(machine).has(control_plane_label);
      if (kind == "MachineDeployment") return labels_of(machine)[deployment_label].string() == name_of(doc);
      return labels_of(machine)["cluster.x-k8s.io/set-name"].string() == name_of(doc);
    });
    if (links_.size() > before || kind != "MachineDeployment") return;
    for (const auto& set : input_.machine_sets.items()) {
      if (ns_of(set) != ns_of(doc) || labels_of(set)[deployment_label].string() != name_of(doc) || settled(set))
        continue;
      if (scaling_text(set).empty() || scaling_text(set) == link_text(before - 1)) continue;
      return step("MachineSet", ns_of(set), name_of(set));
    }
  }

  const std::string& link_text(size_t at) const { return links_[at].text; }

  void machine(const Json& doc) {
    if (is_true(doc, "Ready") && !is_deleting(doc)) {
      links_.back().state = "Ready";
      return;
    }
    say(machine_text(doc));
    const Json& metal = find("Metal3Machine", ns_of(doc), doc.path("spec.infrastructureRef.name").string());
    if (const Json& host = host_of(metal); !host.is_null()) {
      const std::string& state = host.path("status.provisioning.state").string();
      const bool failed = !host.path("status.errorMessage").string().empty();
      if (failed || (state != "provisioned" && state != "externally provisioned")) {
        return step("Metal3Machine", ns_of(metal), name_of(metal));
      }
      return;
    }
    const Json& cluster = find("Cluster", ns_of(doc), doc.path("spec.clusterName").string());
    const bool waits = !is_true(doc, "BootstrapConfigReady") && !labels_of(doc).has(control_plane_label) &&
                       !cluster.is_null() && !is_true(cluster, "ControlPlaneInitialized");
    if (waits) return step("Cluster", ns_of(cluster), name_of(cluster));
    if (!metal.is_null() && !is_true(metal, "Ready") && is_true(doc, "BootstrapConfigReady")) {
      links_.back().error = condition_of(metal, "Ready")["reason"].string() == "NoAvailableBareMetalHost";
      return step("Metal3Machine", ns_of(metal), name_of(metal));
    }
  }

  const Json& host_of(const Json& metal3machine) const {
    const std::string& host = metal3machine.path("metadata.annotations")[host_annotation].string();
    const size_t slash = host.find('/');
    if (slash == std::string::npos) return none;
    return find("BareMetalHost", host.substr(0, slash), host.substr(slash + 1));
  }

  void metal3machine(const Json& doc) {
    auto& link = links_.back();
    link.state = is_true(doc, "Ready") ? "Ready" : condition_of(doc, "Ready")["reason"].string();
    if (!is_true(doc, "Ready")) link.text = message_of(doc, "Ready");
    link.error = link.state == "NoAvailableBareMetalHost";
    const Json& host = host_of(doc);
    if (!host.is_null()) step("BareMetalHost", ns_of(host), name_of(host));
  }

  void host(const Json& doc) {
    auto& link = links_.back();
    link.state = doc.path("status.provisioning.state").string();
    const std::string& error = doc.path("status.errorMessage").string();
    link.error = !error.empty();
    link.moving = !link.error && is_true(doc, "Progressing");
    link.text = message_of(doc, "Progressing");
    if (link.text.empty()) link.text = one_line(error);
    if (link.text.empty() && is_false(doc, "Provisioned")) link.text = message_of(doc, "Provisioned");
    if (link.text.empty() && link.state.empty()) link.text = message_of(doc, "Manageable");
    if (link.error) link.state += std::string(link.state.empty() ? "" : ", ") + "error";
  }

  const StatusInput& input_;
  std::vector<Link> links_;
};

}  // namespace

std::vector<Link> chain_from(const StatusInput& input, std::string_view kind, std::string_view ns,
                             std::string_view name) {
  return Walk(input).from(kind, ns, name);
}

const Link* decisive(const std::vector<Link>& chain) {
  for (size_t at = chain.size(); at-- > 0;) {
    if (chain[at].text.empty()) continue;
    const bool same = at > 0 && chain[at].kind == "Metal3Machine" && chain[at - 1].kind == "Machine";
    return same ? &chain[at - 1] : &chain[at];
  }
  return nullptr;
}

std::string short_name(const Link& link, bool with_namespace) {
  const std::string& kind = link.kind;
  const std::string word = kind == "KubeadmControlPlane" ? "kcp"
                           : kind == "MachineDeployment" ? "md"
                           : kind == "MachineSet"        ? "ms"
                           : kind == "Metal3Machine"     ? "m3m"
                           : kind == "BareMetalHost"     ? "bmh"
                                                         : base::lower(kind);
  return word + "/" + link.name + (with_namespace ? " -n " + link.ns : "");
}

const Json& condition_of(const Json& doc, std::string_view type) {
  for (const auto& one : doc.path("status.conditions").items()) {
    if (one["type"].string() == type) return one;
  }
  return none;
}

std::string one_line(std::string_view text) {
  std::vector<std::string> parts;
  for (auto line : base::split(text, '\n')) {
    line = base::trim(line);
    while (line.starts_with("* ")) line = base::trim(line.substr(2));
    if (!line.empty()) parts.emplace_back(line);
  }
  return base::join(parts, "; ");
}

CauseParts parts_of(std::string_view why) {
  for (const std::string_view mark : {"; next: ", ". Next: "}) {
    const size_t at = why.find(mark);
    if (at == std::string_view::npos) continue;
    return {std::string(why.substr(0, at)), std::string(why.substr(at + mark.size()))};
  }
  return {std::string(why), {}};
}

std::string wrapped(std::string_view text, size_t width, size_t indent) {
  constexpr size_t width_min = 30;
  const std::string margin(indent, ' ');
  const size_t room = width == 0 ? std::string::npos : std::max(width, width_min + indent) - indent;
  std::string out, line;
  for (const auto word : base::split(text, ' ')) {
    if (!line.empty() && line.size() + 1 + word.size() > room) {
      out += margin + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + std::string(word);
  }
  return out + margin + line + "\n";
}

}  // namespace cli
