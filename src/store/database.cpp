#include "store/database.h"

#include <sqlite3.h>

namespace store {
namespace {

base::Error error_of(sqlite3* db, std::string_view doing) {
  const int code = sqlite3_extended_errcode(db);
  base::Error error = base::unavailable(std::string(doing) + ": " + sqlite3_errmsg(db));
  error.layer = base::Layer::api;
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      error.fix = "stop the other process that uses this data directory";
      break;
    case SQLITE_FULL:
      error.fix = "free space on the disk of the data directory";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      error.code = base::Code::corrupt;
      error.fix = "restore the data directory from a backup";
      break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      error.fix = "check the owner and mode of the data directory";
      break;
    default:
      break;
  }
  return error;
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::bind(int position, uint64_t value) {
  sqlite3_bind_int64(statement_.get(), position, static_cast<sqlite3_int64>(value));
  return *this;
}

// The bytes must live until the statement has run: nothing is copied.
Statement& Statement::bind(int position, std::string_view text) {
  sqlite3_bind_text(statement_.get(), position, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_blob(int position, std::string_view bytes) {
  sqlite3_bind_blob(statement_.get(), position, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  auto error = error_of(db_, "the store's database");
  sqlite3_reset(statement_.get());
  return error;
}

Result<void> Statement::run() {
  while (TRY(step())) {
  }
  return {};
}

uint64_t Statement::number(int column) const {
  return static_cast<uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

std::string_view Statement::text(int column) const { return blob(column); }

std::string_view Statement::blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  return {static_cast<const char*>(bytes), static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Database::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

Database::Database(sqlite3* db) : db_(db) {
  const auto hook = [](void* self, sqlite3*, const char*, int pages) {
    static_cast<Database*>(self)->wal_pages_ = pages;
    return SQLITE_OK;
  };
  // Replaces SQLite's own hook, which would checkpoint inside a commit.
  sqlite3_wal_hook(db, hook, this);
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, int busy_wait_ms) {
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  std::unique_ptr<sqlite3, Close> owned(db);
  if (code != SQLITE_OK) return error_of(db, "opening " + path);
  sqlite3_busy_timeout(db, busy_wait_ms);
  return std::unique_ptr<Database>(new Database(owned.release()));
}

Result<void> Database::run(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return error_of(db_.get(), "the store's database");
  }
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) return error_of(db_.get(), "preparing a statement");
  return Statement(db_.get(), statement);
}

uint64_t Database::changes() const { return static_cast<uint64_t>(sqlite3_changes64(db_.get())); }

Result<bool> Database::checkpoint(bool restart) {
  const int mode = restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
  const int code = sqlite3_wal_checkpoint_v2(db_.get(), nullptr, mode, nullptr, nullptr);
  if ((code & 0xff) == SQLITE_BUSY) return false;
  if (code != SQLITE_OK) return error_of(db_.get(), "checkpoint of the store's database");
  return true;
}

}  // namespace store
