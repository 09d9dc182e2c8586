// Kills `ingot serve` in the middle of concurrent writes, again and again on one data directory, and looks after each
// start whether everything that was acknowledged is there and nothing is half there.
//   crash INGOT DIRECTORY [--rounds N] [--seed N]
// Every writer owns some ConfigMaps. It knows the last state that was acknowledged for each and the one write that may
// have been under way when the process died; after the start the object must be one of the two, whole.
#include <map>
#include <random>

#include "manager_process.h"

namespace {

using namespace faults;

constexpr int writers = 8, names = 6;

struct Flags {
  std::string ingot, directory;
  int rounds = 25;
  uint64_t seed = 0;
};

// What an object is: nothing, or its number. The content follows from name and number.
using State = std::optional<int64_t>;

struct Object {
  State acknowledged;
  std::optional<State> under_way;
  std::string version;  // of the acknowledged state
};

struct Test {
  sys::Sys& sys;
  Flags flags;
  std::mt19937_64 random;
  Ports ports;
  std::map<std::string, Object> objects;
  uint64_t newest = 0;  // acknowledged resourceVersion
  size_t acknowledged = 0, lost_answers = 0, kept_unanswered = 0;

  uint64_t below(uint64_t bound) { return random() % bound; }
};

// One write; what comes of it is noted. False when the process is gone.
bool write_once(Test& test, const Api& api, net::HttpClient& client, const std::string& name) {
  auto& object = test.objects[name];
  const bool exists = object.acknowledged.has_value();
  const bool remove = exists && test.below(5) == 0;
  const State next = remove ? State() : State(int64_t(test.below(1'000'000)));
  object.under_way = next;
  auto request = api.request(remove   ? "DELETE"
                             : exists ? "PUT"
                                      : "POST",
                             api.maps() + (exists ? "/" + name : ""),
                             remove ? "" : config_map(name, *next, object.version).dump());
  auto response = client.send(std::move(request));
  if (!response) return false;
  if (response->status >= 300) {
    std::printf("%s %s: status %d: %s\n", remove ? "delete" : "write", name.c_str(), response->status,
                response->body.substr(0, 300).c_str());
    return false;
  }
  object.acknowledged = next;
  object.under_way.reset();
  ++test.acknowledged;
  auto stored = base::parse_json(response->body);
  object.version = remove || !stored ? "" : (*stored)["metadata"]["resourceVersion"].string();
  if (!remove && stored) test.newest = std::max(test.newest, number_in(*stored, "resourceVersion"));
  return true;
}

void write_until_killed(Test& test, const Api& api, Process& process) {
  std::vector<sys::Fiber> fibers;
  const size_t enough = test.acknowledged + 20 + test.below(400);
  bool over = false;
  for (int i = 0; i < writers; ++i) {
    fibers.push_back(sys::spawn(test.sys.loop, "writer", [&, i] {
      auto options = api.options;
      options.request_limit = base::seconds(20);
      net::HttpClient client(test.sys.loop, test.sys.net, options);
      while (!over &&
             write_once(test, api, client, "map-" + std::to_string(i) + "-" + std::to_string(test.below(names)))) {
        if (test.acknowledged < enough || over) continue;
        over = true;
        process.end();  // the others are somewhere in their writes
      }
    }));
  }
  for (auto& fiber : fibers) (void)fiber.join();
}

State state_of(const Json* object) {
  return object ? State((*object)["data"]["number"].string().empty()
                            ? -1
                            : base::parse_int((*object)["data"]["number"].string()).value_or(-1))
                : State();
}

Result<void> check(Test& test, const Api& api) {
  net::HttpClient client(test.sys.loop, test.sys.net, api.options);
  const auto response = TRY(send(client, api.request("GET", api.maps())));
  const Json list = TRY(base::parse_json(response.body));
  if (number_in(list, "resourceVersion") < test.newest)
    return base::corrupt("the list is at " + list["metadata"]["resourceVersion"].string() + ", but " +
                         std::to_string(test.newest) + " was acknowledged");
  std::map<std::string, const Json*> found;
  for (const Json& item : list["items"].items()) {
    const std::string name = item["metadata"]["name"].string();
    if (!name.starts_with("map-")) continue;
    found[name] = &item;
    const auto number = state_of(&item);
    if (item["data"]["pad"].string() != padding(name, *number)) return base::corrupt(name + " is half stored");
    if (!test.objects.count(name)) return base::corrupt(name + " was never written");
  }
  for (auto& [name, object] : test.objects) {
    const auto at = found.find(name);
    const State state = state_of(at == found.end() ? nullptr : at->second);
    const bool kept = object.under_way && state == *object.under_way;
    if (state != object.acknowledged && !kept)
      return base::corrupt(name + " is " + (state ? std::to_string(*state) : "gone") + ", but " +
                           (object.acknowledged ? std::to_string(*object.acknowledged) : "its removal") +
                           " was acknowledged");
    if (object.under_way) ++test.lost_answers;
    if (kept) ++test.kept_unanswered;
    object.acknowledged = state;
    object.under_way.reset();
    object.version = state ? (*at->second)["metadata"]["resourceVersion"].string() : "";
  }
  return {};
}

Result<void> run(sys::Sys& sys, const Flags& flags) {
  Test test{.sys = sys, .flags = flags, .random = std::mt19937_64(flags.seed)};
  test.ports = TRY(free_ports(sys));
  TRY(sys.disk.remove(flags.directory + "/data"));
  TRY(sys.disk.make_directories(flags.directory));
  const auto start = Clock::now();
  for (int round = 0; round <= flags.rounds; ++round) {
    Process process(flags.ingot, flags.directory, test.ports);
    const Api api = TRY(connect(sys, flags.directory, process, "crash").context("round " + std::to_string(round)));
    if (round == 0) TRY(make_namespace(sys, api));
    TRY(check(test, api).context("round " + std::to_string(round)));
    if (round < flags.rounds) write_until_killed(test, api, process);
  }
  std::printf("killed %d times: %zu writes acknowledged, none lost; of %zu under way %zu were kept, whole; %.1f s\n",
              flags.rounds, test.acknowledged, test.lost_answers, test.kept_unanswered, seconds_since(start));
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  Flags flags;
  flags.seed = uint64_t(Clock::now().time_since_epoch().count());
  for (int i = 1; i < count; ++i) {
    const std::string word = arguments[i];
    if (word == "--rounds" && i + 1 < count) {
      flags.rounds = int(base::parse_int(arguments[++i]).value_or(0));
    } else if (word == "--seed" && i + 1 < count) {
      flags.seed = base::parse_uint(arguments[++i]).value_or(0);
    } else {
      (flags.ingot.empty() ? flags.ingot : flags.directory) = word;
    }
  }
  if (flags.directory.empty()) return std::printf("crash INGOT DIRECTORY [--rounds N] [--seed N]\n"), 2;
  sys::RealSystem real;
  Result<void> result;
  auto fiber = sys::spawn(real.sys().loop, "crash", [&] { result = run(real.sys(), flags); });
  real.sys().loop.run_until([&] { return fiber.done(); });
  if (!result)
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(flags.seed), result.error().text().c_str());
  return result ? 0 : 1;
}
