// Durable put rate of the store on SQLite, and reads from memory. Prints a table; checks nothing.
//   ninja -C build bench_store && build/bench_store DIRECTORY
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "store/store.h"
#include "sys/real/real.h"

namespace {

using base::Json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Json document(const std::string& name, int number) {
  Json labels = Json::object();
  for (int i = 0; i < 10; ++i)
    labels.set("example.com/label-" + std::to_string(i), "value-" + std::to_string(number + i));
  Json status = Json::object();
  for (int i = 0; i < 12; ++i) {
    status.set("field" + std::to_string(i), Json::object({{"type", "Ready"},
                                                          {"reason", "AllIsWell"},
                                                          {"count", number},
                                                          {"message", "a sentence of some length for a person"}}));
  }
  return Json::object(
      {{"apiVersion", "example.com/v1"},
       {"kind", "Widget"},
       {"metadata", Json::object({{"name", name}, {"namespace", "default"}, {"uid", name}, {"labels", labels}})},
       {"status", status}});
}

// `writers` writes are in flight at any time; gives the rate.
double puts_per_second(sys::Loop& loop, store::Store& store, int writers, int total) {
  int started = 0, finished = 0;
  const auto start = Clock::now();
  std::function<void()> next = [&] {
    if (started == total) return;
    const std::string name = "object-" + std::to_string(started % 5000);
    const store::Key key{"widgets.example.com", "default", name};
    const auto current = store.get(key);
    auto put = store.put(key, document(name, started++), current ? current->revision : 0);
    if (!put) return;
    store.when_durable((*put)->revision, [&](base::Result<void>) {
      ++finished;
      next();
    });
  };
  for (int i = 0; i < writers; ++i) next();
  loop.run_until([&] { return finished == total; });
  return total / seconds_since(start);
}

}  // namespace

int main(int count, char** arguments) {
  const std::string directory = count > 1 ? arguments[1] : ".";
  sys::RealSystem real;
  auto engine = store::open_sqlite(real.sys(), directory + "/bench-" + std::to_string(getpid()) + ".db");
  if (!engine) return std::printf("%s\n", engine.error().text().c_str()), 1;
  auto store = store::Store::open(real.sys().loop, std::move(*engine));
  if (!store) return std::printf("%s\n", store.error().text().c_str()), 1;
  std::printf("object of %zu bytes\n", document("object-0", 0).dump().size());
  for (const int writers : {1, 16, 128}) {
    const int total = writers == 1 ? 3000 : 30000;
    std::printf("| durable puts, %3d in flight, per second | %8.0f |\n", writers,
                puts_per_second(real.sys().loop, **store, writers, total));
  }
  const auto start = Clock::now();
  size_t listed = 0;
  for (int i = 0; i < 100; ++i) listed += (*store)->list("widgets.example.com").size();
  std::printf("| list of %zu in memory, ms | %.3f |\n", listed / 100, seconds_since(start) * 10);
  return 0;
}
