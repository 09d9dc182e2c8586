#include <doctest/doctest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "base/text.h"
#include "store/database.h"
#include "store/sqlite_writer.h"
#include "store/store.h"
#include "sys/real/real.h"
#include "sys/sim/sim.h"

namespace store {
namespace {

constexpr const char* widgets = "widgets.example.com";

// A directory of its own, gone at the end.
struct Directory {
  std::string path;
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "ingot-store-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    path = name;
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string database() const { return path + "/state.db"; }
};

// One process start after another on the same directory. The database is real, all else is simulated.
struct Machine {
  Directory directory;
  sys::SimWorld world{7};
  sys::Sys* sys = &world.process("manager", "disk");
  std::unique_ptr<Store> store;

  Machine() {
    REQUIRE(sys->disk.make_directories(directory.path).ok());  // for the key file
    start();
  }
  void start(Limits limits = {}) {
    auto engine = open_sqlite(*sys, directory.database());
    REQUIRE_MESSAGE(engine.ok(), (engine.ok() ? "" : engine.error().text()));
    auto opened = Store::open(world.loop(), std::move(*engine), limits);
    REQUIRE_MESSAGE(opened.ok(), (opened.ok() ? "" : opened.error().text()));
    store = std::move(*opened);
  }
  void settle() {
    REQUIRE(world.loop().run_until([&] { return store->durable_revision() == store->revision(); }));
  }
  void restart() {
    settle();
    store.reset();
    start();
  }
  void put(const std::string& resource, const std::string& name, const std::string& value) {
    const Key key{resource, "default", name};
    const Ref current = store->get(key);
    Json doc = Json::object({{"metadata", Json::object({{"name", name}, {"uid", "uid-" + name}})}, {"value", value}});
    REQUIRE(store->put(key, std::move(doc), current ? current->revision : 0).ok());
  }
  void remove(const std::string& resource, const std::string& name) {
    const Key key{resource, "default", name};
    REQUIRE(store->remove(key, store->get(key)->revision).ok());
  }
  std::string value(const std::string& resource, const std::string& name) const {
    const Ref entry = store->get(resource, "default", name);
    return entry ? entry->doc()["value"].string() : "absent";
  }
  std::string files() const {
    std::string all;
    for (const auto& file : std::filesystem::directory_iterator(directory.path)) {
      std::ifstream in(file.path(), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  }
};

std::vector<Write> batch_of(uint64_t revision, size_t bytes) {
  const Key key{"widgets.example.com", "default", "n" + std::to_string(revision)};
  std::mt19937 random(static_cast<uint32_t>(revision));  // what compresses well would take thousands of writes
  std::string value;
  for (size_t i = 0; i < bytes; ++i) value += static_cast<char>('0' + random() % 64);
  std::string doc = base::Json::object({{"value", std::move(value)}}).dump();
  Record record{
      .revision = revision, .key = key, .previous_revision = 0, .create_revision = revision, .doc = std::move(doc)};
  return {{std::move(record), ""}};
}

uint64_t query(const std::string& path, const char* sql) {
  auto db = Database::open(path);
  REQUIRE(db.ok());
  auto statement = (*db)->prepare(sql);
  REQUIRE(statement.ok());
  REQUIRE(*statement->step());
  return statement->number(0);
}

}  // namespace

TEST_CASE("sqlite keeps objects, revisions and numbers across a restart") {
  Machine m;
  m.put(widgets, "a", "one");
  m.put(widgets, "a", "two");
  m.put(widgets, "b", std::string(5000, 'b'));  // long enough to be compressed
  m.put(widgets, "c", "gone");
  m.remove(widgets, "c");
  const Ref before = m.store->get(widgets, "default", "a");
  const uint64_t revision = m.store->revision();
  m.restart();
  const Ref after = m.store->get(widgets, "default", "a");
  REQUIRE(after);
  CHECK(after->bytes() == before->bytes());
  CHECK(after->revision == before->revision);
  CHECK(after->create_revision == before->create_revision);
  CHECK(m.value(widgets, "b") == std::string(5000, 'b'));
  CHECK(m.value(widgets, "c") == "absent");
  CHECK(m.store->revision() == revision);
  m.put(widgets, "c", "again");
  m.put(widgets, "a", "three");
  m.restart();
  CHECK(m.value(widgets, "c") == "again");
  CHECK(m.value(widgets, "a") == "three");
}

TEST_CASE("sqlite lets watches go on across a restart") {
  Machine m;
  m.put(widgets, "a", "one");
  const uint64_t seen = m.store->revision();
  m.put(widgets, "a", "two");
  m.put(widgets, "b", "one");
  m.remove(widgets, "a");
  m.restart();
  const auto events = m.store->history(widgets, seen);
  REQUIRE(events.ok());
  REQUIRE(events->size() == 3);
  CHECK((*events)[0].type == EventType::modified);
  CHECK((*events)[0].object->doc()["value"].string() == "two");
  CHECK((*events)[0].previous->doc()["value"].string() == "one");
  CHECK((*events)[1].type == EventType::added);
  CHECK((*events)[2].type == EventType::deleted);
  CHECK((*events)[2].object->doc()["value"].string() == "two");
  CHECK((*events)[2].object->revision == (*events)[2].revision);
  CHECK(m.store->list_at(widgets, {}, seen)->size() == 1);
}

TEST_CASE("sqlite drops old versions but never the current ones") {
  Machine m;
  m.put(widgets, "quiet", "kept");
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 100; ++i) m.put(widgets, "busy", std::to_string(round * 100 + i));
    m.put(widgets, "short-lived", "x");
    m.remove(widgets, "short-lived");
    m.settle();
  }
  m.restart();
  m.put(widgets, "busy", "last");  // pruning goes on after a restart
  m.settle();
  CHECK(m.value(widgets, "quiet") == "kept");
  CHECK(m.value(widgets, "busy") == "last");
  CHECK(m.value(widgets, "short-lived") == "absent");
  const uint64_t rows = query(m.directory.database(), "SELECT count(*) FROM log");
  CHECK(rows > 1900);
  CHECK(rows < 2300);
  CHECK(m.store->compacted_revision() > 3000);
  CHECK(m.store->history(widgets, m.store->compacted_revision()).ok());
}

TEST_CASE("sqlite encrypts Secrets and nothing else") {
  Machine m;
  m.put("secrets", "bmc", "correct-horse-battery");
  m.put(widgets, "a", "open-to-all");
  m.settle();
  const std::string on_disk = m.files();
  CHECK(on_disk.find("correct-horse") == std::string::npos);
  CHECK(on_disk.find("open-to-all") != std::string::npos);
  m.restart();
  CHECK(m.value("secrets", "bmc") == "correct-horse-battery");

  SUBCASE("a lost key is told, not replaced") {
    m.settle();
    m.store.reset();
    const std::string key = m.directory.database() + ".key";
    const std::string kept = *m.sys->disk.read(key);
    REQUIRE(m.sys->disk.remove(key).ok());
    {
      auto opened = Store::open(m.world.loop(), std::move(*open_sqlite(*m.sys, m.directory.database())));
      REQUIRE(!opened.ok());
      CHECK(opened.error().fix.find(key) != std::string::npos);
      CHECK(opened.error().text().find("correct-horse") == std::string::npos);
      CHECK(!m.sys->disk.exists(key));
    }
    REQUIRE(m.sys->disk.write(key, kept, 0600).ok());
    m.start();
    CHECK(m.value("secrets", "bmc") == "correct-horse-battery");
  }
}

TEST_CASE("a database belongs to one process at a time") {
  Machine m;
  const auto second = open_sqlite(*m.sys, m.directory.database());
  REQUIRE(!second.ok());
  CHECK(second.error().message.find("another process") != std::string::npos);
  CHECK(!second.error().fix.empty());
}

TEST_CASE("a database from the future is refused") {
  Machine m;
  m.store.reset();
  auto db = Database::open(m.directory.database());
  REQUIRE((*db)->run("PRAGMA user_version = 99").ok());
  db->reset();
  CHECK(open_sqlite(*m.sys, m.directory.database()).error().code == base::Code::unsupported);
}

TEST_CASE("a refused write fails, and what builds on it, and the store goes on") {
  Machine m;
  m.put(widgets, "a", "one");
  m.settle();
  auto intruder = std::move(*Database::open(m.directory.database()));
  REQUIRE(intruder->run("CREATE TRIGGER full BEFORE INSERT ON log BEGIN SELECT RAISE(ABORT, 'no room'); END").ok());
  m.put(widgets, "a", "two");
  m.put(widgets, "b", "one");
  std::string answer;
  m.store->when_durable(m.store->revision(), [&](Result<void> result) { answer = result.error().message; });
  REQUIRE(m.world.loop().run_until([&] { return !answer.empty(); }));
  CHECK(answer.find("no room") != std::string::npos);
  CHECK(m.value(widgets, "a") == "one");
  CHECK(m.value(widgets, "b") == "absent");
  REQUIRE(intruder->run("DROP TRIGGER full").ok());
  intruder.reset();
  m.put(widgets, "a", "three");
  m.restart();
  CHECK(m.value(widgets, "a") == "three");
  CHECK(m.value(widgets, "b") == "absent");
}

// A checkpoint that asks for the writer's lock calls its busy handler while it holds the lock of checkpoints; there the
// batch is written that finds the log too long.
TEST_CASE("a batch is written while another connection is at a checkpoint") {
  const Directory directory;
  const std::string path = directory.database();
  struct Other {
    std::unique_ptr<SqliteWriter> writer;
    sqlite3* holder = nullptr;
    uint64_t revision = 0;
    int written = 0;
    std::string error;
    void write(size_t bytes) {
      const auto result = writer->write(batch_of(++revision, bytes));
      if (!result) error = result.error().text();
      ++written;
    }
  } other;
  other.writer = std::move(*SqliteWriter::open(path));
  while (other.writer->wal_pages() <= SqliteWriter::wal_pages_max && other.error.empty()) other.write(1 << 20);
  REQUIRE(other.error == "");

  sqlite3* beside = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &beside) == SQLITE_OK);
  REQUIRE(sqlite3_exec(beside, "SELECT count(*) FROM cur", nullptr, nullptr, nullptr) == SQLITE_OK);  // opens the log
  REQUIRE(sqlite3_open(path.c_str(), &other.holder) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other.holder, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  const auto when_busy = [](void* self, int) {
    auto& at = *static_cast<Other*>(self);
    sqlite3_exec(at.holder, "ROLLBACK", nullptr, nullptr, nullptr);
    at.written = 0;
    at.write(100);
    return 0;
  };
  sqlite3_busy_handler(beside, when_busy, &other);
  sqlite3_wal_checkpoint_v2(beside, nullptr, SQLITE_CHECKPOINT_FULL, nullptr, nullptr);
  CHECK(other.written == 1);
  CHECK(other.error == "");
  sqlite3_close(other.holder);
  sqlite3_close(beside);

  const int before = other.writer->wal_pages();
  other.write(100);
  CHECK(other.error == "");
  CHECK(other.writer->wal_pages() < before);  // the log starts over
}

