#include "control/metal3machine/choose.h"

#include <doctest/doctest.h>

#include <functional>

using namespace control;
using namespace control::metal3machine;

namespace {

using Change = std::function<void(BareMetalHost&)>;

Ref<BareMetalHost> host(const std::string& name, const api::Labels& labels, const Change& change = nullptr) {
  BareMetalHost out;
  out.meta.name = name;
  out.meta.ns = "ns";
  out.meta.labels = labels;
  out.status.provisioning.state = "available";
  if (change) change(out);
  return std::make_shared<const BareMetalHost>(std::move(out));
}

Metal3Machine machine(const api::Labels& labels, const std::vector<api::SelectorRequirement>& more = {}) {
  Metal3Machine out;
  out.meta.name = "m";
  out.meta.ns = "ns";
  out.spec.host_selector.match_labels = labels;
  out.spec.host_selector.match_expressions = more;
  return out;
}

std::string chosen(const Metal3Machine& machine, const std::vector<Ref<BareMetalHost>>& hosts) {
  const auto choice = choose_host(machine, hosts);
  if (!choice.ok()) return "error: " + choice.error().message;
  CHECK(choice->why.empty() == bool(choice->host));
  return choice->host ? choice->host->meta.name : "";
}

void claim(BareMetalHost& host, const std::string& kind, const std::string& name, const std::string& ns) {
  host.spec.consumer_ref = api::ObjectReference{.kind = kind, .ns = ns, .name = name};
}

}  // namespace

TEST_CASE("the first host that fits is taken") {
  const std::vector<Ref<BareMetalHost>> hosts = {host("a", {{"role", "cp"}}), host("b", {{"role", "worker"}}),
                                                 host("c", {{"role", "worker"}})};
  CHECK(chosen(machine({}), hosts) == "a");
  CHECK(chosen(machine({{"role", "worker"}}), hosts) == "b");
  CHECK(chosen(machine({{"role", "gpu"}}), hosts) == "");
  CHECK(chosen(machine({}), {}) == "");
}

TEST_CASE("operators of match expressions as people write them") {
  const std::vector<Ref<BareMetalHost>> hosts = {host("a", {{"rack", "1"}, {"spare", ""}}), host("b", {{"rack", "2"}}),
                                                 host("c", {{"rack", "3"}})};
  const auto by = [&](const std::string& key, const std::string& op, const std::vector<std::string>& values) {
    return chosen(machine({}, {{key, op, values}}), hosts);
  };
  for (const char* op : {"In", "in", "IN"}) CHECK(by("rack", op, {"2", "3"}) == "b");
  for (const char* op : {"NotIn", "notin"}) CHECK(by("rack", op, {"1", "2"}) == "c");
  for (const char* op : {"=", "=="}) CHECK(by("rack", op, {"3"}) == "c");
  CHECK(by("rack", "!=", {"1"}) == "b");
  for (const char* op : {"Exists", "exists"}) CHECK(by("spare", op, {}) == "a");
  for (const char* op : {"DoesNotExist", "doesnotexist", "!"}) CHECK(by("spare", op, {}) == "b");
  for (const char* op : {"Gt", "gt"}) CHECK(by("rack", op, {"1"}) == "b");
  for (const char* op : {"Lt", "lt"}) CHECK(by("rack", op, {"2"}) == "a");
  CHECK(by("rack", "like", {"1"}).starts_with("error: "));
}

TEST_CASE("a host that is not free is never taken") {
  const std::pair<const char*, Change> changes[] = {
      {"claimed by another", [](BareMetalHost& one) { claim(one, "Metal3Machine", "other", "ns"); }},
      {"claimed by the same name elsewhere", [](BareMetalHost& one) { claim(one, "Metal3Machine", "m", "else"); }},
      {"claimed by another kind", [](BareMetalHost& one) { claim(one, "HostClaim", "m", "ns"); }},
      {"kept for reuse by a cluster", [](BareMetalHost& one) { claim(one, "Cluster", "dev", "ns"); }},
      {"not registered", [](BareMetalHost& one) { one.status.provisioning.state = ""; }},
      {"inspecting", [](BareMetalHost& one) { one.status.provisioning.state = "inspecting"; }},
      {"provisioned", [](BareMetalHost& one) { one.status.provisioning.state = "provisioned"; }},
      {"deprovisioning", [](BareMetalHost& one) { one.status.provisioning.state = "deprovisioning"; }},
      {"in error", [](BareMetalHost& one) { one.status.error_message = "BMC does not answer"; }},
      {"deleting", [](BareMetalHost& one) { one.meta.deletion = Time() + base::hours(1); }},
      {"detached", [](BareMetalHost& one) { one.status.operational_status = "detached"; }},
      {"to be detached", [](BareMetalHost& one) { one.meta.annotations["baremetalhost.metal3.io/detached"] = ""; }},
      {"paused", [](BareMetalHost& one) { one.meta.annotations["baremetalhost.metal3.io/paused"] = "false"; }},
      {"unhealthy", [](BareMetalHost& one) { one.meta.annotations["capm3.metal3.io/unhealthy"] = ""; }},
      {"unhealthy, old name", [](BareMetalHost& one) { one.meta.annotations["capi.metal3.io/unhealthy"] = ""; }},
  };
  for (const auto& [what, change] : changes) {
    CAPTURE(what);
    CHECK(chosen(machine({}), {host("a", {}, change)}) == "");
    CHECK(chosen(machine({}), {host("a", {}, change), host("b", {})}) == "b");
  }
}

