// Rates and latencies of a running manager's API over HTTPS: create, get, list and watch of ConfigMaps in a namespace
// of its own, which it removes. Client and server share the machine. Prints a table; checks nothing.
//   ninja -C build bench_api && build/bench_api --kubeconfig FILE [--connections N] [--process PID] [DIRECTORY, not
//   used]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>

#include "api_client.h"
#include "sys/fiber.h"
#include "sys/real/real.h"

namespace {

using base::Json;
using base::Result;
using namespace client;

constexpr int connections_max = 1000;
constexpr base::Duration watch_silence_max = base::seconds(30);

struct Flags {
  std::string kubeconfig;
  int connections = 16;
  int process = 0;  // of the manager, for its processor time
};

Result<Flags> parse_flags(int count, char** arguments) {
  Flags flags;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (!name.starts_with("--")) continue;  // the scratch directory that `dev bench` gives to every program
    if (i + 1 == count) return base::invalid(std::string(name) + " needs a value");
    const std::string value = arguments[++i];
    if (name == "--kubeconfig") {
      flags.kubeconfig = value;
    } else if (name == "--connections") {
      const auto number = base::parse_int(value);
      if (!number || *number < 1 || *number > connections_max) return base::invalid("--connections is 1 to 1000");
      flags.connections = int(*number);
    } else if (name == "--process") {
      flags.process = int(base::parse_int(value).value_or(0));
    } else {
      return base::invalid("unknown flag " + std::string(name));
    }
  }
  return flags;
}

// Processor time of the manager while something is measured; per operation in the last column.
struct Meter {
  explicit Meter(const Api& of) : api(of), used(processor_seconds(api.sys, api.process)) {}
  double seconds() const { return processor_seconds(api.sys, api.process) - used; }
  const Api& api;
  Clock::time_point start = Clock::now();
  double used;
};

// Rows of a Markdown table, so that they can be taken over as they are.
void print_head() {
  std::printf("| %-28s | %-11s | %9s | %10s | %9s | %9s | %13s | bounded by |\n|---|---|---|---|---|---|---|---|\n",
              "measurement", "connections", "count", "per second", "p50 ms", "p99 ms", "manager us/op");
}

// What is measured, and what it is bounded by.
struct Title {
  std::string what;
  const char* bound;
};

void print_row(const Meter& meter, const Title& title, int connections, std::vector<double> samples) {
  const double seconds = seconds_since(meter.start), used = meter.seconds();
  std::sort(samples.begin(), samples.end());
  std::printf("| %-28s | %-11d | %9zu | %10.0f | %9.3f | %9.3f | %13.1f | %s |\n", title.what.c_str(), connections,
              samples.size(), double(samples.size()) / seconds, percentile(samples, 0.50), percentile(samples, 0.99),
              used * 1e6 / double(std::max<size_t>(1, samples.size())), title.bound);
  std::fflush(stdout);
}

// Sends `count` requests over so many connections, each opened before the clock starts, and prints a row.
Result<void> measure(const Api& api, const Title& what, int connections, int count,
                     const std::function<net::Request(int)>& make) {
  std::vector<std::unique_ptr<net::HttpClient>> clients;
  for (int i = 0; i < connections; ++i) {
    clients.push_back(std::make_unique<net::HttpClient>(api.sys.loop, api.sys.net, api.options));
    TRY(send(*clients.back(), api.request("GET", "/version")));
  }
  std::vector<double> samples;
  std::optional<base::Error> failure;
  int next = 0;
  std::vector<sys::Fiber> fibers;
  const Meter meter(api);
  for (auto& client : clients) {
    fibers.push_back(sys::spawn(api.sys.loop, "client", [&, one = client.get()] {
      while (next < count && !failure) {
        net::Request request = make(next++);
        const auto sent = Clock::now();
        if (auto response = send(*one, std::move(request)); !response) failure = response.error();
        samples.push_back(seconds_since(sent) * 1000);
      }
    }));
  }
  for (auto& fiber : fibers) TRY(fiber.join());
  if (failure) return std::move(*failure);
  print_row(meter, what, connections, std::move(samples));
  return {};
}

std::string config_map(const std::string& name) {
  Json data = Json::object({{"sent", std::to_string(Clock::now().time_since_epoch().count())}});
  for (int i = 0; i < 8; ++i) data.set("key-" + std::to_string(i), "a value of the length that settings have");
  return Json::object({{"apiVersion", "v1"},
                       {"kind", "ConfigMap"},
                       {"metadata", Json::object({{"name", name}, {"labels", Json::object({{"app", "bench"}})}})},
                       {"data", data}})
      .dump();
}

Result<void> create(const Api& api, int connections, int from, int to) {
  const char* bound = connections == 1 ? "one durable commit at a time" : "the control thread; group commits";
  std::vector<std::string> bodies;  // made before the clock starts: the client shares the processors with the manager
  for (int i = from; i < to; ++i) bodies.push_back(config_map("map-" + std::to_string(i)));
  return measure(api, {"create", bound}, connections, to - from,
                 [&](int i) { return api.request("POST", api.maps(), std::move(bodies[size_t(i)])); });
}

