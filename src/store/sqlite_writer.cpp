#include "store/sqlite_writer.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace store {
namespace {

constexpr uint64_t schema_version = 1;

constexpr const char* make_schema = R"(
  BEGIN;
  CREATE TABLE log(rev INTEGER PRIMARY KEY, key TEXT NOT NULL, prev INTEGER NOT NULL, del INTEGER NOT NULL,
                   val BLOB NOT NULL);
  CREATE TABLE cur(key TEXT PRIMARY KEY, rev INTEGER NOT NULL, create_rev INTEGER NOT NULL) WITHOUT ROWID;
  PRAGMA user_version = 1;
  COMMIT;
)";

Result<Key> parse_key(std::string_view text) {
  const size_t first = text.find('/');
  const size_t second = first == std::string_view::npos ? first : text.find('/', first + 1);
  if (second == std::string_view::npos) return base::corrupt("stored key " + base::quoted(text));
  return Key{std::string(text.substr(0, first)), std::string(text.substr(first + 1, second - first - 1)),
             std::string(text.substr(second + 1))};
}

Result<uint64_t> query_number(Database& db, std::string_view sql) {
  auto statement = TRY(db.prepare(sql));
  if (!TRY(statement.step())) return base::internal("a query without a row");
  return statement.number(0);
}

// Two processes on one database would each believe their own memory. The operating system frees the lock with the
// process, also after kill -9.
Result<std::unique_ptr<Database>> take_lock(const std::string& path) {
  auto lock = TRY(Database::open(path, 0));
  TRY(lock->run("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").context("another process uses the database"));
  return lock;
}

Result<std::unique_ptr<Database>> open_database(const std::string& path) {
  auto db = TRY(Database::open(path));
  TRY(
      db->run("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
              "PRAGMA mmap_size = 268435456; PRAGMA cache_size = -16384"));
  return db;
}

Result<void> check_schema(Database& db) {
  const uint64_t version = TRY(query_number(db, "PRAGMA user_version"));
  if (version == 0) return db.run(make_schema);
  if (version == schema_version) return {};
  return base::Error{.code = base::Code::unsupported,
                     .message = "the database has format " + std::to_string(version) + ", this program knows " +
                                std::to_string(schema_version),
                     .layer = base::Layer::api,
                     .fix = "use the program version that wrote it, or a newer one"};
}

}  // namespace

SqliteWriter::SqliteWriter(std::unique_ptr<Database> lock, std::unique_ptr<Database> db,
                           std::unique_ptr<Database> checkpoint_db, Statements statements)
    : lock_(std::move(lock)),
      db_(std::move(db)),
      checkpoint_db_(std::move(checkpoint_db)),
      statements_(std::move(statements)) {}

Result<std::unique_ptr<SqliteWriter>> SqliteWriter::open(const std::string& path) {
  auto lock = TRY(take_lock(path + ".lock"));
  auto db = TRY(open_database(path));
  TRY(check_schema(*db));
  auto checkpoint_db = TRY(open_database(path));
  auto begin = TRY(db->prepare("BEGIN IMMEDIATE"));
  auto commit = TRY(db->prepare("COMMIT"));
  auto insert_log = TRY(db->prepare("INSERT INTO log(rev, key, prev, del, val) VALUES(?, ?, ?, ?, ?)"));
  auto insert_cur = TRY(db->prepare("INSERT INTO cur(key, rev, create_rev) VALUES(?, ?, ?)"));
  auto update_cur = TRY(db->prepare("UPDATE cur SET rev = ? WHERE key = ? AND rev = ?"));
  auto delete_cur = TRY(db->prepare("DELETE FROM cur WHERE key = ? AND rev = ?"));
  auto prune = TRY(db->prepare("DELETE FROM log WHERE rev = ?"));
  Statements statements{std::move(begin),      std::move(commit),     std::move(insert_log), std::move(insert_cur),
                        std::move(update_cur), std::move(delete_cur), std::move(prune)};
  return std::unique_ptr<SqliteWriter>(
      new SqliteWriter(std::move(lock), std::move(db), std::move(checkpoint_db), std::move(statements)));
}

