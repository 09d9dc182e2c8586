// Applies manifests to a running manager over HTTPS and waits until every BareMetalHost in them is Available (or
// further) and every Cluster Ready; tells how long that took and what processor time and memory the manager and the
// rack used for it. Both share the machine with this program. Checks nothing.
//   build/bench_bring_up --kubeconfig FILE [--process NAME=PID]... [--minutes LIMIT] MANIFEST...
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include "api/kinds.h"
#include "base/text.h"
#include "sys/fiber.h"
#include "sys/real/real.h"
#include "wire/yaml.h"
#include "workload/kube_client.h"

namespace {

using base::Json;
using base::Result;
using Clock = std::chrono::steady_clock;

constexpr size_t connections = 16;  // that apply

struct Process {
  std::string name, pid;
};

struct Flags {
  std::string kubeconfig;
  std::vector<Process> processes;
  std::vector<std::string> manifests;
  int64_t minutes = 15;
};

Result<Flags> parse_flags(int count, char** arguments) {
  Flags flags;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (!name.starts_with("--")) {
      flags.manifests.emplace_back(name);
      continue;
    }
    if (i + 1 == count) return base::invalid(std::string(name) + " needs a value");
    const std::string value = arguments[++i];
    const size_t equals = value.find('=');
    if (name == "--kubeconfig") {
      flags.kubeconfig = value;
    } else if (name == "--process" && equals != std::string::npos) {
      flags.processes.push_back({value.substr(0, equals), value.substr(equals + 1)});
    } else if (name == "--minutes" && base::parse_int(value)) {
      flags.minutes = *base::parse_int(value);
    } else {
      return base::invalid("unknown flag or bad value: " + std::string(name));
    }
  }
  if (flags.kubeconfig.empty() || flags.manifests.empty())
    return base::invalid("--kubeconfig and a manifest are needed");
  return flags;
}

