// Files of the boot network, given out whole or in ranges (RFC 9110 section 14) without being built in memory: an ISO
// image is a plan of pieces, of which the large ones lie in files.
#pragma once

#include <string>

#include "net/http.h"
#include "wire/iso9660.h"

namespace metal {

struct Artefact {
  std::string type;    // media type
  wire::IsoPlan body;  // pieces in order; what lies between is zeros
  std::string etag;    // strong, quoted; empty: none
};

Artefact artefact_of(std::string type, std::string bytes);
// A file on disk. Errors: those of Disk::open.
base::Result<Artefact> artefact_of_file(sys::Disk& disk, std::string type, const std::string& path);

// Status and headers for this request: 200, 206 or 416. `from` and `bytes` say what of the body is to be sent.
struct ArtefactHead {
  int status = 200;
  net::Headers headers;
  uint64_t from = 0, bytes = 0;
};
ArtefactHead head_of(const net::Request& request, const Artefact& artefact);

// Bytes of the body. Errors: those of reading a file; unavailable when it has become shorter.
base::Result<std::string> read_body(sys::Disk& disk, const Artefact& artefact, uint64_t from, size_t bytes);
// Answers the exchange; parks while the client takes it.
base::Result<void> send_artefact(sys::Disk& disk, const Artefact& artefact, net::Exchange& exchange);

}  // namespace metal