TEST_CASE("random writes and restarts agree with a model") {
  const uint64_t seed = std::random_device()();
  CAPTURE(seed);  // put it here to see a failure again
  std::mt19937_64 random(seed);
  Machine m;
  std::map<std::string, std::string> model;
  for (int step = 0; step < 2000; ++step) {
    const std::string resource = random() % 3 ? widgets : "secrets";
    const std::string name = "n" + std::to_string(random() % 40);
    const std::string id = resource + "/" + name;
    if (random() % 4 == 0 && model.count(id)) {
      m.remove(resource, name);
      model.erase(id);
    } else {
      model[id] = std::string(random() % 3000, 'x') + std::to_string(step);
      m.put(resource, name, model[id]);
    }
    if (random() % 10 == 0) m.settle();
    if (random() % 200 == 0) m.restart();
  }
  m.restart();
  size_t found = 0;
  for (const auto& [id, value] : model) {
    const auto slash = id.find('/');
    CHECK(m.value(id.substr(0, slash), id.substr(slash + 1)) == value);
  }
  for (const auto& resource : m.store->resources()) found += m.store->list(resource).size();
  CHECK(found == model.size());
}

namespace {

// The child of the next test, on the real system: writes for ever and tells every durable write on `out` as
// "resource name value\n".
[[noreturn]] void write_until_killed(const std::string& database, int out, uint64_t seed) {
  sys::RealSystem real;
  sys::Sys& sys = real.sys();
  auto engine = open_sqlite(sys, database);
  if (!engine) _exit(3);
  auto opened = Store::open(sys.loop, std::move(*engine));
  if (!opened) _exit(4);
  auto& store = **opened;
  std::mt19937_64 random(seed);
  for (uint64_t value = store.revision();; ++value) {
    const Key key{random() % 2 ? widgets : "secrets", "default", "n" + std::to_string(random() % 10)};
    const Ref current = store.get(key);
    Json doc = Json::object({{"metadata", Json::object({{"name", key.name}})}, {"value", std::to_string(value)}});
    auto put = store.put(key, std::move(doc), current ? current->revision : 0);
    if (!put) _exit(5);
    const std::string line = key.resource + " " + key.name + " " + std::to_string(value) + "\n";
    store.when_durable((*put)->revision, [line, out](Result<void> result) {
      if (!result || write(out, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(6);
    });
    // Sometimes alone in its batch, sometimes with many.
    if (random() % 8 == 0) sys.loop.run_once();
    if (random() % 32 == 0) sys.loop.run_until([&] { return store.durable_revision() == store.revision(); });
  }
}

std::string read_some(int from) {
  char buffer[4096];
  const ssize_t got = read(from, buffer, sizeof buffer);
  return got > 0 ? std::string(buffer, static_cast<size_t>(got)) : std::string();
}

}  // namespace

TEST_CASE("no acknowledged write is lost by kill -9") {
  const uint64_t seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Machine m;
  // The child sees the real disk, we the simulated one: both have the same key for the Secrets.
  const std::string key_path = m.directory.database() + ".key";
  std::ofstream(key_path) << *m.sys->disk.read(key_path);
  std::map<std::string, uint64_t> acknowledged;  // "resource name" -> value
  for (int round = 0; round < 20; ++round) {
    m.settle();
    m.store.reset();  // its locks must not be those of the child
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const uint64_t child_seed = random();
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      write_until_killed(m.directory.database(), ends[1], child_seed);
    }
    close(ends[1]);
    std::string lines;
    const size_t enough = 1 + random() % 20000;
    while (lines.size() < enough) {
      const std::string some = read_some(ends[0]);
      REQUIRE_MESSAGE(!some.empty(), "the child ended by itself");
      lines += some;
    }
    kill(child, SIGKILL);
    for (std::string some = read_some(ends[0]); !some.empty(); some = read_some(ends[0])) lines += some;
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    lines.resize(lines.rfind('\n') + 1);
    std::istringstream in(lines);
    std::string resource, name;
    for (uint64_t value = 0; in >> resource >> name >> value;) acknowledged[resource + " " + name] = value;
    m.start();
    for (const auto& [id, value] : acknowledged) {
      const auto space = id.find(' ');
      const auto stored = base::parse_uint(m.value(id.substr(0, space), id.substr(space + 1)));
      REQUIRE(stored.has_value());
      CHECK(*stored >= value);  // newer ones may have made it without their acknowledgement
    }
  }
  CHECK(acknowledged.size() == 20);
}

}  // namespace store
