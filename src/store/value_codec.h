// How the SQLite engine writes a document: as it is, compressed, or (Secrets) encrypted. The first byte says which.
#pragma once

#include <optional>
#include <string>

#include "store/sealer.h"
#include "store/store.h"

namespace store {

// Resources whose documents never reach the disk in clear.
bool is_confidential(std::string_view resource);

// Encrypts on the control thread (it draws a nonce); empty for documents that are not confidential.
std::string seal_value(const Record& record, const Sealer& sealer, sys::Random& random);
// What is not encrypted: compressed when it is worth it and `doc` has that many bytes. Pure, on any thread.
std::string pack_value(const std::string& doc, size_t from_bytes = 1024);
// The document again. `sealer` is null when there is no key.
Result<std::string> unpack_value(const Key& key, uint64_t revision, std::string_view value, const Sealer* sealer);
// The id of the key that the value is encrypted with; nullopt when it is not encrypted.
std::optional<uint32_t> key_of_value(std::string_view value);

}  // namespace store
