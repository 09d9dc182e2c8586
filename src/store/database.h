// A thin layer over one SQLite connection: errors as Results, statements that are made once. Internal to store/. A
// connection may be used by one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace store {

using base::Result;

class Database;

// Values are bound and read by position, from 1 and from 0, as SQLite has it.
class Statement {
 public:
  Statement(Statement&&) noexcept = default;
  Statement& bind(int position, uint64_t value);
  Statement& bind(int position, std::string_view text);
  Statement& bind_blob(int position, std::string_view bytes);
  // True while there is a row. After the last one (or an error) the statement is ready to be bound again.
  Result<bool> step();
  Result<void> run();  // to the end, for statements without rows
  uint64_t number(int column) const;
  std::string_view text(int column) const;  // valid until the next step
  std::string_view blob(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}
  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  // `busy_wait_ms`: how long to wait for a lock another connection holds.
  static Result<std::unique_ptr<Database>> open(const std::string& path, int busy_wait_ms = 5000);
  Database(const Database&) = delete;
  Result<void> run(const char* sql);
  Result<Statement> prepare(std::string_view sql);
  uint64_t changes() const;                     // rows changed by the last statement
  int wal_pages() const { return wal_pages_; }  // in the write-ahead log after the last commit
  // Copies the write-ahead log into the database file; `restart` waits for readers so that the log starts over.
  // False: another connection is at it or in the way, and for a checkpoint of another connection SQLite never waits.
  Result<bool> checkpoint(bool restart);

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  explicit Database(sqlite3* db);
  std::unique_ptr<sqlite3, Close> db_;
  int wal_pages_ = 0;
};

}  // namespace store