Result<Record> SqliteWriter::record_of(const Statement& row, const Sealer* sealer) {
  auto key = TRY(parse_key(row.text(1)));
  Record record{.revision = row.number(0),
                .key = std::move(key),
                .previous_revision = row.number(2),
                .create_revision = row.number(5),
                .doc = {}};
  if (row.number(3) != 0) return record;  // a removal
  has_sealed_ = has_sealed_ || is_confidential(record.key.resource);
  auto doc = unpack_value(record.key, record.revision, row.blob(4), sealer);
  if (!doc) return std::move(doc).error().context(record.key.text());
  record.doc = std::move(*doc);
  return record;
}

Result<void> SqliteWriter::load_objects(const Sealer* sealer, Engine::Loaded& loaded) {
  auto rows =
      TRY(db_->prepare("SELECT log.rev, log.key, log.prev, log.del, log.val, cur.create_rev "
                       "FROM cur JOIN log ON log.rev = cur.rev ORDER BY cur.key"));
  while (TRY(rows.step())) loaded.objects.push_back(TRY(record_of(rows, sealer)));
  const uint64_t count = TRY(query_number(*db_, "SELECT count(*) FROM cur"));
  if (count != loaded.objects.size()) return base::corrupt("the database names objects that it does not hold");
  return {};
}

// Older versions and removals, and the queue of what will be pruned.
Result<void> SqliteWriter::load_past(const Sealer* sealer, Engine::Loaded& loaded) {
  std::set<uint64_t> present;
  auto changes = TRY(db_->prepare("SELECT rev, prev, del FROM log ORDER BY rev"));
  while (TRY(changes.step())) {
    const uint64_t revision = changes.number(0), previous = changes.number(1);
    present.insert(revision);
    if (present.count(previous)) replaced_.push_back({revision, previous});
    if (changes.number(2) != 0) replaced_.push_back({revision, revision});
  }
  auto rows =
      TRY(db_->prepare("SELECT log.rev, log.key, log.prev, log.del, log.val, 0 FROM log "
                       "LEFT JOIN cur ON cur.key = log.key AND cur.rev = log.rev "
                       "WHERE cur.rev IS NULL ORDER BY log.rev"));
  while (TRY(rows.step())) loaded.past.push_back(TRY(record_of(rows, sealer)));
  loaded.compacted = loaded.revision > past_revisions ? loaded.revision - past_revisions : 1;
  return {};
}

Result<Engine::Loaded> SqliteWriter::load(const Sealer* sealer) {
  Engine::Loaded loaded;
  loaded.revision = TRY(query_number(*db_, "SELECT coalesce(max(rev), 0) FROM log"));
  const uint64_t floor = TRY(this->floor());
  loaded.revision = std::max(loaded.revision, floor);
  TRY(load_objects(sealer, loaded));
  if (loaded.revision > 1) TRY(load_past(sealer, loaded));
  loaded.compacted = std::max(loaded.compacted, floor);
  return loaded;
}

// A table of its own, so that databases that never moved stay as they were.
Result<void> SqliteWriter::set_floor(uint64_t revision) {
  TRY(db_->run("CREATE TABLE IF NOT EXISTS floor(rev INTEGER NOT NULL); DELETE FROM floor"));
  auto insert = TRY(db_->prepare("INSERT INTO floor(rev) VALUES(?)"));
  return insert.bind(1, revision).run();
}

Result<uint64_t> SqliteWriter::floor() {
  if (TRY(query_number(*db_, "SELECT count(*) FROM sqlite_master WHERE name = 'floor'")) == 0) return uint64_t{0};
  return query_number(*db_, "SELECT coalesce(max(rev), 0) FROM floor");
}

