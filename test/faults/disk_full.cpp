// A full disk under `ingot serve`: writes are refused clearly, reads go on, nothing acknowledged is lost and nothing is
// half stored; when there is room again, writes go on without a restart; and a kill in that state loses nothing either.
//   disk_full INGOT DIRECTORY [--mounted]
// The disk is a limit on the size of the process's files; with --mounted DIRECTORY is on a small file system of its
// own, which a file of ballast fills up.
#include <sys/resource.h>
#include <sys/stat.h>

#include <map>

#include "manager_process.h"

namespace {

using namespace faults;

struct Test {
  sys::Sys& sys;
  std::string ingot, directory;
  bool mounted = false;
  std::map<std::string, int64_t> acknowledged;
  int next = 0;
};

Result<void> fill_disk(Test& test, const Process& process) {
  if (test.mounted) {
    std::string ballast(1u << 20, 'b');
    while (!ballast.empty())
      if (!test.sys.disk.append(test.directory + "/ballast", ballast)) ballast.resize(ballast.size() / 2);
    return {};
  }
  struct stat log = {};
  (void)stat((test.directory + "/data/ingot.db-wal").c_str(), &log);
  const auto room = rlim_t(log.st_size) + 40'000;
  const rlimit limit{room, RLIM_INFINITY};
  if (prlimit(process.id(), RLIMIT_FSIZE, &limit, nullptr) != 0) return base::internal("prlimit fails");
  return {};
}

Result<void> free_disk(Test& test, const Process& process) {
  if (test.mounted) return test.sys.disk.remove(test.directory + "/ballast");
  const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  if (prlimit(process.id(), RLIMIT_FSIZE, &limit, nullptr) != 0) return base::internal("prlimit fails");
  return {};
}

// Creates an object; the answer's status.
Result<int> create(Test& test, const Api& api, net::HttpClient& client, std::string* why = nullptr) {
  const std::string name = "map-" + std::to_string(test.next);
  const int64_t number = test.next++;
  auto response = TRY(client.send(api.request("POST", api.maps(), config_map(name, number, "").dump())));
  if (response.status == 201) test.acknowledged[name] = number;
  if (why) *why = response.body;
  return response.status;
}

Result<void> check(Test& test, const Api& api) {
  net::HttpClient client(test.sys.loop, test.sys.net, api.options);
  const auto response = TRY(send(client, api.request("GET", api.maps())));
  const Json list = TRY(base::parse_json(response.body));
  size_t found = 0;
  for (const Json& item : list["items"].items()) {
    const std::string name = item["metadata"]["name"].string();
    if (!name.starts_with("map-")) continue;
    const int64_t number = base::parse_int(item["data"]["number"].string()).value_or(-1);
    if (item["data"]["pad"].string() != padding(name, number)) return base::corrupt(name + " is half stored");
    if (!test.acknowledged.count(name)) return base::corrupt(name + " was refused and is there");
    ++found;
  }
  if (found != test.acknowledged.size())
    return base::corrupt(std::to_string(test.acknowledged.size()) + " objects were acknowledged, " +
                         std::to_string(found) + " are there");
  return {};
}

Result<void> until_refused(Test& test, const Api& api, net::HttpClient& client) {
  for (int i = 0; i < 20'000; ++i) {
    std::string why;
    const int status = TRY(create(test, api, client, &why));
    if (status == 201) continue;
    if (status < 500) return base::internal("status " + std::to_string(status) + ": " + why);
    std::printf("refused after %zu objects: %d %s\n", test.acknowledged.size(), status, why.c_str());
    for (int again = 0; again < 20; ++again) (void)TRY(create(test, api, client));
    return {};
  }
  return base::internal("the disk does not become full");
}

Result<void> run(Test& test) {
  TRY(test.sys.disk.remove(test.directory + "/data"));
  TRY(test.sys.disk.remove(test.directory + "/ballast"));
  TRY(test.sys.disk.make_directories(test.directory));
  const Ports ports = TRY(free_ports(test.sys));
  for (int round = 0; round < 3; ++round) {
    Process process(test.ingot, test.directory, ports);
    const Api api = TRY(connect(test.sys, test.directory, process, "full"));
    net::HttpClient client(test.sys.loop, test.sys.net, api.options);
    if (round == 0) TRY(make_namespace(test.sys, api));
    TRY(check(test, api).context("after a start"));
    for (int i = 0; i < 50; ++i)
      if (TRY(create(test, api, client)) != 201) return base::internal("a write is refused while there is room");
    TRY(fill_disk(test, process));
    TRY(until_refused(test, api, client));
    TRY(check(test, api).context("while the disk is full"));
    if (!process.alive()) return base::internal("ingot serve has ended");
    if (round == 1) {  // killed in that state
      process.end();
      if (test.mounted) TRY(free_disk(test, process));
      continue;
    }
    TRY(free_disk(test, process));
    for (int i = 0; i < 50; ++i)
      if (TRY(create(test, api, client)) != 201)
        return base::internal("a write is refused although there is room again");
    TRY(check(test, api).context("when there is room again"));
  }
  std::printf("a full disk, three times: %zu objects acknowledged, all there and whole\n", test.acknowledged.size());
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  sys::RealSystem real;
  Test test{.sys = real.sys()};
  for (int i = 1; i < count; ++i) {
    const std::string word = arguments[i];
    if (word == "--mounted") {
      test.mounted = true;
    } else {
      (test.ingot.empty() ? test.ingot : test.directory) = word;
    }
  }
  if (test.directory.empty()) return std::printf("disk_full INGOT DIRECTORY [--mounted]\n"), 2;
  Result<void> result;
  auto fiber = sys::spawn(real.sys().loop, "disk full", [&] { result = run(test); });
  real.sys().loop.run_until([&] { return fiber.done(); });
  if (!result) std::printf("%s\n", result.error().text().c_str());
  return result ? 0 : 1;
}
