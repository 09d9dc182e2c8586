// What is done to a SQLite database that no process has open: moves, and new keys. Each takes the database's lock, so a
// process that has it open is an error (unavailable).
#pragma once

#include <string>

#include "store/store.h"

namespace store {

// Where the key file of a database is.
std::string key_path_of(const std::string& path);

// Makes a database that holds `content`: the objects with their revisions, and no past. already_exists when there is
// one with anything in it.
Result<void> fill_sqlite(sys::Sys& sys, const std::string& path, const Engine::Loaded& content);

// Encrypts all that is confidential with a new key and forgets the old one; gives the number of values. When it is cut
// short, everything stays readable and it can be done again.
Result<size_t> rotate_sqlite_key(sys::Sys& sys, const std::string& path);

// Reads everything, as at a start, and lets SQLite look at every page. corrupt with what it found.
Result<Engine::Loaded> check_sqlite(sys::Sys& sys, const std::string& path);

}  // namespace store