Result<size_t> SqliteWriter::reseal(const Sealer& keys, sys::Random& random) {
  std::vector<std::pair<uint64_t, std::string>> changed;
  {
    auto rows = TRY(db_->prepare("SELECT rev, key, val FROM log WHERE del = 0 ORDER BY rev"));
    while (TRY(rows.step())) {
      const auto sealed_by = key_of_value(rows.blob(2));
      if (!sealed_by || *sealed_by == keys.newest()) continue;
      const auto key = TRY(parse_key(rows.text(1)));
      Record record{.revision = rows.number(0), .key = key, .previous_revision = 0, .create_revision = 0, .doc = {}};
      auto doc = unpack_value(record.key, record.revision, rows.blob(2), &keys);
      if (!doc) return std::move(doc).error().context(record.key.text());
      record.doc = std::move(*doc);
      changed.emplace_back(record.revision, seal_value(record, keys, random));
    }
  }
  TRY(db_->run("BEGIN IMMEDIATE"));
  const auto all = [&]() -> Result<void> {
    auto update = TRY(db_->prepare("UPDATE log SET val = ? WHERE rev = ?"));
    for (const auto& [revision, value] : changed) TRY(update.bind_blob(1, value).bind(2, revision).run());
    return db_->run("COMMIT");
  };
  if (auto done = all(); !done) {
    (void)db_->run("ROLLBACK");  // nothing to add to the first error
    return std::move(done).error();
  }
  // What was encrypted with the old key is not left in the write-ahead log.
  if (!TRY(db_->checkpoint(true))) return base::unavailable("the database is read by another process; run this again");
  return changed.size();
}

Result<void> SqliteWriter::check_pages() {
  auto rows = TRY(db_->prepare("PRAGMA integrity_check(10)"));
  while (TRY(rows.step())) {
    if (rows.text(0) != "ok") return base::corrupt("the database: " + std::string(rows.text(0)));
  }
  return {};
}

Result<void> SqliteWriter::write(const std::vector<Write>& batch) {
  // Usually the other connection empties the log; under unbroken load only the writer can start it over. Where the
  // other is just at it, a later batch does.
  if (db_->wal_pages() > wal_pages_max) TRY(db_->checkpoint(true));
  TRY(statements_.begin.run());
  const size_t known = replaced_.size();
  size_t pruned = 0;
  const auto all = [&]() -> Result<void> {
    for (const auto& write : batch) TRY(write_one(write));
    pruned = TRY(prune(batch.back().record.revision, known, 2 * batch.size()));
    return statements_.commit.run();
  };
  auto result = all();
  if (result) {
    replaced_.erase(replaced_.begin(), replaced_.begin() + static_cast<std::ptrdiff_t>(pruned));
  } else {
    replaced_.resize(known);
    // SQLite may have rolled back by itself; then this says so and there is nothing to add to the first error.
    (void)db_->run("ROLLBACK");
  }
  return result;
}

// Deletes what is older than the kept past: at most as much as a batch adds, so that no batch pays for many.
Result<size_t> SqliteWriter::prune(uint64_t newest, size_t known, size_t most) {
  size_t pruned = 0;
  while (pruned < std::min(known, most) && replaced_[pruned].at + past_revisions < newest) {
    TRY(statements_.prune_log.bind(1, replaced_[pruned].revision).run());
    ++pruned;
  }
  return pruned;
}

Result<void> SqliteWriter::write_one(const Write& write) {
  const Record& record = write.record;
  const bool removed = record.doc.empty();
  const std::string key = record.key.text();
  const std::string value = removed ? std::string() : !write.sealed.empty() ? write.sealed : pack_value(record.doc);
  TRY(statements_.insert_log.bind(1, record.revision)
          .bind(2, key)
          .bind(3, record.previous_revision)
          .bind(4, uint64_t{removed})
          .bind_blob(5, value)
          .run());
  if (record.previous_revision == 0) {
    return statements_.insert_cur.bind(1, key).bind(2, record.revision).bind(3, record.create_revision).run();
  }
  auto& change = removed ? statements_.delete_cur : statements_.update_cur;
  if (removed) {
    change.bind(1, key).bind(2, record.previous_revision);
  } else {
    change.bind(1, record.revision).bind(2, key).bind(3, record.previous_revision);
  }
  TRY(change.run());
  if (db_->changes() != 1) return base::internal("the database does not hold the version that " + key + " replaces");
  replaced_.push_back({record.revision, record.previous_revision});
  if (removed) replaced_.push_back({record.revision, record.revision});
  return {};
}

}  // namespace store