Result<void> list(const Api& api, int connections, int objects, int count) {
  net::HttpClient client(api.sys.loop, api.sys.net, api.options);
  const auto whole = TRY(send(client, api.request("GET", api.maps())));
  const Json items = TRY(base::parse_json(whole.body))["items"];
  const size_t others = 1;  // kube-root-ca.crt, which every namespace gets
  if (items.size() < size_t(objects) || items.size() > size_t(objects) + others)
    return base::internal("the list has " + std::to_string(items.size()) + " objects instead of " +
                          std::to_string(objects));
  return measure(api, {"list of " + std::to_string(objects), "joining, TLS and sockets on the control thread"},
                 connections, count, [&](int) { return api.request("GET", api.maps()); });
}

// How long one client's gets take while others list everything, again and again.
Result<void> get_beside_lists(const Api& api, int listers, int count, const std::function<net::Request(int)>& get) {
  bool over = false;
  int warm = 0;
  std::vector<sys::Fiber> fibers;
  std::vector<double> lists, gets;
  std::optional<base::Error> failure;
  sys::Signal all_warm(api.sys.loop);
  const Meter meter(api);
  for (int i = 0; i < listers; ++i) {
    fibers.push_back(sys::spawn(api.sys.loop, "lister", [&] {
      net::HttpClient own(api.sys.loop, api.sys.net, api.options);
      for (bool first = true; !over && !failure; first = false) {
        const auto start = Clock::now();
        // What it listed is dropped as it comes: this process is not what is measured.
        auto listed = own.stream(api.request("GET", api.maps()), watch_silence_max,
                                 [](const auto& head, auto) { return head.status == 200; });
        if (!listed) failure = listed.error();
        lists.push_back(seconds_since(start) * 1000);
        if (failure || (first && ++warm == listers)) all_warm.set();
      }
    }));
  }
  const auto get_all = [&]() -> Result<void> {
    net::HttpClient own(api.sys.loop, api.sys.net, api.options);
    TRY(all_warm.wait());
    for (int i = 0; i < count; ++i) {
      TRY(sys::sleep(api.sys.loop, base::milliseconds(5)));
      const auto start = Clock::now();
      TRY(send(own, get(i)));
      gets.push_back(seconds_since(start) * 1000);
    }
    return {};
  };
  auto measured = get_all();
  over = true;
  for (auto& fiber : fibers) TRY(fiber.join());
  TRY(measured);
  if (failure) return std::move(*failure).context("lists");
  print_row(meter, {"list of all, without end", "joining, TLS and sockets on the control thread"}, listers,
            std::move(lists));
  print_row(meter, {"get beside these lists", "one piece of a list, here and in the client"}, 1, std::move(gets));
  return {};
}

// One watcher: counts the events and how long after the write was sent each came.
struct Watcher {
  std::string pending;
  std::vector<double> samples;
  size_t seen = 0;

  void take(std::string_view piece) {
    pending += piece;
    size_t begin = 0;
    for (size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', begin)) {
      event(std::string_view(pending).substr(begin, end - begin));
      begin = end + 1;
    }
    pending.erase(0, begin);
  }
  void event(std::string_view line) {
    constexpr std::string_view key = "\"sent\":\"";
    const size_t at = line.find(key);
    if (at == std::string_view::npos) return;
    const std::string_view rest = line.substr(at + key.size());
    const auto sent = base::parse_int(rest.substr(0, rest.find('"')));
    if (!sent) return;
    const Clock::time_point then{Clock::duration(*sent)};
    if (seen++ > 0) samples.push_back(seconds_since(then) * 1000);  // the first only shows that the watch runs
  }
};