TEST_CASE("the host that names the machine is its host, whatever became of it") {
  const auto ours = host("z", {}, [](BareMetalHost& one) {
    claim(one, "Metal3Machine", "m", "ns");
    one.status.provisioning.state = "provisioned";
    one.status.error_message = "trouble";
  });
  const auto choice = choose_host(machine({{"role", "worker"}}), {host("a", {{"role", "worker"}}), ours});
  REQUIRE(choice.ok());
  CHECK(choice->already_ours);
  REQUIRE(choice->host);
  CHECK(choice->host->meta.name == "z");
}

TEST_CASE("the failure domain is a preference") {
  const char* label = "infrastructure.cluster.x-k8s.io/failure-domain";
  auto wanted = machine({{"role", "cp"}});
  wanted.spec.failure_domain = "rack2";
  const auto a = host("a", {{"role", "cp"}, {label, "rack1"}}), b = host("b", {{"role", "cp"}, {label, "rack2"}}),
             c = host("c", {{"role", "worker"}, {label, "rack2"}});
  CHECK(chosen(wanted, {a, b, c}) == "b");
  CHECK(chosen(wanted, {a, c}) == "a");
}

TEST_CASE("why none: numbers, near misses and the next step") {
  const auto why = [](const Metal3Machine& machine, const std::vector<Ref<BareMetalHost>>& hosts) {
    const auto choice = choose_host(machine, hosts);
    REQUIRE(choice.ok());
    CHECK_FALSE(choice->host);
    return choice->why;
  };
  const auto inspecting = [](BareMetalHost& one) { one.status.provisioning.state = "inspecting"; };
  const auto broken = [](BareMetalHost& one) { one.status.error_message = "x"; };
  const auto fresh = [](BareMetalHost& one) { one.status.provisioning.state = ""; };
  const auto taken = [](BareMetalHost& one) { claim(one, "Metal3Machine", "other", "ns"); };
  const auto worker = machine({{"role", "worker"}});
  CHECK(why(machine({}), {}) ==
        "controller: no available BareMetalHost in namespace ns matches (any host): 0 of 0 hosts are free, 0 match, 0 "
        "are both. Next: add a host, or release one");
  CHECK(why(worker, {host("a", {{"role", "cp"}}), host("b", {}), host("c", {{"role", "worker"}}, taken)}) ==
        "controller: no available BareMetalHost in namespace ns matches role=worker: 2 of 3 hosts are free, 1 match, 0 "
        "are both. Free, but: a misses role=worker (has role=cp); b misses role=worker (has no role). Next: label "
        "a free host (kubectl label bmh NAME KEY=VALUE --overwrite) or add hosts");
  CHECK(why(worker, {host("a", {{"role", "worker"}}, inspecting), host("b", {{"role", "worker"}}, broken),
                     host("c", {{"role", "worker"}}, fresh)}) ==
        "controller: no available BareMetalHost in namespace ns matches role=worker: 0 of 3 hosts are free, 3 match, 0 "
        "are both. Matching, but: a is inspecting; b is in error; c is not yet registered");
  CHECK(why(worker, {host("a", {{"role", "spare"}}), host("b", {{"role", "spare"}}), host("c", {})})
            .find("Free, but: a, b miss role=worker (has role=spare); c misses role=worker (has no role). Next") !=
        std::string::npos);
  std::vector<Ref<BareMetalHost>> many;
  for (int i = 0; i < 8; ++i) many.push_back(host("h" + std::to_string(i), {{"role", "worker"}}, inspecting));
  CHECK(why(worker, many).find("h4 is inspecting; and 3 more") != std::string::npos);
}

TEST_CASE("a host that is kept for the machine's owner goes first, and nobody else gets it") {
  auto mine = machine({{"role", "w"}});
  mine.meta.labels = {{"cluster.x-k8s.io/cluster-name", "c"}, {"cluster.x-k8s.io/deployment-name", "d"}};
  CHECK(node_reuse_value(mine) == "md-d");
  const auto kept = [](const std::string& state, const std::string& cluster = "c") {
    return host("b", {{"role", "w"}, {std::string(node_reuse_label), "md-d"}}, [&](BareMetalHost& one) {
      one.status.provisioning.state = state;
      claim(one, "Cluster", cluster, "ns");
    });
  };
  const auto free = host("a", {{"role", "w"}});
  CHECK(chosen(mine, {free, kept("available")}) == "b");
  CHECK(chosen(mine, {free, kept("deprovisioning")}) == "");  // waits for it
  CHECK(chosen(mine, {free, kept("available", "other")}) == "a");
  CHECK(chosen(machine({{"role", "w"}}), {free, kept("available")}) == "a");
  CHECK(chosen(machine({{"role", "w"}}), {kept("available")}) == "");
  auto plane = mine;
  plane.meta.labels["cluster.x-k8s.io/control-plane-name"] = "p";
  CHECK(node_reuse_value(plane) == "cp-p");
  CHECK(chosen(plane, {free, kept("available")}) == "a");
}
