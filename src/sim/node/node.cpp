#include "sim/node/node.h"

#include "agent/disk_layout.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "sim/server.h"
#include "sys/fiber.h"

namespace sim {

using base::Code;
using base::Json;
using base::Result;

namespace {

// Where the system keeps what it has to know after a restart; erased with everything else by a full erase, and ignored
// when the config drive is another one.
constexpr uint64_t state_bytes = 64u << 10;
uint64_t state_offset(uint64_t disk_bytes) { return agent::record_offset(disk_bytes) - state_bytes; }

std::vector<std::string> words_of(std::string_view command) {
  std::vector<std::string> words;
  for (const auto word : base::split(command, ' ')) {
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

std::string seeded_hex(const std::string& text) { return base::hex(crypto::sha256(text)).substr(0, 32); }

}  // namespace

Result<std::unique_ptr<Node>> Node::from_disk(Server& server, sys::Sys& sys, const std::string& device) {
  auto disk = TRY(server.open_disk(device));
  auto drive = TRY(read_config_drive(*disk));
  return std::unique_ptr<Node>(new Node(server, sys, device, std::move(drive)));
}

Node::Node(Server& server, sys::Sys& sys, std::string device, ConfigDriveContent drive)
    : server_(server), sys_(sys), device_(std::move(device)), drive_(std::move(drive)) {}

Node::~Node() {
  if (cluster_) cluster_->leave(facts_.name);
}

void Node::start() {
  sys::spawn(sys_.loop, server_.spec().name + " system", [this] { run(); });
}

void Node::console(std::string_view what, std::string_view detail) { server_.log(what, detail); }

std::string Node::state() const {
  if (!ready_) return state_;
  return "node " + facts_.name + (kubelet_ ? " ready" : " (kubelet stopped)");
}

void Node::set_kubelet(bool running) {
  if (kubelet_ == running) return;
  kubelet_ = running;
  console(running ? "kubelet started" : "kubelet stopped");
}

void Node::run() {
  Site& site = server_.site();
  if (!sys::sleep(sys_.loop, server_.takes(site.durations.system_start))) return;
  auto resumed = resume();
  if (!resumed) console("system state is lost", resumed.error().text());
  if (!resumed || !*resumed) {
    if (auto done = first_start(); !done) {
      if (done.error().code == Code::cancelled) return;
      state_ = "cloud-init failed: " + done.error().message;
      console("cloud-init failed", done.error().message);
      return;
    }
  }
  if (cluster_) {
    run_kubelet();
  } else {
    state_ = "running, not a node";
  }
}

Result<bool> Node::resume() {
  auto disk = TRY(server_.open_disk(device_));
  const std::string block = TRY(disk->read_at(state_offset(disk->size()), state_bytes));
  const size_t end = block.find('\0');
  if (block.empty() || block[0] != '{' || end == std::string::npos) return false;
  const Json saved = TRY(base::parse_json(std::string_view(block).substr(0, end)));
  if (saved["configDrive"].string() != drive_.fingerprint) return false;
  cluster_ = server_.site().clusters->find(saved["cluster"].string());
  if (!cluster_) return base::not_found("the cluster this node belonged to is gone");
  facts_.name = saved["name"].string();
  registration_.name = facts_.name;
  facts_ = facts_for(registration_, saved["controlPlane"].boolean(), saved["version"].string());
  if (cluster_->in(facts_.name)) return base::conflict("another server runs as node " + facts_.name);
  TRY(cluster_->enter(facts_, sys_));
  console("node restarted", facts_.name);
  return true;
}

Result<void> Node::remember() {
  auto disk = TRY(server_.open_disk(device_));
  Json saved = Json::object({{"configDrive", drive_.fingerprint}, {"name", facts_.name}});
  saved.set("cluster", cluster_->pki().fingerprint()).set("controlPlane", facts_.control_plane);
  std::string block = saved.set("version", facts_.version).dump();
  block.resize(state_bytes, '\0');
  TRY(disk->write_at(state_offset(disk->size()), block));
  return disk->sync();
}

Result<void> Node::first_start() {
  state_ = "cloud-init";
  const std::string text = TRY(render_user_data(drive_.user_data, drive_.meta_data));
  if (base::trim(text).empty()) return {};
  const CloudConfig config = TRY(parse_cloud_config(text));
  TRY(write_files(config, files_));
  for (const auto& command : config.boot_commands) TRY(run_command(command));
  for (const auto& command : config.commands) TRY(run_command(command));
  return {};
}

// A shell line of words joined by "&&": each part runs when the one before has succeeded.
Result<void> Node::run_command(const std::string& command) {
  std::string rest = command;
  for (;;) {
    const size_t both = rest.find("&&");
    const auto words = words_of(rest.substr(0, both));
    if (!words.empty()) {
      state_ = "cloud-init: " + words[0] + (words.size() > 1 ? " " + words[1] : "");
      auto done = run_word(words);
      if (!done && done.error().code == Code::cancelled) return base::cancelled();
      if (!done) {
        // cloud-init goes on with the next command after one that failed; kubeadm's failure ends the node.
        console(words[0] + " failed", done.error().message);
        if (words[0] == "kubeadm") return std::move(done).error();
        return {};
      }
    }
    if (both == std::string::npos) return {};
    rest = rest.substr(both + 2);
  }
}

Result<std::string> Node::config_of(const std::vector<std::string>& words) const {
  for (size_t i = 0; i < words.size(); ++i) {
    std::string path;
    if (words[i] == "--config" && i + 1 < words.size()) path = words[i + 1];
    if (words[i].starts_with("--config=")) path = words[i].substr(9);
    if (path.empty()) continue;
    const auto file = files_.find(path);
    if (file == files_.end()) return base::not_found("kubeadm: there is no file " + path);
    return file->second;
  }
  return base::invalid("kubeadm: --config is missing");
}

Result<void> Node::run_word(const std::vector<std::string>& words) {
  Site& site = server_.site();
  const auto is = [&](const char* verb) { return words.size() > 1 && words[0] == "kubeadm" && words[1] == verb; };
  if (is("init")) return kubeadm_init(TRY(config_of(words)));
  if (is("join")) return kubeadm_join(TRY(config_of(words)));
  if (words[0] == "echo" && words.size() > 2 && words[words.size() - 2] == ">") {
    std::string text;
    for (size_t i = 1; i + 2 < words.size(); ++i) text += (i > 1 ? " " : "") + words[i];
    files_[words.back()] = text + "\n";
    return {};
  }
  console("command", words[0]);  // arguments may be secret
  return sys::sleep(sys_.loop, server_.takes(site.durations.command));
}

NodeFacts Node::facts_for(const NodeRegistration& registration, bool control_plane, const std::string& version) const {
  const ServerSpec& spec = server_.spec();
  NodeFacts facts;
  facts.name = registration.name;
  if (facts.name.empty()) {
    for (const char* key : {"local-hostname", "local_hostname", "hostname", "name"}) {
      if (facts.name.empty()) facts.name = base::lower(drive_.meta_data[key].string());
    }
  }
  if (facts.name.empty()) facts.name = spec.name;
  facts.address = spec.site_address;
  facts.version = version;
  facts.machine_id = seeded_hex(drive_.fingerprint + spec.name);
  facts.system_uuid = spec.identity.uuid;
  facts.boot_id = seeded_hex(drive_.fingerprint + std::to_string(server_.counters().disk_boots));
  facts.cpus = spec.identity.processors * spec.identity.cores_per_processor * 2;
  facts.memory_kib = int64_t{spec.identity.memory_gib} * 1024 * 1024;
  facts.control_plane = control_plane;
  return facts;
}

Result<void> Node::kubeadm_init(const std::string& text) {
  Site& site = server_.site();
  const InitOrder order = TRY(parse_init(text));
  ClusterPki pki = TRY(read_pki(files_).context("kubeadm init"));
  const auto known = site.clusters->find(pki.fingerprint());
  if (known && known->available()) {
    return base::conflict("kubeadm init: a control plane with this CA already answers at " + known->endpoint().text());
  }
  console("kubeadm init", order.cluster_name + " " + order.version);
  TRY(sys::sleep(sys_.loop, server_.takes(site.durations.kubeadm_init)));
  registration_ = order.node;
  facts_ = facts_for(order.node, true, order.version);
  auto cluster = TRY(WorkloadCluster::create(site, order, std::move(pki)));
  TRY(cluster->add_etcd_member(facts_));
  TRY(cluster->enter(facts_, sys_));
  site.clusters->add(cluster);
  cluster_ = cluster;
  TRY(cluster_->register_node(facts_, registration_));
  ++server_.counters().nodes_started;
  console("kubeadm init succeeded", facts_.name);
  return remember();
}

Result<void> Node::kubeadm_join(const std::string& text) {
  Site& site = server_.site();
  const JoinOrder order = TRY(parse_join(text));
  console("kubeadm join", order.endpoint.text() + (order.control_plane ? " as control plane" : ""));
  if (order.control_plane) TRY(read_pki(files_).context("kubeadm join"));
  const std::string ca_pem = TRY(discover(order));
  TRY(sys::sleep(sys_.loop, server_.takes(site.durations.kubeadm_join)));
  return join_cluster(order, ca_pem);
}

Result<void> Node::join_cluster(const JoinOrder& order, const std::string& ca_pem) {
  ClusterPki wanted;
  wanted.ca_certificate = ca_pem;
  auto cluster = server_.site().clusters->find(wanted.fingerprint());
  if (!cluster || !cluster->available()) return base::unavailable("kubeadm join: the control plane went away");
  if (order.control_plane && TRY(read_pki(files_)).fingerprint() != wanted.fingerprint()) {
    return base::invalid("kubeadm join: /etc/kubernetes/pki/ca.crt is not the CA of the cluster");
  }
  const NodeFacts facts = facts_for(order.node, order.control_plane, cluster->version_for_join());
  if (cluster->in(facts.name)) {
    return base::conflict("kubeadm join: a Node with name \"" + facts.name + "\" and status \"Ready\" already exists");
  }
  if (order.control_plane) TRY(cluster->add_etcd_member(facts).context("kubeadm join: etcd"));
  facts_ = facts;
  registration_ = order.node;
  cluster_ = cluster;
  TRY(cluster_->enter(facts_, sys_));
  TRY(cluster_->register_node(facts_, registration_));
  ++server_.counters().nodes_started;
  console("kubeadm join succeeded", facts_.name);
  return remember();
}

void Node::run_kubelet() {
  Site& site = server_.site();
  ready_ = true;
  constexpr int beats_per_status = 30;  // kubelet reports an unchanged status every five minutes
  bool reported = false;
  for (int count = 0;; ++count) {
    if (kubelet_) {
      const auto done = cluster_->beat(facts_, !reported || count % beats_per_status == 0);
      if (done) reported = true;
      if (!done && done.error().code == Code::unavailable) reported = false;
    } else {
      reported = false;
    }
    if (!sys::sleep(sys_.loop, site.pace.scaled(site.durations.kubelet_beat))) return;
  }
}

}  // namespace sim