// `writes` ConfigMaps are created while `watchers` watch; every watcher gets every event.
Result<void> watch(const Api& api, int watchers, int connections, int writes) {
  net::HttpClient client(api.sys.loop, api.sys.net, api.options);
  const auto first = TRY(send(client, api.request("GET", api.maps() + "?limit=1")));
  const Json page = TRY(base::parse_json(first.body));
  const std::string version = page["metadata"]["resourceVersion"].string();
  const std::string prefix = "watched-" + std::to_string(watchers) + "-";
  const std::string target = api.maps() + "?watch=true&resourceVersion=" + version;
  std::vector<Watcher> all{size_t(watchers)};
  std::vector<sys::Fiber> fibers;
  std::optional<base::Error> failure;
  size_t ready = 0;
  sys::Signal all_ready(api.sys.loop);
  for (Watcher& watcher : all) {
    fibers.push_back(sys::spawn(api.sys.loop, "watcher", [&] {
      net::HttpClient own(api.sys.loop, api.sys.net, api.options);
      bool complete = false, begun = false;
      const auto ended = own.stream(api.request("GET", target), watch_silence_max, [&](const auto& head, auto piece) {
        if (head.status >= 300) return false;
        watcher.take(piece);
        if (watcher.seen > 0 && !std::exchange(begun, true) && ++ready == all.size()) all_ready.set();
        complete = watcher.seen == size_t(writes) + 1;
        return !complete;
      });
      if (complete) return;
      failure = ended ? base::unavailable("a watch ended early") : ended.error();
      all_ready.set();
    }));
  }
  std::optional<Meter> meter;
  const auto write_all = [&]() -> Result<void> {
    TRY(send(client, api.request("POST", api.maps(), config_map(prefix + "first"))));
    TRY(all_ready.wait_for(watch_silence_max));
    if (failure) return std::move(*failure);
    meter.emplace(api);
    return measure(api, {"create, watched by " + std::to_string(watchers), "sending the events"}, connections, writes,
                   [&](int i) { return api.request("POST", api.maps(), config_map(prefix + std::to_string(i))); });
  };
  auto written = write_all();
  for (auto& fiber : fibers) {
    if (!written) fiber.cancel();
    TRY(fiber.join());
  }
  TRY(written);
  if (failure) return std::move(*failure).context("watch");
  std::vector<double> samples;
  for (const Watcher& watcher : all) samples.insert(samples.end(), watcher.samples.begin(), watcher.samples.end());
  print_row(*meter, {"watch events, write to event", "the writes; a TLS record for each event"}, watchers,
            std::move(samples));
  return {};
}

Result<void> measure_all(const Api& api, int connections) {
  std::printf("ConfigMaps of %zu bytes at %s\n", config_map("map-0").size(), api.options.server.text().c_str());
  print_head();
  TRY(create(api, 1, 0, 500));
  TRY(create(api, connections, 500, 1000));
  TRY(list(api, 1, 1000, 50));
  TRY(list(api, connections, 1000, 200));
  const double before = resident_kib(api.sys, api.process);
  TRY(create(api, connections, 1000, 10000));
  const double per_object = (resident_kib(api.sys, api.process) - before) / 9000;
  TRY(list(api, 1, 10000, 20));
  TRY(list(api, connections, 10000, 60));
  const auto get = [&](int i) { return api.request("GET", api.maps() + "/map-" + std::to_string(i * 7919 % 10000)); };
  TRY(measure(api, {"get", "the round trip"}, 1, 2000, get));
  TRY(measure(api, {"get", "the control thread"}, connections, 20000, get));
  TRY(get_beside_lists(api, connections, 300, get));
  TRY(watch(api, 1, connections, 2000));
  if (connections > 1) TRY(watch(api, connections, connections, 2000));
  std::printf("\n| %-50s | %8.1f KiB |\n", "memory of the manager per object, past included", per_object);
  return {};
}

// Waits until it is gone, so that another run is not slowed down by the removal.
Result<void> remove_namespace(const Api& api, net::HttpClient& client) {
  const std::string path = "/api/v1/namespaces/" + api.ns;
  const auto start = Clock::now();
  TRY(send(client, api.request("DELETE", path)));
  for (;;) {
    const auto response = TRY(client.send(api.request("GET", path)));
    if (response.status == 404) break;
    if (seconds_since(start) > 60) return base::timeout("still there after a minute");
    TRY(sys::sleep(api.sys.loop, base::milliseconds(50)));
  }
  std::printf("namespace with its objects removed in %.1f s\n", seconds_since(start));
  return {};
}

Result<void> run(sys::Sys& sys, const Flags& flags) {
  Api api = TRY(read_kubeconfig(sys, flags.kubeconfig));
  api.process = flags.process;
  net::HttpClient client(sys.loop, sys.net, api.options);
  const Json ns =
      Json::object({{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", Json::object({{"name", api.ns}})}});
  TRY(send(client, api.request("POST", "/api/v1/namespaces", ns.dump())));
  auto measured = measure_all(api, flags.connections);
  if (auto removed = remove_namespace(api, client); !removed)
    std::printf("namespace %s stays: %s\n", api.ns.c_str(), removed.error().text().c_str());
  return measured;
}

}  // namespace

int main(int count, char** arguments) {
  const auto flags = parse_flags(count, arguments);
  if (!flags) return std::printf("%s\n", flags.error().text().c_str()), 2;
  if (flags->kubeconfig.empty()) {
    std::printf("not measured: give --kubeconfig FILE of a running manager (ingot serve)\n");
    return 0;
  }
  sys::RealSystem real;
  Result<void> result;
  auto fiber = sys::spawn(real.sys().loop, "bench", [&] { result = run(real.sys(), *flags); });
  real.sys().loop.run_until([&] { return fiber.done(); });
  if (!result) return std::printf("%s\n", result.error().text().c_str()), 1;
  return 0;
}