std::string file_text(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// proc(5): fields 14 and 15 of stat are the time in user and kernel mode.
double cpu_seconds(const Process& process) {
  const std::string stat = file_text("/proc/" + process.pid + "/stat");
  const size_t after_name = stat.rfind(')');
  if (after_name == std::string::npos) return 0;
  const auto fields = base::split(std::string_view(stat).substr(after_name + 2), ' ');
  if (fields.size() < 13) return 0;
  const int64_t ticks = base::parse_int(fields[11]).value_or(0) + base::parse_int(fields[12]).value_or(0);
  return double(ticks) / double(sysconf(_SC_CLK_TCK));
}

double resident_mib(const Process& process) {
  const std::string status = file_text("/proc/" + process.pid + "/status");
  const size_t at = status.find("VmRSS:");
  return at == std::string::npos ? 0 : std::strtod(status.c_str() + at + 6, nullptr) / 1024;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void print(const std::string& what, double value, const char* unit) {
  std::printf("| %-50s | %8.2f %s |\n", what.c_str(), value, unit);
  std::fflush(stdout);
}

struct Bench {
  sys::Sys& sys;
  const Flags& flags;
  std::string kubeconfig;
  std::vector<Json> documents;

  Result<std::unique_ptr<workload::KubeClient>> client() {
    return workload::KubeClient::from_kubeconfig(sys.loop, sys.net, kubeconfig);
  }
};

Result<std::string> collection(const Json& doc) {
  const auto [group, version] = meta::split_api_version(doc["apiVersion"].string());
  const meta::Kind* kind = api::management_scheme().by_kind(group, doc["kind"].string());
  if (kind == nullptr) return base::invalid("no kind " + doc["kind"].string());
  std::string path = group.empty() ? "/api/v1" : "/apis/" + std::string(group) + "/" + std::string(version);
  if (kind->namespaced) path += "/namespaces/" + doc.path("metadata.namespace").string_or("default");
  return path + "/" + kind->plural;
}

Result<void> create(workload::KubeClient& client, const Json& doc) {
  const auto made = client.create(TRY(collection(doc)), doc);
  if (made || made.error().code == base::Code::already_exists) return {};
  return base::Error(made.error()).context(doc["kind"].string() + " " + doc.path("metadata.name").string());
}

// Namespaces first, then everything else over some connections at once.
Result<void> apply(Bench& bench) {
  auto first = TRY(bench.client());
  for (const Json& doc : bench.documents) {
    if (doc["kind"].string() == "Namespace") TRY(create(*first, doc));
  }
  size_t next = 0;
  std::optional<base::Error> failure;
  std::vector<sys::Fiber> fibers;
  for (size_t i = 0; i < connections; ++i) {
    fibers.push_back(sys::spawn(bench.sys.loop, "apply", [&] {
      auto client = bench.client();
      if (!client) failure = client.error();
      while (!failure && next < bench.documents.size()) {
        const Json& doc = bench.documents[next++];
        if (doc["kind"].string() == "Namespace") continue;
        if (auto made = create(**client, doc); !made) failure = made.error();
      }
    }));
  }
  for (auto& fiber : fibers) TRY(fiber.join());
  if (failure) return std::move(*failure);
  return {};
}

bool is_available(const Json& host) {
  const std::string& state = host.path("status.provisioning.state").string();
  return state == "available" || state == "provisioning" || state == "provisioned";
}

bool is_ready(const Json& cluster) {
  for (const Json& one : cluster.path("status.conditions").items()) {
    if (one["type"].string() == "Ready") return one["status"].string() == "True";
  }
  return false;
}

// Watches until so many objects were seen to be done.
Result<void> wait_for(Bench& bench, const std::string& path, size_t count, bool (*done)(const Json&)) {
  auto client = TRY(bench.client());
  std::set<std::string> seen;
  std::optional<base::Error> failure;
  auto watcher = sys::spawn(bench.sys.loop, "watch", [&] {
    const auto ended = client->watch(path + "?watch=true", [&](const std::string&, const Json& object) {
      if (done(object))
        seen.insert(object.path("metadata.namespace").string() + "/" + object.path("metadata.name").string());
      return seen.size() < count;
    });
    if (!ended) failure = ended.error();
  });
  const auto until = Clock::now() + std::chrono::minutes(bench.flags.minutes);
  while (!watcher.done() && Clock::now() < until) TRY(sys::sleep(bench.sys.loop, base::milliseconds(20)));
  if (!watcher.done()) watcher.cancel();
  TRY(watcher.join());
  if (seen.size() >= count) return {};
  if (failure && failure->code != base::Code::cancelled) return std::move(*failure);
  return base::timeout(std::to_string(seen.size()) + " of " + std::to_string(count) + " are done at " + path);
}

size_t count_of(const Bench& bench, std::string_view kind) {
  return size_t(std::count_if(bench.documents.begin(), bench.documents.end(),
                              [&](const Json& doc) { return doc["kind"].string() == kind; }));
}

Result<void> run(sys::Sys& sys, const Flags& flags) {
  Bench bench{sys, flags, TRY(sys.disk.read(flags.kubeconfig)), {}};
  for (const auto& file : flags.manifests) {
    const std::string text = TRY(sys.disk.read(file));
    for (auto& doc : TRY(wire::parse_yaml(text).context(file))) bench.documents.push_back(std::move(doc));
  }
  const size_t hosts = count_of(bench, "BareMetalHost"), clusters = count_of(bench, "Cluster");
  const std::string of = std::to_string(hosts) + " hosts";
  std::vector<double> before;
  for (const auto& process : flags.processes) before.push_back(cpu_seconds(process));
  const auto start = Clock::now();
  TRY(apply(bench).context("apply"));
  print(std::to_string(bench.documents.size()) + " objects applied", seconds_since(start), "s");
  if (hosts > 0) {
    TRY(wait_for(bench, "/apis/metal3.io/v1alpha1/baremetalhosts", hosts, is_available));
    const double took = seconds_since(start);
    print(of + ": from apply to all Available", took, "s");
    print(of + ": enrolled to Available", double(hosts) * 60 / took, "hosts per minute");
  }
  if (clusters > 0) {
    TRY(wait_for(bench, "/apis/cluster.x-k8s.io/v1beta2/clusters", clusters, is_ready));
    print(of + ", " + std::to_string(clusters) + " clusters: from apply to all Ready", seconds_since(start), "s");
  }
  for (size_t i = 0; i < before.size(); ++i) {
    const Process& process = flags.processes[i];
    print(of + ": processor time of the " + process.name, cpu_seconds(process) - before[i], "s");
    print(of + ": resident memory of the " + process.name, resident_mib(process), "MiB");
  }
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  const auto flags = parse_flags(count, arguments);
  if (!flags) return std::printf("%s\n", flags.error().text().c_str()), 2;
  sys::RealSystem real;
  Result<void> result;
  auto fiber = sys::spawn(real.sys().loop, "bench", [&] { result = run(real.sys(), *flags); });
  real.sys().loop.run_until([&] { return fiber.done(); });
  if (!result) return std::printf("%s\n", result.error().text().c_str()), 1;
  return 0;
}
