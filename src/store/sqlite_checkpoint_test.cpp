#include <doctest/doctest.h>
#include <sqlite3.h>

#include <filesystem>
#include <random>

#include "store/sqlite_writer.h"

namespace store {
namespace {

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

}  // namespace

// A checkpoint that asks for the writer's lock calls its busy handler while it holds the lock of checkpoints; there the
// batch is written that finds the log too long.
TEST_CASE("a batch is written while another connection is at a checkpoint") {
  std::string directory = (std::filesystem::temp_directory_path() / "ingot-checkpoint-XXXXXX").string();
  REQUIRE(mkdtemp(directory.data()));
  const std::string path = directory + "/state.db";
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
  other.writer.reset();
  std::filesystem::remove_all(directory);
}

}  // namespace store
