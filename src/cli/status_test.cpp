#include <doctest/doctest.h>

#include "base/text.h"
#include "cli/status.h"
#include "cli/table.h"

namespace {

using base::Json;
using cli::StatusInput;

Json json(const char* text) {
  auto parsed = base::parse_json(text);
  REQUIRE_MESSAGE(parsed.ok(), parsed.error().text());
  return *parsed;
}

StatusInput sample() {
  StatusInput in;
  in.hosts = json(R"j([
    {"metadata": {"name": "h1", "namespace": "x", "creationTimestamp": "2026-01-01T00:00:00Z"},
     "spec": {"consumerRef": {"name": "m1"}},
     "status": {"provisioning": {"state": "provisioning"}, "operationHistory": {"inspect": {"end": "2026-01-01T00:10:00Z"}},
       "conditions": [{"type": "Progressing", "status": "True",
                       "message": "agent: no heartbeat yet; next: take the heartbeat (booting the deploy agent, 60 %)"
}]
}
},
    {"metadata": {"name": "h2", "namespace": "x"},
     "status": {"provisioning": {"state": "registering"}, "errorType": "registration error",
                "errorMessage": "BMC: wrong password"}},
    {"metadata": {"name": "h3", "namespace": "x"},
     "status": {"provisioning": {"state": "provisioning"},
       "conditions": [{"type": "Progressing", "status": "True", "message": "writing the image, 42 %"}]}}])j");
  in.machines = json(R"([{"metadata": {"name": "w", "namespace": "x"},
    "spec": {"clusterName": "dev", "version": "v1.32.0", "infrastructureRef": {"name": "m1"}},
    "status": {"phase": "Provisioning", "conditions": [
      {"type": "BootstrapConfigReady", "status": "True"},
      {"type": "InfrastructureReady", "status": "False", "message": "* A: first\n* B: second"},
      {"type": "Ready", "status": "False", "message": "all of it"}]}}])");
  in.metal3machines =
      json(R"([{"metadata": {"name": "m1", "namespace": "x", "annotations": {"metal3.io/BareMetalHost": "x/h1"}}}])");
  in.clusters = json(R"([{"metadata": {"name": "dev", "namespace": "x", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "status": {"phase": "Provisioned", "controlPlane": {"desiredReplicas": 1, "readyReplicas": 1},
      "workers": {"desiredReplicas": 2, "readyReplicas": 1},
      "conditions": [{"type": "Ready", "status": "False", "message": "one worker is missing"}]}}])");
  return in;
}

TEST_CASE("rows say state, step, percent and the reason of every wait") {
  const auto report = cli::make_report(sample());
  REQUIRE(report.hosts.size() == 3);
  CHECK(report.hosts[0].name == "h2");  // what failed comes first
  CHECK(report.hosts[0].error);
  CHECK(report.hosts[0].why == "BMC: wrong password");
  CHECK(report.hosts[1].step == "booting the deploy agent");
  CHECK(report.hosts[1].percent == 60);
  CHECK(report.hosts[1].why == "agent: no heartbeat yet; next: take the heartbeat");
  CHECK(report.hosts[2].step == "writing the image");
  CHECK(report.hosts[2].percent == 42);
  REQUIRE(report.machines.size() == 1);
  CHECK(report.machines[0].host == "h1");
  CHECK(report.machines[0].on == "bmh/h1");
  CHECK(report.clusters[0].workers == "1/2");
  CHECK(report.clusters[0].on == "bmh/h1");
  REQUIRE(report.troubles.size() == 1);  // hosts at work need nobody
  CHECK(report.troubles[0].who == std::vector<std::string>{"bmh/h2"});
  CHECK_FALSE(report.all_ready());
  CHECK(cli::StatusReport().all_ready() == false);
}

TEST_CASE("a failure is told once, with everything that it holds up") {
  auto in = sample();
  Json& host = in.hosts.item(0);
  host.set_path("status.errorMessage", "agent: no disk; next: correct the hints");
  host.set_path("status.conditions", json(R"([{"type": "Progressing", "status": "True",
    "message": "agent: no disk; next: correct the hints; tried again at 2026-01-01T01:00:00Z"}])"));
  const auto report = cli::make_report(in);
  const std::string text = cli::render(report, {.wide = true});
  const std::string troubles = cli::render_troubles(report.troubles, {.width = 60});
  CHECK_MESSAGE(troubles.find("! bmh/h1\n"
                              "    agent: no disk\n"
                              "    next: correct the hints; tried again at\n"
                              "    2026-01-01T01:00:00Z\n"
                              "    holds up cluster/dev, machine/w\n") != std::string::npos,
                troubles);
  CHECK(troubles.find("\x1b") == std::string::npos);
  CHECK(cli::render(report, {.wide = true, .colour = true}).find("\x1b[31mh1") != std::string::npos);
  // The sentence stands in the host's row and below the tables, not at the machine and the cluster.
  size_t times = 0;
  for (size_t at = text.find("no disk"); at != std::string::npos; at = text.find("no disk", at + 1)) ++times;
  CHECK_MESSAGE(times == 2, text);
}

TEST_CASE("narrow terminals get fewer columns, and namespaces show when there are several") {
  auto in = sample();
  const std::string narrow = cli::render(cli::make_report(in), {.width = 80});
  for (const auto line : base::split(narrow.substr(0, narrow.find("NEEDS")), '\n')) {
    CHECK_MESSAGE(line.size() <= 82, line);  // the cut mark is one column of three bytes
  }
  CHECK(narrow.find("VERSION") == std::string::npos);
  CHECK(narrow.find("NAMESPACE") == std::string::npos);
  in.hosts.item(1).set_path("metadata.namespace", "y");
  const auto report = cli::make_report(in);
  const std::string wide = cli::render(report, {.width = 200});
  CHECK(wide.find("NAMESPACE") == 0);
  CHECK(wide.find("VERSION") != std::string::npos);
  CHECK(report.troubles[0].who == std::vector<std::string>{"bmh/h2 -n y"});
}

TEST_CASE("phases are timed from what the objects remember") {
  auto in = sample();
  in.clusters.item(0).set_path("status.conditions", json(R"([{"type": "Ready", "status": "True",
    "lastTransitionTime": "2026-01-01T00:20:00Z"}])"));
  const auto report = cli::make_report(in);
  CHECK(report.all_ready());
  REQUIRE(report.phases.size() == 2);
  CHECK(report.phases[0].what == "1 hosts registered and inspected");
  CHECK(report.phases[0].took == base::minutes(10));
  CHECK(report.phases[1].what == "cluster dev Ready");
  CHECK(report.phases[1].took == base::minutes(20));
}

TEST_CASE("only what changed is told again") {
  auto in = sample();
  const auto before = cli::make_report(in);
  CHECK(cli::changes({}, before).size() == 5);
  CHECK(cli::changes(before, before).empty());
  in.hosts.item(2).set_path("status.provisioning.state", "provisioned");
  const auto lines = cli::changes(before, cli::make_report(in));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("host h3: provisioned"));
}

TEST_CASE("columns line up, by code points, and long lines are cut") {
  cli::TextTable table({"A", "B"});
  table.add({"é", "x"});
  table.add({"long", ""});
  CHECK(table.text(0) == "A      B\né      x\nlong\n");
  CHECK(table.text(5) == "A   …\né   …\nlong\n");
}

}  // namespace
