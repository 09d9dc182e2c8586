// Named so that it is built into the tests only.
#include "cli/invariants.h"

#include "api/cluster.h"
#include "metal/operation.h"

namespace cli::test {

namespace {

using metal::Milestone;
using metal::Operation;
using metal::OperationKind;
namespace state = api::host_state;

constexpr size_t recent_max = 600;
constexpr size_t broken_max = 3;
constexpr size_t shown_max = 40;
// How long after an order was taken back its last request may still be on the way: latency of the network and, for
// power, what hardware needs to do as it was told.
constexpr base::Duration on_the_way = base::seconds(5);
constexpr base::Duration power_takes = base::seconds(15);
constexpr base::Duration shutdown_takes = base::seconds(50);
// An image order erases first; its first block reaches the disk this much later.
constexpr base::Duration erase_before_write = base::minutes(2);

std::string key_of(const store::Key& key) { return key.ns + "/" + key.name; }

std::string consumer_of(const api::BareMetalHost& host) {
  const auto& consumer = host.spec.consumer_ref;
  return consumer && !consumer->name.empty() ? consumer->ns + "/" + consumer->name : std::string();
}

bool asks_for_reboot(const api::BareMetalHost& host) {
  for (const auto& [key, value] : host.meta.annotations) {
    if (key.starts_with(api::host_annotation::reboot)) return true;
  }
  return false;
}

std::string describe(const api::BareMetalHost& host) {
  const Operation operation = Operation::read(host.status.conditions);
  std::string out = host.status.provisioning.state + ", operation " + std::string(metal::name_of(operation.kind)) +
                    " " + std::string(metal::name_of(operation.milestone)) + ", consumer " + consumer_of(host);
  if (host.meta.deleting()) out += ", deleting";
  if (host.meta.has_annotation(api::host_annotation::paused)) out += ", paused";
  if (host.meta.has_annotation(api::host_annotation::detached)) out += ", annotated detached";
  if (host.status.operational_status != "OK") out += ", " + host.status.operational_status;
  if (host.spec.externally_provisioned) out += ", external";
  if (!host.spec.online) out += ", offline wanted";
  if (asks_for_reboot(host)) out += ", reboot wanted";
  if (!host.spec.image) out += ", no image wanted";
  if (!host.status.error_message.empty()) out += ", " + host.status.error_message;
  return out;
}

template <class Kind>
Kind decoded(const store::Record& record) {
  const auto doc = base::parse_json(record.doc);
  auto out = doc ? meta::decode<Kind>(*doc) : base::Result<Kind>(doc.error());
  return out ? std::move(*out) : Kind{};
}

}  // namespace

void Invariants::fail(const std::string& subject, const std::string& what) {
  if (broken_.size() >= broken_max) return;
  std::vector<std::string> lines;
  for (const auto& line : recent_) {
    if (line.find(subject) != std::string::npos) lines.push_back(line);
  }
  if (lines.size() > shown_max) lines.erase(lines.begin(), lines.end() - shown_max);
  std::string text = subject + ": " + what + "; before it:\n";
  for (const auto& line : lines) text += "  " + line + "\n";
  broken_.push_back(std::move(text));
}

void Invariants::on_durable(const store::Record& record) {
  const std::string key = key_of(record.key);
  const std::string& resource = record.key.resource;
  if (resource == api::BareMetalHost::resource) {
    host_changed(key, record);
  } else if (resource == api::Machine::resource) {
    if (record.doc.empty()) {
      machines_.erase(key);
    } else {
      machines_[key] = decoded<api::Machine>(record).meta.deleting();
    }
  } else if (resource == api::Metal3Machine::resource) {
    if (record.doc.empty()) {
      claimants_.erase(key);
      return;
    }
    const auto machine = decoded<api::Metal3Machine>(record);
    Claimant& claimant = claimants_[key];
    claimant.deleting = machine.meta.deleting();
    claimant.provisioned = machine.status.initialization.provisioned.value_or(false);
    claimant.host = machine.meta.annotation("metal3.io/BareMetalHost");
    for (const auto& owner : machine.meta.owners) {
      if (owner.kind == "Machine") claimant.machine = machine.meta.ns + "/" + owner.name;
    }
  }
}

void Invariants::host_changed(const std::string& key, const store::Record& record) {
  const base::Time now = loop_.now();
  Host& host = hosts_[key];
  const Host before = host;
  host.exists = !record.doc.empty();
  if (host.exists) host.doc = decoded<api::BareMetalHost>(record);
  const auto& doc = host.doc;
  const auto& at = doc.status.provisioning.state;
  const Operation operation = Operation::read(doc.status.conditions);
  const bool is = host.exists;
  const bool deleting = doc.meta.deleting();
  const auto ordered = [&](std::string_view wanted, OperationKind kind) {
    return at == wanted && operation.kind == kind && operation.milestone == Milestone::ordered;
  };
  const bool free =
      is && !doc.meta.has_annotation(api::host_annotation::paused) && doc.status.operational_status != "detached";
  const bool ours = free && !doc.spec.externally_provisioned && at != state::externally_provisioned;
  host.touch.set(free, now);
  const bool provisions = ours && !deleting && at == state::provisioning && operation.kind == OperationKind::provision;
  host.write.set(provisions && operation.milestone == Milestone::writing, now);
  const bool erases = (ordered(state::preparing, OperationKind::prepare) && !deleting) ||
                      ordered(state::deprovisioning, OperationKind::deprovision);
  host.erase.set(host.write.now || (ours && erases), now);
  host.volumes.set(ours && !deleting && ordered(state::preparing, OperationKind::prepare) &&
                       doc.spec.raid["hardwareRAIDVolumes"].is_array(),
                   now);
  const bool inspects = ordered(state::inspecting, OperationKind::inspect) && !deleting;
  const bool restarts = at == state::preparing && operation.kind == OperationKind::prepare &&
                        operation.milestone == Milestone::staged && !deleting;
  const bool aims = provisions && operation.milestone == Milestone::ordered;
  host.boot.set(host.erase.now || aims || (ours && (inspects || restarts)), now);
  const bool ends = at == state::powering_off || at == state::deprovisioning || at == state::provisioning;
  host.stop.set(host.boot.now || (free && (ends || deleting || !doc.spec.online || asks_for_reboot(doc))), now);
  if (!is || before.doc.meta.uid != doc.meta.uid) host.written_for.clear();
  if (is && operation.kind == OperationKind::provision && operation.milestone == Milestone::written) {
    host.written_for = consumer_of(doc);
  }
  const std::string line = is ? describe(doc) : "gone";
  if (!before.exists || !is || describe(before.doc) != line) {
    recent_.push_back(base::rfc3339(now) + " store " + record.key.name + ": " + line);
    if (recent_.size() > recent_max) recent_.pop_front();
  }
  if (before.exists && is && before.doc.meta.uid == doc.meta.uid) check_claim(key, before, host);
}

void Invariants::check_claim(const std::string& key, const Host& before, const Host& after) {
  const std::string had = consumer_of(before.doc);
  const std::string has = consumer_of(after.doc);
  if (had == has) return;
  const auto& doc = after.doc;
  const auto& at = doc.status.provisioning.state;
  const bool in_use = at == state::provisioning || at == state::provisioned || at == state::deprovisioning ||
                      doc.status.provisioning.image.has_value();
  if (!had.empty() && in_use && !doc.meta.deleting()) {
    fail(doc.meta.name, "its consumer " + had + " was dropped before the disks were wiped (" + describe(doc) + ")");
  }
  if (has.empty()) return;
  for (const auto& [name, other] : hosts_) {
    if (name != key && other.exists && consumer_of(other.doc) == has) {
      fail(doc.meta.name, "two hosts are held by " + has + ", this one and " + name);
    }
  }
  for (const auto& [name, claimant] : claimants_) {
    const bool there = claimant.host == key && after.written_for == name;
    if (name != has && there && claimant.provisioned && !claimant.deleting) {
      fail(doc.meta.name, "is taken by " + has + " while it belongs to " + name);
    }
  }
}

Invariants::Host* Invariants::host_of(const std::string& server) {
  for (auto& [key, host] : hosts_) {
    if (host.doc.meta.name == server) return &host;
  }
  return nullptr;
}

std::string Invariants::runs_for(const Host& host) const {
  const std::string consumer = consumer_of(host.doc);
  const auto claimant = claimants_.find(consumer);
  if (claimant == claimants_.end() || claimant->second.deleting) return {};
  const auto machine = machines_.find(claimant->second.machine);
  if (machine == machines_.end() || machine->second) return {};
  return claimant->second.machine;
}

void Invariants::check_disk(const sim::RackEvent& event, Host* host) {
  const base::Time now = loop_.now();
  if (!host) return fail(event.subject, event.what + " although no host stands for this server");
  const std::string is = " (" + describe(host->doc) + ")";
  if (event.what == "image write started") {
    if (!host->write.within(erase_before_write, now)) fail(event.subject, "an image is written without an order" + is);
    if (!host->written_for.empty() && host->written_for == consumer_of(host->doc)) {
      fail(event.subject, "an image is written again for " + host->written_for + is);
    }
    return;
  }
  if (!host->erase.within(on_the_way, now)) fail(event.subject, "disks are erased without an order" + is);
}

void Invariants::check_volume(const sim::RackEvent& event, const Host* host) {
  if (host && host->volumes.within(on_the_way, loop_.now())) return;
  fail(event.subject, event.what + " without an order" + (host ? " (" + describe(host->doc) + ")" : ""));
}

void Invariants::check_power(const sim::RackEvent& event, Host* host) {
  const base::Time now = loop_.now();
  if (event.detail == "power cut" || !host) return;
  const std::string is = " (" + describe(host->doc) + ")";
  const base::Duration grace = event.detail == "shut down" ? shutdown_takes : power_takes;
  if (!host->touch.within(grace, now)) fail(event.subject, event.what + " of a host that is to be left alone" + is);
  if (event.what == "power on") return;
  const sim::Server* server = rack_.server(event.subject);
  const bool asked = asks_for_reboot(host->doc) || !host->doc.spec.online || host->doc.meta.deleting();
  const std::string machine = runs_for(*host);
  if (!server->node_name().empty() && !machine.empty() && !asked) {
    const auto claimant = claimants_.find(consumer_of(host->doc));
    // A wish that was withdrawn a moment ago still has its effect.
    if (!host->stop.within(grace, now) || host->doc.status.provisioning.state != state::provisioned) {
      fail(event.subject, event.what + " of " + server->node_name() + ", which runs for Machine " + machine +
                              (claimant->second.provisioned ? "" : " (not yet provisioned)") + is);
    }
  }
  if (!host->stop.within(grace, now)) fail(event.subject, event.what + " without an order" + is);
}

void Invariants::on_event(const sim::RackEvent& event) {
  recent_.push_back(event.line());
  if (recent_.size() > recent_max) recent_.pop_front();
  if (!rack_.server(event.subject)) return;
  Host* host = host_of(event.subject);
  const std::string& what = event.what;
  if (what == "image write started" || what == "disk erase started" || what == "full erase started") {
    return check_disk(event, host);
  }
  if (what == "RAID volume made" || what == "RAID volume deleted") return check_volume(event, host);
  if (what == "power on" || what == "power off" || what == "reset") return check_power(event, host);
  const bool aims = what == "virtual media inserted" || what == "boot override";
  if (aims && (!host || !host->touch.within(on_the_way, loop_.now()))) {
    fail(event.subject,
         what + " on a host that is to be left alone" + (host ? " (" + describe(host->doc) + ")" : ""));
  }
}

}  // namespace cli::test
