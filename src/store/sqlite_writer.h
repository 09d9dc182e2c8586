// The SQLite side of the engine: schema, reading at start, one transaction per batch. Used by one thread at a time.
//
//   log(rev, key, prev, del, val)  every change of the recent past and the newest of each object, by revision
//   cur(key, rev, create_rev)      which of them is current
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/value_codec.h"

namespace store {

struct Write {
  Record record;
  std::string sealed;  // the encrypted document when it is confidential
};

class SqliteWriter {
 public:
  // How many revisions back a replaced version stays.
  static constexpr uint64_t past_revisions = 2000;
  static constexpr int wal_pages_max = 8192;  // 64 MiB: then the writer itself makes room

  static Result<std::unique_ptr<SqliteWriter>> open(const std::string& path);
  Result<Engine::Loaded> load(const Sealer* sealer);
  // For upkeep. The last revision there ever was, and no past before it: for content that comes from elsewhere.
  Result<void> set_floor(uint64_t revision);
  // Encrypts again, with the newest key, what is encrypted with another one; gives the number of values.
  Result<size_t> reseal(const Sealer& keys, sys::Random& random);
  Result<void> check_pages();
  bool has_sealed() const { return has_sealed_; }  // whether load() met encrypted values
  // All or nothing; durable when it returns.
  Result<void> write(const std::vector<Write>& batch);
  int wal_pages() const { return db_->wal_pages(); }
  // Beside the writer, on a connection and a thread of its own.
  Result<bool> checkpoint() { return checkpoint_db_->checkpoint(false); }

 private:
  Result<uint64_t> floor();  // 0: none was set
  struct Replaced {
    uint64_t at, revision;  // `revision` became superfluous at `at`
  };
  struct Statements {
    Statement begin, commit, insert_log, insert_cur, update_cur, delete_cur, prune_log;
  };
  SqliteWriter(std::unique_ptr<Database> lock, std::unique_ptr<Database> db, std::unique_ptr<Database> checkpoint_db,
               Statements statements);
  Result<void> write_one(const Write& write);
  Result<size_t> prune(uint64_t newest, size_t known, size_t most);
  Result<void> load_objects(const Sealer* sealer, Engine::Loaded& loaded);
  Result<void> load_past(const Sealer* sealer, Engine::Loaded& loaded);
  Result<Record> record_of(const Statement& row, const Sealer* sealer);

  std::unique_ptr<Database> lock_;  // first open, last closed
  std::unique_ptr<Database> db_, checkpoint_db_;
  Statements statements_;
  std::deque<Replaced> replaced_;  // oldest first
  bool has_sealed_ = false;
};

}  // namespace store
